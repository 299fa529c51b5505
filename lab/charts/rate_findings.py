"""The titles of the charts against the rate: what can be said of all points that are drawn, void ones included."""

from __future__ import annotations

import pandas as pd

from lab.charts.numbers import number, per_second, seconds

ONE_SECOND = 1.0
# The last messages of a stage finish after it, so a stage that keeps up shows a little less than it was offered.
KEEPS_UP = 0.95
_SUBJECTS = {"duration": "The duration's p99", "queue_wait": "p99 of the queue wait", "naive": "Naive p99"}
# The naive clock hides something when it is off by more than the machine's own jitter.
HIDDEN_S, HIDDEN_SHARE = 0.01, 0.05


def latency_finding(rows: pd.DataFrame, valid: pd.Series, measure: str) -> str:
    """What the p99 of the valid stages does as the rate rises, and what that of the others was.

    Args:
        rows: one row a stage, by rising rate: ``offered_rate``, ``p99``, perhaps ``max`` (seconds).
        valid: which rows count.
        measure: whose p99 it is.
    """
    subject = _SUBJECTS.get(measure, "p99")
    counted, void = rows[valid], rows[~valid]
    if counted.empty:
        low, high = seconds(float(void["p99"].min())), seconds(float(void["p99"].max()))
        if len(void) == 1:
            return f"No stage is valid; {subject} was {high} in the only one, which does not count"
        return f"No stage is valid; {subject} was {low} to {high} in those that do not count"
    return _course(counted, subject) + _not_counted([seconds(float(value)) for value in void["p99"]], void, "p99")


def _course(rows: pd.DataFrame, subject: str) -> str:
    # Two stages of one rate stand one above the other: the slower one is what that rate can do.
    p99 = rows.groupby("offered_rate")["p99"].max()
    low, high = float(p99.index[0]), float(p99.index[-1])
    first, last, peak = float(p99.iloc[0]), float(p99.iloc[-1]), float(p99.max())
    if len(rows) == 1:
        slowest = float(rows["max"].iloc[0]) if "max" in rows else float("nan")
        more = f", the maximum {seconds(slowest)}" if slowest == slowest else ""
        return f"{subject} is {seconds(first)} at {per_second(low)}{more}"
    if len(p99) == 1:
        fastest = float(rows["p99"].min())
        span = f"{seconds(fastest)} to {seconds(peak)}" if seconds(fastest) != seconds(peak) else seconds(peak)
        return f"{subject} is {span} in {len(rows)} stages of {per_second(low)}"
    over = p99 > ONE_SECOND
    if over.all():
        return f"{subject} is over one second from the first stage on, at {per_second(low)}"
    if over.iloc[-1] and over.is_monotonic_increasing:
        return f"{subject} passes one second at {per_second(float(over.idxmax()))}"
    if last == peak and last >= 2 * first:
        return f"{subject} grows from {seconds(first)} at {per_second(low)} to {seconds(last)} at {number(high)}"
    if over.any() or (peak >= 2 * first and peak >= 1.5 * last):
        at = per_second(float(p99.idxmax()))
        return f"{subject} is highest at {at}, {seconds(peak)}; it is {seconds(last)} at {number(high)}"
    return f"{subject} stays at or below {seconds(peak)} up to {per_second(high)}"


def _not_counted(values: list[str], void: pd.DataFrame, what: str) -> str:
    """The void stages of a chart whose finding speaks of the others."""
    if void.empty:
        return ""
    place = int(void[what].to_numpy().argmax())
    at = per_second(float(void["offered_rate"].iloc[place]))
    if len(void) == 1:
        return f"; not counted: {values[0]} at {at}"
    return f"; not counted: {len(void)} stages, the highest {values[place]} at {at}"


def clocks_finding(rows: pd.DataFrame, valid: pd.Series) -> str:
    """How far apart the corrected and the naive clock are.

    Args:
        rows: one row a stage: ``offered_rate``, ``p99``, ``p99_naive``, ``max``, ``max_naive`` (seconds).
        valid: which rows count; the others are drawn as well, and a sender that lags is what the naive clock hides.
    """
    gap, gap_of_max = rows["p99"] - rows["p99_naive"], rows["max"] - rows["max_naive"]
    hidden = gap[gap > (HIDDEN_SHARE * rows["p99"]).clip(lower=HIDDEN_S)]
    if not hidden.empty:
        worst = hidden.idxmax()
        void = "" if valid[worst] else ", in a stage that does not count"
        rate = per_second(float(rows["offered_rate"][worst]))
        return f"The naive p99 hides {seconds(float(hidden[worst]))} at {rate}{void}"
    most, most_of_max = float(gap.abs().max()), float(gap_of_max.abs().max())
    if (gap_of_max.abs() > (HIDDEN_SHARE * rows["max"]).clip(lower=HIDDEN_S)).any():
        return f"p99 differs by at most {seconds(most)}, but the maximum by up to {seconds(most_of_max)}"
    kept = "the sender kept its plan, " if valid.all() else ""
    return f"Both clocks agree: {kept}p99 differs by at most {seconds(most)}"


def completed_finding(rows: pd.DataFrame, valid: pd.Series, limit: float | None) -> str:
    """Up to which rate completed follows offered.

    Args:
        rows: one row a stage, by rising rate: ``offered_rate``, ``completed_rate``.
        valid: which rows count.
        limit: the rate of saturation that is drawn, if any.
    """
    counted, void = rows[valid], rows[~valid]
    if counted.empty:
        most = per_second(float(void["completed_rate"].max()))
        return f"No stage is valid; the most that was completed in those that do not count was {most}"
    finding = _follows(counted)
    kept = _kept(counted)
    if limit is not None and kept is not None and number(limit) != number(kept):
        finding += f"; by the rule of saturation the limit is {number(limit)}"
    done = [f"{number(float(value))} completed" for value in void["completed_rate"]]
    return finding + _not_counted(done, void, "completed_rate")


def _behind(rows: pd.DataFrame) -> pd.Series:
    return rows["completed_rate"] < KEEPS_UP * rows["offered_rate"]


def _kept(rows: pd.DataFrame) -> float | None:
    """The highest rate that completed keeps up with, if it does at all rates up to it."""
    behind = _behind(rows)
    fell = float(rows["offered_rate"][behind].min()) if behind.any() else float("inf")
    below = rows["offered_rate"][rows["offered_rate"] < fell]
    return None if below.empty else float(below.max())


def _follows(rows: pd.DataFrame) -> str:
    behind, kept = _behind(rows), _kept(rows)
    most = per_second(float(rows["completed_rate"].max()))
    highest = per_second(float(rows["offered_rate"].max()))
    if not behind.any():
        return f"Completed keeps up with offered, up to {highest}"
    if behind.all():
        where = f"at {highest}" if len(rows) == 1 else "at every rate"
        return f"Completed stays behind offered {where}; the most was {most}"
    first = float(rows["offered_rate"][behind].min())
    if kept is not None and behind[rows["offered_rate"] >= first].all():
        return f"Completed keeps up to {per_second(kept)} and tops out at {number(float(rows['completed_rate'].max()))}"
    worst = rows.loc[(rows["completed_rate"] / rows["offered_rate"]).idxmin()]
    where = f"{per_second(float(worst['offered_rate']))}, with {number(float(worst['completed_rate']))} completed"
    return f"Completed stays behind offered in {int(behind.sum())} of {len(rows)} stages, most at {where}"
