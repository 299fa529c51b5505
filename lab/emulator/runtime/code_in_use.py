"""Which unpacked code invocations are using at the moment, so that an update does not take it away under them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CodeInUse:
    """The code of all functions, by its id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._removals: dict[str, Callable[[], None]] = {}
        self._removed: set[str] = set()

    @contextmanager
    def hold(self, code_id: str) -> Iterator[bool]:
        """Keeps the code in its place meanwhile; gives whether it is still there."""
        with self._lock:
            there = code_id not in self._removed
            self._uses[code_id] += 1
        try:
            yield there
        finally:
            with self._lock:
                self._uses[code_id] -= 1
                remove = None
                if not self._uses[code_id]:
                    del self._uses[code_id]
                    remove = self._removals.pop(code_id, None)
                    if remove is not None:
                        self._removed.add(code_id)
            if remove is not None:
                remove()

    def remove_when_free(self, code_id: str, remove: Callable[[], None]) -> None:
        """Calls ``remove`` now, or when the last invocation that uses the code has ended."""
        with self._lock:
            if self._uses[code_id]:
                self._removals[code_id] = remove
                return
            self._removed.add(code_id)
        remove()


CODE_IN_USE = CodeInUse()
