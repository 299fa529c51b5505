"""A message: its body, and what must come of it. The sample message is here.

A body is JSON: ``{"lab_id": "…", "input": "<base64 of UTF-8 text>"}``. The plain sample has no ``lab_id`` in its body.

The words of a text are counted here by a rule of its own (:func:`count_words`), not with the code of the functions,
so that what comes out of the workflow can be compared with what went in.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import dropwhile

from lab.clock import today
from lab.errors import UsageError

# What StartExecution takes as input, in bytes of UTF-8.
MAX_BODY_BYTES = 262_144
_SAMPLE_INPUT = (
    "QW5kIGxpa2UgdGhlIGJhc2VsZXNzIGZhYnJpYyBvZiB0aGlzIHZpc2lvbiwgVGhlIGNsb3VkLWNhcHBlZCB0b3dlcnMsIHRoZSBnb3JnZW"
    "91cyBwYWxhY2VzLCBUaGUgc29sZW1uIHRlbXBsZXMsIHRoZSBncmVhdCBnbG9iZSBpdHNlbGbigJQgWWVhLCBhbGwgd2hpY2ggaXQgaW5o"
    "ZXJpdOKAlHNoYWxsIGRpc3NvbHZlLCBBbmQgbGlrZSB0aGlzIGluc3Vic3RhbnRpYWwgcGFnZWFudCBmYWRlZCwgTGVhdmUgbm90IGEgcm"
    "FjayBiZWhpbmQuIFdlIGFyZSBzdWNoIHN0dWZmIEFzIGRyZWFtcyBhcmUgbWFkZSBvbiwgYW5kIG91ciBsaXR0bGUgbGlmZSBJcyByb3Vu"
    "ZGVkIHdpdGggYSBzbGVlcC4gU2lyLCBJIGFtIHZleGVkLiBCZWFyIHdpdGggbXkgd2Vha25lc3MuIE15IG9sZCBicmFpbiBpcyB0cm91Ym"
    "xlZC4gQmUgbm90IGRpc3R1cmJlZCB3aXRoIG15IGluZmlybWl0eS4gSWYgeW91IGJlIHBsZWFzZWQsIHJldGlyZSBpbnRvIG15IGNlbGwg"
    "QW5kIHRoZXJlIHJlcG9zZS4gQSB0dXJuIG9yIHR3byBJ4oCZbGwgd2FsayBUbyBzdGlsbCBteSBiZWF0aW5nIG1pbmQu"
)
SAMPLE_TEXT = base64.b64decode(_SAMPLE_INPUT).decode("utf-8")
SAMPLE_BODY = json.dumps({"input": _SAMPLE_INPUT})


# A body below it is never too long later: a byte of text is 4/3 bytes of the body and at most 6 in JSON.
_NEVER_TOO_LONG = 32_768
# What surrounds the text in a state's result: the names, the statistics, and the invocation's metadata.
_AROUND = 4_096


class MessageError(UsageError):
    """A message cannot be made as asked."""


class MessageTooLargeError(MessageError):
    """The body would be longer than the input of an execution may be."""


class TextFileError(MessageError):
    """The learner's text cannot be read, is not UTF-8, or is empty."""


# What no text holds, and every text does whose bytes were UTF-16: control characters, but for ends of lines and pages.
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f]")


class Fate(StrEnum):
    """Where a message must end when all goes well."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # its execution starts and fails
    DEAD_LETTERED = "dead_lettered"  # no execution starts
    NOT_SENT = "not_sent"  # the queue refuses it


@dataclass(frozen=True)
class Message:
    """One message, and what must come of it.

    Attributes:
        lab_id: the lab's own id, unique in a run; the body carries it unless it is the plain sample or unreadable.
        body: what is sent, a ``str`` of any content.
        text: the text that the body encodes; None when the message is broken.
        word_counts: lower-cased word → how often the workflow must count it; empty when the message is broken.
        fate: where the message must end.
    """

    lab_id: str
    body: str
    text: str | None
    word_counts: Counter[str] = field(default_factory=Counter, hash=False)
    fate: Fate = Fate.SUCCEEDED


def new_run_id() -> str:
    """A name for a run, such as ``261124-150721-3f9a``: UTC date and time, and four random hex digits.

    Names of later runs sort after earlier ones; two runs started in the same second differ.
    """
    return f"{today():%y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def lab_id_of(run_id: str, number: int) -> str:
    """The id of a run's message, such as ``261124-150721-3f9a-000123``."""
    return f"{run_id}-{number:06d}"


def number_of(lab_id: str | None) -> int | None:
    """The number at the end of a ``lab_id``; None for other texts."""
    number = lab_id.rpartition("-")[2] if lab_id else ""
    return int(number) if number.isdecimal() else None


def control_character(text: str) -> str | None:
    """The first character of ``text`` that no text holds; the workflow's first state refuses it."""
    found = _CONTROL.search(text)
    return found[0] if found else None


def count_words(text: str) -> Counter[str]:
    """Lower-cased words → count. A word is a longest run of letters, digits, underscores and their marks, in NFC.

    Scripts without spaces give one word for each stretch between marks and spaces. Counted by the categories of
    Unicode, from a table, and not by the rule or the code of the functions, which this is to check.
    """
    stretches = unicodedata.normalize("NFC", text).translate(_BELONGING).split()
    # A mark that follows no letter, as in an emoji, is no word and begins none.
    words = ("".join(dropwhile(_is_mark, stretch)) for stretch in stretches)
    return Counter(word.lower() for word in words if word)


def belongs_to_word(character: str) -> bool:
    """Whether a word may hold it: a letter, a digit, an underscore, or what goes on a letter or joins two."""
    return unicodedata.category(character)[0] in "LNM" or character in "_\u200c\u200d"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] not in "LN" and character != "_"


class _Belonging(dict[int, str]):
    """For ``str.translate``: a space for each character that belongs to no word. Fills itself."""

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if belongs_to_word(chr(code)) else " "
        return self[code]


_BELONGING = _Belonging()


def expected_word_counts(messages: Iterable[Message]) -> Counter[str]:
    """The words that must come out of the workflow when every message of ``messages`` was processed once."""
    total: Counter[str] = Counter()
    for message in messages:
        total.update(message.word_counts)
    return total


def text_message(lab_id: str, text: str, word_counts: Counter[str] | None = None) -> Message:
    """A message that carries ``text``; its words are counted here unless the caller knows them already.

    Raises:
        TextFileError: ``text`` holds half a surrogate pair, which no UTF-8 can express, or a control character.
        MessageTooLargeError: the body, or what a state hands over, would be over 262,144 bytes.
    """
    if found := control_character(text):
        raise TextFileError(
            f"Character {text.index(found)} of the text is a control character, U+{ord(found):04X}.",
            cause="it is data, or the text was read with a wrong encoding.",
            next_step="read the file as UTF-8, or remove the character.",
        )
    try:
        encoded = base64.b64encode(text.encode("utf-8")).decode("ascii")
    except UnicodeEncodeError as error:
        raise TextFileError(
            f"Character {error.start} of the text cannot be written as UTF-8.",
            cause="the text was read with a wrong encoding.",
            next_step="read the file as UTF-8, or remove the character.",
        ) from error
    body = json.dumps({"lab_id": lab_id, "input": encoded})
    counted = count_words(text) if word_counts is None else word_counts
    step, size = _largest_on_its_way(body, text, counted)
    if size > MAX_BODY_BYTES:
        raise MessageTooLargeError(
            f"{step} would be {size:,} bytes long, for {len(text):,} characters of text.",
            cause=f"an execution and each of its states take at most {MAX_BODY_BYTES:,} bytes, and the workflow hands "
            "over the text in more than one form.",
            next_step="ask for fewer words per message, or cut the text: lab ramp --text",
        )
    return Message(lab_id, body, text, counted)


def _largest_on_its_way(body: str, text: str, counted: Counter[str]) -> tuple[str, int]:
    """Where the message is longest on its way through the workflow, and how long, in bytes of UTF-8."""
    if len(body) < _NEVER_TOO_LONG:
        return "The body", len(body)
    in_json = _bytes_in_json(text)
    # Without marks there is nothing to escape; NFC writes a few letters as two.
    cleaned = len(unicodedata.normalize("NFC", text).encode("utf-8"))
    sizes = {
        "The body": len(body),
        "What 'Decode base64 string' hands over": len(body) + in_json + _AROUND,
        "What 'Remove special characters' hands over": in_json + cleaned + _AROUND,
        "What 'Tokenize and count' hands over": in_json + _bytes_in_json(counted) + _AROUND,
    }
    return max(sizes.items(), key=lambda step: step[1])


def _bytes_in_json(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8"))


def sample(lab_id: str | None = None) -> Message:
    """The sample message: with ``lab_id`` in its body, or plain when none is given (its own id is then ``sample``)."""
    if lab_id is None:
        return Message("sample", SAMPLE_BODY, SAMPLE_TEXT, count_words(SAMPLE_TEXT))
    return text_message(lab_id, SAMPLE_TEXT)
