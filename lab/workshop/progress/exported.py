"""The file that a learner hands to the instructor: what was tried, and a random id instead of a name.

docs/schemas/progress-export.schema.json says its form. Predictions stay at home: they are the learner's own words.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import clock
from lab.errors import UsageError
from lab.workshop import learning

KIND = "express-lab progress"
SCHEMA_VERSION = 1
LONGEST_NAME = 60
_LARGEST_BYTES = 1_000_000
_KEYS = {"kind", "schema_version", "learner", "name", "exported", "checks", "quizzes"}


class NotExportedError(UsageError):
    """The file cannot be written."""


class ForeignFileError(Exception):
    """Not a file of a learner's progress; the message says why, in a few words."""


@dataclass(frozen=True)
class Exported:
    """What one learner's file says."""

    learner: str
    name: str
    exported: datetime
    record: dict[str, Any]


def export(file: Path | None, *, lab: str | None = None, name: str = "") -> tuple[Path, bool]:
    """Write what the learner of a lab has done.

    Args:
        file: where; without one ``progress-ID.json`` in the current folder.
        lab: the lab whose learner it is; without one ``LAB_NAME`` says which.
        name: the learner's, where the learner gives one.

    Returns:
        the file, and whether it holds anything that was tried.

    Raises:
        NotExportedError: the file cannot be written.
    """
    record = learning.change(_with_an_id, lab)
    told = {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "learner": record["learner"],
        "name": " ".join(name.split())[:LONGEST_NAME] or None,
        "exported": clock.today().isoformat(timespec="microseconds"),
        "checks": record["checks"],
        "quizzes": record["quizzes"],
    }
    destination = file or Path(f"progress-{record['learner']}.json")
    _may_be_replaced(destination)
    try:
        destination.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise NotExportedError(
            f"Your progress cannot be written to {destination} ({error.strerror or error}).",
            next_step="lab progress --export ~/progress.json",
        ) from error
    return destination, bool(told["checks"] or told["quizzes"])


def _may_be_replaced(file: Path) -> None:
    """A slip in the name costs nobody another file."""
    if file.is_file() and file.stat().st_size:
        try:
            _parsed(file)
        except ForeignFileError:
            raise NotExportedError(
                f"{file} is there already, and it is no progress file.",
                cause="a slip in the name; the file was left alone.",
                next_step="lab progress --export ~/progress.json",
            ) from None


def _with_an_id(record: dict[str, Any]) -> dict[str, Any]:
    """Random, and made once: it tells two files of one learner from those of two, and nothing else."""
    if not _is_id(record.get("learner")):
        record["learner"] = secrets.token_hex(6)
    return record


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and learning.LEARNER_ID.fullmatch(value) is not None


def read(file: Path) -> Exported:
    """What a file says.

    Raises:
        ForeignFileError: it is no file of a learner's progress, or damaged.
    """
    return _checked(_parsed(file))


def _parsed(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise ForeignFileError("too large to be a progress file")
        told = json.loads(file.read_bytes())
    except OSError as error:
        raise ForeignFileError(f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        raise ForeignFileError("not JSON") from None
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise ForeignFileError("not made by lab progress --export")
    return told


def _checked(told: dict[str, Any]) -> Exported:
    version = told.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ForeignFileError(f"made by another version of the lab: format {str(version)[:20]}")
    if set(told) != _KEYS:
        raise ForeignFileError(f"damaged: {', '.join(sorted(set(told) ^ _KEYS))[:80]}")
    if not _is_id(told["learner"]):
        raise ForeignFileError("damaged: learner")
    name = told["name"]
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME):
        raise ForeignFileError("damaged: name")
    place = learning.misfit(told["checks"], told["quizzes"])
    if place:
        raise ForeignFileError(f"damaged: {place}")
    record = {"checks": told["checks"], "quizzes": told["quizzes"]}
    return Exported(told["learner"], name or "", _instant(told["exported"]), record)


def _instant(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() is None:
            raise ValueError(text)
        return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ForeignFileError("damaged: exported") from None
