"""Lets an event source mapping take no batch that could only make executions slower.

Replaces ``SqsPoller.poll_events``, which waits first, and counts what ``SqsPoller.handle_messages``,
``ExecutionWorker._execution_logic`` and ``StateWait._eval_state`` do.

Slow: starting an execution costs the function little, and running it costs LocalStack much. With five batches at once
the backlog of a queue turns into fifty executions that share one interpreter lock: each takes twenty times as long,
and no message is through any earlier. Each batch at once is a worker process too, of some 60 MiB.

So no batch is taken while as many executions are at work as one batch starts; and more than one batch at once only when
that helps: when the function is slow, and executions are few meanwhile. Three slow batches in a row tell, or one that
goes on for a second. In a backlog of 500 messages on two busy cores the median duration was 52 to 59 ms at 127 to 142
messages/s, where five batches gave 1.3 to 1.9 s at 100 to 122/s, and one after the other 47 to 51 ms at 132 to 135/s.

The same to see: on AWS each invocation has an execution environment of its own, so a duration does not grow with the
backlog, which stays in the queue. That is what this keeps, as well as one process can. An execution that only waits
(``Wait``), or is a Standard one, holds up nobody.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

FEW = 10  # executions at work: what a batch of the usual size starts
MOST = 5 * FEW  # what five slow batches start when they end together
SLOW_S = 0.2  # a batch that took longer is slow
SLOW_BATCHES = 3  # in a row tell that the function is: one may be a cold start, two a machine that was busy
PATIENCE_S = 1.0  # a batch that has been at work for longer will be slow
WAIT_S = 0.2  # a mapping that is disabled or deleted meanwhile ends within this time
LOOK_S = 0.01  # between two looks whether a batch may be taken


class Executions:
    """How many executions are at work.

    Args:
        clock: seconds of a clock that runs on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._many_since: float | None = None
        self.count = 0

    @contextlib.contextmanager
    def at_work(self, change: int = 1) -> Iterator[None]:
        """One execution more, or (-1) one that only waits, while the block lasts."""
        self._add(change)
        try:
            yield
        finally:
            self._add(-change)

    def were_few_after(self, instant: float) -> bool:
        """Whether there were few at some time since then."""
        since = self._many_since
        return since is None or since > instant

    def _add(self, change: int) -> None:
        with self._lock:
            self.count += change
            if self.count < FEW:
                self._many_since = None
            elif self._many_since is None:
                self._many_since = self._clock()


EXECUTIONS = Executions()


class Pace:
    """When a mapping may take another batch.

    Args:
        executions: of the emulator.
        clock: seconds of a clock that runs on.
    """

    def __init__(self, executions: Executions = EXECUTIONS, clock: Callable[[], float] = time.monotonic) -> None:
        self._executions = executions
        self._clock = clock
        self._lock = threading.Lock()
        self._begun: list[float] = []
        self._last_were_slow: deque[bool] = deque(maxlen=SLOW_BATCHES)

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """A batch is at work while the block lasts."""
        began = self._clock()
        with self._lock:
            self._begun.append(began)
        try:
            yield
        finally:
            with self._lock:
                self._begun.remove(began)
                took_long = self._clock() - began > SLOW_S
                # What takes long because executions are many is not slow itself.
                self._last_were_slow.append(took_long and self._executions.were_few_after(began + SLOW_S))

    def may_take(self) -> bool:
        """Whether another batch would help now."""
        with self._lock:
            if len(self._last_were_slow) == SLOW_BATCHES and all(self._last_were_slow):
                return self._executions.count < MOST
            no_other_is_young = all(self._clock() - began > PATIENCE_S for began in self._begun)
        return no_other_is_young and self._executions.count < FEW

    def wait(self) -> bool:
        """Whether another batch may be taken, now or within a moment."""
        until = self._clock() + WAIT_S
        while not self.may_take():
            if self._clock() > until:
                return False
            time.sleep(LOOK_S)
        return True


def _patch_poller(module: ModuleType) -> None:
    def make_initialise(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, *arguments: Any, **more: Any) -> None:  # noqa: N807
            original(self, *arguments, **more)
            self.lab_pace = Pace()

        return __init__

    def make_poll(poll_events: Any) -> Any:
        @functools.wraps(poll_events)
        def poll(self: Any) -> None:
            if self.lab_pace.wait():
                poll_events(self)

        return poll

    def make_handle(handle_messages: Any) -> Any:
        @functools.wraps(handle_messages)
        def handle(self: Any, messages: Any) -> None:
            with self.lab_pace.batch():
                handle_messages(self, messages)

        return handle

    replace(module.SqsPoller, "__init__", make_initialise)
    replace(module.SqsPoller, "poll_events", make_poll)
    replace(module.SqsPoller, "handle_messages", make_handle)


def _counted(change: int, applies: Callable[[Any], bool] = lambda self: True) -> Any:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def run(self: Any, *arguments: Any) -> Any:
            if not applies(self):
                return original(self, *arguments)
            with EXECUTIONS.at_work(change):
                return original(self, *arguments)

        return run

    return make


def _is_express(worker: Any) -> bool:
    return bool(worker._evaluation_details.state_machine_details.typ == "EXPRESS")


def _patch_execution(module: ModuleType) -> None:
    # A Standard one may wait for a person, for a year.
    replace(module.ExecutionWorker, "_execution_logic", _counted(1, _is_express))


def _patch_wait(module: ModuleType) -> None:
    replace(module.StateWait, "_eval_state", _counted(-1))


PATCHES = {
    "localstack.services.lambda_.event_source_mapping.pollers.sqs_poller": _patch_poller,
    "localstack.services.stepfunctions.backend.execution_worker": _patch_execution,
    "localstack.services.stepfunctions.asl.component.state.state_wait.state_wait": _patch_wait,
}
