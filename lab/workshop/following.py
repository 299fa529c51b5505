"""Follows one message, or one execution, through the logs, and makes tables to read of what it finds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from lab.errors import LabError
from lab.observe import SOON_S, ExecutionLog, LogReader, Lull
from lab.target import Target

_FOLLOW_DEADLINE_S = {"embedded": 60.0, "localstack": 120.0, "aws": 180.0}
# An execution that has ended, but with an event missing in between, is shown as it is after so long.
_GAP_PATIENCE_S = {"embedded": 5.0, "localstack": 10.0, "aws": 30.0}
# The message may have been sent some cells ago.
_LOOKED_BACK_MS = 300_000


class NotFollowedError(LabError):
    """A message's execution was not seen to end."""


def follow(
    target: Target,
    log_group: str,
    name: str,
    *,
    say: Callable[[str], None] = print,
    pause_s: float = 0.2,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a log group until the execution called ``name`` has ended; say the name of each state that it leaves.

    Args:
        target: the lab.
        log_group: where the state machine writes its events.
        name: of the execution; the SQS message id where ``start_execution`` started it.

    Returns:
        ``executions`` (one row) and ``states`` (one row a visit of a state); the columns are in ARCHITECTURE.md.

    Raises:
        NotFollowedError: it did not end in time.
    """
    deadline = clock() + _FOLLOW_DEADLINE_S[target.kind]
    ended: float | None = None
    reader = LogReader(target.client("logs"), log_group, since_ms=target.earliest_now_ms() - _LOOKED_BACK_MS)
    log, lull = ExecutionLog(), Lull(reader, first_after_s=SOON_S, clock=clock)
    told = 0
    while True:
        log.add(reader.messages())
        executions, states = log.tables()
        executions = executions[executions["name"] == name].reset_index(drop=True)
        states = states[states["execution_arn"].isin(executions["execution_arn"])].reset_index(drop=True)
        left = states[states["exited"].notna() | states["error"].notna()]
        for state, error in zip(left["state"][told:], left["error"][told:], strict=True):
            say(f"  {state}" + (f": {error}" if isinstance(error, str) else ""))
        told = len(left)
        incomplete = bool(set(log.incomplete()) & set(executions["execution_arn"]))
        if len(executions) and not incomplete:
            say(executions["status"].iloc[0])
            return executions, states
        if len(executions) and executions["finished"].notna().all():
            ended = clock() if ended is None else ended
            if clock() - ended > _GAP_PATIENCE_S[target.kind]:
                say(f"{executions['status'].iloc[0]}; not all of its events have come.")
                return executions, states
        lull.with_known((len(executions), len(states), told))
        if clock() > deadline:
            raise _not_followed(target, log_group, name, seen=len(executions) > 0)
        sleep(pause_s)


def _not_followed(target: Target, log_group: str, name: str, *, seen: bool) -> NotFollowedError:
    options = target.options
    if seen:
        what = f"The execution {name} started, but its last event has not come to {log_group}."
        cause = "the emulator is very busy; on AWS logs may come late, or never."
    else:
        what = f"No event of the execution {name} has come to {log_group}."
        cause = (
            "the event source mapping is disabled, start_execution refused the message, or the state machine's log "
            "level is not ALL."
        )
    return NotFollowedError(what, cause=cause, next_step=f"lab status{options}, then run this cell again")


def find_line(
    target: Target,
    log_group: str,
    text: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The first line of a log group that contains ``text``; waits for it, as logs come late.

    Raises:
        NotFollowedError: it did not come in time.
    """
    logs = target.client("logs")
    deadline = clock() + _FOLLOW_DEADLINE_S[target.kind]
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group, filterPattern=f'"{text}"')
        for page in pages:
            for event in page["events"]:
                if text in event["message"]:  # LocalStack gives back all events, whatever the pattern
                    return str(event["message"])
        if clock() > deadline:
            raise _not_followed(target, log_group, text, seen=False)
        sleep(0.2)


def statistics_of(outputs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """``stats`` of the outputs of executions, one row an execution."""
    return pd.DataFrame([output["stats"] for output in outputs])


def event_table(messages: Iterable[str]) -> pd.DataFrame:
    """Execution events as a table to read.

    Args:
        messages: of the log events of one execution: the JSON text of one event each.

    Returns:
        One row an event, in their order: ``id``, ``type``, ``state`` (only where a state is entered or left), and
        ``after_s``, seconds since the first one.
    """
    events = sorted((json.loads(message) for message in messages), key=lambda event: int(event["id"]))
    # LocalStack writes ISO-8601, AWS epoch milliseconds.
    instants = [
        pd.Timestamp(int(stamp), unit="ms", tz="UTC") if stamp.isdigit() else pd.Timestamp(stamp).tz_convert("UTC")
        for stamp in (str(event["event_timestamp"]) for event in events)
    ]
    return pd.DataFrame(
        {
            "id": [int(event["id"]) for event in events],
            "type": [event["type"] for event in events],
            "state": [(event.get("details") or {}).get("name", "") for event in events],
            "after_s": [(instant - instants[0]).total_seconds() for instant in instants],
        }
    )
