"""A temporary folder for a benchmark's emulators, and the promise that nothing outlives it."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_asked_to_stop = threading.Event()


def go_on() -> None:
    """Raise KeyboardInterrupt if one came.

    The sender and ``lab.session.ramp`` take Ctrl-C as the wish to end early and return what they measured; a benchmark
    that called one of them has to ask.
    """
    if _asked_to_stop.is_set():
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    _asked_to_stop.set()
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise KeyboardInterrupt while the block lasts, so that every ``finally`` is reached."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that also holds the state of the labs started meanwhile; see :func:`interruptible` for the rest."""
    before = {name: os.environ.get(name) for name in ("LAB_STATE_DIR", "LAB_PORT")}
    with (
        tempfile.TemporaryDirectory(prefix="express-lab-bench-", ignore_cleanup_errors=True) as folder,
        interruptible(),
    ):
        os.environ["LAB_STATE_DIR"] = str(Path(folder) / "state")
        os.environ.pop("LAB_PORT", None)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
