"""Plans, the open-loop sender, its verdicts and its ledger: with a clock that jumps and a queue in memory."""

from __future__ import annotations

import gc
import itertools
import json
import math
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.load import (
    LedgerError,
    Plan,
    PlanError,
    Progress,
    Sender,
    SendResult,
    Stage,
    linear_ramp,
    messages,
    parse_rates,
    read_ledger,
    staircase,
)
from lab.load import run as sender_run
from lab.load import sender as sender_module
from lab.load.judge import STOPPED, TOO_LATE, Trace, stage_table
from lab.load.messages import Message
from lab.load.sends import SendRow

WALL_NS = 1_764_000_000_000_000_000
OUTCOMES = {"acked", "unknown", "refused", "dropped"}
SENDS_COLUMNS = [
    *("lab_id", "stage", "offered_rate", "t_planned", "t_sent", "t_acked"),
    *("message_id", "attempts", "outcome", "error"),
]


class FakeClock:
    """A clock that stands still until somebody sleeps; then it jumps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += max(0.0, seconds)


class FakeQueue:
    """An SQS client. ``behave`` is asked at each call; what it gives decides the call, see the functions below."""

    def __init__(self, behave: Callable[[int, list[dict[str, Any]]], Any] | None = None) -> None:
        self._lock = threading.Lock()
        self.behave = behave or (lambda number, entries: None)
        self.calls: list[list[str]] = []
        self.accepted: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3
        assert QueueUrl == "queue"
        assert 1 <= len(Entries) <= 10
        with self._lock:
            number = len(self.calls)
            self.calls.append([lab_id(entry) for entry in Entries])
        decision = self.behave(number, Entries)
        if isinstance(decision, Exception) and not isinstance(decision, ReadTimeoutError):
            raise decision
        failed = decision if isinstance(decision, dict) else {}
        with self._lock:
            taken = [entry for entry in Entries if entry["Id"] not in failed]
            self.accepted.extend(lab_id(entry) for entry in taken)
        if isinstance(decision, Exception):  # the messages arrived, the answer did not
            raise decision
        return {
            "Successful": [{"Id": entry["Id"], "MessageId": f"{lab_id(entry)}@{number}"} for entry in taken],
            "Failed": [{"Id": key, **failure} for key, failure in failed.items() if failure],
        }


def lab_id(entry: dict[str, Any]) -> str:
    return str(json.loads(entry["MessageBody"])["lab_id"])


def client_error(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendMessageBatch")  # type: ignore[arg-type]


def small_messages(count: int) -> list[Message]:
    return [messages.text_message(messages.lab_id_of("run", number), "hi") for number in range(count)]


def make_sender(queue: FakeQueue, clock: FakeClock | None = None, **options: Any) -> Sender:
    clock = clock or FakeClock()
    options = {"threads": 1, "cpu_clock": lambda: 0.0, **options}
    return Sender(queue, "queue", clock=clock, sleep=clock.sleep, wall_ns=lambda: WALL_NS, **options)


def send(queue: FakeQueue, plan: Plan, clock: FakeClock | None = None, **options: Any) -> SendResult:
    return make_sender(queue, clock, **options).send(plan, small_messages(len(plan)))


def takes(clock: FakeClock, seconds: float) -> Callable[[int, list[dict[str, Any]]], None]:
    """Every call takes so long."""
    return lambda number, entries: clock.sleep(seconds)


def seconds_of(table: pd.DataFrame, column: str) -> list[float]:
    start = pd.Timestamp(WALL_NS, tz="UTC") + pd.Timedelta(seconds=0.1)
    return [round(value, 6) for value in (table[column] - start).dt.total_seconds()]


def interpreter() -> tuple[float, tuple[int, int, int], bool]:
    """Switch interval, the collector's thresholds, and whether it leaves alone what was there before."""
    return sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count() > 0


# Plans

RATES = st.floats(0.1, 50)
STAGES = st.lists(st.builds(Stage, RATES, st.floats(10, 20)), min_size=1, max_size=5)


@given(stages=STAGES, spacing=st.sampled_from(["even", "poisson"]), seed=st.integers(0, 2**32))
def test_offsets_keep_to_their_stages(stages: list[Stage], spacing: Any, seed: int) -> None:
    plan = Plan(stages, spacing, seed)
    offsets = plan.offsets_s
    assert len(plan) == len(offsets) == len(plan.stage_numbers) == sum(stage.messages for stage in stages)
    assert (np.diff(offsets) >= -1e-9).all()
    assert plan.duration_s == pytest.approx(sum(stage.messages / stage.rate for stage in stages))
    for number, stage in enumerate(stages):
        mine = offsets[plan.stage_numbers == number]
        start, end = plan.stage_starts_s[number : number + 2]
        assert len(mine) == stage.messages
        assert start <= mine[0]
        assert mine[-1] < end
        assert abs(end - start - stage.seconds) <= 0.5 / stage.rate + 1e-9
        if spacing == "even":
            # The gaps within the stage and the last one, up to the next stage, add up to the stage.
            assert np.diff(mine, append=end) == pytest.approx(np.full(len(mine), 1 / stage.rate))


def test_poisson_is_seeded_and_spread_as_poisson_arrivals_are() -> None:
    plan = Plan([Stage(1000, 10)], "poisson", seed=5)
    assert (plan.offsets_s == Plan([Stage(1000, 10)], "poisson", seed=5).offsets_s).all()
    assert (plan.offsets_s != Plan([Stage(1000, 10)], "poisson", seed=6).offsets_s).any()
    gaps = np.diff(plan.offsets_s) * 1000
    assert gaps.std() == pytest.approx(1.0, abs=0.05)  # exponential gaps: deviation equals mean
    assert (gaps > 1).mean() == pytest.approx(math.exp(-1), abs=0.02)


def test_staircase_and_ramp() -> None:
    assert staircase([2, 4, 8], 10) == [Stage(2, 10), Stage(4, 10), Stage(8, 10)]
    assert linear_ramp(10, 30, 60, 3) == [Stage(10, 20), Stage(20, 20), Stage(30, 20)]
    assert linear_ramp(30, 10, 60, 2) == [Stage(30, 30), Stage(10, 30)]


def test_rates_are_read() -> None:
    assert parse_rates("2,4,8") == [2, 4, 8]
    assert parse_rates(" 0.5 , 1e1") == [0.5, 10]


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "-inf", "fast", "2,,4", "2,", "2;4", "2,0"])
def test_rates_that_cannot_be(text: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_rates(text)
    assert "--rates 2,4,8" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stage(0, 10),
        lambda: Stage(-2, 10),
        lambda: Stage(math.nan, 10),
        lambda: Stage(math.inf, 10),
        lambda: Stage("fast", 10),  # type: ignore[arg-type]
        lambda: Stage(True, 10),
        lambda: Stage(1, 0),
        lambda: Stage(1, -1),
        lambda: Stage(1, math.nan),
        lambda: Stage(0.1, 9),
        lambda: staircase([], 10),
        lambda: staircase([1, 0], 10),
        lambda: linear_ramp(1, 2, 10, 1),
        lambda: linear_ramp(0, 2, 10, 3),
        lambda: linear_ramp(1, math.inf, 10, 3),
        lambda: Plan([]),
        lambda: Plan([Stage(1, 10)], "odd"),  # type: ignore[arg-type]
        lambda: Plan([Stage(1e6, 2)]),
        lambda: Sender(None, "queue", threads=0),
    ],
)
def test_plans_that_cannot_be(make: Callable[[], object]) -> None:
    with pytest.raises(PlanError):
        make()


def test_too_few_messages_and_twins_are_refused_before_anything_leaves() -> None:
    queue = FakeQueue()
    sender = make_sender(queue)
    with pytest.raises(PlanError, match="sends 10 messages, but only 9"):
        sender.send(Plan([Stage(1, 10)]), small_messages(9))
    with pytest.raises(PlanError, match="same lab_id"):
        sender.send(Plan([Stage(1, 2)]), [*small_messages(1), *small_messages(1)])
    assert queue.calls == []


# Sending on time


def test_messages_leave_when_they_are_due_each_in_a_call_of_its_own() -> None:
    queue = FakeQueue()
    result = send(queue, Plan([Stage(10, 1), Stage(4, 1)]))
    expected = [0.1 * number for number in range(10)] + [1 + 0.25 * number for number in range(4)]
    assert seconds_of(result.sends, "t_planned") == pytest.approx(expected)
    assert seconds_of(result.sends, "t_sent") == pytest.approx(expected)
    assert [len(call) for call in queue.calls] == [1] * 14
    assert result.stages["achieved_rate"].tolist() == pytest.approx([10, 4])
    assert result.stages["valid"].all()
    assert not result.interrupted


def test_sends_table_is_as_agreed() -> None:
    sends = send(FakeQueue(), Plan([Stage(1, 3), Stage(2, 1)])).sends
    assert list(sends.columns) == SENDS_COLUMNS
    assert isinstance(sends.index, pd.RangeIndex)
    for column in ("t_planned", "t_sent", "t_acked"):
        assert str(sends[column].dtype) == "datetime64[ns, UTC]"
    assert sends["lab_id"].tolist() == [f"run-{number:06d}" for number in range(5)]
    assert sends["stage"].tolist() == [0, 0, 0, 1, 1]
    assert sends["offered_rate"].tolist() == [1, 1, 1, 2, 2]
    assert sends["message_id"].tolist() == [f"run-{number:06d}@{number}" for number in range(5)]
    assert all(value is None for value in sends["error"])


def test_loop_is_open_late_messages_go_in_batches_and_their_lag_counts_from_the_plan() -> None:
    clock = FakeClock()
    queue = FakeQueue()
    queue.behave = takes(clock, 0.5)
    # One thread, half a second a call, ten messages a second: after the first call five are due, and so on.
    result = send(queue, Plan([Stage(10, 2)]), clock)
    assert [len(call) for call in queue.calls] == [1, 5, 5, 5, 4]
    sent = seconds_of(result.sends, "t_sent")
    assert sent[:7] == pytest.approx([0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0])
    (stage,) = result.stages.to_dict("records")
    assert stage["send_lag_max_s"] == pytest.approx(0.4)
    assert stage["own_lag_p99_s"] == pytest.approx(0.0, abs=1e-6)
    assert stage["endpoint_saturated"]
    assert stage["valid"]
    assert stage["reason"] == "endpoint saturated: all 1 sender threads were waiting for answers"


def test_batch_never_waits_to_fill_nor_passes_ten_messages() -> None:
    clock = FakeClock()
    queue = FakeQueue(lambda number, entries: clock.sleep(1.0 if number == 0 else 0.0))
    send(queue, Plan([Stage(100, 1)]), clock)
    assert [len(call) for call in queue.calls] == [1, *[10] * 9, 9]


def test_batch_keeps_to_the_bytes_of_a_queue() -> None:
    clock = FakeClock()
    queue = FakeQueue(lambda number, entries: clock.sleep(1.0 if number == 0 else 0.0))
    large = [messages.text_message(f"run-{number}", "x" * 90_000) for number in range(6)]
    large[3] = messages.broken("too_large", "run-3")
    make_sender(queue, clock).send(Plan([Stage(10, 0.6)]), large)
    assert [len(call) for call in queue.calls] == [1, 2, 1, 2]


def test_what_cannot_leave_in_time_is_dropped_and_said_so() -> None:
    clock = FakeClock()
    queue = FakeQueue(lambda number, entries: clock.sleep(3.0 if number == 0 else 0.0))
    result = send(queue, Plan([Stage(10, 4)]), clock, drop_after_s=1.0)
    # Due at 0.1 s to 1.9 s, and over a second late at 3 s.
    assert result.sends["outcome"].tolist() == ["acked"] + ["dropped"] * 19 + ["acked"] * 20
    dropped = result.sends[result.sends["outcome"] == "dropped"]
    assert (dropped["attempts"] == 0).all()
    assert dropped["t_sent"].isna().all()
    assert (dropped["error"] == TOO_LATE).all()
    (stage,) = result.stages.to_dict("records")
    assert (stage["planned"], stage["sent"], stage["acked"], stage["dropped"]) == (40, 21, 21, 19)
    assert stage["achieved_rate"] == pytest.approx(21 / 4)
    assert stage["endpoint_saturated"]


def test_sender_that_was_asleep_when_it_had_to_drop_is_void() -> None:
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        # The laptop's lid was closed for a minute.
        clock.sleep(60.0 if seconds_since_start() > 0.5 and clock.now < 1_050 else seconds)

    def seconds_since_start() -> float:
        return clock.now - 1_000

    sender = Sender(FakeQueue(), "queue", threads=1, clock=clock, sleep=sleep, wall_ns=lambda: WALL_NS)
    result = sender.send(Plan([Stage(10, 2)]), small_messages(20))
    (stage,) = result.stages.to_dict("records")
    assert stage["dropped"] > 10
    assert not stage["valid"]
    assert "the sender lagged" in stage["reason"]


def test_threads_work_side_by_side() -> None:
    # The barrier opens only once four calls are under way at the same time.
    barrier = threading.Barrier(4)
    queue = FakeQueue(lambda number, entries: barrier.wait(timeout=10) and None)
    result = send(queue, Plan([Stage(4, 1)]), threads=4)
    assert (result.sends["outcome"] == "acked").all()


def test_time_of_day_may_jump_durations_do_not() -> None:
    clock = FakeClock()
    wall = itertools.count(WALL_NS, -3_600_000_000_000)  # an hour back at each look
    sender = Sender(FakeQueue(), "queue", threads=1, clock=clock, sleep=clock.sleep, wall_ns=lambda: next(wall))
    result = sender.send(Plan([Stage(1, 3)]), small_messages(3))
    assert np.diff(seconds_of(result.sends, "t_sent")) == pytest.approx([1, 1])


# Refusals, throttles, lost answers


def one_message(behave: Callable[[int, list[dict[str, Any]]], Any], count: int = 1) -> tuple[Any, FakeQueue, Any]:
    queue = FakeQueue(behave)
    result = send(queue, Plan([Stage(10, count / 10)]))
    return result.sends.iloc[0], queue, result.stages.iloc[0]


def first(times: int, decision: Any) -> Callable[[int, list[dict[str, Any]]], Any]:
    return lambda number, entries: decision if number < times else None


TIMEOUT = ReadTimeoutError(endpoint_url="http://127.0.0.1")
NO_CONNECTION = EndpointConnectionError(endpoint_url="http://127.0.0.1")
BUSY = {"0": {"Code": "RequestThrottled", "SenderFault": True}}
INTERNAL = {"0": {"Code": "InternalError", "SenderFault": False}}
INVALID = {"0": {"Code": "InvalidMessageContents", "SenderFault": True}}


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


# Stopping


@pytest.fixture
def eager_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_run, "_PROGRESS_EVERY_S", 0.001)


class StuckQueue(FakeQueue):
    """Answers three calls; the fourth waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = threading.Event()
        self.let_go = threading.Event()
        self.behave = self._wait

    def _wait(self, number: int, entries: list[dict[str, Any]]) -> None:
        if number == 3:
            self.stuck.set()
            assert self.let_go.wait(timeout=10)


@pytest.mark.usefixtures("eager_progress")
def test_ctrl_c_gives_calls_under_way_time_to_be_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = StuckQueue()

    class Watched(sender_run.Run):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            queue.let_go = self._halt  # the call is answered once the run has taken note of Ctrl-C

    monkeypatch.setattr(sender_module, "Run", Watched)

    def interrupt(progress: Progress) -> None:
        if queue.stuck.is_set() and not queue.let_go.is_set():
            raise KeyboardInterrupt

    path = tmp_path / "ledger"
    result = make_sender(queue).send(
        Plan([Stage(10, 0.3), Stage(10, 1)]), small_messages(13), on_progress=interrupt, ledger_path=path
    )
    assert result.interrupted
    assert result.sends["outcome"].tolist() == ["acked"] * 4 + ["dropped"] * 9
    assert result.sends.loc[4, "error"] == STOPPED
    assert result.stages["valid"].tolist() == [True, False]
    assert result.stages.loc[1, "reason"] == "stopped early: 9 of 10 messages were not sent"
    pd.testing.assert_frame_equal(read_ledger(path), result.sends)


@pytest.mark.usefixtures("eager_progress")
def test_ctrl_c_does_not_wait_for_ever(tmp_path: Path) -> None:
    queue = StuckQueue()

    def interrupt(progress: Progress) -> None:
        if queue.stuck.is_set() and progress.in_flight:
            raise KeyboardInterrupt

    path = tmp_path / "ledger"
    result = make_sender(queue, grace_s=0.01).send(
        Plan([Stage(10, 1)]), small_messages(10), on_progress=interrupt, ledger_path=path
    )
    queue.let_go.set()
    assert result.sends["outcome"].tolist() == ["acked"] * 3 + ["unknown"] + ["dropped"] * 6
    row = result.sends.iloc[3]
    assert (row["attempts"], row["error"]) == (1, STOPPED)
    assert not pd.isna(row["t_sent"])
    pd.testing.assert_frame_equal(read_ledger(path), result.sends)


def test_interpreter_pauses_less_while_sending_and_as_before_afterwards() -> None:
    before = interpreter()
    seen = []
    send(FakeQueue(lambda number, entries: seen.append(interpreter())), Plan([Stage(1, 1)]))
    ((interval_s, thresholds, frozen),) = seen
    assert interval_s < before[0]
    assert thresholds[2] > before[1][2]
    assert frozen
    assert interpreter() == before
    with pytest.raises(ZeroDivisionError):
        send(FakeQueue(lambda number, entries: 1 // 0), Plan([Stage(1, 1)]))
    assert interpreter() == before


def test_stop_from_outside() -> None:
    stop = threading.Event()
    queue = FakeQueue(lambda number, entries: stop.set() if number == 4 else None)
    result = make_sender(queue).send(Plan([Stage(10, 1)]), small_messages(10), stop=stop)
    assert result.interrupted
    assert result.sends["outcome"].tolist() == ["acked"] * 5 + ["dropped"] * 5


def test_stop_ends_the_waits_between_tries() -> None:
    stop = threading.Event()
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if queue.calls:
            stop.set()

    queue = FakeQueue(first(9, TIMEOUT))
    sender = Sender(queue, "queue", threads=1, clock=clock, sleep=sleep, wall_ns=lambda: WALL_NS)
    run = sender_run.Run(sender.means, Plan([Stage(1, 1)]), small_messages(1), None, stop)
    object.__setattr__(run._delivery, "uniform", lambda low, high: 3_600.0)
    result = run.carry_out(None)
    assert len(queue.calls) == 1
    assert result.sends.loc[0, "outcome"] == "unknown"
    assert (result.finished - result.started).total_seconds() < 1


@pytest.mark.usefixtures("eager_progress")
def test_fault_in_the_progress_display_stops_the_sending() -> None:
    queue = StuckQueue()

    def broken(progress: Progress) -> None:
        if queue.stuck.is_set():
            raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        make_sender(queue, grace_s=0).send(Plan([Stage(10, 1)]), small_messages(10), on_progress=broken)
    queue.let_go.set()
    assert len(queue.calls) == 4


def test_progress_tells_stage_rate_and_what_is_due() -> None:
    seen: list[Progress] = []
    make_sender(FakeQueue()).send(Plan([Stage(2, 1), Stage(5, 1)]), small_messages(7), on_progress=seen.append)
    last = seen[-1]
    assert (last.stage, last.offered_rate) == (1, 5)
    assert (last.planned, last.due, last.sent, last.acked) == (7, 7, 7, 7)


# Verdicts


def judged(
    lags_s: Iterable[float], *, free_s: Callable[[float], float] = lambda due_s: due_s - 1, cpu: float = 0.1
) -> Any:
    """The verdict on one stage of 100 messages in 10 s, message ``k`` due at ``k / 10`` s and late by ``lags_s[k]``.

    ``free_s`` says when the thread that took the message due at ``due_s`` had become free.
    """
    plan = Plan([Stage(10, 10)])
    rows = []
    for number, lag in enumerate(lags_s):
        due_s = number / 10
        due_ns, sent_ns, free_ns = (WALL_NS + round(time * 1e9) for time in (due_s, due_s + lag, free_s(due_s)))
        rows.append(SendRow(str(number), 0, 10, due_ns, sent_ns=sent_ns, outcome="acked", free_ns=free_ns))
    trace = Trace(WALL_NS, threads=2)
    trace.own_cpu = [(WALL_NS, 3.0), (WALL_NS + 10_000_000_000, 3.0 + 10 * cpu)]
    return stage_table(plan, rows, trace).iloc[0]


def test_stage_on_time_is_valid() -> None:
    stage = judged([0.001] * 98 + [0.010] * 2)
    assert stage["valid"]
    assert stage["reason"] == ""
    assert stage["send_lag_p50_s"] == pytest.approx(0.001)
    assert stage["send_lag_p99_s"] == pytest.approx(0.010)
    assert stage["own_cpu"] == pytest.approx(0.1)


def test_one_straggler_in_a_hundred_is_forgiven_two_are_not() -> None:
    assert judged([0.0] * 99 + [0.5])["valid"]
    stage = judged([0.0] * 98 + [0.5] * 2)
    assert not stage["valid"]
    assert stage["reason"] == "the sender lagged: p99 500.0 ms late with threads idle (limit 10 ms)"
    assert not stage["endpoint_saturated"]


def test_lag_with_every_thread_waiting_is_the_endpoints() -> None:
    # The thread that took the message came free 2 ms before it left.
    stage = judged([0.5] * 100, free_s=lambda due_s: due_s + 0.498)
    assert stage["valid"]
    assert stage["endpoint_saturated"]
    assert stage["own_lag_p99_s"] == pytest.approx(0.002)
    assert stage["reason"] == "endpoint saturated: all 2 sender threads were waiting for answers"


def test_lag_after_a_thread_came_free_is_the_senders() -> None:
    stage = judged([0.5] * 100, free_s=lambda due_s: due_s + 0.2)
    assert not stage["valid"]
    assert not stage["endpoint_saturated"]
    assert stage["own_lag_p99_s"] == pytest.approx(0.3)


def test_messages_dropped_while_every_thread_was_waiting_show_a_saturated_endpoint() -> None:
    rows = [
        SendRow("0", 0, 1, WALL_NS, sent_ns=WALL_NS, outcome="acked", free_ns=WALL_NS),
        SendRow("1", 0, 1, WALL_NS + 10**9, outcome="dropped", error=TOO_LATE),
    ]
    rows[1].free_ns = rows[1].taken_ns = WALL_NS + 7 * 10**9
    stage = stage_table(Plan([Stage(1, 2)]), rows, Trace(WALL_NS, threads=2)).iloc[0]
    assert stage["endpoint_saturated"]
    assert stage["valid"]


def test_sender_short_of_cpu_is_void() -> None:
    assert judged([0.0] * 100, cpu=0.9)["valid"]
    stage = judged([0.0] * 100, cpu=0.97)
    assert not stage["valid"]
    assert stage["reason"] == "the sender itself was busy: 97% of a core (limit 90%)"


def test_messages_that_left_after_the_stage_do_not_count_as_achieved() -> None:
    assert judged([0.0] * 100)["achieved_rate"] == 10
    # The last five are due at 9.5 to 9.9 s and leave a second later.
    assert judged([0.0] * 95 + [1.0] * 5)["achieved_rate"] == 9.5


# The ledger


def test_plan_is_on_disk_before_the_first_message_leaves(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "ledger.jsonl"
    on_disk: list[pd.DataFrame] = []

    def behave(number: int, entries: list[dict[str, Any]]) -> None:
        on_disk.append(read_ledger(path))

    plan = Plan([Stage(10, 0.5)])
    result = make_sender(FakeQueue(behave)).send(plan, small_messages(5), ledger_path=path)
    # Had it been killed during call k: k results, one call that nobody knows about, the rest never left.
    for number, table in enumerate(on_disk):
        assert table["outcome"].tolist() == ["acked"] * number + ["unknown"] + ["dropped"] * (4 - number)
        assert table["t_planned"].tolist() == result.sends["t_planned"].tolist()
        assert table.loc[number, "attempts"] == 1
        assert table.loc[number, "t_sent"] == result.sends.loc[number, "t_sent"]


def test_ledger_cut_anywhere_still_tells(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    make_sender(FakeQueue(first(1, BUSY))).send(Plan([Stage(10, 0.3)]), small_messages(3), ledger_path=path)
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 17), len(whole) - 1, len(whole)}:
        path.write_bytes(whole[:length])
        table = read_ledger(path)
        lines = [json.loads(line) for line in whole[:length].split(b"\n")[:-1]]
        assert len(table) == sum(line["kind"] == "planned" for line in lines)
        left = {name for line in lines if line["kind"] == "sending" for name in line["lab_ids"]}
        assert set(table.loc[table["outcome"] == "dropped", "lab_id"]).isdisjoint(left)
        assert set(table["outcome"]) <= OUTCOMES
        assert str(table["t_planned"].dtype) == "datetime64[ns, UTC]"


def test_ledger_of_another_run_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("precious")
    queue = FakeQueue()
    with pytest.raises(LedgerError, match="exists already"):
        make_sender(queue).send(Plan([Stage(1, 1)]), small_messages(1), ledger_path=path)
    assert path.read_text() == "precious"
    assert queue.calls == []


def test_ledger_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder\n")
    with pytest.raises(LedgerError, match="Cannot write"):
        make_sender(FakeQueue()).send(Plan([Stage(1, 1)]), small_messages(1), ledger_path=blocked / "ledger")
    with pytest.raises(LedgerError, match="Cannot read"):
        read_ledger(tmp_path / "absent")
    with pytest.raises(LedgerError, match="Line 1 of"):
        read_ledger(blocked)
