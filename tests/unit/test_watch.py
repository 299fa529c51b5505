"""Following messages to their end: when it is over, when patience ends, and events that come late."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.session.watch import Watch
from lab.stack import Names
from lab.target import Target

ARN = "arn:aws:states:us-east-1:000000000000:express:m:message-1:uuid"


def event(number: int, kind: str) -> dict[str, Any]:
    message = {
        "id": str(number),
        "type": kind,
        "details": {"input": "{}", "output": "{}"},
        "previous_event_id": str(number - 1),
        "event_timestamp": str(1_000 + number),
        "execution_arn": ARN,
    }
    return {
        "eventId": f"e{number}",
        "logStreamName": "s",
        "timestamp": 1_000 + number,
        "ingestionTime": 1_000 + number,
        "message": json.dumps(message),
    }


class World:
    """A queue and a log group in memory; time passes only by sleeping, and then ``script`` may change things."""

    def __init__(self, script: dict[float, Any]) -> None:
        self.now = 0.0
        self.depth = 1
        self.dead = 0
        self.service_ms = 0
        self.events: list[dict[str, Any]] = []
        self.script = script

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self.script if moment <= self.now]:
            self.script.pop(moment)(self)

    def client(self, service: str) -> World:
        return self

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's names
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        depth = self.depth if QueueUrl.endswith("messages") else self.dead
        return {"Attributes": dict.fromkeys(AttributeNames, "0") | {AttributeNames[0]: str(depth)}}

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        wanted = "vendedlogs" in request["logGroupName"]
        since = request.get("startTime", 0)
        return {"events": [entry for entry in self.events if wanted and entry["timestamp"] >= since]}

    def get_paginator(self, operation: str) -> World:
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [self.filter_log_events(**request)]


def watch(world: World, monkeypatch: pytest.MonkeyPatch, since_ms: int | None = 0) -> Watch:
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(target, "client", world.client)
    monkeypatch.setattr(target, "earliest_now_ms", lambda: world.service_ms)
    return Watch(Names(target), since_ms=since_ms)


def finish(world: World) -> None:
    world.depth = 0
    world.events = [event(1, "ExecutionStarted"), event(2, "ExecutionSucceeded")]


def test_it_is_over_once_every_execution_has_ended_and_the_queue_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({2.0: finish})
    drained = watch(world, monkeypatch).until_drained(1, patience_s=30, clock=world.clock, sleep=world.sleep)
    assert drained
    assert world.now == pytest.approx(2.0, abs=0.3)


def test_an_empty_queue_alone_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(world: World) -> None:
        world.depth = 0

    world = World({1.0: taken, 5.0: finish})
    assert watch(world, monkeypatch).until_drained(1, patience_s=30, clock=world.clock, sleep=world.sleep)
    assert world.now >= 5.0


def test_a_message_that_was_executed_twice_does_not_stand_for_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(message: str, *entries: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            entry | {"message": entry["message"].replace("message-1:uuid", message), "eventId": f"{message}{place}"}
            for place, entry in enumerate(entries)
        ]

    whole = event(1, "ExecutionStarted"), event(2, "ExecutionSucceeded")

    def twice(world: World) -> None:  # the other one has left the queue, and no log tells of it yet
        world.depth = 0
        world.events = of("message-1:first", *whole) + of("message-1:second", *whole)

    def the_other(world: World) -> None:
        world.events = world.events + of("message-2:first", *whole)

    world = World({1.0: twice, 7.0: the_other})
    found = watch(world, monkeypatch)
    assert found.until_drained(2, patience_s=30, each_once=True, clock=world.clock, sleep=world.sleep)
    assert (world.now >= 7.0, found.finished(lambda name, lab_id: True)) == (True, 3)


def test_patience_ends_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({})
    drained = watch(world, monkeypatch).until_drained(1, patience_s=30, clock=world.clock, sleep=world.sleep)
    assert not drained
    assert 30 <= world.now < 32


def test_an_event_that_came_to_light_behind_the_reading_position_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_is_seen_before_the_beginning(world: World) -> None:
        world.depth = 0
        late = event(1, "ExecutionStarted") | {"timestamp": 900_000, "ingestionTime": 900_000, "eventId": "e3"}
        late["message"] = late["message"].replace("message-1:uuid", "message-2:uuid")
        world.events = [event(1, "ExecutionStarted"), late]

    def the_missing_event_appears(world: World) -> None:
        end = event(2, "ExecutionSucceeded") | {"eventId": "e4"}
        end["message"] = end["message"].replace("message-1:uuid", "message-2:uuid")
        world.events += [event(2, "ExecutionSucceeded"), end]

    world = World({1.0: end_is_seen_before_the_beginning, 2.0: the_missing_event_appears})
    assert watch(world, monkeypatch).until_drained(2, patience_s=60, clock=world.clock, sleep=world.sleep)


def test_an_event_that_never_comes_does_not_hold_up_an_ended_execution_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finish_with_a_gap(world: World) -> None:
        world.depth = 0
        world.events = [event(1, "ExecutionStarted"), event(9, "ExecutionSucceeded")]

    world = World({1.0: finish_with_a_gap})
    assert watch(world, monkeypatch).until_drained(1, patience_s=60, clock=world.clock, sleep=world.sleep)
    assert 3 < world.now < 30


def test_dead_letters_from_before_are_none_of_those_that_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(world: World) -> None:
        world.depth = 0

    world = World({1.0: taken, 5.0: finish})
    world.dead = 3
    assert watch(world, monkeypatch).until_drained(1, patience_s=30, clock=world.clock, sleep=world.sleep)
    assert world.now >= 5.0


def at(timestamp_ms: int, number: int, kind: str, name: str) -> dict[str, Any]:
    """An event of the execution ``name`` at this instant of the service's clock."""
    entry = event(number, kind) | {
        "timestamp": timestamp_ms,
        "ingestionTime": timestamp_ms,
        "eventId": f"{name}{number}",
    }
    entry["message"] = entry["message"].replace("message-1:uuid", f"{name}:uuid-{name}")
    return entry


def ended(timestamp_ms: int, name: str) -> list[dict[str, Any]]:
    return [at(timestamp_ms, 1, "ExecutionStarted", name), at(timestamp_ms + 5, 2, "ExecutionSucceeded", name)]


def test_what_was_there_before_is_not_watched_although_it_may_be_of_this_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service's clock is known to a second: reading begins before the messages of a moment ago."""

    def mine(world: World) -> None:
        world.depth = 0
        # The last event of the run before comes late, and so does everything of our own.
        world.events += [at(1_000_960, 3, "ExecutionAborted", "other"), *ended(1_001_000, "own")]

    world = World({1.0: mine})
    world.service_ms = 1_000_000
    world.events = [*ended(1_000_400, "earlier"), at(1_000_950, 1, "ExecutionStarted", "other")]
    found = watch(world, monkeypatch, since_ms=None)
    assert found.until_drained(1, patience_s=30, clock=world.clock, sleep=world.sleep)
    executions, states, _ = found.tables()
    assert executions["name"].tolist() == ["own"]
    assert states.empty


def test_after_a_service_whose_clock_was_set_back_the_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_back(world: World) -> None:
        world.depth = 0
        world.service_ms = 1_000_000 - 90_000
        world.events += [*ended(1_000_100, "first"), *ended(world.service_ms + 1_000, "second")]

    world = World({1.0: set_back})
    world.service_ms = 1_000_000
    found = watch(world, monkeypatch, since_ms=None)
    assert found.until_drained(2, patience_s=30, clock=world.clock, sleep=world.sleep)
    assert sorted(found.tables()[0]["name"]) == ["first", "second"]
