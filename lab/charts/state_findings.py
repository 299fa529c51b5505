"""The titles of the charts of states."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.charts.numbers import per_second, seconds
from lab.charts.text import quoted, shorten

# Sums of which the greatest is no more than that many times the smallest are about alike.
ALIKE = 1.25
# Two durations that differ by less than this share look the same.
_TIE = 0.005


def state_times_finding(table: pd.DataFrame) -> str:
    """What the bars show: whether all are about as high, else which is the highest and what makes it so.

    Args:
        table: mean seconds, one row a rate (rising), one column a state, as they are stacked.
    """
    sums = table.sum(axis=1)
    high, low = float(sums.max()), float(sums.min())
    if high == 0:
        return "No state took any time that the log can tell"
    if len(table) == 1:
        return f"{_most(table.iloc[0])} of the time in states at {per_second(float(table.index[0]))}"
    first, last = float(sums.iloc[0]), float(sums.iloc[-1])
    highest, lowest = per_second(float(sums.idxmax())), per_second(float(sums.idxmin()))
    if high <= ALIKE * low:
        last_rate = per_second(float(table.index[-1]))
        return f"The states take about as long at every rate; {_most(table.iloc[-1], ',')} at {last_rate}"
    growth = table.loc[sums.idxmax()] - table.loc[sums.idxmin()]
    grower, by = quoted(growth.idxmax()), seconds(float(growth.max()))
    if last == high and first == low:
        return f"{grower} grows most: by {by} up to {highest}"
    return (
        f"The states take longest at {highest}, {seconds(high)}, and shortest at {lowest}, {seconds(low)}; "
        f"{grower} differs most, by {by}"
    )


def _most(times: pd.Series, stop: str = ":") -> str:
    """Which state takes most of these times, and its share; all of them where several take as much."""
    greatest = float(times.max())
    tied = times.index[times >= greatest * (1 - _TIE)]
    share = f"{greatest / float(times.sum()):.0%}"
    if len(tied) == 1:
        return f"{quoted(tied[0])} takes most{stop} {share}"
    if len(tied) == 2:
        return f"{quoted(tied[0])} and {quoted(tied[1])} take most{stop} {share} each"
    return f"{len(tied)} states take most{stop} {share} each, {quoted(tied[0])} first among them"


def waterfall_finding(
    names: pd.Series, begin: pd.Series, durations: pd.Series, failed: pd.Series, errors: pd.Series, end: float
) -> str:
    """What the bars of one execution show.

    Args:
        names: of the states, one a visit, in the order in which they were entered.
        begin: when each was entered, in seconds.
        durations: in seconds; NaN where a state was not left.
        failed, errors: which visits failed, and with what.
        end: the last instant that is known, in seconds.
    """
    if failed.any():
        place = int(np.argmax(failed))
        # When it failed is known only if it was left.
        left = float(begin[place] + durations[place])
        when = "" if np.isnan(left) else f", {seconds(left)} after the start"
        more = int(failed.sum()) - 1
        others = f"; {more} more state{'' if more == 1 else 's'} failed" if more else ""
        return f"{quoted(names[place])} failed with {shorten(str(errors[place]), 48)}{when}{others}"
    if durations.isna().any():
        more = int(durations.isna().sum()) - 1
        others = f" and {more} more state{'' if more == 1 else 's'}" if more else ""
        return (
            f"{quoted(names[int(np.argmax(durations.isna()))])}{others} had not ended, {seconds(end)} after the start"
        )
    if len(names) == 1:
        return f"{quoted(names[0])} took {seconds(float(durations[0]))}"
    longest = float(durations.max())
    tied = durations.index[durations >= longest * (1 - _TIE)]
    took = f"{seconds(longest)} of {seconds(end)} ({min(longest / end, 1.0) if end else 0.0:.0%})"
    if len(tied) > 1:
        first = quoted(names[tied[0]])
        which = f"{first} and {quoted(names[tied[1]])}" if len(tied) == 2 else f"{len(tied)} visits, {first} the first,"
        return f"{which} took longest: {took} each"
    name = quoted(names[tied[0]])
    visits = int((names == names[tied[0]]).sum())
    return f"One of {visits} visits of {name} took longest: {took}" if visits > 1 else f"{name} took longest: {took}"
