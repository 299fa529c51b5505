"""Whether `lab` can run where it was started: on this system, and with the code of its own folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab import paths, variables
from lab.errors import LabError


class UnsupportedSystemError(LabError):
    """The lab does not run on this operating system."""


class CopiedFolderError(LabError):
    """The command lies in a copy of the project and would run the code of another one."""


def check(system: str = os.name, command: str = "", environment: str = sys.prefix) -> None:
    """Refuse to go on where something surprising would happen.

    Args:
        system: as ``os.name``.
        command: the path by which this command was started.
        environment: the virtual environment that it runs in.

    Raises:
        UnsupportedSystemError: Windows itself.
        CopiedFolderError: the folder was copied with its ``.venv``, whose commands still name the first one.
    """
    if system == "nt":
        raise UnsupportedSystemError(
            "Express Lab does not run on Windows itself.",
            cause="the emulator and its workers need a Unix system.",
            next_step="use WSL (wsl --install, then this folder inside it) or Docker Desktop (docker compose up)",
        )
    started = Path(command).resolve() if command else None
    if started and started.is_file() and (started.parents[1] / "pyvenv.cfg").exists():
        own = started.parents[1]
        if own != Path(environment).resolve():
            raise CopiedFolderError(
                f"This is the command of a copied folder; it would run the code of {Path(environment).parent}.",
                cause=f"{own.parent} was copied or moved together with its .venv.",
                next_step=f"cd '{own.parent}' && make demo, which installs it anew",
            )


def make_home_needless() -> None:
    """Without a home folder (``HOME=/dev/null``, a user without a name) Matplotlib's cache goes to the lab's own."""
    try:
        usable = os.access(Path.home(), os.W_OK | os.X_OK) and Path.home().is_dir()
    except RuntimeError:  # the user has no entry that would name one
        usable = False
    if not usable:
        variables.preset("MPLCONFIGDIR", str(paths.state_root() / ".matplotlib"))
