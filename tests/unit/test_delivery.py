"""Refusals, throttles and lost answers on the way of a message to the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    NoCredentialsError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.load import (
    Plan,
    Progress,
    Stage,
    read_ledger,
)
from lab.load import run as sender_run
from tests.unit.queue_stand_in import (
    BUSY,
    INTERNAL,
    INVALID,
    NO_CONNECTION,
    OUTCOMES,
    TIMEOUT,
    FakeClock,
    FakeQueue,
    client_error,
    first,
    lab_id,
    make_sender,
    seconds_of,
    send,
    small_messages,
)


def one_message(behave: Callable[[int, list[dict[str, Any]]], Any], count: int = 1) -> tuple[Any, FakeQueue, Any]:
    queue = FakeQueue(behave)
    result = send(queue, Plan([Stage(10, count / 10)]))
    return result.sends.iloc[0], queue, result.stages.iloc[0]


@pytest.mark.parametrize(
    ("behave", "outcome", "attempts", "error", "throttles"),
    [
        (first(0, None), "acked", 1, None, 0),
        (first(2, client_error("ThrottlingException")), "acked", 3, None, 2),
        (first(2, client_error("ServiceUnavailable", 503)), "acked", 3, None, 2),
        (first(2, BUSY), "acked", 3, None, 2),
        (first(1, INTERNAL), "acked", 2, None, 0),
        (first(9, BUSY), "refused", 5, "RequestThrottled", 5),
        (first(9, client_error("ThrottlingException")), "refused", 5, "ThrottlingException", 5),
        (first(9, INVALID), "refused", 1, "InvalidMessageContents", 0),
        (first(9, client_error("QueueDoesNotExist")), "refused", 1, "QueueDoesNotExist", 0),
        (first(9, TIMEOUT), "unknown", 5, "ReadTimeoutError", 0),
        (first(1, TIMEOUT), "acked", 2, None, 0),
        (first(9, ConnectionClosedError(endpoint_url="")), "unknown", 5, "ConnectionClosedError", 0),
        (first(9, client_error("InternalFailure", 500)), "unknown", 5, "InternalFailure", 0),
        (first(9, {"0": None}), "unknown", 5, "MissingFromAnswer", 0),
        (first(9, NO_CONNECTION), "dropped", 0, "EndpointConnectionError", 0),
        (first(2, NO_CONNECTION), "acked", 1, None, 0),
        (first(9, NoCredentialsError()), "refused", 0, "NoCredentialsError", 0),
        # An answer was lost, then SQS said no: the first may be in the queue all the same.
        (lambda number, entries: TIMEOUT if number == 0 else INVALID, "unknown", 2, "InvalidMessageContents", 0),
        (lambda number, entries: TIMEOUT if number == 0 else NO_CONNECTION, "unknown", 1, "EndpointConnectionError", 0),
    ],
)
def test_outcome_of_one_message(behave: Any, outcome: str, attempts: int, error: str | None, throttles: int) -> None:
    row, queue, stage = one_message(behave)
    assert (row["outcome"], row["attempts"], row["error"]) == (outcome, attempts, error)
    assert stage[outcome] == 1
    assert stage["throttles"] == throttles
    assert stage["retries"] == len(queue.calls) - 1
    assert pd.isna(row["t_acked"]) == (outcome != "acked")
    assert pd.isna(row["t_sent"]) == (attempts == 0)


def test_partial_failure_tries_only_the_failed_again() -> None:
    clock = FakeClock()

    def behave(number: int, entries: list[dict[str, Any]]) -> Any:
        if number == 0:
            clock.sleep(0.5)
        return {"2": {"Code": "InternalError", "SenderFault": False}} if number == 1 else None

    queue = FakeQueue(behave)
    result = send(queue, Plan([Stage(10, 0.6)]), clock)
    assert [len(call) for call in queue.calls] == [1, 5, 1]
    assert queue.calls[2] == ["run-000003"]
    assert result.sends["attempts"].tolist() == [1, 1, 1, 2, 1, 1]
    assert (result.sends["outcome"] == "acked").all()


def test_send_lag_counts_to_the_first_call_not_to_the_one_that_was_answered() -> None:
    clock = FakeClock()

    def behave(number: int, entries: list[dict[str, Any]]) -> Any:
        clock.sleep(1.0)
        return TIMEOUT if number == 0 else None

    result = send(FakeQueue(behave), Plan([Stage(1, 1)]), clock)
    assert seconds_of(result.sends, "t_sent") == [0.0]
    assert seconds_of(result.sends, "t_acked")[0] >= 2.0


def test_one_message_that_no_call_may_hold_does_not_take_the_others_down() -> None:
    clock = FakeClock()

    def behave(number: int, entries: list[dict[str, Any]]) -> Any:
        if number == 0:
            clock.sleep(0.5)
        bad = any(lab_id(entry) == "run-000003" for entry in entries)
        return client_error("InvalidParameterValue") if bad else None

    result = send(FakeQueue(behave), Plan([Stage(10, 0.6)]), clock)
    assert result.sends["outcome"].tolist() == ["acked", "acked", "acked", "refused", "acked", "acked"]
    assert result.sends.loc[3, "error"] == "InvalidParameterValue"


def test_waits_grow_are_drawn_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    queue = FakeQueue(first(9, TIMEOUT))
    clock = FakeClock()
    run = sender_run.Run(
        make_sender(queue, clock).means, Plan([Stage(1, 1)]), small_messages(1), None, threading.Event()
    )
    object.__setattr__(run._delivery, "uniform", uniform)
    result = run.carry_out(None)
    assert asked == [(0.0, 0.2), (0.0, 0.4), (0.0, 0.8), (0.0, 1.6)]
    assert (result.finished - result.started).total_seconds() == pytest.approx(3.0)


def test_retries_that_boto3_made_itself_are_counted() -> None:
    class Retrying(FakeQueue):
        def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
            return {**super().send_message_batch(**arguments), "ResponseMetadata": {"RetryAttempts": 2}}

    result = send(Retrying(), Plan([Stage(1, 1)]))
    assert result.sends.loc[0, "attempts"] == 3
    assert result.stages.loc[0, "retries"] == 2


def test_fault_in_the_client_is_raised_in_the_callers_thread() -> None:
    with pytest.raises(TypeError, match="broken client"):
        send(FakeQueue(first(1, TypeError("broken client"))), Plan([Stage(10, 1)]), threads=3)


FAILURES = [
    *(None, None, None, TIMEOUT, NO_CONNECTION, ConnectionClosedError(endpoint_url="")),
    *(client_error("ThrottlingException"), client_error("Gone"), client_error("Broken", 500)),
    *(BUSY, INTERNAL, INVALID, {"0": None}, {"1": None, **INVALID}),
]


@settings(deadline=None)
@given(
    stages=st.lists(st.builds(Stage, st.floats(2, 60), st.floats(0.5, 2)), min_size=1, max_size=3),
    spacing=st.sampled_from(["even", "poisson"]),
    threads=st.integers(1, 4),
    script=st.lists(st.tuples(st.sampled_from(FAILURES), st.floats(0, 2)), max_size=25),
    drop_after_s=st.sampled_from([0.1, 1.0, 5.0]),
)
def test_every_planned_message_has_exactly_one_true_outcome(
    tmp_path_factory: pytest.TempPathFactory,
    stages: list[Stage],
    spacing: Any,
    threads: int,
    script: list[tuple[Any, float]],
    drop_after_s: float,
) -> None:
    clock = FakeClock()

    def behave(number: int, entries: list[dict[str, Any]]) -> Any:
        decision, seconds = script[number] if number < len(script) else (None, 0.0)
        clock.sleep(seconds)
        # A failure can only speak of entries that the call has.
        return (
            {key: value for key, value in decision.items() if int(key) < len(entries)}
            if isinstance(decision, dict)
            else decision
        )

    queue = FakeQueue(behave)
    plan = Plan(stages, spacing)
    ledger = tmp_path_factory.mktemp("run") / "ledger.jsonl"
    snapshots: list[Progress] = []
    result = make_sender(queue, clock, threads=threads, drop_after_s=drop_after_s).send(
        plan, small_messages(len(plan)), ledger_path=ledger, on_progress=snapshots.append
    )
    sends = result.sends
    assert sends["lab_id"].tolist() == [message.lab_id for message in small_messages(len(plan))]
    assert set(sends["outcome"]) <= OUTCOMES

    counts = sends["outcome"].value_counts().to_dict()
    last = snapshots[-1]
    assert {name: getattr(last, name) for name in OUTCOMES} == {name: counts.get(name, 0) for name in OUTCOMES}
    assert last.in_flight == 0
    assert sum(counts.values()) == last.planned == len(plan)
    totals = result.stages[["planned", "sent", *sorted(OUTCOMES)]].sum()
    assert totals["planned"] == totals[sorted(OUTCOMES)].sum() == len(plan)
    assert totals["sent"] == sends["t_sent"].notna().sum()

    by_outcome = {name: set(sends.loc[sends["outcome"] == name, "lab_id"]) for name in OUTCOMES}
    arrived = set(queue.accepted)
    assert by_outcome["acked"] <= arrived <= by_outcome["acked"] | by_outcome["unknown"]
    never_left = sends["outcome"] == "dropped"
    assert (sends.loc[never_left, "attempts"] == 0).all()
    assert (sends.loc[~never_left, "attempts"] > 0).all()
    assert (sends["t_sent"].isna() == never_left).all()
    assert (sends["t_sent"].dropna() >= sends["t_planned"][~never_left]).all()
    acked = sends[sends["outcome"] == "acked"]
    assert (acked["t_acked"] >= acked["t_sent"]).all()
    assert acked["message_id"].notna().all()
    assert sends["message_id"].notna().sum() == len(acked)

    pd.testing.assert_frame_equal(read_ledger(ledger), sends)
