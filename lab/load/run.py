"""One run of a sender: its threads, the watch that they take in turn, and what came of each message."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.load.delivery import Delivery, Item
from lab.load.judge import STOPPED, TOO_LATE, Trace, stage_table
from lab.load.ledger import Ledger
from lab.load.messages import Message
from lab.load.plan import Plan
from lab.load.sends import SendRow, sends_table

# SendMessageBatch takes ten messages, and as many bytes as the queue allows for one: 1 MiB on AWS today, 262,144 on
# LocalStack. The smaller works on both.
BATCH_MESSAGES = 10
BATCH_BYTES = 262_144
_LEAD_IN_S = 0.1  # the threads are up before the first message is due
_NAP_S = 0.05  # longest sleep at a stretch, so that a stop is noticed
_PROGRESS_EVERY_S = 0.2
_NS = 1_000_000_000


@dataclass(frozen=True)
class Means:
    """What a run is carried out with; :class:`lab.load.sender.Sender` says what each is."""

    client: Any
    queue_url: str
    threads: int
    drop_after_s: float
    grace_s: float
    clock: Callable[[], float]
    wall_ns: Callable[[], int]
    sleep: Callable[[float], None]
    cpu_clock: Callable[[], float]


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        elapsed_s: seconds since the plan began.
        stage: 0-based number of the stage at this moment.
        offered_rate: its rate, messages per second.
        planned: messages of the whole plan.
        due: messages that should have left by now.
        sent: messages that left, or are leaving in a call under way.
        acked, unknown, refused, dropped: messages by outcome so far.
        in_flight: messages of calls under way, waits for another try included.
        retries, throttles: as in the stage table, so far.
    """

    elapsed_s: float
    stage: int
    offered_rate: float
    planned: int
    due: int
    sent: int
    acked: int
    unknown: int
    refused: int
    dropped: int
    in_flight: int
    retries: int
    throttles: int


@dataclass(frozen=True)
class SendResult:
    """What a run sent.

    Attributes:
        sends: the ``sends`` table of ARCHITECTURE.md, one row a planned message, in planned order.
        stages: one row a stage, see :func:`lab.load.judge.stage_table`.
        started: when the plan began (UTC).
        finished: when the last answer was there, or the run was stopped (UTC).
        interrupted: whether it was stopped before every message had its turn.
    """

    sends: pd.DataFrame
    stages: pd.DataFrame
    started: pd.Timestamp
    finished: pd.Timestamp
    interrupted: bool


class Run:
    """One run of a sender: its rows, its threads, and what they share."""

    def __init__(
        self, means: Means, plan: Plan, messages: Sequence[Message], ledger: Ledger | None, stop: threading.Event
    ) -> None:
        self.means = means
        self.plan = plan
        self.messages = messages
        self.ledger = ledger
        self._stop_asked = stop
        self._halt = threading.Event()
        self._sizes = [len(message.body.encode("utf-8", "replace")) for message in messages]
        self._watch = threading.Lock()
        self._next = 0  # first message that no thread took yet; guarded by _watch
        self._tally_lock = threading.Lock()
        self._tally: Counter[str] = Counter()
        self._fault: BaseException | None = None
        self._rows = [
            SendRow(message.lab_id, int(stage), float(plan.stages[stage].rate))
            for message, stage in zip(messages, plan.stage_numbers, strict=True)
        ]
        self._delivery = Delivery(
            means.client,
            means.queue_url,
            now_ns=self._now_ns,
            sleep=self._back_off,
            stopped=self._stopped,
            before_call=self._before_call,
        )

    def carry_out(self, on_progress: Callable[[Progress], None] | None) -> SendResult:
        offsets_ns = np.rint(self.plan.offsets_s * _NS).astype("int64").tolist()
        if self.ledger is not None:
            self.ledger.planned(self._rows, offsets_ns)
        # The one mapping of the monotonic clock to the time of day: a clock set right meanwhile changes no duration.
        self._mono_s, self._wall_ns = self.means.clock(), self.means.wall_ns()
        start_ns = self._wall_ns + int(_LEAD_IN_S * _NS)
        self._due_ns = [start_ns + offset_ns for offset_ns in offsets_ns]
        for row, due_ns in zip(self._rows, self._due_ns, strict=True):
            row.planned_ns = due_ns
        if self.ledger is not None:
            self.ledger.start(start_ns)
        self._trace = Trace(start_ns, self.means.threads)
        self._sample_cpu(start_ns)

        try:
            self._see_through(on_progress)
        finally:
            self._halt.set()
        if self._fault is not None:
            raise self._fault
        finished_ns = self._now_ns()
        self._sample_cpu(finished_ns)
        rows = self._final_rows()
        if on_progress is not None:
            on_progress(self._progress())
        return SendResult(
            sends=sends_table(rows),
            stages=stage_table(self.plan, rows, self._trace),
            started=pd.Timestamp(start_ns, tz="UTC"),
            finished=pd.Timestamp(finished_ns, tz="UTC"),
            interrupted=any(row.error == STOPPED for row in rows),
        )

    def _see_through(self, on_progress: Callable[[Progress], None] | None) -> None:
        """Start the threads and wait for them; Ctrl-C ends the run, a second one the waiting for answers too."""
        threads = [
            threading.Thread(target=self._work, name=f"sender-{number}", daemon=True)
            for number in range(self.means.threads)
        ]
        try:
            for thread in threads:
                thread.start()
            while (alive := [thread for thread in threads if thread.is_alive()]) and not self._stopped():
                alive[0].join(_PROGRESS_EVERY_S)
                if on_progress is not None:
                    on_progress(self._progress())
        except KeyboardInterrupt:
            self._halt.set()
        try:
            deadline = time.monotonic() + self.means.grace_s
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, deadline - time.monotonic()))
        except KeyboardInterrupt:
            pass

    # What the threads do

    def _work(self) -> None:
        try:
            free_ns = self._now_ns()
            while batch := self._take(free_ns):
                self._delivery.carry(batch)
                free_ns = self._now_ns()
                self._settle([item.row for item in batch], in_flight=len(batch))
        except Exception as error:  # noqa: BLE001 - raised again by carry_out, in the caller's thread
            self._fault = error
            self._halt.set()

    def _take(self, free_ns: int) -> list[Item]:
        """Keep the watch until a message is due, and take what is due then; empty when the run is over.

        ``free_ns`` is since when the thread has been waiting for its turn.
        """
        with self._watch:
            while self._next < len(self._rows) and not self._stopped():
                now_ns = self._now_ns()
                wait_ns = self._due_ns[self._next] - now_ns
                if wait_ns > 0:
                    self.means.sleep(min(wait_ns / _NS, _NAP_S))
                    continue
                self._drop_the_too_late(now_ns, free_ns)
                if batch := self._take_due(now_ns, free_ns):
                    self._sample_cpu(now_ns)
                    return batch
            return []

    def _drop_the_too_late(self, now_ns: int, free_ns: int) -> None:
        dropped = []
        limit_ns = now_ns - int(self.means.drop_after_s * _NS)
        while self._next < len(self._rows) and self._due_ns[self._next] < limit_ns:
            row = self._rows[self._next]
            row.outcome, row.error = "dropped", TOO_LATE
            row.free_ns, row.taken_ns = free_ns, now_ns
            dropped.append(row)
            self._next += 1
        if dropped:
            self._settle(dropped)

    def _take_due(self, now_ns: int, free_ns: int) -> list[Item]:
        batch: list[Item] = []
        size = 0
        while self._next < len(self._rows) and len(batch) < BATCH_MESSAGES and self._due_ns[self._next] <= now_ns:
            size += self._sizes[self._next]
            if batch and size > BATCH_BYTES:
                break
            row = self._rows[self._next]
            row.free_ns, row.taken_ns = free_ns, now_ns
            batch.append(Item(self.messages[self._next], row))
            self._next += 1
        with self._tally_lock:
            self._tally["in_flight"] += len(batch)
        return batch

    def _settle(self, rows: Sequence[SendRow], *, in_flight: int = 0) -> None:
        """Count and write down rows that have their outcome."""
        if self.ledger is not None:
            self.ledger.results(rows)
        with self._tally_lock:
            self._tally["in_flight"] -= in_flight
            for row in rows:
                row.settled = True
                self._tally[str(row.outcome)] += 1
                self._tally["retries"] += row.retries
                self._tally["throttles"] += row.throttles

    def _before_call(self, rows: Sequence[SendRow]) -> None:
        if self.ledger is not None:
            self.ledger.sending(rows)

    # Time and stopping

    def _now_ns(self) -> int:
        return self._wall_ns + round((self.means.clock() - self._mono_s) * _NS)

    def _stopped(self) -> bool:
        return self._halt.is_set() or self._stop_asked.is_set()

    def _back_off(self, seconds: float) -> None:
        until = self.means.clock() + seconds
        while not self._stopped() and (left := until - self.means.clock()) > 0:
            self.means.sleep(min(left, _NAP_S))

    def _sample_cpu(self, now_ns: int) -> None:
        self._trace.own_cpu.append((now_ns, self.means.cpu_clock()))

    # What came of it

    def _final_rows(self) -> list[SendRow]:
        """Copies of all rows, with an outcome for those that the end of the run overtook."""
        overtaken = []
        rows = [dataclasses.replace(row) for row in self._rows]
        for row in rows:
            if row.settled:
                continue
            overtaken.append(row)
            row.error = STOPPED
            if row.leaving_ns is None:
                row.outcome = "dropped"
            else:  # its call is still under way
                row.outcome, row.sent_ns, row.attempts = "unknown", row.sent_ns or row.leaving_ns, row.attempts or 1
                row.message_id = row.acked_ns = None
        if overtaken:
            self._settle(overtaken, in_flight=self._tally["in_flight"])
        return rows

    def _progress(self) -> Progress:
        elapsed_s = max(0.0, (self._now_ns() - self._trace.start_ns) / _NS)
        stage = int(np.searchsorted(self.plan.stage_starts_s[1:-1], elapsed_s, side="right"))
        with self._tally_lock:
            tally = self._tally.copy()
        return Progress(
            elapsed_s=elapsed_s,
            stage=stage,
            offered_rate=float(self.plan.stages[stage].rate),
            planned=len(self.plan),
            due=int(np.searchsorted(self.plan.offsets_s, elapsed_s, side="right")),
            sent=tally["acked"] + tally["unknown"] + tally["refused"] + tally["in_flight"],
            **{name: tally[name] for name in ("acked", "unknown", "refused", "dropped", "in_flight")},
            retries=tally["retries"],
            throttles=tally["throttles"],
        )
