"""The service's clock, as the Date headers of its answers tell it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from lab.clock import host
from lab.clock.difference import UNKNOWN, Difference

# Both clocks drift, and either may be set: what was seen two such spans ago says nothing of now.
_SPAN_S = 15.0
# The host's clock moved against its own monotonic one by more: it was set, and all that was learned is of the old time.
_SET_S = 0.010
_ASKED = "lab_asked_ns"


class ServiceClock:
    """Learns how far the host's clock is ahead from every answer of the clients that it listens to.

    A Date header has whole seconds. One answer bounds the difference to a second; several that fall into different
    parts of a second narrow it down.

    Args:
        monotonic: seconds that no one sets.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # Two numbers a span are all that is kept: the sender's threads come by at each call.
        self._lately, self._before = UNKNOWN, UNKNOWN
        self._span = 0
        self._offset_s: float | None = None

    def listen(self, client: Any) -> None:
        """Note the date of each answer that this boto3 client gets."""
        client.meta.events.register("before-call", self._asked)
        client.meta.events.register("after-call", self._answered)

    def _asked(self, context: dict[str, Any], **_: Any) -> None:
        context[_ASKED] = host.now_ns()

    def _answered(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        date = ((parsed or {}).get("ResponseMetadata") or {}).get("HTTPHeaders", {}).get("date")
        asked_ns = context.get(_ASKED)
        if date and asked_ns is not None:
            self.note(asked_ns, host.now_ns(), date)

    def note(self, asked_ns: int, answered_ns: int, date: str) -> None:
        """Take the Date header of an answer to a call that left and came back at these instants of the host's clock."""
        stamp_s = _seconds(date)
        if stamp_s is None:
            return
        # The stamp is of a moment between the two, and its fraction of a second was cut off.
        seen = Difference(asked_ns / 1e9 - stamp_s - 1.0, answered_ns / 1e9 - stamp_s)
        with self._lock:
            self._forget_the_old()
            if not (self._lately & self._before & seen).holds:  # the service's clock was set
                self._lately = self._before = UNKNOWN
            self._lately &= seen

    @property
    def difference(self) -> Difference:
        """What the answers of the last half minute say; without bounds when there were none."""
        with self._lock:
            self._forget_the_old()
            return self._lately & self._before

    def earliest_now_ms(self) -> int | None:
        """Now by the service's clock, epoch milliseconds, and certainly not later; None when nothing is known of it."""
        high_s = self.difference.high_s
        return int(host.now_ns() / 1e6 - high_s * 1000) if high_s < float("inf") else None

    def _forget_the_old(self) -> None:
        before_s, wall_s, now_s = self._monotonic(), host.now_ns() / 1e9, self._monotonic()
        if now_s - before_s < _SET_S / 2:  # else the thread was interrupted between the two
            offset_s = wall_s - now_s
            if self._offset_s is not None and abs(offset_s - self._offset_s) > _SET_S:
                self._lately = self._before = UNKNOWN
            self._offset_s = offset_s
        span = int(now_s // _SPAN_S)
        if span != self._span:
            self._before = self._lately if span == self._span + 1 else UNKNOWN
            self._lately, self._span = UNKNOWN, span


@lru_cache(maxsize=8)
def _seconds(date: str) -> float | None:
    """A Date header as seconds since 1970; None for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
