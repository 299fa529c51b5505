"""Tells the live view where a ramp is, from what the sender says and what the logs show."""

from __future__ import annotations

import threading
import time
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
# The live p99 is that of the messages that ended among so many that started last.
_RECENT = 200


class Follower:
    """Reads the logs in the background while messages are being sent.

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
        self._sent = 0
        self._finished = 0
        self._p99_s: float | None = None
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
        self._sent = progress.sent
        self._show()

    def draining(self) -> None:
        """What the drain calls after each look."""
        self._take_stock()
        self._show()

    def _show(self) -> None:
        backlog = max(self._sent - self._finished, 0)
        self._update(sent=self._sent, finished=self._finished, backlog=backlog, p99_s=self._p99_s)

    def _look_now_and_then(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            began = time.monotonic()
            try:
                self._watch.look()
                self._take_stock()
            except Exception:  # noqa: BLE001 - only the view is late; the drain looks again and raises what lasts
                continue
            self._stop.wait(min(_REST * (time.monotonic() - began), _LONGEST_REST_S))

    def _take_stock(self) -> None:
        self._finished = self._watch.finished(lambda name, lab_id: self._is_mine(lab_id))
        if self._began_ns is None:
            return
        difference = self._clock.difference
        if not difference.known:
            return
        latencies_s = [
            (ended_ns - self._began_ns) / 1e9 + difference.ahead_s - self._offsets_s[number]
            for lab_id, ended_ns in self._watch.recently_finished(_RECENT)
            if self._is_mine(lab_id) and (number := number_of(lab_id)) is not None and number < len(self._offsets_s)
        ]
        if latencies_s:
            p99_s = quantile(np.array(latencies_s), 0.99)
            # A clock that is known to a second only makes no latency of half a second.
            self._p99_s = p99_s if difference.agree or p99_s > difference.uncertainty_s else None

    def _is_mine(self, lab_id: str | None) -> bool:
        return lab_id is not None and lab_id.startswith(self._prefix)
