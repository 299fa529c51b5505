"""A table as a CSV file that is read back with the types that it had.

CSV and not Parquet: pandas reads Parquet only with pyarrow, which would be the largest package of the lab by far, and
any spreadsheet opens a CSV file. What CSV does not hold, the type of each column, the manifest does.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

INSTANT, NUMBER, INTEGER, BOOLEAN, TEXT, OPTIONAL_TEXT = (
    *("instant", "number", "integer", "boolean"),
    *("text", "optional text"),
)

# Of runs without a manifest, and of columns that it does not know. All others are numbers or text, as they look.
_OLD: dict[str, str] = {
    **dict.fromkeys(("t_planned", "t_sent", "t_acked", "sent", "first_received", "started", "finished"), INSTANT),
    **dict.fromkeys(("started_at", "entered", "exited", "reported"), INSTANT),
    **dict.fromkeys(("lab_id", "message_id", "outcome", "error", "execution_arn", "name", "status"), OPTIONAL_TEXT),
    **dict.fromkeys(("cause", "input", "output", "state", "request_id", "function"), OPTIONAL_TEXT),
    **dict.fromkeys(("valid",), BOOLEAN),
    **dict.fromkeys(("invalid_reason",), TEXT),
}
# What is read of tables that a run may not have; ARCHITECTURE.md, "The tables".
COLUMNS = {
    "sends": "lab_id stage offered_rate t_planned t_sent t_acked message_id attempts outcome error",
    "executions": "execution_arn name lab_id started finished duration_s status error cause input output events",
    "states": "execution_arn state entered exited duration_s error",
    "received": "message_id lab_id sent first_received started_at execution_arn error request_id",
}
# In `stages` this is how many messages were sent, in `messages` and `received` when SQS took the message.
_COUNTS = {"stages": {"sent": INTEGER}}


def types_of(table: pd.DataFrame) -> dict[str, str]:
    """What each column holds, in the words of the manifest."""
    return {str(name): _type_of(table[name]) for name in table}


def _type_of(column: pd.Series) -> str:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return INSTANT
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iu":
        return INTEGER
    if kind == "f":
        return NUMBER
    known = column.dropna()
    if kind == "b" or (len(known) and known.map(lambda value: isinstance(value, bool)).all()):
        return BOOLEAN
    if len(known) and known.map(lambda value: isinstance(value, pd.Timestamp)).all():
        return INSTANT
    # An empty cell is either an empty text or none: whichever the column has.
    return TEXT if len(column) and len(known) == len(column) else OPTIONAL_TEXT


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write the table; :func:`types_of` says what its columns hold."""
    # Line ends of this kind make the csv module quote a lone carriage return in a text.
    table.to_csv(file, index=False, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL, errors="surrogatepass")


def read_table(file: Path, types: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a table back: instants, numbers, counts, truth values and texts (``None`` where there is none).

    Args:
        file: written by :func:`write_table`, or by the lab before there were manifests.
        types: what the manifest says of the columns; what it does not say is known by the column's name.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no such table.
    """
    text = pd.read_csv(
        file,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8",
        encoding_errors="surrogatepass",
    )
    known = _OLD | _COUNTS.get(file.stem, {}) | dict(types or {})
    columns = {name: _column(text[name].astype(object), known.get(name)) for name in text}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(text)))


def _column(cells: pd.Series, kind: str | None) -> pd.Series:
    empty = cells == ""
    if kind == INSTANT:
        instants = pd.to_datetime(cells.mask(empty), utc=True, format="ISO8601")
        return instants.astype("datetime64[ns, UTC]")
    if kind == BOOLEAN:
        truths = cells.map({"True": True, "False": False}).astype(object)
        return truths.astype(bool) if not truths.isna().any() else truths.where(truths.notna(), None)
    if kind == TEXT:
        return cells
    if kind == OPTIONAL_TEXT:
        return cells.mask(empty, None)
    if kind in (INTEGER, NUMBER):
        return _numbers(cells, empty, kind)
    try:  # of a column that nobody told about
        return _numbers(cells, empty, NUMBER if empty.any() or not cells.str.fullmatch(r"-?\d+").all() else INTEGER)
    except ValueError:
        return cells.mask(empty, None)


def _numbers(cells: pd.Series, empty: pd.Series, kind: str) -> pd.Series:
    if kind == INTEGER and not empty.any():
        return cells.astype("int64")
    # float() of Python gives back exactly the number that was written.
    return pd.Series([float(cell) if cell else float("nan") for cell in cells], index=cells.index, dtype="float64")


def empty_table(name: str) -> pd.DataFrame:
    """The table of this name without rows, for a run that does not have it."""
    nothing = pd.Series([], dtype=object)
    return pd.DataFrame(
        {column: _column(nothing, _OLD.get(column, NUMBER)) for column in COLUMNS.get(name, "").split()},
        index=pd.RangeIndex(0),
    )


def plain(value: Any) -> Any:
    """A value as JSON can hold it: NumPy's numbers as Python's, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value
