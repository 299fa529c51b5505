"""The account on disk: what was planned before the first message leaves, then what became of each.

JSON lines. ``planned`` names a message and when it is due after the start, ``start`` says when that was, ``sending``
names the messages of a call about to leave, ``result`` says what became of a message. Each line is handed to the
operating system before the sender goes on, so a killed sender leaves all of them. Times are integers, nanoseconds
since 1970 UTC.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lab.errors import UsageError
from lab.load.sends import SendRow, sends_table


class LedgerError(UsageError):
    """The ledger cannot be written, or is none."""


class Ledger:
    """Writes the account of one run.

    Args:
        path: file to create; folders on the way are made.

    Raises:
        LedgerError: the file exists already (it may be the only account of another run), or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        if path.exists():
            raise LedgerError(
                f"The ledger {path} exists already.",
                cause="it is the account of an earlier run.",
                next_step="choose another file, or move that one away.",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("x", encoding="utf-8")
        except OSError as error:
            raise LedgerError(
                f"Cannot write the ledger {path}: {error.strerror}.", next_step="choose a folder that you can write."
            ) from error

    def planned(self, rows: Iterable[SendRow], offsets_ns: Iterable[int]) -> None:
        """Write down every planned message and when it is due after the start, before the first one is sent."""
        self._write(
            {
                "kind": "planned",
                "lab_id": row.lab_id,
                "stage": row.stage,
                "offered_rate": row.offered_rate,
                "offset_ns": offset_ns,
            }
            for row, offset_ns in zip(rows, offsets_ns, strict=True)
        )

    def start(self, start_ns: int) -> None:
        """Write down when the plan begins. Comes after ``planned``, because writing a long plan takes a while."""
        self._write([{"kind": "start", "start_ns": start_ns}])

    def sending(self, rows: Sequence[SendRow]) -> None:
        """Write down that a call with these messages is about to leave."""
        lab_ids = [row.lab_id for row in rows]
        self._write([{"kind": "sending", "lab_ids": lab_ids, "t_sent_ns": rows[0].leaving_ns}])

    def results(self, rows: Iterable[SendRow]) -> None:
        """Write down what became of these messages."""
        self._write(
            {
                "kind": "result",
                "lab_id": row.lab_id,
                "t_sent_ns": row.sent_ns,
                "t_acked_ns": row.acked_ns,
                "message_id": row.message_id,
                "attempts": row.attempts,
                "outcome": row.outcome,
                "error": row.error,
            }
            for row in rows
        )

    def close(self) -> None:
        """Close the file; what a straggling thread still has to say is not written."""
        with self._lock:
            self._file.close()

    def _write(self, entries: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        with self._lock:
            if not self._file.closed:
                self._file.write(text)
                self._file.flush()


def read_ledger(path: Path) -> pd.DataFrame:
    """The ``sends`` table of a run from its ledger, also of a run whose sender was killed.

    A message whose call left without a result is ``unknown``; one that no call carried is ``dropped``. A sender
    that was killed while it still wrote its plan sent nothing; ``t_planned`` is then missing.

    Raises:
        LedgerError: the file cannot be read or is no ledger. A last line that breaks off is no fault: that is where
            the sender was killed.
    """
    rows: dict[str, SendRow] = {}
    offsets_ns: dict[str, int] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"Cannot read the ledger {path}: {error}.", next_step="check the path.") from error
    lines.pop()  # empty when the file ends in a whole line, else the line that broke off
    for number, line in enumerate(lines, start=1):
        try:
            _apply(json.loads(line), rows, offsets_ns)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"Line {number} of {path} is not a line of a ledger.", cause=repr(error)) from error
    return sends_table(rows.values())


def _apply(entry: dict[str, Any], rows: dict[str, SendRow], offsets_ns: dict[str, int]) -> None:
    match entry["kind"]:
        case "planned":
            lab_id = entry["lab_id"]
            rows[lab_id] = SendRow(lab_id, entry["stage"], entry["offered_rate"], outcome="dropped")
            offsets_ns[lab_id] = entry["offset_ns"]
        case "start":
            for lab_id, row in rows.items():
                row.planned_ns = entry["start_ns"] + offsets_ns[lab_id]
        case "sending":
            for lab_id in entry["lab_ids"]:
                row = rows[lab_id]
                row.outcome = "unknown"
                row.attempts += 1
                row.sent_ns = row.sent_ns or entry["t_sent_ns"]
        case "result":
            row = rows[entry["lab_id"]]
            row.sent_ns = entry["t_sent_ns"]
            row.acked_ns = entry["t_acked_ns"]
            row.message_id = entry["message_id"]
            row.attempts = entry["attempts"]
            row.outcome = entry["outcome"]
            row.error = entry["error"]
        case other:
            raise ValueError(f"unknown kind {other!r}")
