"""What to do while nothing new comes: look again for what came late, and in the end stop waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.observe.log_groups import LogReader

_FIRST_AFTER_S = 2.0
# For a few events that somebody sits and waits for.
SOON_S = 0.5


class Lull:
    """Measures how long nothing new has come, and has readers start over meanwhile.

    An event that became readable behind the place that was read to is found in no other way. Before the next start the
    quiet must be twice as long, until something new comes.

    Args:
        readers: which to start over.
        first_after_s: seconds of nothing new before the first start.
        clock: seconds.
    """

    def __init__(
        self,
        *readers: LogReader,
        first_after_s: float = _FIRST_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readers = readers
        self._first_after_s = first_after_s
        self._clock = clock
        self._known: object = None
        self._since = clock()
        self._next_after_s = first_after_s

    def with_known(self, known: object) -> float:
        """Seconds for which ``known`` has been what it is now; call it after each look, with what the look gave."""
        now = self._clock()
        if known != self._known:
            self._known, self._since, self._next_after_s = known, now, self._first_after_s
        quiet_s = now - self._since
        if quiet_s >= self._next_after_s:
            self._next_after_s = 2 * quiet_s
            for reader in self._readers:
                reader.rewind()
        return quiet_s
