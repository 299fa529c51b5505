"""Where the project's own files and the state of each lab are."""

from __future__ import annotations

import re
from pathlib import Path

from lab import variables
from lab.errors import UsageError

PROJECT = Path(__file__).resolve().parents[1]
LAMBDAS = PROJECT / "lambdas"
STATE_MACHINES = PROJECT / "statemachine"
NOTEBOOKS = PROJECT / "notebooks"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?")


class LabNameError(UsageError):
    """A lab name that cannot be part of the names of AWS resources."""


class StateFolderError(UsageError):
    """The folder for a lab's state cannot be written."""


def check_name(name: str) -> str:
    """Return ``name`` when it can be part of every resource name.

    Raises:
        LabNameError: not 1 to 24 lower-case letters, digits and inner hyphens.
    """
    if not _NAME.fullmatch(name):
        raise LabNameError(
            f"'{name}' cannot be the name of a lab.",
            cause="it becomes part of queue, role and function names: 1 to 24 lower-case letters, digits and "
            "inner hyphens.",
            next_step="choose another one, for example --name workshop",
        )
    return name


def state_root() -> Path:
    """The folder that holds the state of every lab: ``LAB_STATE_DIR``, or ``.lab`` in the project."""
    folder: Path | None = variables.value("LAB_STATE_DIR")
    return folder or PROJECT / ".lab"


def working_copy() -> Path:
    """The learner's own copy of the workshop: ``LAB_WORKSHOP_DIR``, or ``my-workshop`` in the project."""
    folder: Path | None = variables.value("LAB_WORKSHOP_DIR")
    return folder or PROJECT / "my-workshop"


def real_state_root() -> Path:
    """:func:`state_root` without links: the same text for all who mean the same folder, whether it exists or not."""
    return state_root().resolve()


def state_folder(name: str) -> Path:
    """The state folder of the lab ``name``, made if missing.

    Raises:
        LabNameError: the name cannot be used.
        StateFolderError: the folder cannot be made or written.
    """
    folder = state_root() / check_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StateFolderError(
            f"The lab cannot write its state folder {folder} ({error.strerror}).",
            cause="the project lies in a read-only place or belongs to another user.",
            next_step="LAB_STATE_DIR=~/express-lab-state lab up",
        ) from error
    return folder


def lab_names() -> list[str]:
    """Names of the labs that have a state folder, sorted."""
    root = state_root()
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name))
