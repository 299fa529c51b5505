"""Message bodies: the sample, seeded text with known word counts, a learner's own text, and broken ones.

A body is JSON: ``{"lab_id": "…", "input": "<base64 of UTF-8 text>"}``. The plain sample has no ``lab_id`` in its body.

The words of a text are counted here by a rule of its own (:func:`count_words`), not with the code of the functions,
so that what comes out of the workflow can be compared with what went in.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from lab.errors import LabError

# What StartExecution takes as input, in bytes of UTF-8.
MAX_BODY_BYTES = 262_144
# What one message of a learner's text holds, in bytes of UTF-8. The body could hold six times as much, but the
# first state hands over the base64 (4/3 of the text) and the text, in which JSON may write one byte as six ("\u0001"):
# 7.33 x 32 KiB is 240 KiB and fits whatever the characters are.
MAX_TEXT_BYTES = 32_768

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

# The commonest words first; made-up ones follow, see _vocabulary().
_COMMON_WORDS = (
    "the of and to a in that it is was for on as with he be by at you are this have from or not his but had they we "
    "she which all one their there been when who will more no if out so said what up its about into than them can only "
    "other new some could time these two may then do first any my now such like our over man me even most made after "
    "also did many before must through years where much your way well down should because each just those people too "
    "world still night day cloud tower palace dream sleep queue message rate wait start state function café naïve żółć "
    "sky sea river stone light wind rain snow fire small great long old young high deep slow quick 7 42 1984 2026"
)
_VOCABULARY_SIZE = 2_000
_ZIPF_SHIFT = 2.7  # Mandelbrot's shift: the few commonest words of a real text are less dominant than 1/rank says
_SEPARATORS = (" ", ", ", ". ", "; ", "—", "! ", " (", ") ")
_SEPARATOR_SHARES = (0.82, 0.07, 0.06, 0.01, 0.01, 0.01, 0.01, 0.01)
_ENDS_A_SENTENCE = frozenset({". ", "! "})


class MessageError(LabError):
    """A message cannot be made as asked."""


class MessageTooLargeError(MessageError):
    """The body would be longer than the input of an execution may be."""


class TextFileError(MessageError):
    """The learner's text cannot be read, is not UTF-8, or is empty."""


class UnbreakableTextError(MessageError):
    """A word of the learner's text is longer than a message may be."""


class Fate(StrEnum):
    """Where a message must end when all goes well."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # its execution starts and fails
    DEAD_LETTERED = "dead_lettered"  # no execution starts


class BrokenKind(StrEnum):
    """The ways in which :func:`broken` can break a message."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_INPUT = "missing_input"
    BAD_BASE64 = "bad_base64"
    NOT_UTF8 = "not_utf8"
    TOO_LARGE = "too_large"


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
    return f"{datetime.now(UTC):%y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def lab_id_of(run_id: str, number: int) -> str:
    """The id of a run's message, such as ``261124-150721-3f9a-000123``."""
    return f"{run_id}-{number:06d}"


def number_of(lab_id: str | None) -> int | None:
    """The number at the end of a ``lab_id``; None for other texts."""
    number = lab_id.rpartition("-")[2] if lab_id else ""
    return int(number) if number.isdecimal() else None


def count_words(text: str) -> Counter[str]:
    """Lower-cased words → count. A word is a longest run of letters, digits and underscores, of any script."""
    return Counter(word.lower() for word in re.findall(r"\w+", text))


def expected_word_counts(messages: Iterable[Message]) -> Counter[str]:
    """The words that must come out of the workflow when every message of ``messages`` was processed once."""
    total: Counter[str] = Counter()
    for message in messages:
        total.update(message.word_counts)
    return total


def text_message(lab_id: str, text: str, word_counts: Counter[str] | None = None) -> Message:
    """A message that carries ``text``; its words are counted here unless the caller knows them already.

    Raises:
        TextFileError: ``text`` holds half a surrogate pair, which no UTF-8 can express.
        MessageTooLargeError: the body would be over 262,144 bytes.
    """
    try:
        encoded = base64.b64encode(text.encode("utf-8")).decode("ascii")
    except UnicodeEncodeError as error:
        raise TextFileError(
            f"Character {error.start} of the text cannot be written as UTF-8.",
            cause="the text was read with a wrong encoding.",
            next_step="read the file as UTF-8, or remove the character.",
        ) from error
    body = json.dumps({"lab_id": lab_id, "input": encoded})
    if len(body) > MAX_BODY_BYTES:
        raise MessageTooLargeError(
            f"The body of message {lab_id} would be {len(body):,} bytes long.",
            cause=f"an execution takes at most {MAX_BODY_BYTES:,} bytes of input, and base64 adds a third to the text.",
            next_step="ask for fewer words per message.",
        )
    return Message(lab_id, body, text, count_words(text) if word_counts is None else word_counts)


def sample(lab_id: str | None = None) -> Message:
    """The sample message: with ``lab_id`` in its body, or plain when none is given (its own id is then ``sample``)."""
    if lab_id is None:
        return Message("sample", SAMPLE_BODY, SAMPLE_TEXT, count_words(SAMPLE_TEXT))
    return text_message(lab_id, SAMPLE_TEXT)


def generate(
    count: int, *, seed: int = 0, words: tuple[int, int] = (60, 140), run_id: str | None = None
) -> Iterator[Message]:
    """Seeded messages of made-up text whose word counts are known from the draw.

    Word number ``r`` of a vocabulary of 2,000 is drawn with a probability proportional to 1 / (r + 2.7), the
    Zipf-Mandelbrot law, so that a chart of rank and frequency looks like the one of a real text.

    Args:
        count: how many messages; the first ones are the same for any larger ``count``.
        seed: the same seed gives the same texts.
        words: fewest and most words of a message, drawn evenly.
        run_id: start of every ``lab_id``; a new one by default.

    Raises:
        MessageError: ``count`` or ``words`` make no sense.
        MessageTooLargeError: while iterating, when a message got too many words.
    """
    fewest, most = words
    if count < 0 or not 0 <= fewest <= most:
        raise MessageError(
            f"Cannot generate {count} messages of {fewest} to {most} words.",
            next_step="give a count of 0 or more, and words as (fewest, most) with 0 <= fewest <= most.",
        )
    return _generate(count, np.random.default_rng(seed), fewest, most, new_run_id() if run_id is None else run_id)


def _generate(count: int, random: np.random.Generator, fewest: int, most: int, run_id: str) -> Iterator[Message]:
    vocabulary, cumulative_shares = _vocabulary()
    cumulative_separators = np.cumsum(_SEPARATOR_SHARES)
    for number in range(count):
        length = int(random.integers(fewest, most + 1))
        drawn = [vocabulary[rank] for rank in np.searchsorted(cumulative_shares, random.random(length)).tolist()]
        gaps = np.searchsorted(cumulative_separators, random.random(length)).tolist()
        separators = [_SEPARATORS[min(gap, len(_SEPARATORS) - 1)] for gap in gaps]
        yield text_message(lab_id_of(run_id, number), _written_out(drawn, separators), Counter(drawn))


def _written_out(words: list[str], separators: list[str]) -> str:
    """The words as a text with sentences, to give the functions capitals and marks to remove."""
    parts = []
    before = ". "
    for word, after in zip(words, separators, strict=True):
        parts.append(word.capitalize() if before in _ENDS_A_SENTENCE else word)
        parts.append(after)
        before = after
    if parts:
        parts[-1] = "."
    return "".join(parts)


@cache
def _vocabulary() -> tuple[list[str], np.ndarray]:
    """The 2,000 words by rank, and the cumulative probability of each, the last one exactly 1."""
    syllables = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
    made_up = [first + second for first, second in itertools.product(syllables, repeat=2)]
    np.random.default_rng(0).shuffle(made_up)  # else neighbours in rank would all begin alike
    words = list(dict.fromkeys([*_COMMON_WORDS.split(), *made_up]))[:_VOCABULARY_SIZE]
    shares = 1 / (np.arange(1, len(words) + 1) + _ZIPF_SHIFT)
    cumulative = np.cumsum(shares / shares.sum())
    cumulative[-1] = 1.0
    return words, cumulative


def from_text(
    source: str | Path,
    *,
    run_id: str | None = None,
    words_per_message: int | None = None,
    max_text_bytes: int = MAX_TEXT_BYTES,
) -> list[Message]:
    """A learner's text, cut into messages; all of them are made before any is returned.

    A message ends after ``words_per_message`` words between white space if that is given, and earlier where
    ``max_text_bytes`` would be passed: then after the last white space that fits, or, in text without any, after the
    last mark that is not part of a word. No word is ever cut, so the words of all messages are the words of the text;
    the messages' texts, one after the other, are the text itself, less parts of nothing but white space.

    Args:
        source: the text as a ``str``, or the ``Path`` of a UTF-8 file (a byte order mark is skipped).
        run_id: start of every ``lab_id``; a new one by default.
        words_per_message: most words of a message; as many as fit by default.
        max_text_bytes: longest text of a message in bytes of UTF-8.

    Raises:
        TextFileError: no such file, not readable, not UTF-8, or nothing but white space in it.
        UnbreakableTextError: a word is longer than ``max_text_bytes``.
        MessageError: ``words_per_message`` or ``max_text_bytes`` is less than 1.
        MessageTooLargeError: ``max_text_bytes`` is more than a body can hold.
    """
    if max_text_bytes < 1 or (words_per_message is not None and words_per_message < 1):
        raise MessageError("A message must hold at least one word and one byte of text.")
    text = _read(source) if isinstance(source, Path) else source
    if not text.strip():
        raise TextFileError(
            "The text is empty." if isinstance(source, str) else f"{source} holds no text.",
            next_step="give a text of at least one word.",
        )
    run_id = new_run_id() if run_id is None else run_id
    parts = [text] if words_per_message is None else re.findall(rf"(?:\s*\S+){{1,{words_per_message}}}\s*", text)
    pieces = (piece for part in parts for piece in _cut(part, max_text_bytes) if not piece.isspace())
    return [text_message(lab_id_of(run_id, number), piece) for number, piece in enumerate(pieces)]


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TextFileError(
            f"Cannot read {path}: {error.strerror}.", next_step="check the path; it must be a text file."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TextFileError(
            f"{path} is not UTF-8: byte {error.start} (line {line}) is 0x{data[error.start]:02x}.",
            cause="it was saved in another encoding, or is no text at all.",
            next_step=f"iconv -f latin1 -t utf-8 '{path}' > utf8.txt, then use utf8.txt",
        ) from error


def _cut(text: str, max_bytes: int) -> Iterator[str]:
    """Parts of ``text`` of at most ``max_bytes`` bytes of UTF-8 each, that never end inside a word."""
    start = 0
    while start < len(text):
        # One character is one byte or more, so the window holds all that can fit.
        window = text[start : start + max_bytes]
        fitting = window.encode("utf-8", "surrogatepass")[:max_bytes].decode("utf-8", "ignore")
        end = start + len(fitting)
        if end < len(text):
            end = start + _last_break(fitting, start, max_bytes)
        yield text[start:end]
        start = end


def _last_break(fitting: str, start: int, max_bytes: int) -> int:
    """Where to cut: the length of the longest part of ``fitting`` that ends in white space, else in another mark."""
    for ends_here in (str.isspace, _is_no_word_character):
        for length in range(len(fitting), 0, -1):
            if ends_here(fitting[length - 1]):
                return length
    raise UnbreakableTextError(
        f"The word that begins at character {start:,} of the text is longer than {max_bytes:,} bytes.",
        cause="the file has no spaces or marks there; it may hold data rather than text.",
        next_step="break the text into words, or choose another file.",
    )


def _is_no_word_character(character: str) -> bool:
    return re.match(r"\W", character) is not None


def broken(kind: BrokenKind | str, lab_id: str = "broken") -> Message:
    """A message that is broken on purpose, to see where it ends.

    ``not_json``, ``not_an_object`` and ``too_large`` start no execution and end in the dead-letter queue (a queue whose
    own limit is 262,144 bytes refuses ``too_large`` at once); the others start one, and its first state fails.
    The bodies of ``not_json`` and ``not_an_object`` cannot carry the ``lab_id``.

    Raises:
        MessageError: no such kind.
    """
    try:
        kind = BrokenKind(kind)
    except ValueError:
        raise MessageError(
            f"There is no way to break a message called '{kind}'.",
            next_step=f"choose one of {', '.join(BrokenKind)}.",
        ) from None
    match kind:
        case BrokenKind.NOT_JSON:
            body = '{"input": "SGVsbG8h'
        case BrokenKind.NOT_AN_OBJECT:
            body = '["SGVsbG8h"]'
        case BrokenKind.MISSING_INPUT:
            body = json.dumps({"lab_id": lab_id})
        case BrokenKind.BAD_BASE64:
            body = json.dumps({"lab_id": lab_id, "input": "SGVsbG8*"})
        case BrokenKind.NOT_UTF8:
            body = json.dumps({"lab_id": lab_id, "input": base64.b64encode(b"caf\xe9").decode("ascii")})
        case BrokenKind.TOO_LARGE:
            body = json.dumps({"lab_id": lab_id, "input": ""})
            body = json.dumps({"lab_id": lab_id, "input": "A" * (MAX_BODY_BYTES + 1 - len(body))})
    starts = kind in {BrokenKind.MISSING_INPUT, BrokenKind.BAD_BASE64, BrokenKind.NOT_UTF8}
    return Message(lab_id, body, None, fate=Fate.FAILED if starts else Fate.DEAD_LETTERED)
