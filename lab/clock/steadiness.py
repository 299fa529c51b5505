"""Whether the host's clocks ran on steadily: nobody set the time of day, and the machine did not sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from lab.clock import host
from lab.clock.difference import APART_S

_EVERY_S = 0.2
# The system may let a thread wait for long when it is busy, but not for so long.
_STOOD_STILL_S = 5.0
# Between the readings of two clocks the thread may be interrupted: then they are read again.
_TOGETHER_S = 0.002
_TRIES = 20


def _awake_and_asleep_s() -> float:
    """Seconds that no one sets, with the time that the machine slept, where the system tells it."""
    # Linux has a clock of its own for that. Where it does not, its neighbour counts on (macOS) or sleep cannot be told.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Reading(NamedTuple):
    """The host's three clocks at one moment, in seconds: monotonic, that with sleep, and the time of day.

    ``took_s`` is how long it took to read them, by so much they may seem to differ.
    """

    took_s: float
    monotonic_s: float
    with_sleep_s: float
    wall_s: float


@dataclass(frozen=True)
class Break:
    """The host's time did not simply run on.

    Attributes:
        after_ns, before_ns: it happened between these instants, nanoseconds since 1970 UTC by the time of day at the
            beginning and the monotonic clock since: the same line of time as the sender's.
        reason: what happened, in words.
    """

    after_ns: int
    before_ns: int
    reason: str


class Steadiness:
    """Looks at the host's clocks five times a second while it is entered.

    Args:
        monotonic, with_sleep: seconds that no one sets, without and with the time that the machine slept.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        with_sleep: Callable[[], float] = _awake_and_asleep_s,
    ) -> None:
        self._monotonic = monotonic
        self._with_sleep = with_sleep
        self._breaks: list[Break] = []
        self._first = self._last = self._read()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="clock-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    @property
    def breaks(self) -> tuple[Break, ...]:
        """What was noticed so far, in its order."""
        return tuple(self._breaks)

    def look(self) -> None:
        """Compare the clocks with what they showed at the last look."""
        last, now = self._last, self._read()
        self._last = now
        passed_s = now.monotonic_s - last.monotonic_s
        slept_s = now.with_sleep_s - last.with_sleep_s - passed_s
        set_s = now.wall_s - last.wall_s - passed_s - slept_s
        apart_s = APART_S + last.took_s + now.took_s
        if slept_s > apart_s:
            self._note(last, now, f"this machine slept for {slept_s:.1f} s")
        if abs(set_s) > apart_s:
            forth = "forward" if set_s > 0 else "back"
            self._note(last, now, f"this machine's clock was set {forth} by {abs(set_s):.2f} s")
        if passed_s > _STOOD_STILL_S:
            self._note(last, now, f"the lab stood still for {passed_s:.1f} s")

    def _note(self, last: Reading, now: Reading, what: str) -> None:
        self._breaks.append(Break(self._instant(last), self._instant(now), what))

    def _instant(self, reading: Reading) -> int:
        return round((self._first.wall_s + reading.monotonic_s - self._first.monotonic_s) * 1e9)

    def _look_on(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.look()

    def _read(self) -> Reading:
        """The three clocks at one moment; of several tries the one that took the least time."""
        found: list[Reading] = []
        while len(found) < _TRIES and (not found or found[-1].took_s > _TOGETHER_S):
            before_s = self._monotonic()
            with_sleep_s, wall_s = self._with_sleep(), host.now_ns() / 1e9
            found.append(Reading(self._monotonic() - before_s, before_s, with_sleep_s, wall_s))
        return min(found)
