"""What a learner predicted and tried: one small file in the lab's state folder, on this machine alone.

docs/schemas/learning.schema.json says its form. Where it cannot be written, it is kept for as long as the kernel runs:
no lesson stops because a folder is read-only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lab import paths, variables
from lab.errors import LabError
from lab.target import DEFAULT_NAME

FILE = "learning.json"
SCHEMA_VERSION = 1
_Answer = TypeVar("_Answer")
_kept_in_memory: dict[str, Any] = {}


def new() -> dict[str, Any]:
    """The record of somebody who has done nothing yet."""
    return {"schema_version": SCHEMA_VERSION, "predictions": {}, "checks": {}}


def read() -> dict[str, Any]:
    """The record of this lab's learner; ``LAB_NAME`` says which lab."""
    return change(lambda record: record)


def change(step: Callable[[dict[str, Any]], _Answer]) -> _Answer:
    """Let ``step`` change the record, keep what it made of it, and return its answer."""
    try:
        folder = paths.state_folder(variables.value("LAB_NAME") or DEFAULT_NAME)
        with _alone(folder):
            record = _read(folder / FILE)
            before = json.dumps(record)
            answer = step(record)
            if json.dumps(record) != before:
                _write(folder / FILE, record)
            return answer
    except (LabError, OSError):
        record = _kept_in_memory or new()
        answer = step(record)
        _kept_in_memory.update(record)
        return answer


def _read(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text("utf-8"))
        if record["schema_version"] == SCHEMA_VERSION:
            return {**new(), **record}
    except FileNotFoundError:
        return new()
    except (ValueError, KeyError, TypeError):
        pass
    file.replace(file.with_suffix(".unreadable.json"))  # of another version, or cut off: put aside, never deleted
    return new()


def _write(file: Path, record: dict[str, Any]) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(file)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two notebooks may be open, each with a kernel of its own."""
    with (folder / ".learning.lock").open("w") as lock:
        with contextlib.suppress(OSError):  # a network file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
