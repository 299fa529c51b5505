"""How much memory a process has used."""

from __future__ import annotations

import contextlib
import os


class MemoryMeter:
    """The highest resident memory seen of a process; knows nothing where there is no ``/proc``."""

    def __init__(self, pid: int) -> None:
        self._highest_pages = 0
        try:
            self._file = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
        except OSError:
            self._file = -1

    def highest_mb(self) -> int | None:
        """Whole megabytes, rounded up."""
        if self._file < 0:
            return None
        with contextlib.suppress(OSError, IndexError, ValueError):
            self._highest_pages = max(self._highest_pages, int(os.pread(self._file, 128, 0).split()[1]))
        return -(-self._highest_pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)) or None

    def close(self) -> None:
        """Free the file behind it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
