"""A pool of workers: a few processes serve all execution environments of one function version.

LocalStack makes an execution environment for every *concurrent* invocation. One process for each would be a storm of
cold starts in a burst, so invocations beyond the pool's limit wait here, first come first served; the function's
timeout starts only when a worker takes the event.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lab.emulator.runtime.results import Invocation, Outcome


class WorkerGoneError(Exception):
    """The worker had ended before it took the event; the event is as good as never sent."""


class PooledWorker(Protocol):
    """What the pool needs of a worker."""

    @property
    def usable(self) -> bool:
        """Whether the worker can take another invocation."""

    def invoke(self, invocation: Invocation) -> Outcome:
        """Runs one invocation; raises `WorkerGoneError` when the worker had ended before."""

    def stop(self) -> None:
        """Ends the worker and frees what it holds; only called while nobody uses it."""

    def kill(self) -> None:
        """Ends the worker's process, whoever uses it; its user then sees that it ended."""


class WorkerPool:
    """Workers of one function version.

    Args:
        limit: most workers at a time.
        spare_after_s: so long after the first invocation a second worker starts, ahead of need; never when left out.
            Without it the first two invocations at a time meet a cold start of some 200 ms, in the middle of a ramp
            that was calm until then, and the start takes a core away from all others meanwhile.
    """

    def __init__(self, limit: int, *, spare_after_s: float | None = None) -> None:
        self.limit = limit
        self._spare_after_s = spare_after_s
        self._lock = threading.Lock()
        self._idle: list[PooledWorker] = []
        self._workers: set[PooledWorker] = set()
        self._reserved = 0  # workers that exist or are being started
        self._waiting: deque[_Turn] = deque()
        self._closed = False

    @property
    def worker_count(self) -> int:
        """Workers that exist or are being started."""
        return self._reserved

    def invoke(self, invocation: Invocation, start_worker: Callable[[], PooledWorker]) -> Outcome:
        """Runs an invocation on an idle worker, a new one, or, at the limit, the next that becomes idle.

        Args:
            invocation: the event.
            start_worker: makes a worker; called only when one is needed and the limit allows it.
        """
        while True:
            worker = self._take(start_worker)
            try:
                outcome = worker.invoke(invocation)
            except WorkerGoneError:
                continue  # it died while idle: the next one gets the event
            finally:
                self._give_back(worker)
            if self._spare_after_s is not None and worker.usable:
                self._plan_spare(self._spare_after_s, start_worker)
            return outcome

    def add(self, start_worker: Callable[[], PooledWorker], *, up_to: int = 1) -> None:
        """Starts a worker ahead of need, unless there are so many already."""
        with self._lock:
            if self._closed or self._reserved >= min(up_to, self.limit):
                return
            self._reserved += 1
        self._give_back(self._start(start_worker), used=False)

    def _plan_spare(self, after_s: float, start_worker: Callable[[], PooledWorker]) -> None:
        self._spare_after_s = None  # once; two threads that come here at a time are harmless, `add` counts
        timer = threading.Timer(after_s, self._add_spare, [start_worker])
        timer.daemon = True
        timer.start()

    def _add_spare(self, start_worker: Callable[[], PooledWorker]) -> None:
        # Nobody waits for it: the invocation that needs a worker meets the same failure, and can be told.
        with contextlib.suppress(Exception):
            self.add(start_worker, up_to=2)

    def close(self) -> None:
        """Ends idle workers now and busy ones after their invocation; waiting invocations are still served."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._workers.difference_update(idle)
            self._reserved -= len(idle)
        for worker in idle:
            worker.stop()

    def kill(self) -> None:
        """Ends all workers at once, busy or not."""
        self.close()
        for worker in list(self._workers):
            worker.kill()

    def _take(self, start_worker: Callable[[], PooledWorker]) -> PooledWorker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._reserved < self.limit:
                self._reserved += 1
                turn = None
            else:
                turn = _Turn()
                self._waiting.append(turn)
        if turn is None:
            return self._start(start_worker)
        worker = turn.wait()
        return worker if worker is not None else self._start(start_worker)

    def _start(self, start_worker: Callable[[], PooledWorker]) -> PooledWorker:
        try:
            worker = start_worker()
        except BaseException:
            with self._lock:
                self._pass_on_place()
            raise
        with self._lock:
            self._workers.add(worker)
        return worker

    def _give_back(self, worker: PooledWorker, *, used: bool = True) -> None:
        usable = worker.usable
        with self._lock:
            if usable and self._waiting:
                self._waiting.popleft().give(worker)
                return
            if usable and not self._closed:
                # The one that was used last is taken first, so that invocations in a row have one environment.
                self._idle.insert(len(self._idle) if used else 0, worker)
                return
            self._workers.discard(worker)
            self._pass_on_place()
        worker.stop()

    def _pass_on_place(self) -> None:
        """A worker is gone: whoever waits longest may start another (the lock is held)."""
        if self._waiting:
            self._waiting.popleft().give(None)
        else:
            self._reserved -= 1


class _Turn:
    """A place in the queue: wakes its owner with a worker, or with the right to start one."""

    def __init__(self) -> None:
        self._ready = threading.Lock()
        self._ready.acquire()
        self._worker: PooledWorker | None = None

    def give(self, worker: PooledWorker | None) -> None:
        self._worker = worker
        self._ready.release()

    def wait(self) -> PooledWorker | None:
        self._ready.acquire()
        return self._worker
