"""Executions, as each kind of workflow lets them be seen: Standard is asked for them, Express writes a log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from lab.observe import SOON_S, ExecutionLog, LogReader, Lull
from lab.stack import waiting
from lab.target import Target

_DEADLINE_S = {"embedded": 60.0, "localstack": 120.0, "aws": 180.0}
# Once nothing new comes, so long: what is not there then may never come.
_PATIENCE_S = {"embedded": 3.0, "localstack": 6.0, "aws": 30.0}
# The executions may have been started some cells ago.
_LOOKED_BACK_MS = 300_000


def wait_for_end(target: Target, execution_arn: str) -> dict[str, Any]:
    """Ask Step Functions for a Standard execution until it has ended; gives what DescribeExecution says of it.

    Raises:
        WaitingTooLongError: it did not end in time.
    """
    states = target.client("stepfunctions")

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution_arn)
        return None if found["status"] in ("RUNNING", "PENDING_REDRIVE") else found

    return waiting.until(ended, what="the execution to end", deadline_s=_DEADLINE_S[target.kind])


def wait_for_token(target: Target, execution_arn: str) -> str | None:
    """Read the history of a Standard execution until a task waits for somebody's answer; gives the task's token.

    Returns:
        What the function was given as ``token``; None when it was given none, or when the execution ended before.

    Raises:
        WaitingTooLongError: nothing of this came about in time.
    """
    states = target.client("stepfunctions")

    def tokens() -> list[str | None] | None:
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        events = [event for page in pages for event in page["events"]]
        kinds = {event["type"] for event in events}
        if "TaskSubmitted" in kinds:
            scheduled = [event["taskScheduledEventDetails"] for event in events if event["type"] == "TaskScheduled"]
            payload = json.loads(scheduled[-1]["parameters"]).get("Payload")
            return [payload.get("token") if isinstance(payload, dict) else None]
        return [None] if kinds & {"ExecutionSucceeded", "ExecutionFailed"} else None

    return waiting.until(tokens, what="a task to wait for an answer", deadline_s=_DEADLINE_S[target.kind])[0]


def listed_executions(target: Target, state_machine_arn: str) -> pd.DataFrame:
    """All executions that a Standard Workflow remembers: columns ``name``, ``status``, ``execution_arn``."""
    pages = target.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=state_machine_arn)
    rows = [
        {key: execution[field] for key, field in _LISTED.items()} for page in pages for execution in page["executions"]
    ]
    return pd.DataFrame(rows, columns=list(_LISTED))


_LISTED = {"name": "name", "status": "status", "execution_arn": "executionArn"}


def logged_executions(
    target: Target,
    log_group: str,
    names: Iterable[str],
    count: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[pd.DataFrame, list[str]]:
    """The executions of Express Workflows by these names, read from their log group when ``count`` of them have ended.

    When nothing more comes, what there is: whoever compares the two numbers sees it.

    Returns:
        ``executions``, one row each (the columns are in ARCHITECTURE.md), and their events as they stand in the log.
    """
    wanted = set(names)
    reader = LogReader(target.client("logs"), log_group, since_ms=target.earliest_now_ms() - _LOOKED_BACK_MS)
    log, lines, began = ExecutionLog(), dict[str, None](), clock()
    lull = Lull(reader, first_after_s=SOON_S, clock=clock)
    while True:
        new = list(reader.messages())
        log.add(new)
        lines |= dict.fromkeys(new)
        executions, _ = log.tables()
        executions = executions[executions["name"].isin(wanted)].reset_index(drop=True)
        ended, incomplete = executions["finished"].notna(), executions["execution_arn"].isin(log.incomplete())
        if (ended & ~incomplete).sum() >= count:
            break
        quiet_s = lull.with_known(len(lines))
        started_all = len(executions) >= count and ended.all()
        if clock() - began > _DEADLINE_S[target.kind] or (started_all and quiet_s > _PATIENCE_S[target.kind]):
            break
        sleep(0.1)
    arns = set(executions["execution_arn"])
    return executions, [line for line in lines if any(arn in line for arn in arns)]


def history_table(events: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The history of a Standard execution as a table to read, with the columns that ``event_table`` makes of a log.

    Args:
        events: what GetExecutionHistory gives, of one execution.

    Returns:
        One row an event, in their order: ``id``, ``type``, ``state`` (only where a state is entered or left), and
        ``after_s``, seconds since the first one.
    """
    ordered = sorted(events, key=lambda event: int(event["id"]))
    details = ("stateEnteredEventDetails", "stateExitedEventDetails")
    return pd.DataFrame(
        {
            "id": [int(event["id"]) for event in ordered],
            "type": [event["type"] for event in ordered],
            "state": [next((event[key]["name"] for key in details if key in event), "") for event in ordered],
            "after_s": [(event["timestamp"] - ordered[0]["timestamp"]).total_seconds() for event in ordered],
        }
    )
