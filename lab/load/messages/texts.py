"""A learner's own text, cut into messages that never end inside a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lab.load.messages.message import (
    Message,
    MessageError,
    TextFileError,
    belongs_to_word,
    lab_id_of,
    new_run_id,
    text_message,
)
from lab.load.messages.reading import read_text

# What one message of a learner's text holds, in bytes of UTF-8. The body could hold six times as much, but the
# first state hands over the base64 (4/3 of the text) and the text, in which JSON may write one byte as six ("\u0001"):
# 7.33 x 32 KiB is 240 KiB and fits whatever the characters are.
MAX_TEXT_BYTES = 32_768


class UnbreakableTextError(MessageError):
    """A word of the learner's text is longer than a message may be."""


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
        source: the text as a ``str``, or the ``Path`` of a UTF-8 file, see ``read_text``.
        run_id: start of every ``lab_id``; a new one by default.
        words_per_message: most words of a message; as many as fit by default.
        max_text_bytes: longest text of a message in bytes of UTF-8.

    Raises:
        TextFileError: the file cannot be used, or nothing but white space is in it.
        UnbreakableTextError: a word is longer than ``max_text_bytes``.
        MessageError: ``words_per_message`` or ``max_text_bytes`` is less than 1.
        MessageTooLargeError: ``max_text_bytes`` is more than a body can hold.
    """
    if max_text_bytes < 1 or (words_per_message is not None and words_per_message < 1):
        raise MessageError("A message must hold at least one word and one byte of text.")
    text = read_text(source) if isinstance(source, Path) else source
    if not text.strip():
        raise TextFileError(
            "The text is empty." if isinstance(source, str) else f"{source} holds no text.",
            next_step="give a text of at least one word.",
        )
    run_id = new_run_id() if run_id is None else run_id
    parts = [text] if words_per_message is None else re.findall(rf"(?:\s*\S+){{1,{words_per_message}}}\s*", text)
    pieces = (piece for part in parts for piece in _cut(part, max_text_bytes) if not piece.isspace())
    return [text_message(lab_id_of(run_id, number), piece) for number, piece in enumerate(pieces)]


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
    return not belongs_to_word(character)
