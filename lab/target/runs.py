"""The run of a lab on AWS: four characters in the name of each of its resources.

SQS keeps a deleted queue's name for a minute, state machines and mappings go slowly, and what is half gone must not
meet what is being made. So each ``lab up`` after a ``lab down`` gets names of its own. The characters are kept in the
lab's state folder, and are readable from the resources themselves when that folder is lost.
"""

from __future__ import annotations

import json
import secrets
import string
from pathlib import Path
from typing import Any

from lab import paths
from lab.clock import today

LENGTH = 4
# The first character is a digit and no lab is told from another by chance: see lab.stack.sweep.
PATTERN = r"[0-9][a-z0-9]{3}"


def current(name: str, account: str, region: str) -> str:
    """The run of lab ``name`` in this account and region that has not ended; a new one when there is none."""
    runs = _read(name)
    known = runs.get(_place(account, region))
    if known and not known["ended"]:
        return str(known["run"])
    alphabet = string.ascii_lowercase + string.digits
    run = secrets.choice(string.digits) + "".join(secrets.choice(alphabet) for _ in range(LENGTH - 1))
    began = today().isoformat(timespec="seconds")
    # Written before anything is made: whoever is stopped in the middle finds it again.
    _write(name, runs | {_place(account, region): {"run": run, "began": began, "ended": False}})
    return run


def end(name: str, account: str, region: str, run: str) -> None:
    """Nothing of ``run`` is left: the next ``current`` gives another one."""
    runs = _read(name)
    known = runs.get(_place(account, region))
    if known and known["run"] == run:
        _write(name, runs | {_place(account, region): known | {"ended": True}})


def _place(account: str, region: str) -> str:
    return f"{account}/{region}"


def _file(name: str) -> Path:
    return paths.state_folder(name) / "aws_runs.json"


def _read(name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(_file(name).read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _write(name: str, runs: dict[str, Any]) -> None:
    file = _file(name)
    file.with_suffix(".new").write_text(json.dumps(runs, indent=2) + "\n", "utf-8")
    file.with_suffix(".new").replace(file)
