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
