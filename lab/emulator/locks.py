"""Locks between the lab's commands: one changes an emulator at a time, and who uses one is known.

They are files that are locked (``flock``): the lock ends with its holder, however that ends, and no clock or process
id is looked at. They lie outside of every folder that a user may remove while a lab is up.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import paths

# Two labs that share one wait for each other, nothing worse; a file for each name would gather.
_CHANGE_LOCKS = 64
_TELL_AFTER_S = 1.0
# The open file of each emulator that this process uses, by its token: closing it gives the lock back.
_used: dict[str, int] = {}


@contextlib.contextmanager
def changing(name: str, say: Callable[[str], None] = lambda text: None, *, what: str = "emulator") -> Iterator[None]:
    """Wait until no other command changes this lab's emulator, or ``what``, and keep others from it meanwhile.

    One at a time: within it no second one may be asked for.
    """
    number = zlib.crc32(f"{paths.real_state_root()}\0{name}\0{what}".encode()) % _CHANGE_LOCKS
    file = os.open(_folder() / f"change-{number}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        began, told = time.monotonic(), False
        while not _lock(file):
            if not told and time.monotonic() - began > _TELL_AFTER_S:
                say(f"Another command is changing the lab '{name}'; waiting for it.")
                told = True
            time.sleep(0.05)
        yield
    finally:
        os.close(file)


def use(token: str) -> None:
    """This process uses the emulator from now on, until :func:`leave` or its own end."""
    if token not in _used:
        _used[token] = os.open(_users(token), os.O_RDWR | os.O_CREAT, 0o600)
        _lock(_used[token], shared=True)


def leave(token: str) -> bool:
    """This process no longer uses the emulator; returns whether it did and was the last one. Within ``changing``."""
    file = _used.pop(token, None)
    if file is None:
        return False
    return _nobody_holds(file)


def abandoned(token: str) -> bool:
    """Whether the emulator had users and none is left. Where the file is gone nobody knows: then it is not."""
    try:
        file = os.open(_users(token), os.O_RDWR)
    except OSError:
        return False
    return _nobody_holds(file)


def forget(token: str) -> None:
    """The emulator has ended."""
    file = _used.pop(token, None)
    if file is not None:
        os.close(file)
    _users(token).unlink(missing_ok=True)


def _nobody_holds(file: int) -> bool:
    """Whether the open file can be locked for oneself; closes it."""
    try:
        return _lock(file)
    finally:
        os.close(file)


def _users(token: str) -> Path:
    return _folder() / f"users-{token}"


def _lock(file: int, *, shared: bool = False) -> bool:
    import fcntl  # there is none on Windows, where the lab says that it does not run

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder() -> Path:
    """The same for all commands of a user, whatever ``TMPDIR``, ``HOME`` and ``LAB_STATE_DIR`` say."""
    usual = Path("/tmp")
    place = usual if os.access(usual, os.W_OK) else Path(tempfile.gettempdir())
    folder = place / f"express-lab-{os.getuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            return folder
    # Somebody else was there first.
    folder = paths.state_root() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
