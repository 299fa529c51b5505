"""Brings log events to CloudWatch Logs from one background thread, in batches and without HTTP.

Used by `execution_logs` and `function_logs`. Batches keep to what PutLogEvents takes: in time order, at most 10,000
events and 1,048,576 bytes with 26 bytes added for each event. Events of one sender keep their order, because sorting by
time is stable.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

LOG = logging.getLogger(__name__)

LINGER_S = 0.05  # how long an event may wait for company
MAXIMUM_BATCH_EVENTS = 10_000
MAXIMUM_BATCH_BYTES = 1_048_576
BYTES_PER_EVENT = 26


class Destination(NamedTuple):
    """A log stream. ``create_group``: make the group when it is missing, as Lambda does and Step Functions does not."""

    account_id: str
    region_name: str
    group: str
    stream: str
    create_group: bool = False


class LogEvent(NamedTuple):
    """One event; the text of its message is made only when it is delivered."""

    destination: Destination
    timestamp_ms: int
    message: Callable[[], str]


class LogDelivery:
    """A queue of log events and the thread that empties it.

    Args:
        put: delivers one batch, a list of ``{"timestamp", "message"}``, to a destination.
        linger_s: how long an event may wait for others, in seconds.
    """

    def __init__(self, put: Callable[[Destination, list[dict[str, Any]]], None], *, linger_s: float = LINGER_S) -> None:
        self._put = put
        self._linger_s = linger_s
        self._events: deque[LogEvent] = deque()
        self._arrived = threading.Event()
        self._delivering = threading.Lock()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def add(self, event: LogEvent) -> None:
        """Queues an event; costs next to nothing."""
        self._events.append(event)
        if not self._arrived.is_set():
            self._arrived.set()
            if self._thread is None:
                self._start()

    def flush(self) -> None:
        """Delivers all that was added before, and returns when it is there."""
        with self._delivering:
            events = []
            while self._events:
                events.append(self._events.popleft())
            by_destination: dict[Destination, list[LogEvent]] = defaultdict(list)
            for event in events:
                by_destination[event.destination].append(event)
            for destination, its_events in by_destination.items():
                for batch in batches(its_events):
                    try:
                        self._put(destination, batch)
                    except Exception as error:  # noqa: BLE001 - the thread must live on for the other streams
                        LOG.warning("%d log events for %s were not delivered: %s", len(batch), destination, error)

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lab-log-delivery", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._arrived.wait()
            time.sleep(self._linger_s)
            self._arrived.clear()
            self.flush()


def batches(events: list[LogEvent]) -> Iterator[list[dict[str, Any]]]:
    """Splits the events of one destination into batches that PutLogEvents takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    for event in sorted(events, key=lambda event: event.timestamp_ms):
        message = event.message()
        # A character takes one to four bytes; only a text that could be too long is measured exactly.
        length = len(message) if message.isascii() else len(message.encode())
        if batch and (len(batch) == MAXIMUM_BATCH_EVENTS or size + length + BYTES_PER_EVENT > MAXIMUM_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": event.timestamp_ms, "message": message})
        size += length + BYTES_PER_EVENT
    if batch:
        yield batch


def put_log_events(destination: Destination, batch: list[dict[str, Any]]) -> None:
    """Delivers a batch inside the process; through the API where metric filters want to see it."""
    from localstack.aws.connect import connect_to
    from localstack.services.logs.models import get_moto_logs_backend

    backend = get_moto_logs_backend(destination.account_id, destination.region_name)
    group = backend.groups.get(destination.group)
    if group is None and not destination.create_group:
        LOG.debug("Log group %s does not exist: %d events dropped.", destination.group, len(batch))
        return
    if group is None or destination.stream not in group.streams or backend.filters.metric_filters:
        client = connect_to(aws_access_key_id=destination.account_id, region_name=destination.region_name).logs
        _create_missing(client, destination)
        client.put_log_events(logGroupName=destination.group, logStreamName=destination.stream, logEvents=batch)
        return
    backend.put_log_events(destination.group, destination.stream, batch)


def _create_missing(client: Any, destination: Destination) -> None:
    if destination.create_group:
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=destination.group)
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(logGroupName=destination.group, logStreamName=destination.stream)


DELIVERY = LogDelivery(put_log_events)
