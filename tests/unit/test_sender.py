"""The open-loop sender: on time, in batches, and stopped."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pandas as pd
import pytest

from lab.load import (
    Plan,
    Sender,
    Stage,
    messages,
)
from lab.load.judge import TOO_LATE
from tests.unit.queue_stand_in import (
    SENDS_COLUMNS,
    WALL_NS,
    FakeClock,
    FakeQueue,
    make_sender,
    seconds_of,
    send,
    small_messages,
    takes,
)


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
