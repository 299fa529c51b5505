"""The same texts through several sources: how long each takes until the workflow begins, and what came out of it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lab.analysis.latency import QUANTILES, quantile, seconds_between
from lab.analysis.words import count_words

_COLUMNS = (
    *("source", "lab_id", "t_planned", "started", "finished", "status"),
    *("start_s", "duration_s", "end_to_end_s", "void"),
)


def side_by_side(messages: Mapping[str, pd.DataFrame], void: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row a message of all sources.

    Args:
        messages: source → its table ``messages`` (ARCHITECTURE.md).
        void: source → why its latencies do not count; a source that is not named counts.

    Returns:
        ``source``, ``lab_id``, ``t_planned``, ``started``, ``finished``, ``status``, ``start_s`` (t_planned → started),
        ``duration_s``, ``end_to_end_s``, ``void`` (empty where they count); the sources in the order in which they
        were given.
    """
    tables = [
        table.assign(
            source=source,
            start_s=seconds_between(table["t_planned"], table["started"]),
            void=(void or {}).get(source, ""),
        )
        for source, table in messages.items()
        if len(table)
    ]
    if not tables:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in _COLUMNS})
    return pd.concat([table[list(_COLUMNS)] for table in tables], ignore_index=True)


def percentiles_by_source(table: pd.DataFrame, column: str = "start_s") -> pd.DataFrame:
    """How the latencies of each source are spread, in seconds.

    Args:
        table: what :func:`side_by_side` gives.
        column: ``start_s`` or ``end_to_end_s``.

    Returns:
        One row a source, in the order of the table: ``source``, ``sent``, ``ended`` (in success), ``p50``, ``p90``,
        ``p99``, ``max`` (NaN where none was seen), ``void``.
    """
    rows = []
    for source, own in table.groupby("source", sort=False):
        values = own[column].dropna()
        rows.append(
            {"source": source, "sent": len(own), "ended": int((own["status"] == "SUCCEEDED").sum())}
            | {name: quantile(values, share) for name, share in QUANTILES.items()}
            | {"void": str(own["void"].iloc[0])}
        )
    return pd.DataFrame(rows, columns=["source", "sent", "ended", *QUANTILES, "void"])


def words_by_source(executions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How often each word came out, one column a source.

    Args:
        executions: source → its table ``executions`` (ARCHITECTURE.md).

    Returns:
        Index ``word``, in the order of the alphabet; integers, 0 where a word did not come out.
    """
    counted = {source: count_words(table).set_index("word")["count"] for source, table in executions.items()}
    return pd.DataFrame(counted).fillna(0).astype(int).sort_index()
