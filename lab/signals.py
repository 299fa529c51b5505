"""How a command is stopped: Ctrl-C, SIGTERM and a closed terminal are one thing, and what was ignored stays so."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from lab.errors import LabError

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
# The one that stopped us last; Ctrl-C in a terminal, unless another one came.
_last = signal.SIGINT


class StoppedError(LabError):
    """The user stopped a command; says what was left or removed."""

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what, next_step=next_step)
        self.exit_code = exit_code()


def exit_code() -> int:
    """The exit code of a command that was stopped: 128 and the signal's number, so 130 for Ctrl-C."""
    return 128 + _last


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that a closed terminal leaves no process either.

    A signal that is ignored (``nohup``, ``trap '' INT``, a job of a script that was started with ``&``) stays so.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _last
        _last = signal.Signals(number)
        raise KeyboardInterrupt

    with _handled(interrupt):
        yield


@contextlib.contextmanager
def held_off() -> Iterator[None]:
    """A second, impatient Ctrl-C must not leave a process behind: none of the signals has an effect meanwhile."""
    with _handled(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
