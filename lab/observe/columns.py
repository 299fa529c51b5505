"""What is read, as columns of a table: instants, durations, texts; and the `lab_id` in a body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pandas as pd

NO_TIME = int(np.iinfo(np.int64).min)  # what NumPy keeps in memory for NaT
_LAST_TIME = int(np.iinfo(np.int64).max)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instants(nanoseconds: list[int]) -> pd.Series:
    """Epoch nanoseconds (`NO_TIME` for unknown) as a column of instants in UTC."""
    return pd.Series(np.array(nanoseconds, dtype=np.int64).view("M8[ns]")).dt.tz_localize("UTC")


def texts(values: list[str | None]) -> pd.Series:
    # Told to be `object`, or pandas would turn None into NaN in a column of strings.
    return pd.Series(values, dtype=object)


def elapsed_s(start: list[int], end: list[int]) -> pd.Series:
    """Seconds from start to end, NaN where one of them is unknown."""
    first, last = np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)
    known = (first != NO_TIME) & (last != NO_TIME)
    return pd.Series(np.where(known, np.where(known, last - first, 0) / 1e9, np.nan))


def nanoseconds(timestamp: Any) -> int:
    """An `event_timestamp` as epoch nanoseconds.

    LocalStack writes ISO-8601 text, AWS epoch milliseconds as text. Unreadable ones give `NO_TIME`.
    """
    try:
        if isinstance(timestamp, str) and not timestamp.isdigit():
            instant = datetime.fromisoformat(timestamp)
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=UTC)
            return _within_range((instant - _EPOCH) // _MICROSECOND * 1_000)
    except ValueError:
        return NO_TIME
    return milliseconds(timestamp)


def milliseconds(value: Any) -> int:
    """Epoch milliseconds, as a number or as text, in nanoseconds; `NO_TIME` for anything else."""
    try:
        return _within_range(int(value) * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return NO_TIME


def _within_range(nanoseconds: int) -> int:
    """Instants beyond the year 2262 do not fit into the tables; they are as good as unknown."""
    return nanoseconds if NO_TIME < nanoseconds <= _LAST_TIME else NO_TIME


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def lab_id_in(text: Any) -> str | None:
    """The `lab_id` in a JSON object, or in a list of one, given as text; None for any other text.

    A pipe hands a batch to a state machine as a list, also a batch of one.
    """
    # Most texts have none, and looking is far cheaper than parsing.
    if not isinstance(text, str) or '"lab_id"' not in text:
        return None
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(body, list) and len(body) == 1:
        (body,) = body
    return text_or_none(body.get("lab_id")) if isinstance(body, dict) else None
