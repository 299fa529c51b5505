"""Writes the manifest of a run whose tables are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lab.clock import today
from lab.runs.manifest import SCHEMA_VERSION, machine, write_manifest
from lab.runs.tables import types_of


def describe_run(
    about: Mapping[str, Any], tables: Iterable[tuple[str, pd.DataFrame]], folder: Path, *, tables_in: str = "tables"
) -> dict[str, Any]:
    """Write ``manifest.json``, and return what is in it.

    Args:
        about: the run's own part of the manifest: ``run_id``, ``target``, ``name``, ``versions``, ``plan`` and so on.
        tables: by name, as they were written by :func:`lab.runs.tables.write_table`.
        folder: of the run.
        tables_in: the folder of the tables in it; ``.`` is the run's own.

    Raises:
        OSError: the folder cannot be written.
    """
    described = {
        name: {
            "file": (Path(tables_in) / f"{name}.csv").as_posix(),
            "rows": len(table),
            "columns": types_of(table),
        }
        for name, table in tables
    }
    document = {
        "schema_version": SCHEMA_VERSION,
        "made_at": f"{today():%Y-%m-%dT%H:%M:%SZ}",
        "machine": machine(),
        **about,
        "tables": described,
    }
    write_manifest(document, folder)
    return document
