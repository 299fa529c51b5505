"""The ``sends`` table: one row a planned message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Outcome = Literal["acked", "unknown", "refused", "dropped"]

_NOT_A_TIME = np.iinfo(np.int64).min  # how numpy writes NaT as an integer


@dataclass(slots=True)
class SendRow:
    """One planned message and what became of it. Times are nanoseconds since 1970 UTC.

    Attributes:
        lab_id: the lab's own id of the message.
        stage: 0-based number of the stage.
        offered_rate: messages per second of that stage.
        planned_ns: when it was due; None until the plan begins.
        sent_ns: start of the first call that may have carried it; None when it never left.
        acked_ns: arrival of the answer that acknowledged it.
        message_id: SQS message id from that answer.
        attempts: calls that may have carried it, 0 when dropped.
        outcome: empty until it is known.
        error: name of the last error.
        retries: how often it was tried again.
        throttles: how often it was told to slow down.
        free_ns: since when the thread that took it, to send or to drop it, had nothing else to do.
        taken_ns: when that thread took it.
        leaving_ns: start of its latest call, whether or not an answer came.
        settled: whether ``outcome`` is the last word.
    """

    lab_id: str
    stage: int
    offered_rate: float
    planned_ns: int | None = None
    sent_ns: int | None = None
    acked_ns: int | None = None
    message_id: str | None = None
    attempts: int = 0
    outcome: Outcome | None = None
    error: str | None = None
    retries: int = 0
    throttles: int = 0
    free_ns: int | None = None
    taken_ns: int | None = None
    leaving_ns: int | None = None
    settled: bool = False


def sends_table(rows: Iterable[SendRow]) -> pd.DataFrame:
    """``rows`` as the ``sends`` table of ARCHITECTURE.md, in their order."""
    rows = list(rows)
    return pd.DataFrame(
        {
            "lab_id": _text([row.lab_id for row in rows]),
            "stage": np.array([row.stage for row in rows], dtype="int64"),
            "offered_rate": np.array([row.offered_rate for row in rows], dtype="float64"),
            "t_planned": _instants([row.planned_ns for row in rows]),
            "t_sent": _instants([row.sent_ns for row in rows]),
            "t_acked": _instants([row.acked_ns for row in rows]),
            "message_id": _text([row.message_id for row in rows]),
            "attempts": np.array([row.attempts for row in rows], dtype="int64"),
            "outcome": _text([row.outcome for row in rows]),
            "error": _text([row.error for row in rows]),
        }
    )


def _text(values: Sequence[str | None]) -> pd.Series:
    # Without a dtype pandas would turn None into NaN.
    return pd.Series(values, dtype=object)


def _instants(values: Sequence[int | None]) -> pd.Series:
    numbers = np.array([_NOT_A_TIME if value is None else value for value in values], dtype="int64")
    return pd.Series(numbers.view("datetime64[ns]")).dt.tz_localize("UTC")
