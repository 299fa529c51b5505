"""What a learner predicted and tried: one small file in the lab's state folder, on this machine alone.

docs/schemas/learning.schema.json says its form. Where it cannot be written, it is kept for as long as the kernel runs:
no lesson stops because a folder is read-only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lab import paths, variables
from lab.errors import LabError
from lab.target import DEFAULT_NAME

FILE = "learning.json"
SCHEMA_VERSION = 1
MOST_TRIES = 1_000_000
LEARNER_ID = re.compile(r"[0-9a-f]{12}")
_CHECK, _QUESTION = re.compile(r"[0-9]{2}\.[0-9]+( [a-z]+)?"), re.compile(r"[0-9]{2}\.q[0-9]+")
_Answer = TypeVar("_Answer")
_kept_in_memory: dict[str, Any] = {}


def new() -> dict[str, Any]:
    """The record of somebody who has done nothing yet."""
    return {"schema_version": SCHEMA_VERSION, "predictions": {}, "checks": {}, "quizzes": {}}


def read(name: str | None = None) -> dict[str, Any]:
    """The record of the learner of a lab; without a name ``LAB_NAME`` says of which."""
    return change(lambda record: record, name)


def change(step: Callable[[dict[str, Any]], _Answer], name: str | None = None) -> _Answer:
    """Let ``step`` change the record, keep what it made of it, and return its answer."""
    try:
        folder = paths.state_folder(name or variables.value("LAB_NAME") or DEFAULT_NAME)
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


def misfit(checks: Any, quizzes: Any) -> str:
    """The place in which these parts of a record are not what the schema says; empty where they are."""
    parts: tuple[tuple[str, Any, re.Pattern[str], Callable[[Any], bool]], ...] = (
        ("checks", checks, _CHECK, _is_check),
        ("quizzes", quizzes, _QUESTION, _is_question),
    )
    for name, entries, key_form, fits in parts:
        if not isinstance(entries, Mapping):
            return name
        for key, entry in entries.items():
            if not key_form.fullmatch(key) or not isinstance(entry, Mapping) or not fits(entry):
                return f"{name}, {key[:20]}"
    return ""


def _is_check(entry: Mapping[str, Any]) -> bool:
    return (
        set(entry) == {"tries", "hints", "recipe", "verdict"}
        and _is_count(entry["tries"], MOST_TRIES)
        and _is_count(entry["hints"], 2)
        and isinstance(entry["recipe"], bool)
        and entry["verdict"] in ("solved", "not yet")
    )


def _is_question(entry: Mapping[str, Any]) -> bool:
    return (
        set(entry) == {"tries", "verdict"}
        and _is_count(entry["tries"], MOST_TRIES)
        and entry["tries"] > 0
        and entry["verdict"] in ("right", "not yet")
    )


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _read(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text("utf-8"))
        if record["schema_version"] == SCHEMA_VERSION:
            whole = {**new(), **record}
            if isinstance(whole["predictions"], dict) and not misfit(whole["checks"], whole["quizzes"]):
                return whole
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
