"""How far the host's clock is ahead of the service's: an interval, for no single reading of two clocks tells a number.

Whatever the service stamps lies between the moment a call left and the moment its answer came. So each stamp bounds the
difference, host minus service, from both sides, and what all stamps allow is where their bounds overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# The machines of one service keep time among themselves, yet not to the last millisecond; less is no contradiction.
APART_S = 0.010
# SentTimestamp has whole milliseconds, and nothing says which way they were rounded.
_STAMP_S = 0.001


@dataclass(frozen=True)
class Difference:
    """Host's clock minus service's clock, in seconds; positive where the host is ahead.

    Attributes:
        low_s, high_s: it lies between these; infinite where nothing is known.
    """

    low_s: float = -math.inf
    high_s: float = math.inf

    def __and__(self, other: Difference) -> Difference:
        """What both allow; see `holds` for two that contradict each other."""
        return Difference(max(self.low_s, other.low_s), min(self.high_s, other.high_s))

    @property
    def known(self) -> bool:
        """Whether it has bounds on both sides."""
        return math.isfinite(self.low_s) and math.isfinite(self.high_s)

    @property
    def holds(self) -> bool:
        """Whether one difference explains all that was seen; otherwise one of the clocks was set meanwhile."""
        return self.low_s <= self.high_s + APART_S

    @property
    def agree(self) -> bool:
        """Whether the two clocks may well show the same time."""
        return self.holds and min(self.low_s, self.high_s) <= 0 <= max(self.low_s, self.high_s)

    @property
    def ahead_s(self) -> float:
        """The best guess in seconds: none where the clocks may agree, else the middle; NaN where it is not known."""
        if not self.known or not self.holds:
            return math.nan
        return 0.0 if self.agree else (self.low_s + self.high_s) / 2

    @property
    def uncertainty_s(self) -> float:
        """By how many seconds `ahead_s` may be wrong at most; infinite where it is not known."""
        if not self.known or not self.holds:
            return math.inf
        # Bounds that just miss each other leave a little to either side.
        return max(abs(self.high_s - self.ahead_s), abs(self.ahead_s - self.low_s))


UNKNOWN = Difference()


def difference_of_messages(stamps: Iterable[tuple[float, float, float]]) -> Difference:
    """What the SentTimestamps of one's own messages say.

    Args:
        stamps: for each message when it left (host), when its acknowledgement came (host; infinite if none did) and
            its SentTimestamp (service), in seconds from one epoch.
    """
    low_s, high_s = -math.inf, math.inf
    for left_s, acked_s, stamp_s in stamps:
        low_s = max(low_s, left_s - stamp_s - _STAMP_S)
        high_s = min(high_s, acked_s - stamp_s + _STAMP_S)
    return Difference(low_s, high_s)
