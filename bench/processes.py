"""CPU time and memory of an emulator: its process and everything that it started."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import psutil

MIB = 2**20


class Sample(NamedTuple):
    """The process tree at one moment.

    Attributes:
        time: seconds since 1970 UTC.
        cpu_s: CPU seconds, user and system, that it has used since it began.
        tree_mib: resident memory, added up over the tree (what processes share counts each time).
        root_mib: resident memory of the root alone.
        processes: how many there are.
    """

    time: float
    cpu_s: float
    tree_mib: float
    root_mib: float
    processes: int


def sample(pid: int) -> Sample:
    """Measure the tree of ``pid`` now.

    A child that ended still counts, for its parent collected its CPU time (not on macOS, where that time is lost).
    """
    root = psutil.Process(pid)
    cpu_s = tree = root_memory = 0.0
    count = 0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            times, memory = process.cpu_times(), process.memory_info().rss / MIB
            cpu_s += times.user + times.system
            cpu_s += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            tree += memory
            count += 1
            if process.pid == pid:
                root_memory = memory
    return Sample(time.time(), cpu_s, tree, root_memory, count)


class Meter:
    """Samples a process tree in the background, from entering to leaving the ``with`` block.

    Args:
        pid: root of the tree.
        every_s: pause between samples; each takes some milliseconds of this process.
    """

    def __init__(self, pid: int, *, every_s: float = 0.5) -> None:
        self._pid = pid
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="meter", daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self.samples.append(sample(self._pid))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(psutil.NoSuchProcess):
            self.samples.append(sample(self._pid))

    def _work(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while not self._stop.wait(self._every_s):
                self.samples.append(sample(self._pid))

    @property
    def cpu_s(self) -> float:
        """CPU seconds used between the first and the last sample."""
        return self.samples[-1].cpu_s - self.samples[0].cpu_s

    @property
    def peak_mib(self) -> float:
        """The most memory that any sample of the tree saw."""
        return max(entry.tree_mib for entry in self.samples)

    def at(self, instants: np.ndarray, value: Callable[[Sample], float]) -> np.ndarray:
        """A value of the samples at some instants (seconds since 1970 UTC), in a straight line between two samples."""
        times = np.array([entry.time for entry in self.samples])
        return np.interp(instants, times, np.array([value(entry) for entry in self.samples]))


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def end_tree(pid: int, *, grace_s: float = 5.0) -> None:
    """End a process that we started, and all that it started: SIGTERM, a while of grace, SIGKILL."""
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        root.terminate()
    psutil.wait_procs([root], timeout=grace_s)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=grace_s)
