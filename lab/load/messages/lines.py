"""A learner's own bodies: a file in JSON Lines, each line one message, sent exactly as it stands there."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path

from lab.load.messages.message import Message, MessageError, count_words, lab_id_of
from lab.load.messages.reading import read_text

# What SQS takes, in bytes of UTF-8, since August 2025; a queue may be set to less.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_BYTES = 1_048_576
_SHOWN = 10
# SQS takes the characters of XML; of these JSON has no way to write half a character, and those at the end of planes.
_REFUSED = re.compile("[\ud800-\udfff\ufffe\uffff]")


class BodiesFileError(MessageError):
    """A file of bodies holds lines that cannot be sent."""


def read_bodies(file: Path, *, most_bytes: int = MOST_BYTES) -> list[str]:
    """The bodies in a JSON Lines file, each as it stands there without the white space around it.

    Args:
        file: one JSON text a line, of any kind; empty lines are left out.
        most_bytes: what the queue takes.

    Raises:
        TextFileError: it cannot be read, or is not UTF-8.
        BodiesFileError: lines are no JSON or too long, each named; or there is none.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_text(file).split("\n"), 1)]
    bodies = [(number, line) for number, line in lines if line]
    wrong = [f"line {number} {why}" for number, line in bodies if (why := _wrong(line, most_bytes))]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise BodiesFileError(
            f"{len(wrong)} of {len(bodies)} bodies in {file} cannot be sent: {'; '.join(wrong[:_SHOWN])}{more}. "
            "Nothing was sent.",
            next_step="mend these lines; each must be one whole JSON text, without a line break in it.",
        )
    if not bodies:
        raise BodiesFileError(f"There is no body in {file}.", next_step="write one JSON text on each line.")
    return [line for _, line in bodies]


def _wrong(line: str, most_bytes: int) -> str:
    size = len(line.encode("utf-8", "surrogatepass"))
    if size > most_bytes:
        return f"has {size:,} bytes, and the queue takes {most_bytes:,}"
    if found := _REFUSED.search(line):
        return f"holds the character U+{ord(found[0]):04X}, which SQS does not take"
    try:
        json.loads(line, parse_constant=_no_json)
    except RecursionError:
        return "is nested too deep to be read"
    except json.JSONDecodeError as error:
        return f"is no JSON ({error.msg} at character {error.pos + 1})"
    except ValueError as error:
        return f"is no JSON ({error})"
    return ""


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is none")


def as_messages(bodies: list[str], count: int, run_id: str) -> list[Message]:
    """So many messages of these bodies, from the first again when there are too few; only the lab knows their ids.

    A body of the sample's shape has a text whose words can be counted.
    """
    texts = [_text_in(body) for body in bodies]
    words = [Counter[str]() if text is None else count_words(text) for text in texts]
    turns = (number % len(bodies) for number in range(count))
    return [
        Message(lab_id_of(run_id, number), bodies[turn], texts[turn], words[turn]) for number, turn in enumerate(turns)
    ]


def _text_in(body: str) -> str | None:
    """The text of a body such as the sample's; None for any other."""
    found = json.loads(body)
    encoded = found.get("input") if isinstance(found, dict) else None
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8") if isinstance(encoded, str) else None
    except ValueError:
        return None
