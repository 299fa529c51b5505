"""A run as it is kept: one folder with a manifest and its tables, written here, and read back with the same types.

``tables`` are CSV files, the ``manifest`` says of each column what it holds. ``writing`` and ``reading`` are the two
ways; ``shelf`` lists the runs that are kept, and finds the one that somebody means.
"""

from lab.runs.manifest import MANIFEST, STARTED, machine
from lab.runs.reading import Account, KeptRun, UnreadableRunError, is_run, read_run
from lab.runs.shelf import AmbiguousRunError, Card, NoSuchRunError, find_run, kept_runs
from lab.runs.tables import plain, write_table
from lab.runs.writing import describe_run

__all__ = [
    "MANIFEST",
    "STARTED",
    "Account",
    "AmbiguousRunError",
    "Card",
    "KeptRun",
    "NoSuchRunError",
    "UnreadableRunError",
    "describe_run",
    "find_run",
    "is_run",
    "kept_runs",
    "machine",
    "plain",
    "read_run",
    "write_table",
]
