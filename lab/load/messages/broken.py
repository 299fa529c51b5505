"""Messages that are broken on purpose, to see where they end."""

from __future__ import annotations

import base64
import json
from enum import StrEnum

from lab.load.messages.message import MAX_BODY_BYTES, Fate, Message, MessageError


class BrokenKind(StrEnum):
    """The ways in which :func:`broken` can break a message."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_INPUT = "missing_input"
    BAD_BASE64 = "bad_base64"
    NOT_UTF8 = "not_utf8"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NESTED_DEEP = "nested_deep"
    NOT_A_NUMBER = "not_a_number"
    JSON_IN_JSON = "json_in_json"


# What a program may read that reads JSON, and what none need: 1,000 lists in one another.
_DEPTH = 1_000
# How each is broken, in words for a reader; docs/broken-bodies.md says where each ends.
WORDS = {
    BrokenKind.NOT_JSON: "not JSON: it breaks off",
    BrokenKind.NOT_AN_OBJECT: "JSON, but a list and no object",
    BrokenKind.MISSING_INPUT: "an object without `input`",
    BrokenKind.BAD_BASE64: "`input` holds a character that base64 has not",
    BrokenKind.NOT_UTF8: "`input` decodes to bytes that are not UTF-8",
    BrokenKind.TOO_LARGE: "one byte over 262,144",
    BrokenKind.EMPTY: "no character at all",
    BrokenKind.NESTED_DEEP: "1,000 lists in one another",
    BrokenKind.NOT_A_NUMBER: "`NaN`, which JSON has not",
    BrokenKind.JSON_IN_JSON: "a JSON string that holds JSON: encoded twice",
}
_REFUSED_BY_QUEUE = frozenset({BrokenKind.EMPTY})
_STARTS = frozenset({BrokenKind.MISSING_INPUT, BrokenKind.BAD_BASE64, BrokenKind.NOT_UTF8})


def broken(kind: BrokenKind | str, lab_id: str = "broken") -> Message:
    """A message that is broken on purpose, to see where it ends.

    ``missing_input``, ``bad_base64`` and ``not_utf8`` start an execution, and its first state fails. No queue takes
    ``empty``. All others start no execution and end in the dead-letter queue (a queue whose own limit is 262,144 bytes
    refuses ``too_large`` at once). Each body but the empty one holds the ``lab_id``, so that no two are the same;
    those of ``not_json``, ``not_an_object`` and ``json_in_json`` hold it where no reader looks.

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
    whole = json.dumps({"lab_id": lab_id, "input": "SGVsbG8h"})
    match kind:
        case BrokenKind.NOT_JSON:
            body = whole.removesuffix('"}')
        case BrokenKind.NOT_AN_OBJECT:
            body = json.dumps([lab_id, "SGVsbG8h"])
        case BrokenKind.MISSING_INPUT:
            body = json.dumps({"lab_id": lab_id})
        case BrokenKind.BAD_BASE64:
            body = json.dumps({"lab_id": lab_id, "input": "SGVsbG8*"})
        case BrokenKind.NOT_UTF8:
            body = json.dumps({"lab_id": lab_id, "input": base64.b64encode(b"caf\xe9").decode("ascii")})
        case BrokenKind.TOO_LARGE:
            body = json.dumps({"lab_id": lab_id, "input": ""})
            body = json.dumps({"lab_id": lab_id, "input": "A" * (MAX_BODY_BYTES + 1 - len(body))})
        case BrokenKind.EMPTY:
            body = ""
        case BrokenKind.NESTED_DEEP:
            body = f'{whole.removesuffix("}")}, "deep": {"[" * _DEPTH}{"]" * _DEPTH}}}'
        case BrokenKind.NOT_A_NUMBER:
            body = f'{whole.removesuffix("}")}, "number": NaN}}'
        case BrokenKind.JSON_IN_JSON:
            body = json.dumps(whole)
    fate = Fate.NOT_SENT if kind in _REFUSED_BY_QUEUE else Fate.FAILED if kind in _STARTS else Fate.DEAD_LETTERED
    return Message(lab_id, body, None, fate=fate)
