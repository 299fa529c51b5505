"""Batches of a mapping at once, and when it holds back: without LocalStack."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from lab.emulator.runtime.hooks.mapping_batches import Batches, wanted
from lab.emulator.runtime.hooks.mapping_hold_back import FEW, MOST, PATIENCE_S, SLOW_BATCHES, SLOW_S, Executions, Pace
from lab.emulator.runtime.hooks.payload_limits import MAXIMUM_BYTES, fits, text_fits
from lab.emulator.runtime.hooks.queue_mapping import gathered
from lab.emulator.runtime.settings import workers_behind_mapping


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.005)


# Batches


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({}, 5),
        ({"ScalingConfig": {}}, 5),
        ({"ScalingConfig": None}, 5),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, 2),
    ],
)
def test_a_mapping_wants_five_batches_or_what_it_says(mapping: dict[str, object], expected: int) -> None:
    assert wanted(mapping) == expected


def test_no_more_batches_than_the_limit_and_none_taken_without_room() -> None:
    batches = Batches(2)
    go_on, began = threading.Event(), []

    def work() -> None:
        began.append(1)
        batches.taken()
        go_on.wait(10)

    for _ in range(3):
        batches.take(work)
    assert len(began) == 2
    assert not batches.are_over()
    go_on.set()
    batches.wait_until_over()
    batches.take(work)
    until(lambda: len(began) == 3)
    batches.close()
    assert batches.are_over()


def test_the_poller_waits_until_the_batch_is_taken_and_no_longer() -> None:
    batches = Batches(1)
    messages_came, done = threading.Event(), threading.Event()

    def work() -> None:
        messages_came.wait(10)
        batches.taken()
        done.wait(10)

    poller = threading.Thread(target=batches.take, args=(work,))
    poller.start()
    poller.join(0.1)
    assert poller.is_alive(), "another batch could be waited for while nobody knows how large this one is"
    assert batches.are_over(), "a poller that waits at the queue is at no work"
    messages_came.set()
    poller.join(10)
    assert not poller.is_alive()
    assert not batches.are_over()
    done.set()
    batches.close()


def test_what_is_raised_before_a_batch_is_taken_is_the_pollers() -> None:
    batches = Batches(2)

    def nothing_there() -> None:
        raise LookupError("empty")

    with pytest.raises(LookupError):
        batches.take(nothing_there)
    batches.close()


def test_what_is_raised_by_a_batch_is_not_and_its_place_is_free_again(caplog: pytest.LogCaptureFixture) -> None:
    batches = Batches(1)

    def work() -> None:
        batches.taken()
        raise RuntimeError("on the way")

    for _ in range(3):
        batches.take(work)
        batches.wait_until_over()
    batches.close()
    assert caplog.text.count("on the way") == 3


# The batching window


class Queue:
    """Messages that come at given seconds; a wait at it ends with the first of them."""

    def __init__(self, *comes_at: float) -> None:
        self.comes_at = list(comes_at)
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def receive(self, most: int, wait_s: float) -> list[float]:
        if not any(at <= self.now for at in self.comes_at):
            self.now = min([self.now + wait_s, *self.comes_at])
        there = [at for at in self.comes_at if at <= self.now][:most]
        del self.comes_at[: len(there)]
        return there

    def batch(self, most: int, window_s: float, ends_at: float = 1e9) -> tuple[list[float], float]:
        found = gathered(self.receive, most, window_s, lambda: self.now >= ends_at, self)
        return found, pytest.approx(self.now)


@pytest.mark.parametrize(
    ("comes_at", "window_s", "batch", "over_at"),
    [
        ([0, 0, 0.5], 0, [0, 0], 0.0),  # without a window: what is there
        ([], 0, [], 0.2),
        ([0, 0.5, 0.9, 1.0, 1.2], 5, [0, 0.5, 0.9, 1.0], 1.0),  # full
        ([0, 0.5, 1.9, 2.5], 2, [0, 0.5, 1.9], 2.0),  # over
        ([], 2, [], 2.0),
        ([0] * 7, 2, [0] * 4, 0.0),
    ],
)
def test_a_batch_is_gathered_until_it_is_full_or_its_window_is_over(
    comes_at: list[float], window_s: float, batch: list[float], over_at: float
) -> None:
    assert Queue(*comes_at).batch(4, window_s) == (batch, over_at)


def test_a_mapping_that_ends_in_its_window_gives_what_it_has_and_takes_nothing_more() -> None:
    queue = Queue(0, 0.3, 0.9)
    assert queue.batch(4, 300, ends_at=0.5) == ([0, 0.3], 0.5)
    assert queue.batch(4, 300, ends_at=0.5) == ([], 0.5)
    assert queue.comes_at == [0.9]


# The hold-back


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def slow_batch(pace: Pace, clock: Time, seconds: float = 2 * SLOW_S) -> None:
    with pace.batch():
        clock.now += seconds


def test_one_batch_after_the_other_while_nothing_is_known() -> None:
    clock = Time()
    pace = Pace(Executions(clock), clock)
    assert pace.may_take()
    with pace.batch():
        assert not pace.may_take()
        clock.now += PATIENCE_S + 0.1
        assert pace.may_take(), "a batch that goes on for so long is slow"
        with pace.batch():
            assert not pace.may_take()
    assert pace.may_take()


def test_slow_batches_in_a_row_let_others_in_and_a_quick_one_ends_it() -> None:
    clock = Time()
    pace = Pace(Executions(clock), clock)
    for _ in range(SLOW_BATCHES):
        with pace.batch():
            assert not pace.may_take()
            clock.now += 2 * SLOW_S
    with pace.batch(), pace.batch():
        assert pace.may_take()
        slow_batch(pace, clock, SLOW_S / 2)
        assert not pace.may_take()


def test_no_batch_while_executions_are_many() -> None:
    clock = Time()
    executions = Executions(clock)
    pace = Pace(executions, clock)
    with ExitStack() as running:
        for _ in range(FEW):
            assert pace.may_take()
            running.enter_context(executions.at_work())
        assert not pace.may_take()
        with executions.at_work(-1):  # one of them only waits
            assert pace.may_take()
        assert not pace.may_take()
    assert pace.may_take()


def test_a_slow_function_may_start_more_but_not_any_number() -> None:
    clock = Time()
    executions = Executions(clock)
    pace = Pace(executions, clock)
    for _ in range(SLOW_BATCHES):
        slow_batch(pace, clock)
    with ExitStack() as running:
        for _ in range(MOST):
            assert pace.may_take()
            running.enter_context(executions.at_work())
        assert not pace.may_take()


def test_a_batch_that_took_long_because_executions_were_many_is_not_slow() -> None:
    clock = Time()
    executions = Executions(clock)
    pace = Pace(executions, clock)
    for _ in range(SLOW_BATCHES):
        with ExitStack() as running, pace.batch():
            for _ in range(FEW):
                running.enter_context(executions.at_work())
            clock.now += 2 * SLOW_S
    with pace.batch():
        assert not pace.may_take()


# Sizes and workers


def test_sizes_are_bytes_of_utf_8_without_spaces() -> None:
    around = len('{"x":["",1]}')
    assert fits({"x": ["é" * ((MAXIMUM_BYTES - around) // 2), 1]})
    assert not fits({"x": ["é" * ((MAXIMUM_BYTES - around) // 2 + 1), 1]})
    assert text_fits("A" * MAXIMUM_BYTES)
    assert not text_fits("A" * (MAXIMUM_BYTES + 1))
    assert text_fits("東" * (MAXIMUM_BYTES // 3))
    assert not text_fits("東" * (MAXIMUM_BYTES // 3 + 1))
    assert fits("\ud800")  # half a character, which JSON allows and UTF-8 does not


@pytest.mark.parametrize(
    ("batches", "cores", "environment", "expected"),
    [
        (5, 2, {}, 5),
        (2, 4, {}, 4),
        (1000, 2, {}, 10),
        (1000, 16, {}, 16),
        (5, 2, {"LAB_WORKERS_PER_FUNCTION": "3"}, 3),
        (2, 2, {"LAB_WORKERS_PER_FUNCTION": "8"}, 8),
    ],
)
def test_each_batch_has_a_worker(batches: int, cores: int, environment: dict[str, str], expected: int) -> None:
    assert workers_behind_mapping(batches, environment, cores) == expected
