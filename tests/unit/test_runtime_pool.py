"""The worker pool: limits, order, replacement of workers that ended."""

from __future__ import annotations

import threading

import pytest

from lab.emulator.runtime.pool import WorkerGoneError, WorkerPool
from lab.emulator.runtime.results import Invocation, Outcome


class FakeWorker:
    """A worker whose invocations last until the test lets them end."""

    def __init__(self) -> None:
        self.usable = True
        self.stopped = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.gone = False
        self.handled: list[str] = []
        self.begun = threading.Event()

    def invoke(self, invocation: Invocation) -> Outcome:
        if self.gone:
            self.usable = False
            raise WorkerGoneError
        self.begun.set()
        assert self.go_on.wait(10)
        self.handled.append(invocation.request_id)
        return Outcome(payload=invocation.request_id.encode())

    def stop(self) -> None:
        self.stopped = True

    def kill(self) -> None:
        self.usable = False
        self.go_on.set()


def event(request_id: str) -> Invocation:
    return Invocation(request_id, "arn", b"{}")


class Factory:
    def __init__(self, *workers: FakeWorker) -> None:
        self.workers = list(workers)
        self.started: list[FakeWorker] = []

    def __call__(self) -> FakeWorker:
        worker = self.workers.pop(0) if self.workers else FakeWorker()
        self.started.append(worker)
        return worker


def test_one_worker_serves_invocations_that_follow_each_other() -> None:
    pool, factory = WorkerPool(4), Factory()
    for number in range(5):
        assert pool.invoke(event(str(number)), factory).payload == str(number).encode()
    assert len(factory.started) == pool.worker_count == 1


def test_burst_starts_no_more_workers_than_the_limit_and_keeps_the_order() -> None:
    slow = [FakeWorker(), FakeWorker()]
    for worker in slow:
        worker.go_on.clear()
    pool, factory = WorkerPool(2), Factory(*slow)
    threads = []
    for number in range(10):
        threads.append(threading.Thread(target=pool.invoke, args=(event(str(number)), factory)))
        threads[-1].start()
        wait_for(lambda number=number: len(factory.started) + len(pool._waiting) == number + 1)
    assert len(factory.started) == 2
    slow[0].go_on.set()
    for thread in threads[:1] + threads[2:]:
        thread.join(10)
    assert slow[0].handled == [str(number) for number in (0, 2, 3, 4, 5, 6, 7, 8, 9)]
    slow[1].go_on.set()
    threads[1].join(10)
    assert len(factory.started) == 2


def test_worker_that_died_while_idle_is_replaced_and_the_event_is_not_lost() -> None:
    first = FakeWorker()
    pool, factory = WorkerPool(1), Factory(first)
    pool.invoke(event("a"), factory)
    first.gone = True
    assert pool.invoke(event("b"), factory).payload == b"b"
    assert first.stopped
    assert pool.worker_count == 1


def test_worker_that_is_no_longer_usable_makes_room_for_one_who_waits() -> None:
    first = FakeWorker()
    first.go_on.clear()
    pool, factory = WorkerPool(1), Factory(first)
    holder = threading.Thread(target=pool.invoke, args=(event("a"), factory))
    holder.start()
    assert first.begun.wait(10)
    waiter = threading.Thread(target=pool.invoke, args=(event("b"), factory))
    waiter.start()
    wait_for(lambda: len(pool._waiting) == 1)
    first.usable = False
    first.go_on.set()
    holder.join(10)
    waiter.join(10)
    assert first.stopped
    assert factory.started[1].handled == ["b"]
    assert pool.worker_count == 1


def test_worker_that_does_not_start_leaves_its_place() -> None:
    def broken() -> FakeWorker:
        raise OSError("no memory")

    pool = WorkerPool(1)
    for _ in range(2):
        with pytest.raises(OSError, match="no memory"):
            pool.invoke(event("a"), broken)
    assert pool.worker_count == 0
    assert pool.invoke(event("b"), Factory()).payload == b"b"


def test_closing_ends_idle_workers_at_once_and_busy_ones_afterwards() -> None:
    idle, busy = FakeWorker(), FakeWorker()
    pool, factory = WorkerPool(2), Factory(busy, idle)
    busy.go_on.clear()
    holder = threading.Thread(target=pool.invoke, args=(event("a"), factory))
    holder.start()
    assert busy.begun.wait(10)
    pool.invoke(event("b"), factory)
    pool.close()
    assert idle.stopped
    assert not busy.stopped
    busy.go_on.set()
    holder.join(10)
    assert busy.handled == ["a"]
    assert busy.stopped
    assert pool.worker_count == 0


def test_killing_ends_busy_workers_too() -> None:
    busy = FakeWorker()
    busy.go_on.clear()
    pool = WorkerPool(1)
    holder = threading.Thread(target=pool.invoke, args=(event("a"), Factory(busy)))
    holder.start()
    assert busy.begun.wait(10)
    pool.kill()
    holder.join(10)
    assert busy.stopped


def test_worker_started_ahead_of_need_serves_the_first_invocation() -> None:
    pool, factory = WorkerPool(2), Factory()
    pool.add(factory)
    pool.add(factory)
    pool.invoke(event("a"), factory)
    assert len(factory.started) == 1


def test_a_second_worker_starts_ahead_of_need_and_waits_for_its_turn() -> None:
    first, second = FakeWorker(), FakeWorker()
    pool, factory = WorkerPool(2, spare_after_s=0.01), Factory(first, second)
    pool.invoke(event("a"), factory)
    wait_for(lambda: pool.worker_count == 2 and len(pool._idle) == 2)
    pool.invoke(event("b"), factory)
    assert first.handled == ["a", "b"]
    first.go_on.clear()
    first.begun.clear()
    holder = threading.Thread(target=pool.invoke, args=(event("c"), factory))
    holder.start()
    assert first.begun.wait(10)
    pool.invoke(event("d"), factory)
    first.go_on.set()
    holder.join(10)
    assert second.handled == ["d"]
    assert factory.started == [first, second]


@pytest.mark.parametrize("why", ["limit", "closed", "broken"])
def test_no_second_worker_starts_where_there_is_no_room_or_the_first_one_failed(why: str) -> None:
    first = FakeWorker()
    first.usable = why != "broken"
    pool, factory = WorkerPool(1 if why == "limit" else 2, spare_after_s=0.05), Factory(first)
    pool.invoke(event("a"), factory)
    if why == "closed":
        pool.close()
    threading.Event().wait(0.15)
    assert factory.started == [first]


def wait_for(condition: object) -> None:
    """Gives other threads the chance to get somewhere."""
    pause = threading.Event()
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        pause.wait(0.001)
    pytest.fail("the other threads got nowhere")
