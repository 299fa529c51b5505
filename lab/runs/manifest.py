"""``manifest.json``: what a run was, beside its tables. Its schema is ``docs/schemas/manifest.schema.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from lab.runs.tables import plain

MANIFEST = "manifest.json"
# It changes when a key goes or means something else, not when one is added.
SCHEMA_VERSION = 1
STARTED = "run.json"  # which `lab ramp` writes before it sends (lab/session/started.py)


def machine() -> dict[str, Any]:
    """What decides how fast an emulator is here; nothing that tells whose machine it is."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": _cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }


def _cores() -> int:
    """Those that this process may use: fewer than there are in many a container."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return usable or 1


def write_manifest(document: Mapping[str, Any], folder: Path) -> None:
    """Write the manifest last of all, and whole or not at all: a folder that has one is a whole run."""
    text = json.dumps(plain(dict(document)), indent=2, allow_nan=False, ensure_ascii=False)
    unfinished = folder / f".{MANIFEST}"
    unfinished.write_text(text + "\n", "utf-8")
    unfinished.replace(folder / MANIFEST)


def read_json(file: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is no such file.

    Raises:
        ValueError: the file holds something else.
        OSError: it cannot be read.
    """
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} holds no JSON object")
    return found
