"""A temporary folder for a benchmark's emulators, and the promise that nothing outlives it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that also holds the state of the labs started meanwhile.

    SIGTERM ends the benchmark as Ctrl-C does, so that the ``finally`` of whatever runs is reached.
    """
    before = {name: os.environ.get(name) for name in ("LAB_STATE_DIR", "LAB_PORT")}
    handler = signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="express-lab-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["LAB_STATE_DIR"] = str(Path(folder) / "state")
        os.environ.pop("LAB_PORT", None)
        try:
            yield Path(folder)
        finally:
            signal.signal(signal.SIGTERM, handler)
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
