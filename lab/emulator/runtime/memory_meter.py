"""How much memory a process uses, and has used."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")
_STATUS_BYTES = 4096


class MemoryMeter:
    """The resident memory of a process: read from ``/proc`` in microseconds, asked of psutil where there is none."""

    def __init__(self, pid: int) -> None:
        self._highest = 0
        self._files: list[int] = []
        self._process: Any = None
        try:
            self._files = [os.open(f"/proc/{pid}/{name}", os.O_RDONLY) for name in ("statm", "status")]
        except OSError:  # macOS
            with contextlib.suppress(Exception):  # also: the process is gone already
                import psutil

                self._process = psutil.Process(pid)

    def look(self, *, back: bool = False) -> int:
        """The highest seen so far, in bytes, after a look at what is in use now.

        Args:
            back: see also what was in use since the last look and is free again; on Linux only, and five times slower.
        """
        with contextlib.suppress(Exception):  # of the system or psutil: the process is gone
            if self._files:
                pages = int(os.pread(self._files[0], 128, 0).split()[1])
                self._highest = max(self._highest, pages * os.sysconf("SC_PAGE_SIZE"))
                peak = _PEAK.search(os.pread(self._files[1], _STATUS_BYTES, 0)) if back else None
                if peak is not None:
                    self._highest = max(self._highest, int(peak[1]) * 1024)
            elif self._process is not None:
                self._highest = max(self._highest, self._process.memory_info().rss)
        return self._highest

    def highest_mb(self) -> int | None:
        """The highest seen, in whole megabytes, rounded up; None when nothing was seen."""
        return -(-self._highest // (1024 * 1024)) or None

    def close(self) -> None:
        """Free the files behind it."""
        while self._files:
            os.close(self._files.pop())
