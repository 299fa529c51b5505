"""Which execution belongs to which message, when the body carries no id of the lab's.

Three ways, the surest first: the execution's name is the SQS message id; the id stands in its input (a pipe, or a
function that hands the whole record over); its input is the body. An execution that carries several messages of a batch
belongs to each of them.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

BY_NAME, BY_ID, BY_BODY = "its name is the message id", "the message id is in its input", "its input is the body"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Linked:
    """Executions with the message that each carries.

    Attributes:
        executions: the table of that name, a row for each message that an execution carries; ``lab_id`` is that
            message's. Those that carry none are not in it.
        ways: how many messages were linked by which way.
        strangers: executions that were linked with no message.
        alike: messages linked by their body although others have the same: which of them is which is not known.
    """

    executions: pd.DataFrame
    ways: Mapping[str, int]
    strangers: int
    alike: int


def link(sends: pd.DataFrame, bodies: Sequence[str], executions: pd.DataFrame) -> Linked:
    """Link executions with messages.

    Args:
        sends: the table of that name.
        bodies: of its rows, in their order.
        executions: the table of that name, of executions that began since the first message left.
    """
    by_message = {
        mid: lab for mid, lab in zip(sends["message_id"], sends["lab_id"], strict=True) if isinstance(mid, str)
    }
    counts = Counter(map(_canonical, bodies))
    waiting: dict[str, deque[str]] = defaultdict(deque)
    for lab_id, body in zip(sends["lab_id"], bodies, strict=True):
        waiting[_canonical(body)].append(lab_id)
    ordered = executions.sort_values("started", kind="stable", na_position="last")
    found: dict[object, list[str]] = {}
    ways: Counter[str] = Counter()
    alike = 0
    for index, name, text in zip(ordered.index, ordered["name"], ordered["input"], strict=True):
        text = text if isinstance(text, str) else ""
        own = [by_message[name]] if name in by_message else []
        way = BY_NAME
        if not own:
            own = [by_message[each] for each in dict.fromkeys(_ID.findall(text)) if each in by_message]
            way = BY_ID
        if not own and (queue := waiting.get(key := _canonical(text))):
            own, way = [queue.popleft()], BY_BODY
            alike += counts[key] > 1
        found[index] = own
        ways[way] += len(own)
    rows = [(index, lab_id) for index in executions.index for lab_id in found[index]]
    linked = executions.loc[[index for index, _ in rows]].reset_index(drop=True)
    linked["lab_id"] = pd.Series([lab_id for _, lab_id in rows], dtype=object)
    return Linked(
        linked,
        {way: count for way, count in ways.items() if count},
        sum(not own for own in found.values()),
        alike,
    )


def _canonical(text: str) -> str:
    """The same for texts that are the same JSON."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text
