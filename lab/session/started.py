"""What a ramp writes into its folder before it sends: enough to follow it to its end when its sender was killed.

`run.json` says which run it is, `ledger.jsonl` (`lab/load/ledger.py`) what became of each send. The file is locked as
long as the ramp goes on, so that a run under way is not taken for one that was killed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.runs import STARTED, NoSuchRunError
from lab.target import Target

LEDGER = "ledger.jsonl"
_SHOWN = 5
# Open and locked as long as this process goes on with the run of that folder.
_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Started:
    """A run that was begun.

    Attributes:
        folder: where its results go.
        run_id: what every ``lab_id`` of the run begins with.
        target, lab: where it ran: the kind of target, and the name of the lab.
        since_ms: from which instant of the service's clock on its logs are to be read.
        options: of ``lab ramp``; empty for a run of a notebook.
        text_digest: of its text file, if it had one.
        ended: whether its report was written.
    """

    folder: Path
    run_id: str
    target: str
    lab: str
    since_ms: int
    options: dict[str, Any]
    text_digest: str | None = None
    ended: bool = False

    @property
    def ledger(self) -> Path:
        """Its account on disk."""
        return self.folder / LEDGER

    def write(self, **changes: Any) -> None:
        """Write it down, with changes."""
        contents = {**asdict(self), **changes}
        del contents["folder"]
        (self.folder / STARTED).write_text(json.dumps(contents, indent=2) + "\n", "utf-8")


def begin(folder: Path, target: Target, run_id: str, since_ms: int, options: Any = None) -> Started:
    """Write ``run.json`` and move the ledger of an earlier run in this folder out of the way.

    Args:
        options: ``RampOptions``; None for a run that is made otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / LEDGER).exists():
        earlier = _read(folder)
        name = earlier.run_id if earlier is not None and earlier.run_id != run_id else "earlier"
        (folder / LEDGER).replace(folder / f"ledger-{name}.jsonl")
    given = {} if options is None else asdict(options)
    text_file = given.get("text_file")
    run = Started(
        folder=folder,
        run_id=run_id,
        target=target.kind,
        lab=target.name,
        since_ms=since_ms,
        options=given | {"text_file": str(Path(text_file).resolve()) if text_file else None} if given else {},
        text_digest=digest(Path(text_file)) if text_file else None,
    )
    run.write()
    hold(folder)
    return run


def hold(folder: Path) -> bool:
    """Lock the run of a folder for this process; False when another process goes on with it."""
    import fcntl  # there is none on Windows, where the lab says that it does not run

    if folder in _held:
        return True
    file = os.open(folder / STARTED, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _held[folder] = file
    return True


def end(folder: Path, *, followed: bool) -> None:
    """The report of the run was written; ``followed`` is whether there is nothing more to find out."""
    run = _read(folder)
    if run is not None:
        run.write(ended=followed)
    if (file := _held.pop(folder, None)) is not None:
        os.close(file)


def find(target: Target, name: str | Path) -> Started:
    """The run that somebody means: by its id, or by its folder.

    Raises:
        NoSuchRunError: there is none, its report is there already, or it is still going on.
    """
    runs = paths.state_folder(target.name) / "runs"
    folder = next((place for place in (Path(name), runs / name) if (place / STARTED).is_file()), None)
    run = None if folder is None else _read(folder)
    if run is None or folder is None:
        unfinished = [
            run.run_id for path in sorted(runs.glob(f"*/{STARTED}")) if (run := _read(path.parent)) and not run.ended
        ]
        known = f"these were not finished: {', '.join(unfinished[-_SHOWN:])}" if unfinished else "none was interrupted"
        raise NoSuchRunError(
            f"There is no run '{name}' of the lab '{target.name}' that began to send.",
            cause=f"a run is named by its id or by its folder; of those kept in {runs}, {known}.",
            next_step=f"lab ramp --resume {unfinished[-1] if unfinished else 'FOLDER'}{target.options}",
        )
    if run.ended:
        raise NoSuchRunError(
            f"The run {run.run_id} came to its end: nothing is left to be followed.",
            next_step=f"open {folder / 'report.html'}",
        )
    if (run.target, run.lab) != (target.kind, target.name):
        raise NoSuchRunError(
            f"The run {run.run_id} belongs to the lab '{run.lab}' on target '{run.target}'.",
            next_step=f"lab ramp --resume {name} --target {run.target} --name {run.lab}",
        )
    if not hold(folder):
        raise NoSuchRunError(
            f"The run {run.run_id} is still going on.",
            cause="its 'lab ramp', or another --resume of it, runs in another terminal.",
            next_step="wait for its end.",
        )
    return run


def digest(file: Path) -> str | None:
    """By which a text file that was changed since is known."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _read(folder: Path) -> Started | None:
    try:
        return Started(folder=folder, **json.loads((folder / STARTED).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
