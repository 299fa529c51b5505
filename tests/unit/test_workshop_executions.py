"""How the workshop looks executions up: a Standard one by asking, an Express one in its log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from lab import workshop
from lab.stack import waiting
from tests.unit.aws_stand_in import Clock
from tests.unit.logs_stand_in import FakeLogs, event

ARN = "arn:aws:states:us-east-1:000000000000:express:machine:{name}:{run}"


class States:
    """Step Functions with a list of answers for each call; the last one stays."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return self._next("describe_execution")

    def get_paginator(self, call: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **_: iter(self._next(call)["pages"]))

    def _next(self, call: str) -> dict[str, Any]:
        answers = self.answers[call]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def lab_with(**clients: Any) -> Any:
    return SimpleNamespace(kind="embedded", client=lambda service: clients[service], earliest_now_ms=lambda: 0)


def test_the_end_of_an_execution_is_waited_for(clock: Clock) -> None:
    running, ended = {"status": "RUNNING"}, {"status": "FAILED", "error": "X"}
    states = States(describe_execution=[running, {"status": "PENDING_REDRIVE"}, running, ended])
    assert workshop.wait_for_end(lab_with(stepfunctions=states), "arn") == ended
    with pytest.raises(waiting.WaitingTooLongError, match="the execution to end"):
        workshop.wait_for_end(lab_with(stepfunctions=States(describe_execution=[running])), "arn")


def test_executions_of_every_page_are_listed() -> None:
    pages = [
        {"executions": [{"name": name, "status": "RUNNING", "executionArn": f"arn:{name}", "startDate": 0}]}
        for name in "ab"
    ]
    table = workshop.listed_executions(lab_with(stepfunctions=States(list_executions=[{"pages": pages}])), "arn")
    assert table.to_dict("list") == {
        "name": ["a", "b"], "status": ["RUNNING"] * 2, "execution_arn": ["arn:a", "arn:b"],
    }  # fmt: skip
    none = workshop.listed_executions(lab_with(stepfunctions=States(list_executions=[{"pages": []}])), "arn")
    assert list(none.columns) == ["name", "status", "execution_arn"]


def scheduled(**payload: str) -> dict[str, Any]:
    parameters = json.dumps({"FunctionName": "f", "Payload": payload})
    return {"type": "TaskScheduled", "taskScheduledEventDetails": {"parameters": parameters}}


@pytest.mark.parametrize(
    ("told", "token"),
    [
        ([scheduled(output="x"), scheduled(output="x", token="T"), {"type": "TaskSubmitted"}], "T"),
        ([scheduled(output="x"), {"type": "TaskSubmitted"}], None),
        ([scheduled(output="x", token="T"), {"type": "ExecutionSucceeded"}], None),
        ([{"type": "ExecutionFailed"}], None),
    ],
)
def test_a_token_is_that_of_the_task_that_waits(clock: Clock, told: list[dict[str, Any]], token: str | None) -> None:
    states = States(get_execution_history=[{"pages": [{"events": []}]}, {"pages": [{"events": [e]} for e in told]}])
    assert workshop.wait_for_token(lab_with(stepfunctions=states), "arn") == token


def deliver(logs: FakeLogs, name: str, run: int, *, until: int = 3) -> None:
    """An execution of one state and the first ``until`` of its three events."""
    arn = ARN.format(name=name, run=run)
    events = [
        event(1, "ExecutionStarted", previous=0, arn=arn, input="{}"),
        event(2, "PassStateEntered", arn=arn, name="P", input="{}"),
        event(3, "ExecutionSucceeded", arn=arn, output="{}"),
    ]
    for number, message in enumerate(events[:until]):
        logs.deliver(1_764_000_000_000 + number, message=message)


def logged(logs: FakeLogs, names: list[str], count: int, clock: Clock) -> tuple[Any, list[str]]:
    return workshop.logged_executions(lab_with(logs=logs), "g", names, count, clock=clock.monotonic, sleep=clock.sleep)


def test_executions_of_these_names_are_read_with_their_events(clock: Clock) -> None:
    logs = FakeLogs()
    for name, run in (("a", 1), ("a", 2), ("b", 3), ("other", 4)):
        deliver(logs, name, run)
    table, lines = logged(logs, ["a", "b"], 3, clock)
    assert sorted(table["name"]) == ["a", "a", "b"]
    assert len(lines) == 9
    assert not any(":other:" in line for line in lines)
    assert clock.now == 0


def test_what_comes_late_is_waited_for_and_what_never_comes_is_not(clock: Clock) -> None:
    logs = FakeLogs()
    deliver(logs, "a", 1, until=2)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > 2 and len(logs.stored) == 2:
            deliver(logs, "a", 1)
            deliver(logs, "a", 2)

    table, _ = workshop.logged_executions(lab_with(logs=logs), "g", ["a"], 2, clock=clock.monotonic, sleep=sleep)
    assert table["status"].tolist() == ["SUCCEEDED"] * 2
    assert 2 < clock.now < 3
    table, _ = logged(logs, ["a"], 3, clock)
    assert len(table) == 2
    assert clock.now < 100


def test_an_event_that_comes_behind_what_was_read_is_found_after_all(clock: Clock) -> None:
    logs, arn = FakeLogs(), ARN.format(name="a", run=1)
    first, ms = event(1, "ExecutionStarted", previous=0, arn=arn, input="{}"), 1_764_000_000_000
    logs.deliver(ms, message=first)
    logs.deliver(ms + 60_000, message=event(3, "ExecutionSucceeded", arn=arn, output="{}"))

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if len(logs.stored) == 2:
            logs.deliver(ms + 1, message=event(2, "PassStateEntered", arn=arn, name="P", input="{}"))

    _, lines = workshop.logged_executions(lab_with(logs=logs), "g", ["a"], 1, clock=clock.monotonic, sleep=sleep)
    assert len(lines) == 3


def test_an_execution_of_which_all_comes_behind_what_was_read_is_found_after_all(clock: Clock) -> None:
    logs, ms = FakeLogs(), 1_764_000_000_000
    logs.deliver(ms + 60_000, message=event(1, "ExecutionStarted", previous=0, arn=ARN.format(name="other", run=2)))

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if len(logs.stored) == 1:
            deliver(logs, "a", 1)

    table, _ = workshop.logged_executions(lab_with(logs=logs), "g", ["a"], 1, clock=clock.monotonic, sleep=sleep)
    assert table["status"].tolist() == ["SUCCEEDED"]
    assert clock.now < 1


def test_a_history_reads_as_a_log_does() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    history = [
        {"id": 3, "type": "ExecutionSucceeded", "timestamp": began + timedelta(seconds=2)},
        {"id": 2, "type": "PassStateEntered", "timestamp": began + timedelta(seconds=1),
         "stateEnteredEventDetails": {"name": "P", "input": "{}"}},
        {"id": 1, "type": "ExecutionStarted", "timestamp": began},
    ]  # fmt: skip
    logs = FakeLogs()
    deliver(logs, "a", 1)
    table = workshop.history_table(history)
    in_log = workshop.event_table(entry["message"] for entry in logs.stored)
    assert table.columns.tolist() == in_log.columns.tolist()
    assert table[["id", "type", "state"]].equals(in_log[["id", "type", "state"]])
    assert table["after_s"].tolist() == [0, 1, 2]
