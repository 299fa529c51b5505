"""How streams are polled and events of rules delivered: the hooks on stand-ins, without LocalStack and without time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.emulator.runtime.hooks import lambda_tasks, registry, rule_targets, stream_polling, stream_providers
from lab.emulator.runtime.stream_providers import one_at_a_time


def test_the_hooks_are_in_the_registry() -> None:
    assert {"rule_targets", "stream_polling", "stream_providers"} <= set(registry.NAMES)


# Which client


def test_the_client_of_a_task_is_kept_while_its_role_may_be_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str, str]] = []

    def boto_client_for(service: str, region: str, state_credentials: Any) -> int:
        made.append((service, region, state_credentials.role_arn))
        return len(made)

    module = SimpleNamespace(boto_client_for=boto_client_for)
    lambda_tasks._patch_clients(module)  # type: ignore[arg-type]
    trusted = True
    monkeypatch.setattr(lambda_tasks.authorization, "may_be_assumed", lambda role, service: trusted)
    one, other = SimpleNamespace(role_arn="one"), SimpleNamespace(role_arn="other")
    assert [module.boto_client_for("s3", "here", role) for role in (one, one, other, one)] == [1, 1, 2, 1]
    assert module.boto_client_for("sqs", "here", one) == 3
    trusted = False
    assert module.boto_client_for("s3", "here", one) == 4, "asked anew, and there it is refused"


# Which provider


def test_moto_is_chosen_for_the_three_services_that_are_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[tuple[str, str]] = []
    config = SimpleNamespace(
        SERVICE_PROVIDER_CONFIG=SimpleNamespace(set_provider=lambda service, name: chosen.append((service, name)))
    )
    monkeypatch.setattr(stream_providers, "enabled_services", lambda: frozenset({"sqs", "kinesis"}))
    stream_providers.PATCHES["localstack.config"](config)  # type: ignore[arg-type]
    assert chosen == [("kinesis", "lab_moto")]
    chosen.clear()
    monkeypatch.setattr(stream_providers, "enabled_services", frozenset)  # not limited
    stream_providers.PATCHES["localstack.config"](config)  # type: ignore[arg-type]
    assert [service for service, _ in chosen] == ["dynamodb", "dynamodbstreams", "kinesis"]


def test_of_two_calls_to_moto_the_second_waits_for_the_first(running_at_once: Callable[..., int]) -> None:
    assert running_at_once(lambda handlers: one_at_a_time(handlers, threading.RLock())) == 1
    assert running_at_once(lambda handlers: handlers) > 1, "they would overlap"


@pytest.fixture
def running_at_once() -> Callable[..., int]:
    """How many of four calls, to two operations, were under way at once."""

    def most(guard: Callable[..., dict[str, Callable[..., None]]]) -> int:
        under_way, seen = [0], []

        def handle(context: object, request: object) -> None:
            under_way[0] += 1
            seen.append(under_way[0])
            time.sleep(0.05)
            under_way[0] -= 1

        handlers = guard({"PutRecords": handle, "GetRecords": handle})
        callers = [threading.Thread(target=handlers[name], args=(None, None)) for name in [*handlers, *handlers]]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(seen) == 4
        return max(seen)

    return most


# How often a stream is asked


class Poller:
    """Stands in for LocalStack's StreamPoller."""

    stream_parameters = {"BatchSize": 3}  # noqa: RUF012

    def __init__(self, source: str, answers: list[int]) -> None:
        self.answers, self.waits, self.source, self.now = answers, [], source, 100.0
        self._is_shutdown = SimpleNamespace(wait=self._wait)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 6))
        self.now += seconds
        return not self.answers

    def event_source(self) -> str:
        return self.source

    def get_records(self, shard_iterator: str) -> dict[str, Any]:
        return {"Records": [{}] * self.answers.pop(0)}

    def poll_events_from_shard(self, shard_id: str, shard_iterator: str) -> None:
        self.get_records(shard_iterator)


@pytest.mark.parametrize(("source", "pause_s"), [("aws:kinesis", 1.0), ("aws:dynamodb", 0.25)])
def test_a_shard_is_asked_at_lambdas_rate_and_at_once_while_there_is_more(
    monkeypatch: pytest.MonkeyPatch, source: str, pause_s: float
) -> None:
    class Patched(Poller):
        pass

    stream_polling._patch(SimpleNamespace(StreamPoller=Patched))  # type: ignore[arg-type]
    poller = Patched(source, [3, 3, 1, 0, 2, 0])
    monkeypatch.setattr(stream_polling.time, "monotonic", lambda: poller.now)
    for _ in range(6):
        poller.poll_events_from_shard("shard", "iterator")
    # Twice as much as was asked for, then less, and from then on it waits each time.
    assert poller.waits == [pause_s] * 3
    assert poller.answers == []
    poller.poll_events_from_shard("shard", "iterator")  # while it waits, the mapping ends: no records are taken


def test_a_mapping_that_ends_tells_the_poller_of_a_stream_and_no_other() -> None:
    class Worker:
        def __init__(self, poller: Any) -> None:
            self.poller = poller

        def stop(self) -> None: ...

        def delete(self) -> None: ...

    stream_polling._patch_worker(SimpleNamespace(EsmWorker=Worker))  # type: ignore[arg-type]
    closed: list[str] = []
    of_stream = SimpleNamespace(shard_batcher={}, close=lambda: closed.append("stream"))
    of_queue = SimpleNamespace(close=lambda: closed.append("queue"))
    for poller in (of_stream, of_queue):
        Worker(poller).stop()
        Worker(poller).delete()
    assert closed == ["stream", "stream"]


# What becomes of an event


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "StartExecution")


class Rule:
    """One target of a rule, whose deliveries fail as told; what is put off runs at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception, **target: Any) -> None:
        self.errors, self.delivered, self.waits = list(errors), [], []
        self.letters: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.sender = SimpleNamespace(target={"Arn": "t", **target}, rule_arn="r")
        monkeypatch.setattr(rule_targets._later, "call", self._later)
        monkeypatch.setattr(rule_targets, "_send_to_queue", lambda *letter: self.letters.append(letter))

    def _later(self, wait_s: float, action: Any) -> None:
        self.waits.append(wait_s)
        action()

    def _deliver(self, sender: Any, event: dict[str, Any], trace_header: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.delivered.append((event["id"], rule_targets._thread.event_id))

    def handle(self) -> None:
        rule_targets._Delivery(self._deliver, self.sender, {"id": "e", "event-bus-name": "b"}, None).attempt()


def test_a_throttled_event_is_tried_again_with_longer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(monkeypatch, *[refusal("ThrottlingException", 400)] * 3)
    rule.handle()
    assert rule.delivered == [("e", "e")]
    assert 0.5 <= rule.waits[0] <= 1.0 <= rule.waits[1] <= 2.0 <= rule.waits[2] <= 4.0


@pytest.mark.parametrize(
    ("error", "kind", "retries"),
    [
        (refusal("AccessDeniedException", 400), "NO_PERMISSIONS", None),
        (refusal("StateMachineDoesNotExist", 400), "NO_RESOURCE", None),
        (refusal("ValidationException", 400), "UNKNOWN", None),
        (refusal("TooManyRequestsException", 429), "THROTTLING", "2"),
        (refusal("InternalError", 500), "UNKNOWN", "2"),
        (OSError("no answer"), "UNKNOWN", "2"),
    ],
)
def test_what_does_not_pass_is_dead_lettered_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str, retries: str | None
) -> None:
    policy = {"RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Arn": "q"}}
    rule = Rule(monkeypatch, *[error] * 9, **policy)
    rule.handle()
    ((queue, event, told),) = rule.letters
    assert (queue, event, rule.delivered) == ("q", {"id": "e"}, [])
    assert told["ERROR_CODE"] == kind
    assert told.get("RETRY_ATTEMPTS") == retries
    assert told.get("EXHAUSTED_RETRY_CONDITION") == ("MaximumRetryAttempts" if retries else None)


def test_an_event_is_given_up_when_it_is_too_old_and_dropped_without_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = {"RetryPolicy": {"MaximumEventAgeInSeconds": 0}}
    rule = Rule(monkeypatch, *[refusal("InternalError", 500)] * 9, **policy)
    rule.handle()
    assert (rule.waits, rule.letters, rule.delivered) == ([], [], [])
    rule = Rule(monkeypatch, refusal("InternalError", 500), DeadLetterConfig={"Arn": "q"}, **policy)
    rule.handle()
    assert rule.letters[0][2]["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


def test_what_is_put_off_runs_on_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    done = threading.Event()
    later = rule_targets._Later()
    later.call(0.0, done.set)
    assert done.wait(10)
    again = threading.Event()
    later.call(0.01, again.set)
    assert again.wait(10)
