"""Lets Python's garbage collector look at objects that stay only while nobody waits.

Replaces the collector's state and thresholds: off until LocalStack is ready, then all that is loaded is set aside
(``gc.freeze``), new objects are looked at after 50,000 of them instead of 700, and a full collection waits until
LocalStack has nothing to do; what it leaves is set aside too.

Slow: the collector goes through all living objects again and again. LocalStack has 700,000 when it is ready, and every
message leaves its log events. A full collection stops everything: for 0.25 s after some thousand messages.

The same to see: what is freed is the same; only cycles of objects wait somewhat longer for it.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from types import ModuleType

YOUNGEST_THRESHOLD = 50_000
NEVER = 1_000_000
# Idle: in so many seconds fewer new objects than one message makes.
IDLE_S = 2.0
IDLE_OBJECTS = 1_000
PATCHES: dict[str, Callable[[ModuleType], None]] = {}


def install() -> None:
    """Called before LocalStack imports anything large."""
    gc.disable()


def ready() -> None:
    """Called when LocalStack is ready."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST_THRESHOLD, 10, NEVER)
    gc.enable()
    threading.Thread(target=_collect_when_idle, name="lab-garbage", daemon=True).start()


def _collect_when_idle(sleep: Callable[[float], object] = time.sleep) -> None:
    collected = seen = _activity()
    while True:
        sleep(IDLE_S)
        before, seen = seen, _activity()
        worked = seen[0] > collected[0]
        idle = seen[0] == before[0] and abs(seen[1] - before[1]) < IDLE_OBJECTS
        if worked and idle:
            gc.collect()
            gc.freeze()
            collected = seen = _activity()


def _activity() -> tuple[int, int]:
    """Collections of young objects so far, and new objects since the last one."""
    return sum(generation["collections"] for generation in gc.get_stats()[:2]), gc.get_count()[0]
