"""How much a percentile can be trusted, the 99.9th where there is one, and the whole distribution.

A percentile of a stage is found among the messages of that stage. It is never averaged, nor found among percentiles:
the p99 of three p99s is no p99 of anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lab.analysis.latency import quantile

# With fewer values beyond it, a percentile says little more than "about the slowest".
FEW = 10
_TICKS = 5  # lines of a distribution for each halving of the distance to 100 %, as HdrHistogram writes them


def beyond(count: int, share: float) -> int:
    """How many of ``count`` values lie beyond the quantile ``share``: a p99 of 500 rests on five."""
    # Rounded: 0.999 * 10,000 is a little more than 9,990 in binary, and one more value would seem to be needed.
    return count - math.ceil(round(count * share, 6))


def rests_on_few(count: int, share: float) -> bool:
    """Whether fewer than ten values lie beyond the quantile ``share`` of ``count`` values."""
    return beyond(count, share) < FEW


def needed(share: float) -> int:
    """How many values it takes for ten to lie beyond the quantile ``share``."""
    return math.ceil(round(FEW / (1 - share), 6))


FEW_NOTE = (
    f"* Fewer than {FEW} messages lie beyond this p99: read it as one of the slowest. A p99 to rely on takes "
    f"{needed(0.99):,} messages in a stage."
)


def tail_of(values: pd.Series) -> dict[str, Any]:
    """``count`` (values present), ``beyond_p99`` and ``p999``: NaN where fewer than ten values lie beyond it."""
    count = int(values.notna().sum())
    known = not rests_on_few(count, 0.999)
    return {
        "count": count,
        "beyond_p99": beyond(count, 0.99),
        "p999": quantile(values, 0.999) if known else math.nan,
    }


def stage_tails(messages: pd.DataFrame) -> pd.DataFrame:
    """For each stage ``duration_p999_s``, ``end_to_end_p999_s``, and how many messages lie beyond each p99.

    One row a stage: `stage`, and for `duration` and `end_to_end` the columns `…_p999_s` and `…_beyond_p99`.
    """
    rows = []
    for stage, own in messages.groupby("stage", sort=True):
        row: dict[str, Any] = {"stage": stage}
        for measure in ("duration", "end_to_end"):
            tail = tail_of(own[f"{measure}_s"])
            row |= {f"{measure}_p999_s": tail["p999"], f"{measure}_beyond_p99": tail["beyond_p99"]}
        rows.append(row)
    columns = ["stage", *(f"{m}_{what}" for m in ("duration", "end_to_end") for what in ("p999_s", "beyond_p99"))]
    return pd.DataFrame(rows, columns=columns)


def with_tails(stages: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """The table of stages with the columns of :func:`stage_tails`."""
    return stages.merge(stage_tails(messages), on="stage", how="left")


def few_note(stages: pd.DataFrame) -> str:
    """A sentence about the stages whose p99 rests on few messages, for those who read it; empty if there are none.

    Args:
        stages: with the columns of :func:`stage_tails`; without them nothing is known, and nothing is said.
    """
    if "end_to_end_beyond_p99" not in stages or not (stages["end_to_end_beyond_p99"] < FEW).any():
        return ""
    return FEW_NOTE


def percentile_lines(values: np.ndarray) -> Iterator[tuple[float, float, int]]:
    """Value, share and count of values up to it, in finer steps towards the end; the last line is the maximum.

    The steps are those of HdrHistogram's percentile iterator: five for each halving of the distance to 100 %.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    ordered = ordered[~np.isnan(ordered)]
    count = len(ordered)
    share, seen = 0.0, 0
    while seen < count:
        value = ordered[max(math.ceil(round(count * share, 9)) - 1, 0)]
        seen = int(np.searchsorted(ordered, value, side="right"))
        yield float(value), share, seen
        halvings = math.floor(math.log2(1 / (1 - share)) + 1e-9) + 1
        share += 1 / (_TICKS * 2**halvings)
    if count:
        yield float(ordered[-1]), 1.0, count


def percentile_distribution(values_s: pd.Series | np.ndarray) -> str:
    """The distribution in the text format of HdrHistogram (``.hgrm``), in milliseconds.

    Made of the measured values themselves, so that nothing is rounded to a bucket. https://hdrhistogram.github.io and
    what else plots the output of wrk2 reads it.
    """
    milliseconds = np.asarray(values_s, dtype=float) * 1000
    milliseconds = milliseconds[~np.isnan(milliseconds)]
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for value, share, seen in percentile_lines(milliseconds):
        rest = f" {1 / (1 - share):14.2f}" if share < 1 else ""
        lines.append(f"{value:12.3f} {share:2.12f} {seen:10d}{rest}")
    if len(milliseconds):
        lines.append(f"#[Mean    = {milliseconds.mean():12.3f}, StdDeviation   = {milliseconds.std():12.3f}]")
        lines.append(f"#[Max     = {milliseconds.max():12.3f}, Total count    = {len(milliseconds):12d}]")
    # Where a histogram has buckets; readers look for the line.
    lines.append(f"#[Buckets = {0:12d}, SubBuckets     = {0:12d}]")
    return "\n".join(lines) + "\n"
