"""The tables `executions` and `states`, made of the events that a state machine writes into its log group.

Logs are delivered at their own pace: late, twice, out of order, or never. So the log is an accumulator that takes
events in any order and any number of times, and its tables can be asked for at any moment.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import orjson
import pandas as pd

from lab.observe.columns import NO_TIME, elapsed_s, instants, lab_id_in, nanoseconds, text_or_none, texts
from lab.observe.visits import Failure, Mark, visits_of

_MOST_EVENTS = 10_000_000  # of one execution; a greater event id is not one
_STARTED, _CLOSED, _ENTERED, _EXITED, _FAILED, _OTHER = range(6)
_STATUS_OF = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


def _kind_of(event_type: str) -> int:
    if event_type == "ExecutionStarted":
        return _STARTED
    if event_type in _STATUS_OF:
        return _CLOSED
    if event_type.endswith("StateEntered"):
        return _ENTERED
    if event_type.endswith("StateExited"):
        return _EXITED
    if event_type.endswith(("Failed", "TimedOut", "Aborted")):
        return _FAILED
    return _OTHER


@dataclass(slots=True)
class _Run:
    """What is known of one execution so far; instants in epoch nanoseconds."""

    lab_id: str | None = None
    started: int = NO_TIME
    finished: int = NO_TIME
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    input: str | None = None
    output: str | None = None
    # One bit an event id: says in a few bytes which events were seen, and how many.
    seen: int = 0
    # id and previous id of every event, one after the other.
    links: array[int] = field(default_factory=lambda: array("q"))
    entered: list[Mark] = field(default_factory=list)
    exited: list[Mark] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


Mine = Callable[[str | None, str | None], bool]
"""Whether an execution, by its name and its `lab_id`, belongs to whoever asks."""


def everybodys(name: str | None, lab_id: str | None) -> bool:
    """All executions of the log group."""
    return True


class ExecutionLog:
    """Execution events, added as they come, and the tables that they make.

    An event is known by its execution and its id, so adding one twice changes nothing, and the order does not matter.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._kinds: dict[str, int] = {}
        # Names of states are unique in a definition.
        self._types: dict[str, str] = {}
        self._ignored: set[str] = set()
        self.finished = 0
        """Executions whose closing event was seen."""
        self.skipped = 0
        """Messages that are no execution events: other lines of the log group, or cut off."""

    def __len__(self) -> int:
        """Executions seen, finished or not."""
        return len(self._runs)

    def add(self, messages: Iterable[str | bytes]) -> None:
        """Take the messages of log events, each the JSON text of one execution event, in any order."""
        loads, runs, kinds = orjson.loads, self._runs, self._kinds
        for message in messages:
            try:
                event = loads(message)
                arn, event_type, event_id = event["execution_arn"], event["type"], int(event["id"])
                previous_id = int(event.get("previous_event_id") or 0)
                kind = kinds.get(event_type)
                if kind is None:
                    kind = kinds[event_type] = _kind_of(event_type)
                run = runs.get(arn)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # not JSON is a ValueError, too
                self.skipped += 1
                continue
            if not (0 < event_id <= _MOST_EVENTS and 0 <= previous_id <= _MOST_EVENTS and isinstance(arn, str)):
                self.skipped += 1
                continue
            if run is None:
                if arn in self._ignored:
                    continue
                run = runs[arn] = _Run()
            bit = 1 << event_id
            if run.seen & bit:
                continue
            run.seen |= bit
            run.links.append(event_id)
            run.links.append(previous_id)
            if kind != _OTHER:
                self._take(run, kind, event_id, event)

    def ignore(self, messages: Iterable[str | bytes]) -> None:
        """Leave out the executions that these messages speak of, and whatever of them comes later."""
        old = ExecutionLog()
        old.add(messages)
        self._ignored |= old._runs.keys() - self._runs.keys()

    def _take(self, run: _Run, kind: int, event_id: int, event: dict[str, Any]) -> None:
        details = event.get("details")
        if not isinstance(details, dict):  # AWS leaves them out when they are too long
            details = {}
        given = text_or_none(details.get("input" if kind in (_STARTED, _ENTERED) else "output"))
        if run.lab_id is None:
            # Usually in the first event; if that one is missing, the others still carry it along.
            run.lab_id = lab_id_in(given)
        if kind == _FAILED:
            run.failures.append((event_id, text_or_none(details.get("error"))))
            return
        instant = nanoseconds(event.get("event_timestamp"))
        if kind == _ENTERED:
            name = text_or_none(details.get("name"))
            run.entered.append((event_id, name, instant))
            if name is not None and name not in self._types:
                self._types[name] = event["type"].removesuffix("StateEntered")
        elif kind == _EXITED:
            run.exited.append((event_id, text_or_none(details.get("name")), instant))
        elif kind == _STARTED:
            run.started, run.input = instant, given
        elif run.status == "RUNNING":
            self.finished += 1
            run.status, run.finished = _STATUS_OF[event["type"]], instant
            run.output, run.error, run.cause = (
                given,
                text_or_none(details.get("error")),
                text_or_none(details.get("cause")),
            )
            if run.status != "SUCCEEDED":
                run.failures.append((event_id, run.error))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables `executions` and `states` of all events so far.

        Executions come in the order of their start (unknown ones last), states in that order and, within an
        execution, in the order of their event ids.
        """
        # The number of an instant that is not known is the smallest one; it must sort last.
        ordered = sorted(self._runs.items(), key=lambda item: (item[1].started == NO_TIME, item[1].started, item[0]))
        arns = [arn for arn, _ in ordered]
        runs = [run for _, run in ordered]
        started, finished = [run.started for run in runs], [run.finished for run in runs]
        executions = pd.DataFrame(
            {
                "execution_arn": texts(list(arns)),
                "name": texts([execution_name(arn) for arn in arns]),
                "lab_id": texts([run.lab_id for run in runs]),
                "started": instants(started),
                "finished": instants(finished),
                "duration_s": elapsed_s(started, finished),
                "status": texts([run.status for run in runs]),
                "error": texts([run.error for run in runs]),
                "cause": texts([run.cause for run in runs]),
                "input": texts([run.input for run in runs]),
                "output": texts([run.output for run in runs]),
                "events": pd.Series([run.seen.bit_count() for run in runs], dtype=np.int64),
            }
        )
        return executions, self._states(arns, runs)

    def recently_finished(self, count: int) -> list[tuple[str | None, int]]:
        """`lab_id` and end (epoch nanoseconds) of those that have ended among the last `count` executions seen."""
        latest = islice(reversed(self._runs.values()), count)
        return [(run.lab_id, run.finished) for run in latest if run.finished != NO_TIME]

    def _states(self, arns: list[str], runs: list[_Run]) -> pd.DataFrame:
        owner: list[str | None] = []
        state: list[str | None] = []
        entered: list[int] = []
        exited: list[int] = []
        error: list[str | None] = []
        for arn, run in zip(arns, runs, strict=True):
            for name, first, last, failure in visits_of(run.entered, run.exited, run.failures, run.links):
                owner.append(arn)
                state.append(name)
                entered.append(first)
                exited.append(last)
                error.append(failure)
        return pd.DataFrame(
            {
                "execution_arn": texts(owner),
                "state": texts(state),
                "entered": instants(entered),
                "exited": instants(exited),
                "duration_s": elapsed_s(entered, exited),
                "error": texts(error),
                "type": texts([self._types.get(name or "") for name in state]),
            }
        )

    def incomplete(self, mine: Mine = everybodys) -> list[str]:
        """ARNs of executions, of those that are ``mine``, of which events are missing so far.

        Event ids count up from 1, so a gap shows; without a closing event the execution may also still be running.
        """
        # Bits 1 to n set and bit 0 filled in make a number of ones only, which shares no bit with its successor.
        return [
            arn
            for arn, run in self._runs.items()
            if (run.status == "RUNNING" or (run.seen | 1) & (run.seen + 2)) and mine(execution_name(arn), run.lab_id)
        ]

    def count(self, mine: Mine) -> tuple[int, int]:
        """How many of the executions that are ``mine`` were seen, and how many of these have ended."""
        own = [run for arn, run in self._runs.items() if mine(execution_name(arn), run.lab_id)]
        return len(own), sum(run.status != "RUNNING" for run in own)

    def distinct_messages(self, mine: Mine) -> int:
        """How many messages that are ``mine`` were executed; one that was delivered or sent twice counts once."""
        names = ((execution_name(arn), run.lab_id) for arn, run in self._runs.items())
        return len({name if lab_id is None else lab_id for name, lab_id in names if mine(name, lab_id)})


def execution_name(execution_arn: str) -> str | None:
    """The name of an execution out of its ARN (`…:express:<machine>:<name>:<uuid>`): the SQS message id."""
    parts = execution_arn.split(":")
    return parts[7] if len(parts) > 7 else None


def parse_execution_events(messages: Iterable[str | bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `executions` and `states` of these messages of log events, in one go."""
    log = ExecutionLog()
    log.add(messages)
    return log.tables()
