"""The host's time of day: read here and nowhere else in the lab, so that no instant of it goes astray."""

from __future__ import annotations

import time
from datetime import UTC, datetime

# The one reading; a test puts a wrong clock in its place.
wall_ns = time.time_ns


def now_ns() -> int:
    """Nanoseconds since 1970 UTC by the host's clock. A service's clock may say something else: see `ServiceClock`."""
    return wall_ns()


def today() -> datetime:
    """The host's date and time in UTC, for names, tags and texts that people read; compared with nothing."""
    return datetime.fromtimestamp(now_ns() / 1e9, UTC)
