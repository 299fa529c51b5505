"""Lets Python's garbage collector look less often at objects that stay.

Replaces the collector's state and thresholds: off until LocalStack is ready, then all that is loaded is set aside
(``gc.freeze``), and new objects are looked at after 50,000 of them instead of 700.

Slow: the collector goes through all living objects again and again; LocalStack has 700,000 when it is ready and, after
10,000 messages, more than a million log events, a tenth of a second at a time in which nothing else runs.

The same to see: what is freed is the same; only cycles of objects wait somewhat longer for it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import ModuleType

YOUNGEST_THRESHOLD = 50_000
PATCHES: dict[str, Callable[[ModuleType], None]] = {}


def install() -> None:
    """Called before LocalStack imports anything large."""
    gc.disable()


def ready() -> None:
    """Called when LocalStack is ready."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST_THRESHOLD)
    gc.enable()
