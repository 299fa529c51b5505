"""The table `visits`: every visit of a state in any workflow, where it lay, what it followed, and how it ended.

The table `states` says how long each visit took. Here the chain of `previous_event_id` is followed to its end, so that
iterations of a Map, branches of a Parallel, attempts and catches are told apart, and a visit that is missing shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import orjson
import pandas as pd

from lab.observe.columns import NO_TIME, elapsed_s, instants, nanoseconds, text_or_none, texts

_MOST_EVENTS = 10_000_000  # of one execution; a greater event id is not one
_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
# They hold other states, so what fails inside lies between their entry and their own failure.
_HOLDERS = ("Map", "Parallel")
_ATTEMPTS = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled", "MapStateStarted", "ParallelStateStarted")


class _Event(NamedTuple):
    type: str
    previous: int
    name: str | None
    instant: int
    error: str | None
    position: int | None


@dataclass(slots=True)
class Visit:
    """One visit of a state; event ids tell visits of one execution apart.

    Attributes:
        visit: event id of its entry (of its exit, where the entry is missing).
        after: the visit before it in the same branch or iteration; 0 for the first.
        inside: the visit of the Map or Parallel that it lies in; 0 for none.
        iteration: which iteration of the Map, from 0; -1 for none.
        items: of a Map, how many items it said it would work on; -1 for others.
        attempts: how often its work was begun: 1, and 1 for each retry. 0 for a state that begins none, such as a Pass.
        ending: ``left``, ``caught`` (left by a Catch), ``failed``, ``stopped`` (with its branch, or with the
            execution), ``running``, or ``unseen`` (it must have ended, and the log does not say how).
    """

    visit: int
    state: str | None
    type: str
    entered: int = NO_TIME
    exited: int = NO_TIME
    after: int = 0
    inside: int = 0
    iteration: int = -1
    items: int = -1
    attempts: int = 0
    error: str | None = None
    ending: str = "running"


@dataclass(slots=True)
class _Run:
    events: dict[int, _Event] = field(default_factory=dict)


class JourneyLog:
    """Execution events, added as they come, in any order and any number of times, and the visits that they tell of."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def add(self, messages: Iterable[str | bytes]) -> None:
        """Take the messages of log events, each the JSON text of one execution event; others are left out."""
        for message in messages:
            try:
                event = orjson.loads(message)
                arn, number = event["execution_arn"], int(event["id"])
                previous, kind = int(event.get("previous_event_id") or 0), event["type"]
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue
            if not (isinstance(arn, str) and isinstance(kind, str) and 0 < number <= _MOST_EVENTS):
                continue
            details = event.get("details")
            if not isinstance(details, dict):
                details = {}
            index = details.get("length" if kind == "MapStateStarted" else "index")
            self._runs.setdefault(arn, _Run()).events[number] = _Event(
                kind,
                previous,
                text_or_none(details.get("name")),
                nanoseconds(event.get("event_timestamp")),
                text_or_none(details.get("error")),
                index if isinstance(index, int) else None,
            )

    def table(self) -> pd.DataFrame:
        """The table `visits`; its columns are `execution_arn`, those of :class:`Visit`, and `duration_s`."""
        owners, rows = [], []
        for arn, run in self._runs.items():
            for visit in visits_in(run.events):
                owners.append(arn)
                rows.append(visit)
        entered, exited = [row.entered for row in rows], [row.exited for row in rows]
        numbers = {
            name: np.array([getattr(row, name) for row in rows], dtype=np.int64)
            for name in ("visit", "after", "inside", "iteration", "items", "attempts")
        }
        return pd.DataFrame(
            {
                "execution_arn": texts(list(owners)),
                "state": texts([row.state for row in rows]),
                "type": texts([row.type for row in rows]),
                "entered": instants(entered),
                "exited": instants(exited),
                "duration_s": elapsed_s(entered, exited),
                **numbers,
                "error": texts([row.error for row in rows]),
                "ending": texts([row.ending for row in rows]),
            }
        )


def visits_in(events: dict[int, _Event]) -> list[Visit]:
    """Every visit of one execution, in the order of the event ids."""
    return _Journey(events).visits()


class _Journey:
    def __init__(self, events: dict[int, _Event]) -> None:
        self._events = events
        self._visits: dict[int, Visit] = {}
        self._exit_of: dict[int, int] = {}  # event id of an exit → its visit
        self._left_by: dict[int, int] = {}  # visit → event id of its exit
        self._failed: dict[int, int] = {}  # visit → event id of its last failure
        self._held_by: dict[int, Visit] = {}  # event id of an attempt of a Map or Parallel → its visit
        self._starts: dict[int, list[int]] = {}  # visit of a Map or Parallel → event ids of its attempts
        self._start_of: dict[int, int] = {}  # visit → event id of the attempt that it belongs to

    def visits(self) -> list[Visit]:
        for number in sorted(self._events):
            event = self._events[number]
            if event.type.endswith("StateEntered"):
                kind = event.type.removesuffix("StateEntered")
                self._visits[number] = Visit(number, event.name, kind, entered=event.instant)
        # In the order of the events, so that an exit finds the visits that lie before it.
        for number in sorted(self._events):
            event = self._events[number]
            if event.type.endswith("StateExited"):
                self._leave(number, event)
            elif event.type in _ATTEMPTS:
                self._begin(number, event)
            elif _is_failure(event.type):
                self._fail(number, event)
        for visit in self._visits.values():
            self._place(visit)
        for visit in self._visits.values():
            visit.ending = self._ending(visit)
        return [self._visits[number] for number in sorted(self._visits)]

    def _up(self, number: int) -> Iterator[int]:
        """The events up the chain from one, nearest first."""
        at = self._events[number].previous
        for _ in self._events:  # a faulty log could hold a circle
            if at not in self._events:
                return
            yield at
            at = self._events[at].previous

    def _owner(self, number: int, kind: str | None) -> Visit | None:
        """The visit that an event belongs to: of a holder, not one of those inside it that failed with it."""
        holders: list[Visit] = []
        at = self._events[number].previous
        for _ in self._events:
            if at not in self._events:
                break
            visit = self._visits.get(at)
            if at in self._exit_of:  # whatever lies between this exit and its entry is over
                at = self._exit_of[at]
            elif visit is not None and kind is None:
                return visit
            elif visit is not None and visit.type == kind:
                holders.append(visit)
            at = self._events[at].previous if at in self._events else 0
        # Inside out: one that has failed does not fail again, and is tried again only if its failure was its attempt's.
        return next((one for one in holders if one.visit not in self._failed), holders[-1] if holders else None)

    def _leave(self, number: int, event: _Event) -> None:
        kind = event.type.removesuffix("StateExited")
        for at in self._up(number):
            visit = self._visits.get(at)
            if (
                visit is not None
                and at not in self._left_by
                and visit.type == kind
                and event.name in (None, visit.state)
            ):
                break
        else:
            left_open = (
                visit
                for visit in self._visits.values()
                if (visit.type, visit.state) == (kind, event.name)
                and visit.visit < number
                and visit.visit not in self._left_by
            )
            visit = next(left_open, Visit(number, event.name, kind))
            self._visits.setdefault(visit.visit, visit)
        visit.exited = event.instant
        self._exit_of[number], self._left_by[visit.visit] = visit.visit, number

    def _begin(self, number: int, event: _Event) -> None:
        kind = "Map" if event.type.startswith("Map") else "Parallel" if event.type.startswith("Parallel") else None
        visit = self._owner(number, kind)
        if visit is not None:
            visit.attempts += 1
            self._failed.pop(visit.visit, None)
            if kind is not None:
                self._held_by[number] = visit
                self._starts.setdefault(visit.visit, []).append(number)
            if kind == "Map" and event.position is not None:
                visit.items = event.position

    def _fail(self, number: int, event: _Event) -> None:
        kind = "Map" if event.type.startswith("MapState") else "Parallel" if event.type.startswith("Para") else None
        visit = self._owner(number, kind)
        if visit is None or (event.type.startswith("Execution") and visit.visit in self._failed):
            return
        self._failed[visit.visit] = number
        visit.error = event.error or visit.error

    def _place(self, visit: Visit) -> None:
        """What it followed, and what it lies in."""
        iteration_of: str | None = None
        at = self._events[visit.visit].previous
        for _ in self._events:
            if at not in self._events:
                return
            event = self._events[at]
            if at in self._exit_of:
                before = self._visits[self._exit_of[at]]
                if iteration_of is None:
                    # It lies where the one before it lies; those come first, so that is known already.
                    visit.after, visit.inside, visit.iteration = before.visit, before.inside, before.iteration
                    self._start_of[visit.visit] = self._start_of.get(before.visit, 0)
                    return
                at = before.visit  # of another iteration, behind which this one was begun
            elif event.type == "MapIterationStarted" and iteration_of is None:
                iteration_of = event.name or ""
                visit.iteration = -1 if event.position is None else event.position
            elif (holder := self._held_by.get(at)) is not None and iteration_of in (None, "", holder.state):
                visit.inside, self._start_of[visit.visit] = holder.visit, at
                return
            at = self._events[at].previous if at in self._events else 0

    def _ending(self, visit: Visit) -> str:
        failure = self._failed.get(visit.visit)
        if visit.visit in self._left_by:
            if failure is not None and self._events[self._left_by[visit.visit]].previous == failure:
                return "caught"
            visit.error = None  # a retry mended it
            return "left"
        if visit.type == "Fail" or failure is not None:
            return "failed"
        around = visit
        while around.inside in self._visits:
            start, around = self._start_of.get(around.visit, 0), self._visits[around.inside]
            if around.visit in self._failed or start != max(self._starts.get(around.visit, [start])):
                return "stopped"  # another branch or item failed, or it did not count any more
            if around.visit in self._left_by:
                return "unseen"
        end = next((event.type for event in self._events.values() if event.type in _ENDS), None)
        if end is None:
            return "running"
        return "unseen" if end == "ExecutionSucceeded" else "stopped"


def _is_failure(kind: str) -> bool:
    if kind.startswith("MapIteration"):
        return False  # of the Map, whose own failure follows
    return kind in ("ExecutionFailed", "EvaluationFailed") or (
        kind.endswith(("Failed", "TimedOut", "Aborted")) and not kind.startswith("Execution")
    )
