"""Where each kind of broken body ends: docs/broken-bodies.md is made of this, and the emulator is held against it."""

from __future__ import annotations

from typing import NamedTuple

from lab.load.messages import BrokenKind
from lab.load.messages.broken import WORDS


class End(NamedTuple):
    """Where a broken body ends, by the name of the place in the account; under which error; and who says so."""

    place: str
    error: str
    by: str


QUEUE, START, STATE = "the queue", "`start_execution`", "the state `Decode base64 string`"
ENDS = {
    BrokenKind.NOT_JSON: End("dead_lettered", "InvalidMessageError", START),
    BrokenKind.NOT_AN_OBJECT: End("dead_lettered", "InvalidMessageError", START),
    BrokenKind.MISSING_INPUT: End("failed", "MissingInputError", STATE),
    BrokenKind.BAD_BASE64: End("failed", "InvalidBase64Error", STATE),
    BrokenKind.NOT_UTF8: End("failed", "InvalidTextError", STATE),
    BrokenKind.TOO_LARGE: End("dead_lettered", "MessageTooLargeError", START),
    BrokenKind.EMPTY: End("not_sent", "MissingRequiredParameterException", QUEUE),
    BrokenKind.NESTED_DEEP: End("dead_lettered", "NestedTooDeepError", START),
    BrokenKind.NOT_A_NUMBER: End("dead_lettered", "InvalidNumberError", START),
    BrokenKind.JSON_IN_JSON: End("dead_lettered", "EncodedTwiceError", START),
}
PLACES = {
    "dead_lettered": "the dead-letter queue",
    "failed": "a failed execution",
    "not_sent": "with its sender: it was never sent",
}


INTRODUCTION = """\
<!-- Made of tests/broken_bodies.py, which tests/emulator/test_broken_bodies.py holds; edit it, then: make docs -->

# Where broken bodies end

A test sends each kind of broken body through the lab, on the embedded emulator and with the plain workflow. It ends
where this table says, and takes no other message along. `lab ramp --faults broken-bodies` sends all of them.

| kind | the body | where it ends | error | who says so |
|---|---|---|---|---|
"""
END = """
A message is dead-lettered after `maxReceiveCount` deliveries, five unless you change it. A queue whose own limit is
262,144 bytes refuses `too_large` at once. SQS has a shorter name for what an empty body lacks: `MissingParameter`.
"""


def page() -> str:
    """docs/broken-bodies.md."""
    rows = (
        f"| `{kind}` | {WORDS[kind]} | {PLACES[end.place]} | `{end.error}` | {end.by} |\n" for kind, end in ENDS.items()
    )
    return INTRODUCTION + "".join(rows) + END
