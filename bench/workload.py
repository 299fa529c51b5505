"""What is sent to a system, the same to each: one message, a burst, an even rate; and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.processes import Meter
from bench.systems import System
from bench.workplace import go_on
from lab import observe
from lab.analysis.latency import join_messages
from lab.load import Plan, Sender, messages, staircase
from lab.load.run import BATCH_MESSAGES

# Log events are delivered behind the execution; that work belongs to its messages.
_DELIVERY_S = 2.0


@dataclass(frozen=True)
class Burst:
    """What became of a burst.

    Attributes:
        message_ids: of the messages that were acknowledged.
        succeeded: of these, how many executions succeeded.
        rate: messages per second from the first send to the last end of an execution.
        cpu_s: CPU seconds of the emulator and its workers for each message.
        peak_mib: their greatest memory together.
        processes: their greatest number.
    """

    message_ids: frozenset[str]
    succeeded: int
    rate: float
    cpu_s: float
    peak_mib: float
    processes: int


@dataclass(frozen=True)
class Paced:
    """What became of messages sent at an even rate: the table ``messages``, and why the run is void, if it is."""

    messages: pd.DataFrame
    void: str

    @property
    def message_ids(self) -> frozenset[str]:
        """Of the messages that were acknowledged."""
        return frozenset(self.messages["message_id"].dropna())


def ended(system: System) -> int:
    """Executions that have ended so far."""
    return int(system.executions()["finished"].notna().sum())


def one(system: System) -> tuple[str, float]:
    """Send one message; its id, and the seconds until its end was seen."""
    before = ended(system)
    body = next(messages.generate(1)).body
    began = time.perf_counter()
    message_id: str = system.sqs.send_message(QueueUrl=system.queue_url, MessageBody=body)["MessageId"]
    system.wait(before + 1, pause_s=0.05)
    return message_id, time.perf_counter() - began


def send_all(system: System, count: int) -> frozenset[str]:
    """Send ``count`` messages as fast as one caller can; their ids."""
    bodies = [message.body for message in messages.generate(count)]
    found = set()
    for start in range(0, count, BATCH_MESSAGES):
        entries = [
            {"Id": str(number), "MessageBody": body}
            for number, body in enumerate(bodies[start : start + BATCH_MESSAGES])
        ]
        answer = system.sqs.send_message_batch(QueueUrl=system.queue_url, Entries=entries)
        found |= {entry["MessageId"] for entry in answer["Successful"]}
    return frozenset(found)


def burst(system: System, count: int) -> Burst:
    """Send ``count`` messages at once and wait until they have ended."""
    before = ended(system)
    with Meter(system.pid) as meter:
        began = time.time()
        message_ids = send_all(system, count)
        system.wait(before + len(message_ids))
    own = system.executions()
    own = own[own["name"].isin(message_ids) & (own["status"] == "SUCCEEDED")]
    succeeded = own["name"].nunique()
    if not succeeded:
        return Burst(message_ids, 0, 0.0, float("nan"), meter.peak_mib, 0)
    last = own["finished"].max().timestamp()
    cpu_s = np.diff(meter.at(np.array([began, last + _DELIVERY_S]), lambda sample: sample.cpu_s))[0]
    return Burst(
        message_ids,
        succeeded,
        rate=succeeded / (last - began),
        cpu_s=float(cpu_s) / succeeded,
        peak_mib=meter.peak_mib,
        processes=max(sample.processes for sample in meter.samples),
    )


def paced(system: System, rate: float, seconds: float) -> Paced:
    """Send ``rate`` messages a second for ``seconds``, at even intervals, and wait until they have ended."""
    before = ended(system)
    plan = Plan(staircase([rate], seconds))
    result = Sender(system.sqs, system.queue_url).send(plan, messages.generate(len(plan)))
    go_on()
    system.wait(before + int((result.sends["outcome"] == "acked").sum()), pause_s=0.5)
    # The records of start_execution are left out: durations and end-to-end latencies do not need them.
    joined = join_messages(result.sends, observe.parse_received([]), system.executions())
    stage = result.stages.iloc[0]
    return Paced(joined, "" if stage["valid"] else str(stage["reason"]))


class Stopwatch:
    """Seconds between laps."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap, or since the start."""
        now = time.perf_counter()
        lap, self._last = now - self._last, now
        return lap
