"""The learner's own copy of the workshop: what ``make lab`` and the container open, so that the project stays clean.

What is missing in the copy comes from the project, and what the learner has not edited follows it to a new version.
What was edited stays. A notebook that was merely run is not edited; before it is replaced, its outputs are put aside.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import UsageError

# What a learner opens; the notebooks name the others by their place in the project.
SHOWN = ("notebooks", "lambdas", "statemachine")
# What notebooks are made of, and the run that notebook 03 falls back to: nothing to open.
NOT_SHOWN = (("notebooks", "source"), ("notebooks", "example-run"))
# Deployed from the project: a change in the copy would change nothing, so none is taken.
TO_READ = ("lambdas", "statemachine")
RECORD = ".express-lab.json"
SCHEMA_VERSION = 1
_ALL_MAY_READ, _OWNER_MAY_WRITE = 0o444, 0o644


class WorkingCopyError(UsageError):
    """The copy cannot be made, or has no such notebook."""


def update(folder: Path, say: Callable[[str], None] = lambda text: None, project: Path = paths.PROJECT) -> list[Path]:
    """Bring the copy in ``folder`` up to date; returns what was written, relative to it.

    Raises:
        WorkingCopyError: the folder cannot be written.
    """
    try:
        return _update(folder, say, project)
    except OSError as error:
        raise WorkingCopyError(
            f"Your copy of the workshop in {folder} cannot be written ({error.strerror}).",
            cause="the folder belongs to somebody else, or lies in a read-only place.",
            next_step="LAB_WORKSHOP_DIR=~/my-workshop lab notebook",
        ) from error


def _update(folder: Path, say: Callable[[str], None], project: Path) -> list[Path]:
    record = _read_record(folder)
    written, kept = [], []
    for name in _files(project):
        source, copy = project / name, folder / name
        newest, was = _digest(source), record.get(name.as_posix())
        if copy.exists() and name.parts[0] not in TO_READ:
            now = _digest(copy)
            if now not in (newest, was):
                if was != newest:
                    kept.append(name)
                continue
            if now == newest:
                record[name.as_posix()] = newest
                continue
            _put_outputs_aside(copy)
        elif copy.exists() and copy.read_bytes() == source.read_bytes():
            continue
        _copy(source, copy, to_read=name.parts[0] in TO_READ)
        record[name.as_posix()] = newest
        written.append(name)
    _forget_what_is_gone(folder, project, record)
    _write_record(folder, record)
    for name in kept:
        say(f"{name.as_posix()} has a newer version; yours, which you edited, is kept. Next: lab reset {_short(name)}")
    return written


def reset(wanted: str, folder: Path, project: Path = paths.PROJECT) -> tuple[Path, Path | None]:
    """Give the copy of one notebook its first state again; the learner's is kept beside it.

    Args:
        wanted: number or name of a notebook: ``02``, ``02_first_message``, ``solutions/02``, a path.

    Returns:
        The notebook, and where the learner's own is now (None where there was none, or nothing to keep).

    Raises:
        WorkingCopyError: there is no such notebook, or the folder cannot be written.
    """
    name = _find(wanted, project)
    copy = folder / name
    try:
        kept = None
        if copy.exists() and copy.read_bytes() != (project / name).read_bytes():
            kept = _put_aside(copy)
        _copy(project / name, copy, to_read=False)
        record = _read_record(folder)
        record[name.as_posix()] = _digest(project / name)
        _write_record(folder, record)
    except OSError as error:
        raise WorkingCopyError(
            f"{copy} cannot be written ({error.strerror}).",
            cause="the folder belongs to somebody else, or lies in a read-only place.",
            next_step="LAB_WORKSHOP_DIR=~/my-workshop lab notebook",
        ) from error
    return copy, kept


def _find(wanted: str, project: Path) -> Path:
    asked = wanted.removesuffix(".ipynb").rpartition("notebooks/")[2]
    room, _, name = asked.rpartition("/")
    found = [file for file in _files(project) if file.suffix == ".ipynb" and file.parent == Path("notebooks") / room]
    matching = [file for file in found if name and (file.stem == name or file.stem.startswith(f"{name}_"))]
    if len(matching) != 1:
        known = ", ".join(_short(file) for file in _files(project) if file.suffix == ".ipynb")
        raise WorkingCopyError(
            f"There is no notebook '{wanted}'.",
            next_step=f"lab reset 02, or another of {known}" if known else "git checkout notebooks",
        )
    return matching[0]


def _short(name: Path) -> str:
    """What to type for a notebook: ``02``, ``solutions/02``."""
    if name.suffix != ".ipynb":
        return name.as_posix()
    return (name.relative_to("notebooks").parent / name.stem.partition("_")[0]).as_posix()


def _files(project: Path) -> Iterator[Path]:
    """The files of the copy, relative to the project."""
    for room in SHOWN:
        for file in sorted((project / room).rglob("*")):
            name = file.relative_to(project)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
            if file.is_file() and not hidden and name.parts[:2] not in NOT_SHOWN:
                yield name


def _digest(file: Path) -> str:
    """What a learner can edit in a file; of a notebook its cells, since running it changes all else."""
    return hashlib.sha256(_essence(file)).hexdigest()


def _essence(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix != ".ipynb":
        return content
    try:
        cells = json.loads(content)["cells"]
        return json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells]).encode()
    except (ValueError, KeyError, TypeError):  # no notebook any more: then it was edited
        return content


def _put_outputs_aside(copy: Path) -> None:
    if copy.suffix != ".ipynb":
        return
    cells = json.loads(copy.read_bytes())["cells"]
    if any(cell.get("outputs") for cell in cells):
        _put_aside(copy)


def _put_aside(copy: Path) -> Path:
    """Rename the learner's file to the first name beside it that is free: ``02_first_message_mine_1.ipynb``."""
    number = 1
    while (kept := copy.with_name(f"{copy.stem}_mine_{number}{copy.suffix}")).exists():
        number += 1
    return copy.rename(kept)


def _copy(source: Path, copy: Path, *, to_read: bool) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    beside = copy.with_name(f".{copy.name}.new")
    beside.unlink(missing_ok=True)
    shutil.copyfile(source, beside)
    beside.chmod(_ALL_MAY_READ if to_read else _OWNER_MAY_WRITE)
    beside.replace(copy)


def _forget_what_is_gone(folder: Path, project: Path, record: dict[str, str]) -> None:
    """A file that the project no longer has goes, where the learner has not edited it."""
    for name in [name for name in record if not (project / name).exists()]:
        copy = folder / name
        if copy.is_file() and _digest(copy) == record[name]:
            copy.chmod(copy.stat().st_mode | stat.S_IWUSR)
            copy.unlink()
        del record[name]


def _read_record(folder: Path) -> dict[str, str]:
    """What each file was when it was copied; unknown files count as the learner's."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        return dict(record["files"]) if record["schema_version"] == SCHEMA_VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_record(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema_version": SCHEMA_VERSION, "files": files}, indent=1) + "\n"
    (folder / RECORD).write_text(text, "utf-8")
