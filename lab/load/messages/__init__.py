"""Message bodies: the sample, seeded text with known word counts, a learner's own text, and broken ones."""

from lab.load.messages.broken import BrokenKind, broken
from lab.load.messages.lines import BodiesFileError, as_messages, read_bodies
from lab.load.messages.made_up import generate
from lab.load.messages.message import (
    MAX_BODY_BYTES,
    SAMPLE_BODY,
    SAMPLE_TEXT,
    Fate,
    Message,
    MessageError,
    MessageTooLargeError,
    TextFileError,
    count_words,
    expected_word_counts,
    lab_id_of,
    new_run_id,
    number_of,
    sample,
    text_message,
)
from lab.load.messages.reading import quoted, read_text
from lab.load.messages.texts import MAX_TEXT_BYTES, UnbreakableTextError, from_text

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_TEXT_BYTES",
    "SAMPLE_BODY",
    "SAMPLE_TEXT",
    "BodiesFileError",
    "BrokenKind",
    "Fate",
    "Message",
    "MessageError",
    "MessageTooLargeError",
    "TextFileError",
    "UnbreakableTextError",
    "as_messages",
    "broken",
    "count_words",
    "expected_word_counts",
    "from_text",
    "generate",
    "lab_id_of",
    "new_run_id",
    "number_of",
    "quoted",
    "read_bodies",
    "read_text",
    "sample",
    "text_message",
]
