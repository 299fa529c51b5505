"""Follows a lab's logs and queues while messages go through it, until every one of them has come to an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from lab import observe
from lab.stack import Names, queues
from lab.stack.names import START_FUNCTION

# Without any change for so long, a message is not going to arrive. AWS may deliver logs late.
PATIENCE_S = {"embedded": 30.0, "localstack": 60.0, "aws": 120.0}
# Events that are late are looked for again, after pauses that double. An execution that has ended but lacks an event in
# between is waited for no longer than that: AWS delivers logs best effort.
_REREAD_AFTER_S = 2.0
_MOST_REREADS = 2
# Where others send too, the queue may never be empty: then our own are over when nothing of them has come for so long.
_SETTLED_S = 2.0
# What a function refused is hidden for the queue's visibility timeout; then it takes a moment until it is taken again.
_HIDDEN_TIMES = 1.5
# Events a call. Python parses a page in one go, in which no other thread runs, and the sender's threads have messages
# to send on time: 1,000 events are 6 ms. AWS allows few calls a second, so there it is the largest page that it gives.
_PAGE_EVENTS = {"embedded": 1_000, "localstack": 1_000, "aws": 10_000}
# The clocks of SQS, Lambda, Step Functions and CloudWatch Logs need not agree to the millisecond.
_SERVICES_APART_MS = 100


@dataclass(frozen=True)
class Progress:
    """Where the messages are at one moment."""

    started: int
    finished: int
    queued: int


@dataclass(frozen=True)
class Places:
    """Where a watch looks: URLs of queues and names of log groups; None where there is none, or none is known."""

    queue_url: str
    dead_letter_queue_url: str | None
    log_group: str | None
    function_log_group: str | None


class Watch:
    """Reads a lab's two log groups from now on.

    Args:
        names: the lab's resources.
        places: others than the lab's own.
        since_ms: read events from this instant of the service's clock on, in epoch milliseconds; default is now, and
            then the executions that are there already are none of those that are watched.
    """

    def __init__(self, names: Names, *, since_ms: int | None = None, places: Places | None = None) -> None:
        self.names = names
        places = places or Places(
            queues.url(names, names.queue),
            queues.url(names, names.dead_letter_queue),
            names.log_group,
            names.function_log_group(START_FUNCTION),
        )
        self._born_s = time.monotonic()
        self._from_now = since_ms is None
        self.since_ms = names.target.earliest_now_ms() - _SERVICES_APART_MS if since_ms is None else since_ms
        logs = names.target.client("logs")
        self._executions = observe.ExecutionLog()
        self._received = observe.ReceivedLog()
        page_size = _PAGE_EVENTS[names.target.kind]
        self._execution_reader, self._received_reader = (
            observe.LogReader(logs, group, since_ms=self.since_ms, page_size=page_size, missing_ok=missing_ok)
            if group is not None
            else None
            for group, missing_ok in ((places.log_group, False), (places.function_log_group, True))
        )
        self._sqs = names.target.client("sqs")
        self._queue_url, self._dead_letter_queue_url = places.queue_url, places.dead_letter_queue_url
        # Earlier runs may have left some there; they are none of those that are waited for.
        self._dead_before = self._dead()
        if self._from_now:
            # The service's clock is known to a second only, and the second before may have been somebody else's.
            if self._execution_reader is not None:
                self._executions.ignore(self._execution_reader.messages())
            if self._received_reader is not None:
                self._received.ignore(self._received_reader.read())

    def look(self) -> Progress:
        """Read the depth of the queue, then what is new in the logs: they are never the older of the two."""
        queued = self.queued()
        if self._execution_reader is not None:
            self._executions.add(self._execution_reader.messages())
        if self._received_reader is not None:
            self._received.add(self._received_reader.read())
        return Progress(started=len(self._executions), finished=self._executions.finished, queued=queued)

    def finished(self, mine: observe.Mine) -> int:
        """Executions that are ``mine`` and have ended, as known by now."""
        return self._executions.count(mine)[1]

    def recently_finished(self, count: int) -> list[tuple[str | None, int]]:
        """See :meth:`lab.observe.ExecutionLog.recently_finished`."""
        return self._executions.recently_finished(count)

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """``executions``, ``states`` and ``received`` as known by now (columns: ARCHITECTURE.md, "The tables")."""
        executions, states = self._executions.tables()
        return executions, states, self._received.table()

    def dead_letters(self) -> pd.DataFrame:
        """The messages in the dead-letter queue, which keeps them; none where there is no such queue."""
        if self._dead_letter_queue_url is None or (self.names.target.is_emulator and not self._dead()):
            # Its count is exact, where that of AWS is not; to be sure of an empty queue there takes a second.
            return observe.peek_messages(self._sqs, self._dead_letter_queue_url or self._queue_url, limit=0)
        return observe.peek_messages(self._sqs, self._dead_letter_queue_url)

    def most_receives(self) -> int | None:
        """After how many receives the queue gives a message up, as it is set now."""
        return observe.most_receives(self._sqs, self._queue_url)

    def queued(self) -> int:
        """Messages in the queue, visible or in flight."""
        return observe.queue_depth(self._sqs, self._queue_url).total

    def until_drained(
        self,
        expected: int,
        *,
        patience_s: float,
        mine: observe.Mine = observe.everybodys,
        each_once: bool = False,
        for_redeliveries: bool = False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        pause_s: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> bool:
        """Read on until ``expected`` executions have ended and the queue is empty.

        Others may send to the same queue meanwhile: with ``mine`` only one's own executions count, and the queue need
        not be empty once they have all ended and nothing of one's own has come for a while.

        Args:
            expected: executions to wait for.
            patience_s: give up when nothing has changed for so many seconds.
            mine: which executions are waited for, by their name and ``lab_id``.
            each_once: ``expected`` are messages, each with a ``lab_id`` of its own. Where one is executed twice it does
                not stand for another, of which no log tells yet when it leaves the queue.
            for_redeliveries: wait until the queue is empty, and long enough for what it hides until a next delivery.
            on_progress: called after each look.

        Returns:
            Whether all came to an end; False when patience ran out first (broken messages wait in the queue for
            their next delivery, and AWS may deliver a log late or never).
        """
        last, changed, rereads = None, clock(), 0
        if for_redeliveries:
            patience_s = max(patience_s, _HIDDEN_TIMES * queues.hidden_s(self.names, self._queue_url))
        whole_queue = for_redeliveries or mine is observe.everybodys
        while True:
            look = self.look()
            on_progress(look)
            started, finished = self._executions.count(mine)
            queue_is_done = look.queued == 0 or (not whole_queue and clock() - changed > _SETTLED_S)
            seen = self._executions.distinct_messages(mine) if each_once else started
            ended = queue_is_done and finished == started and seen + self._dead_of(mine) >= expected
            if ended and (rereads >= _MOST_REREADS or not self._executions.incomplete(mine)):
                return True
            progress = (
                started,
                finished,
                look.queued if whole_queue else 0,
                len(self._received) if for_redeliveries else 0,
            )
            if progress != last:
                last, changed = progress, clock()
            elif clock() - changed > patience_s:
                return False
            elif queue_is_done and clock() - changed > _REREAD_AFTER_S * 2**rereads:
                # An event that became readable behind our reading position is found only by reading all again.
                self._start_over()
                rereads += 1
            sleep(pause_s)

    def _start_over(self) -> None:
        if self._from_now:
            # Had the service's clock been set back meanwhile, what came since lies before the place where we began.
            watched_ms = round((time.monotonic() - self._born_s) * 1000)
            began_ms = self.names.target.earliest_now_ms() - watched_ms - _SERVICES_APART_MS
            self.since_ms = min(self.since_ms, began_ms)
        for reader in (self._execution_reader, self._received_reader):
            if reader is not None:
                reader.rewind(self.since_ms)

    def _dead_of(self, mine: observe.Mine) -> int:
        """Messages that were dead-lettered since the watch began."""
        dead = max(self._dead() - self._dead_before, 0)
        # The queue's depth does not say whose they are, but each of them was refused before.
        return dead if mine is observe.everybodys or not dead else min(dead, self._received.refused(mine))

    def _dead(self) -> int:
        if self._dead_letter_queue_url is None:
            return 0
        return observe.queue_depth(self._sqs, self._dead_letter_queue_url).total
