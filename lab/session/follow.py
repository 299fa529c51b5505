"""Tells the live view where a ramp is, from what the sender says and what the logs show."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from lab import live
from lab.analysis.latency import quantile
from lab.clock import ServiceClock, now_ns
from lab.load import Plan, Progress
from lab.load.messages import number_of
from lab.session.watch import Watch

# How often the logs are read while messages are being sent, and for how long they are left alone after a read that took
# a second. Reading costs the emulator and the sender, which share this machine: without a limit it took a fifth of the
# throughput and doubled the p99. Under overload a read takes seconds, most of them waiting for its turn; the view must
# not stand still for a minute then.
_LOOK_EVERY_S = 1.0
_REST = 9.0
_LONGEST_REST_S = 3.0
# So long it takes until an event can be read, at most as a rule. What ended before that and was not read has not ended.
_DELIVERY_S = {"embedded": 0.5, "localstack": 1.0, "aws": 5.0}
# The live p99 is that of the messages that ended among so many that started last.
_RECENT = 200


@dataclass(frozen=True)
class Known:
    """What the last read of the logs told: how it was ``at_s`` seconds after the plan began, not how it is now."""

    at_s: float = 0.0
    finished: int = 0
    backlog: int = 0
    p99_s: float | None = None


class Follower:
    """Reads the logs in the background while messages are being sent.

    Between two reads nothing is known of what has finished, and the sender goes on. So what has finished is never
    compared with what has been sent by now: the backlog is that of the moment up to which the logs were read.

    Args:
        watch: reads the logs.
        plan: when each message is due.
        update: the live view.
        run_id: what every ``lab_id`` of the run begins with; others may send to the same queue.
        clock: what is known of the service's clock.
    """

    def __init__(self, watch: Watch, plan: Plan, update: live.Update, run_id: str, clock: ServiceClock) -> None:
        self._watch = watch
        self._prefix = f"{run_id}-"
        self._offsets_s = plan.offsets_s
        self._update = update
        self._clock = clock
        self._began_ns: int | None = None
        self._delivery_s = _DELIVERY_S[watch.names.target.kind]
        self._sent = 0
        # Seconds since the plan began, and messages that had left by then.
        self._history: tuple[list[float], list[int]] = ([0.0], [0])
        self._known = Known()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_now_and_then, name="log-reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def sent(self, progress: Progress) -> None:
        """What the sender calls a few times a second."""
        if self._began_ns is None:
            self._began_ns = now_ns() - int(progress.elapsed_s * 1e9)
        self._sent = progress.sent - progress.refused
        times, counts = self._history
        times.append(progress.elapsed_s)
        counts.append(self._sent)
        self._show()

    def draining(self) -> None:
        """What the drain calls after each look."""
        self._take_stock(time.monotonic())
        self._show()

    def _show(self) -> None:
        known = self._known
        age_s = max(self._elapsed_s() - known.at_s, 0.0)
        self._update(sent=self._sent, finished=known.finished, backlog=known.backlog, p99_s=known.p99_s, age_s=age_s)

    def _elapsed_s(self) -> float:
        return 0.0 if self._began_ns is None else (now_ns() - self._began_ns) / 1e9

    def _look_now_and_then(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            began = time.monotonic()
            try:
                self._watch.look()
                self._take_stock(began)
            except Exception:  # noqa: BLE001 - only the view is late; the drain looks again and raises what lasts
                continue
            self._stop.wait(min(_REST * (time.monotonic() - began), _LONGEST_REST_S))

    def _take_stock(self, look_began: float) -> None:
        """Work out what is known now that the logs have been read; the read began at ``look_began`` (monotonic)."""
        finished = self._watch.finished(lambda name, lab_id: self._is_mine(lab_id))
        if self._began_ns is None:
            return
        difference, known_s = self._clock.difference, self._elapsed_s() - (time.monotonic() - look_began)
        known_s = max(known_s - self._delivery_s, 0.0)
        p99_s = None
        if difference.known:
            ended = [
                (number_of(lab_id), (ended_ns - self._began_ns) / 1e9 + difference.ahead_s)
                for lab_id, ended_ns in self._watch.recently_finished(_RECENT)
                if self._is_mine(lab_id)
            ]
            # A long read brings what ended while it went on: then it tells of the last end that it brought.
            known_s = max([known_s, *(min(at_s, self._elapsed_s()) for _, at_s in ended)])
            p99_s = self._p99_of(ended)
        backlog = max(self._sent_by(known_s) - finished, 0)
        self._known = Known(known_s, finished, backlog, p99_s)

    def _p99_of(self, ended: list[tuple[int | None, float]]) -> float | None:
        """p99 of the messages of these numbers that ended at these seconds since the plan began; None if unknown."""
        latencies_s = [
            at_s - self._offsets_s[number]
            for number, at_s in ended
            if number is not None and number < len(self._offsets_s)
        ]
        if not latencies_s:
            return None
        p99_s = quantile(np.array(latencies_s), 0.99)
        # A clock that is known to a second only makes no latency of half a second.
        difference = self._clock.difference
        return p99_s if difference.agree or p99_s > difference.uncertainty_s else None

    def _sent_by(self, elapsed_s: float) -> int:
        """How many messages had left then.

        Between two reports of the sender that is taken from the straight line between them, after the last one from the
        plan: there are five reports a second, and a fifth of a second may be a dozen messages.
        """
        times, counts = self._history
        reports = len(counts)  # the sender's thread may add one meanwhile
        after = bisect_right(times, elapsed_s, hi=reports)
        if after == reports:
            due_then, due_since = np.searchsorted(self._offsets_s, (times[after - 1], elapsed_s), side="right")
            return counts[after - 1] + int(due_since - due_then)
        before = after - 1
        share = (elapsed_s - times[before]) / (times[after] - times[before])
        return round(counts[before] + share * (counts[after] - counts[before]))

    def _is_mine(self, lab_id: str | None) -> bool:
        return lab_id is not None and lab_id.startswith(self._prefix)
