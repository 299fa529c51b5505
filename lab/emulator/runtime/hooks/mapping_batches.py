"""Lets an event source mapping of a queue work on five batches at once, or on as many as its MaximumConcurrency says.

Replaces ``SqsPoller.poll_events``, ``handle_messages`` and ``close``, and what ``EsmWorker`` does when it begins, ends
and is deleted.

Slow: LocalStack has one poller for each mapping, which takes a batch, waits for the function, and only then takes the
next; ``MaximumConcurrency`` is stored and not used. A function that waits, for whatever it calls, is waited for by all
messages behind it.

The same to see: Lambda begins with five batches of a standard queue at once, and one message group of a FIFO queue is
in one batch at a time, which SQS itself sees to. One thread at a time waits at the queue, and only when a batch may
start: what nobody works on stays in the queue. A batching window, receive counts, partial failures and redrive are
LocalStack's own code, which each batch runs on its own thread. A mapping that was changed or disabled says so, and
begins anew, once the batches that it had under way are over; a deleted one is gone then.

Not the same: Lambda adds up to 300 batches a minute to the five while the queue is not empty. Here five are the most
without a MaximumConcurrency, and with one the workers of the function are (``workers_behind_mapping``).
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

LOG = logging.getLogger(__name__)

BATCHES = 5  # of one mapping at once, where nothing else is said
WAIT_S = 0.2  # for room; a mapping that is disabled or deleted meanwhile ends within this time

_thread = threading.local()


class _Turn:
    """One batch: what takes it from the queue and works on it, and whether it got any messages yet."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.taken_or_over = threading.Event()
        self.is_at_work = False
        self.error: Exception | None = None


class Batches:
    """The batches of one mapping.

    Args:
        limit: most at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._changed = threading.Condition()
        self._turns: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._running = 0
        self._at_work = 0
        self._threads = 0

    def take(self, work: Callable[[], None]) -> None:
        """Runs ``work``, which takes a batch, on a thread of its own; returns when it has taken one, or ended.

        Without room it returns after a while and has taken none.

        Raises:
            Exception: what ``work`` raised before it had a batch.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._running < self.limit, WAIT_S):
                return
            self._running += 1
            if self._threads < self._running:
                self._threads += 1
                threading.Thread(target=self._serve, name="lab-mapping-batch", daemon=True).start()
        turn = _Turn(work)
        self._turns.put(turn)
        turn.taken_or_over.wait()
        if turn.error is not None:
            raise turn.error

    def taken(self) -> None:
        """The batch of this thread has its messages."""
        turn = getattr(_thread, "turn", None)
        if turn is None or turn.is_at_work:
            return
        with self._changed:
            turn.is_at_work = True
            self._at_work += 1
        turn.taken_or_over.set()

    def are_over(self) -> bool:
        """Whether no batch is at work."""
        return self._at_work == 0

    def wait_until_over(self) -> None:
        """Returns when no batch is at work."""
        with self._changed:
            self._changed.wait_for(self.are_over)

    def afterwards(self, work: Callable[[], None]) -> None:
        """Does the work, on a thread of its own, when no batch is at work."""

        def wait_and_work() -> None:
            self.wait_until_over()
            work()

        threading.Thread(target=wait_and_work, name="lab-mapping-change", daemon=True).start()

    def close(self) -> None:
        """Returns when every batch is over; there will be no other."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)
            for _ in range(self._threads):
                self._turns.put(None)
            self._threads = 0

    def _serve(self) -> None:
        while (turn := self._turns.get()) is not None:
            _thread.turn = turn
            try:
                turn.work()
            except Exception as error:  # noqa: BLE001 - this thread must live on for the other batches
                if turn.is_at_work:
                    LOG.warning("A batch of an event source mapping failed: %r", error)
                else:
                    turn.error = error
            finally:
                with self._changed:
                    self._running -= 1
                    self._at_work -= turn.is_at_work
                    self._changed.notify_all()
                turn.taken_or_over.set()


def wanted(mapping: Any) -> int:
    """Batches at once that a mapping asks for."""
    return int((mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or BATCHES)


def _patch_poller(module: ModuleType) -> None:
    poller = module.SqsPoller

    def make_poll(poll_events: Any) -> Any:
        @functools.wraps(poll_events)
        def poll(self: Any) -> None:
            batches = getattr(self, "lab_batches", None)
            if batches is None:
                poll_events(self)
            else:
                batches.take(functools.partial(poll_events, self))

        return poll

    def make_handle(handle_messages: Any) -> Any:
        @functools.wraps(handle_messages)
        def handle(self: Any, messages: Any) -> None:
            batches = getattr(self, "lab_batches", None)
            if batches is not None:
                batches.taken()
            handle_messages(self, messages)

        return handle

    def make_close(close: Any) -> Any:
        @functools.wraps(close)
        def close_after_batches(self: Any) -> None:
            batches = getattr(self, "lab_batches", None)
            if batches is not None:
                batches.close()
            close(self)

        return close_after_batches

    replace(poller, "poll_events", make_poll)
    replace(poller, "handle_messages", make_handle)
    replace(poller, "close", make_close)


# Of each mapping that was stopped because it is changed: the batches that its successor has to wait for.
_before: dict[str, Batches] = {}


def _patch_worker(module: ModuleType) -> None:
    states = module.EsmState

    def make_initialise(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, esm_config: Any, poller: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(self, esm_config, poller, *args, **kwargs)
            self.lab_before = None
            self.lab_ended = False
            if hasattr(poller, "queue_url"):  # streams have shards, and an order of their own
                version = module.get_function_version_from_arn(esm_config["FunctionArn"])
                poller.lab_batches = Batches(_room_for(version, wanted(esm_config)))

        return __init__

    def make_create(create: Any) -> Any:
        @functools.wraps(create)
        def create_after_batches(self: Any) -> None:
            before = _before.pop(self.uuid, None)
            if before is None or before.are_over():
                create(self)
                return
            self.lab_before = before
            self.current_state = states.UPDATING if self.enabled else states.DISABLING
            self.update_esm_state_in_store(self.current_state)

            def begin() -> None:
                with self._state_lock:
                    self.lab_before = None
                    if not self.lab_ended:
                        create(self)

            before.afterwards(begin)

        return create_after_batches

    def make_stop(stop: Any) -> Any:
        @functools.wraps(stop)
        def stop_and_tell(self: Any) -> None:
            with self._state_lock:
                batches = self.lab_before or getattr(self.poller, "lab_batches", None)
                if batches is not None:
                    _before[self.uuid] = batches
                self.lab_ended = True
            stop(self)

        return stop_and_tell

    def make_delete(delete: Any) -> Any:
        @functools.wraps(delete)
        def delete_and_tell(self: Any) -> None:
            with self._state_lock:
                self.lab_ended = True
            delete(self)

        return delete_and_tell

    def make_forget(forget: Any) -> Any:
        @functools.wraps(forget)
        def forget_after_batches(self: Any) -> None:
            if self.lab_before is None:
                forget(self)
            else:
                self.lab_before.afterwards(functools.partial(forget, self))

        return forget_after_batches

    replace(module.EsmWorker, "__init__", make_initialise)
    replace(module.EsmWorker, "create", make_create)
    replace(module.EsmWorker, "stop", make_stop)
    replace(module.EsmWorker, "delete", make_delete)
    replace(module.EsmWorker, "delete_esm_in_store", make_forget)


def _room_for(function_version: Any, batches: int) -> int:
    """The batches that have a worker each: one that had to wait for a worker would be taken before it can start."""
    from lab.emulator.runtime.executor import POOLS

    return min(batches, POOLS.make_room(function_version.qualified_arn, batches))


_MAPPING = "localstack.services.lambda_.event_source_mapping"
PATCHES = {f"{_MAPPING}.pollers.sqs_poller": _patch_poller, f"{_MAPPING}.esm_worker": _patch_worker}
