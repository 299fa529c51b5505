"""The table `received`: what `start_execution` logged of each record that it was handed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
import pandas as pd

from lab.observe.columns import instants, milliseconds, text_or_none, texts
from lab.observe.executions import Mine
from lab.observe.log_groups import LogEvent


class Refusal(NamedTuple):
    """How often a message was refused, with the name and the words of the last error."""

    times: int
    error: str | None
    reason: str | None


class ReceivedLog:
    """What `start_execution` printed: one JSON line a record, between the START and END lines of its invocations."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        # An execution environment runs one invocation at a time and has a log stream of its own.
        self._request_of: dict[str, str] = {}
        self._ignored: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        """Records seen."""
        return len(self._rows)

    def add(self, events: Iterable[LogEvent]) -> None:
        """Take log events of the function, in the order of their streams. A line that comes again counts once."""
        for event in events:
            line = event.message.strip()
            if line.startswith("START RequestId: "):
                self._request_of[event.stream] = line.split()[2]
            elif line.startswith("END RequestId: "):
                self._request_of.pop(event.stream, None)
            elif line.startswith("{"):
                record = _record(line)
                if record is not None:
                    request_id = self._request_of.get(event.stream)
                    key = request_id or f"{event.stream} {event.timestamp_ms}"
                    if (key, line) not in self._ignored:
                        self._rows.setdefault((key, line), {**record, "request_id": request_id})

    def ignore(self, events: Iterable[LogEvent]) -> None:
        """Leave out the records that these log events speak of, also when they come again."""
        before = set(self._rows)
        self.add(events)
        for key in self._rows.keys() - before:
            del self._rows[key]
            self._ignored.add(key)

    def refused(self, mine: Mine) -> int:
        """How many messages that are ``mine`` no execution was started for, at any of their deliveries so far."""
        rows = [row for row in self._rows.values() if mine(row["message_id"], text_or_none(row.get("lab_id")))]
        started = {row["message_id"] for row in rows if row.get("execution_arn")}
        return len({row["message_id"] for row in rows if row.get("error")} - started)

    def refusals(self) -> dict[str | None, Refusal]:
        """What was refused, by message id and, where the body has one, by ``lab_id``."""
        found: dict[str | None, Refusal] = {}
        for row in self._rows.values():
            error = row.get("error")
            if name := _error_name(error):
                words = text_or_none(error.get("message")) if isinstance(error, dict) else None
                for key in {row["message_id"], text_or_none(row.get("lab_id"))} - {None}:
                    found[key] = Refusal(found[key].times + 1 if key in found else 1, name, words)
        return found

    def table(self) -> pd.DataFrame:
        """The table `received`, in the order in which the records were logged; `error` is the name of the error."""
        rows = list(self._rows.values())
        return pd.DataFrame(
            {
                "message_id": texts([row["message_id"] for row in rows]),
                "lab_id": texts([text_or_none(row.get("lab_id")) for row in rows]),
                "sent": instants([milliseconds(row.get("sent_ms")) for row in rows]),
                "first_received": instants([milliseconds(row.get("first_received_ms")) for row in rows]),
                "started_at": instants([milliseconds(row.get("started_at_ms")) for row in rows]),
                "execution_arn": texts([text_or_none(row.get("execution_arn")) for row in rows]),
                "error": texts([_error_name(row.get("error")) for row in rows]),
                "request_id": texts([row["request_id"] for row in rows]),
            }
        )


def _record(line: str) -> dict[str, Any] | None:
    """A line of `start_execution` that speaks of a message; None for anything else that a function may print."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("message_id"), str) else None


def _error_name(error: Any) -> str | None:
    # `start_execution` writes {"name": …, "message": …}; a learner's own version may write a plain text.
    return text_or_none(error.get("name") if isinstance(error, dict) else error)


def parse_received(events: Iterable[LogEvent]) -> pd.DataFrame:
    """The table `received` of these log events, in one go."""
    log = ReceivedLog()
    log.add(events)
    return log.table()
