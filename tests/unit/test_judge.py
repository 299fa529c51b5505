"""Verdicts on stages: whose fault a lag is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from lab.load import (
    Plan,
    Stage,
)
from lab.load.judge import TOO_LATE, Trace, stage_table
from lab.load.sends import SendRow
from tests.unit.queue_stand_in import WALL_NS


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
