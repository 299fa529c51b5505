"""What the processors of this machine do while a run goes on: the emulator, its workers, the lab itself, all others.

Only an embedded emulator's processes are this user's own to look at; on any other target the table stays empty.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import TracebackType
from typing import Self

import pandas as pd
import psutil

from lab.clock import now_ns
from lab.emulator import processes
from lab.target import Target

# Each look takes a millisecond or two of this process; workers are few, and new ones are rare.
_EVERY_S = 0.25
_LOOK_FOR_WORKERS_S = 1.0
COLUMNS = ("time", "emulator_s", "workers_s", "lab_s", "machine_s", "processors")


class Processors:
    """Reads how long each part has been at work, from entering to leaving the ``with`` block.

    Args:
        target: where the run goes on.
    """

    def __init__(self, target: Target, *, every_s: float = _EVERY_S) -> None:
        found = processes.find(target.name) if target.kind == "embedded" else None
        self._emulator = None if found is None else found.process()
        self._own = psutil.Process(os.getpid())
        self._workers: list[psutil.Process] = []
        self._looked_s = float("-inf")
        self._ended: dict[int, float] = {}  # what each worker had used when it was last seen
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="processors", daemon=True)
        self._rows: list[tuple[float, ...]] = []

    def __enter__(self) -> Self:
        if self._emulator is not None:
            self._look()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._over.set()
            self._thread.join()
            self._look()

    def table(self) -> pd.DataFrame:
        """One row a look: ``time``; the seconds of processor time used so far; ``processors`` that there are.

        Used by the emulator's process (``emulator_s``), its workers (``workers_s``), this process, which sends and
        reads logs (``lab_s``), and everything on the machine (``machine_s``).
        """
        table = pd.DataFrame(self._rows, columns=list(COLUMNS))
        return table.astype(float).assign(time=pd.to_datetime(table["time"].astype("int64"), utc=True))

    def _work(self) -> None:
        while not self._over.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        assert self._emulator is not None
        with contextlib.suppress(psutil.Error):  # it ended: the run itself tells that
            if time.monotonic() - self._looked_s > _LOOK_FOR_WORKERS_S:
                self._workers = self._emulator.children(recursive=True)
                self._looked_s = time.monotonic()
            emulator_s = _used_s(self._emulator)
            for worker in self._workers:
                with contextlib.suppress(psutil.Error):
                    self._ended[worker.pid] = _used_s(worker)
            self._rows.append(
                (
                    now_ns(),
                    emulator_s,
                    sum(self._ended.values()),
                    _used_s(self._own),
                    _machine_s(),
                    float(psutil.cpu_count() or 1),
                )
            )


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# A guest's time is a part of user's. What is no work is not subtracted from the sum: its rounding would let it fall.
_NO_WORK = ("idle", "iowait", "guest", "guest_nice")


def _machine_s() -> float:
    """Busy time of all processors together; what a host takes from a virtual machine (steal) is busy, too."""
    return float(sum(spent for part, spent in psutil.cpu_times()._asdict().items() if part not in _NO_WORK))
