"""Keeps LocalStack's service catalogue from one start to the next.

The catalogue is an index of all operations of all AWS services. LocalStack builds it when the first request comes and
finds none, which takes 1.6 s and 300 MB; each emulator starts with an empty folder, so each would build it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from lab import paths

# Below the folder that LocalStack takes for the root of its file system.
CACHE = Path("var", "lib", "localstack", "cache")
_PATTERN = "service-catalog-*.dill"


def lay_out(filesystem: Path) -> None:
    """Make LocalStack's cache folder, with the catalogues that are kept; damaged ones are left out."""
    cache = filesystem / CACHE
    cache.mkdir(parents=True)
    for kept in _kept().glob(_PATTERN):
        try:
            if _digest_file(kept).read_text("ascii") == _digest(kept):
                shutil.copyfile(kept, cache / kept.name)
        except (OSError, ValueError):
            continue


def keep(filesystem: Path) -> None:
    """Keep the catalogue of an emulator that works; it is no loss when that cannot be done."""
    for built in (filesystem / CACHE).glob(_PATTERN):
        kept = _kept() / built.name
        try:
            if kept.exists() and _digest_file(kept).read_text("ascii") == _digest(kept) == _digest(built):
                continue
            kept.parent.mkdir(parents=True, exist_ok=True)
            # Another lab may read it meanwhile: both files appear whole or not at all.
            own = kept.with_name(f"{kept.name}.{os.getpid()}")
            shutil.copyfile(built, own)
            own.replace(kept)
            own.write_text(_digest(kept), "ascii")
            own.replace(_digest_file(kept))
        except (OSError, ValueError):
            continue


def _kept() -> Path:
    # Its name tells the versions of LocalStack and botocore; what it was pickled with is Python's.
    return paths.state_root() / ".cache" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _digest_file(kept: Path) -> Path:
    return kept.with_suffix(".sha256")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
