"""Counts the messages that are just being received, and hides them as long as the queue says by then.

Replaces ``SqsQueue.get_queue_attributes``, its number of messages in flight, ``receive`` of both kinds of queue, and
what these take messages from.

Wrong: LocalStack takes a message from those that are visible, and adds it to those in flight when it has all it was
asked for. Meanwhile it counts nowhere. That is a moment, or, for a mapping with a batching window, the whole window:
who waits until the queue is empty goes on too early. And who waits for a message reads the queue's visibility timeout
before: one that is set meanwhile does not count for the message that comes next, which may then be hidden for a minute.

The same to see: a message is in flight from when it is received, as SQS says, and for as long as its queue says then.
For an instant one may count twice.
"""

from __future__ import annotations

import functools
import threading
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

_IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
# In 2026.3.0 and in 4.9.2.
_COUNTS = ("approximate_number_of_messages_not_visible", "approx_number_of_messages_not_visible")

_thread = threading.local()


def _noted(message: Any) -> None:
    """This thread has the message in its hands."""
    taken = getattr(_thread, "taken", None)
    if taken is not None:
        taken.append(message)


def _make_receive(receive: Any) -> Any:
    @functools.wraps(receive)
    def receive_by_now(
        self: Any, num_messages: int = 1, wait_time_seconds: Any = None, visibility_timeout: Any = None, **options: Any
    ) -> Any:
        _thread.taken = self.lab_taken[threading.get_ident()] = []
        try:
            result = receive(self, num_messages, wait_time_seconds, visibility_timeout, **options)
            if visibility_timeout is None:
                _hide(result.successful, self.visibility_timeout)
            return result
        finally:
            _thread.taken = None
            del self.lab_taken[threading.get_ident()]

    return receive_by_now


def _hide(messages: list[Any], visibility_s: int) -> None:
    for message in messages:
        # Zero hides nothing: the message is visible again already.
        if message.visibility_timeout not in (0, visibility_s):
            message.update_visibility_timeout(visibility_s)


def _in_flight(self: Any) -> int:
    # In this order: what becomes a message in flight meanwhile counts twice, never not at all.
    taken = [message for messages in list(self.lab_taken.values()) for message in list(messages)]
    waiting = sum(not message.deleted and message not in self.inflight for message in taken)
    return waiting + len(self.inflight)


def _make_attributes(get_queue_attributes: Any) -> Any:
    @functools.wraps(get_queue_attributes)
    def consistent(self: Any, attribute_names: Any = None) -> Any:
        # What is visible first: it becomes a message in flight at any time, and back only under the lock.
        names = sorted(attribute_names or [], key=lambda name: bool(name == _IN_FLIGHT))
        with self.mutex:
            return get_queue_attributes(self, names)

    return consistent


def _patch(module: ModuleType) -> None:
    class Visible(module.InterruptiblePriorityQueue):  # type: ignore[name-defined]
        def _get(self) -> Any:
            _noted(self.queue[0])
            return super()._get()

    def make_queue(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
            self.lab_taken = {}
            original(self, *arguments, **options)

        return __init__

    def make_standard_queue(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
            original(self, *arguments, **options)
            self.visible = Visible()

        return __init__

    def make_pop(pop: Any) -> Any:
        @functools.wraps(pop)
        def noting(self: Any) -> Any:  # whoever receives from a FIFO queue has its lock
            message = pop(self)
            _noted(message)
            return message

        return noting

    count = _COUNTS[0] if hasattr(module.SqsQueue, _COUNTS[0]) else _COUNTS[1]
    replace(module.SqsQueue, count, lambda _: property(_in_flight))
    replace(module.SqsQueue, "__init__", make_queue)
    replace(module.SqsQueue, "get_queue_attributes", _make_attributes)
    replace(module.StandardQueue, "__init__", make_standard_queue)
    replace(module.StandardQueue, "receive", _make_receive)
    replace(module.MessageGroup, "pop", make_pop)
    replace(module.FifoQueue, "receive", _make_receive)


PATCHES = {"localstack.services.sqs.models": _patch}
