"""When each message was through the first and the last function of the workflow, from what these print.

A workflow that writes no execution events is still seen: the functions that ``lab.stack.functions`` deploys with the
file ``stamping.py`` before their handler print the id of each message, and the log says when.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
import pandas as pd

from lab.observe.columns import NO_TIME, elapsed_s, instants, texts
from lab.observe.log_groups import LogEvent


class StampLog:
    """The lines of the first and the last function, added as they come; a message that comes twice counts once."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def add(self, first: Iterable[LogEvent] = (), last: Iterable[LogEvent] = ()) -> None:
        """Take log events of the first function of the workflow, and of the last one."""
        for events, stamps in ((first, self._first), (last, self._last)):
            for event in events:
                lab_id = _stamp(event.message)
                if lab_id is not None:
                    stamps[lab_id] = min(event.timestamp_ms, stamps.get(lab_id, event.timestamp_ms))

    def finished(self, lab_ids: Iterable[str]) -> int:
        """How many of these messages are through."""
        return sum(lab_id in self._last for lab_id in lab_ids)

    def measured(self, lab_ids: Iterable[str]) -> int:
        """How many of these messages are through, and it is known when they began: the two logs come as they like."""
        return sum(lab_id in self._last and lab_id in self._first for lab_id in lab_ids)

    def executions(self, sends: pd.DataFrame, received: pd.DataFrame) -> pd.DataFrame:
        """The table ``executions`` as far as the stamps tell it: no data, no events, no errors.

        ``started`` is when the first function had done its work, so a duration lacks the time of that one. What did not
        come through is ``RUNNING``: nothing tells whether it failed.
        """
        known = sends[[lab_id in self._first or lab_id in self._last for lab_id in sends["lab_id"]]]
        lab_ids = known["lab_id"].tolist()
        arns = dict(zip(received["lab_id"], received["execution_arn"], strict=True))
        started = [_nanoseconds(self._first.get(lab_id)) for lab_id in lab_ids]
        finished = [_nanoseconds(self._last.get(lab_id)) for lab_id in lab_ids]
        nothing = texts([None] * len(lab_ids))
        return pd.DataFrame(
            {
                "execution_arn": texts([arns.get(lab_id) or f"stamp:{lab_id}" for lab_id in lab_ids]),
                "name": texts(known["message_id"].tolist()),
                "lab_id": texts(lab_ids),
                "started": instants(started),
                "finished": instants(finished),
                "duration_s": elapsed_s(started, finished),
                "status": texts(["SUCCEEDED" if lab_id in self._last else "RUNNING" for lab_id in lab_ids]),
                "error": nothing,
                "cause": nothing,
                "input": nothing,
                "output": nothing,
                "events": pd.Series([0] * len(lab_ids), dtype="int64"),
            }
        )


def _nanoseconds(at_ms: int | None) -> int:
    return NO_TIME if at_ms is None else at_ms * 1_000_000


def _stamp(line: str) -> str | None:
    text = line.strip()
    if not text.startswith('{"stamp"'):
        return None
    try:
        lab_id = orjson.loads(text)["stamp"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return lab_id if isinstance(lab_id, str) else None
