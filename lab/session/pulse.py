"""Feels whether LocalStack is still there while a run goes on: one that was killed is told at once, not after a minute.

Only a connection that is *refused* counts, twice in a row: then nobody listens any more. One that is slow is busy.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from lab.session.lifecycle import Say
from lab.target import Target, reach

_EVERY_S = 0.5
_REFUSALS = 3
_PORTS = {"http": 80, "https": 443}


class Pulse:
    """Looks after an emulator in the background; on AWS it looks at nothing.

    Args:
        target: where the run goes on.
        say: gets one sentence, from another thread, as soon as the emulator is gone.

    Attributes:
        gone: set from then on; stops the sender.
    """

    def __init__(self, target: Target, say: Say, *, every_s: float = _EVERY_S) -> None:
        self.gone = threading.Event()
        self._endpoint_url = target.endpoint_url if target.is_emulator else None
        self._say = say
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feel, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        if self._endpoint_url is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()

    @property
    def sentence(self) -> str:
        """What happened; empty while it is there."""
        return f"LocalStack is gone: nothing answers at {self._endpoint_url} any more." if self.gone.is_set() else ""

    def lost(self) -> bool:
        """Whether an error that was just met comes from that; waits as long as it takes to know."""
        return self._endpoint_url is not None and self.gone.wait(2 * _REFUSALS * self._every_s)

    def _feel(self) -> None:
        refusals = 0
        while not self._over.wait(self._every_s):
            refusals = refusals + 1 if self._refused() else 0
            if refusals >= _REFUSALS:
                self.gone.set()
                self._say(f"{self.sentence} Nothing more is sent; what was measured so far is kept.")
                return

    def _refused(self) -> bool:
        parts = urlsplit(self._endpoint_url or "")
        host = parts.hostname or ""
        try:
            with socket.create_connection(
                (reach.address_of(host) or host, parts.port or _PORTS.get(parts.scheme, 80)), timeout=2.0
            ):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
