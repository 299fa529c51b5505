"""A queue and a clock that do what a test tells them, and what a run with them gives."""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from lab.load import (
    Plan,
    Sender,
    SendResult,
    messages,
)
from lab.load.messages import Message

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


def first(times: int, decision: Any) -> Callable[[int, list[dict[str, Any]]], Any]:
    return lambda number, entries: decision if number < times else None


TIMEOUT = ReadTimeoutError(endpoint_url="http://127.0.0.1")
NO_CONNECTION = EndpointConnectionError(endpoint_url="http://127.0.0.1")
BUSY = {"0": {"Code": "RequestThrottled", "SenderFault": True}}
INTERNAL = {"0": {"Code": "InternalError", "SenderFault": False}}
INVALID = {"0": {"Code": "InvalidMessageContents", "SenderFault": True}}
