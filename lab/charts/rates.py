"""Charts against the offered rate: one point a stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lab.analysis.saturation import Saturation
from lab.charts import palette
from lab.charts.numbers import number, seconds, time_unit
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers
from lab.charts.stages import as_stages, invalid_notes, saturation_rate, usable, validity
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled

# Colour, marker and dash of each quantile; they differ in all three, so that none depends on colour alone.
QUANTILES = {
    "p50": (palette.SKY, "o", "-"),
    "p90": (palette.ORANGE, "s", "-"),
    "p99": (palette.VERMILLION, "D", "-"),
    "max": (palette.BLACK, "^", ":"),
}
MEASURES = {
    "end_to_end": "End-to-end latency, from the planned send time to the end of the execution",
    "naive": "Latency from the actual send time to the end of the execution",
    "duration": "Duration of the execution, from ExecutionStarted to its closing event",
    "queue_wait": "Wait in the queue, from sent to first received",
    "send_lag": "Lag of the sender, from the planned to the actual send time",
    "start_delay": "Delay from received to ExecutionStarted",
}
ONE_SECOND = 1.0
RATE_AXIS = "offered rate (messages/s)"
# From this ratio of the greatest to the smallest value on, a linear axis would press the small ones flat.
LOG_RATIO = 30.0
# The last messages of a stage finish after it, so a stage that keeps up shows a little less than it was offered.
KEEPS_UP = 0.95


def latency_by_rate(
    stages: pd.DataFrame, measure: str = "end_to_end", saturation: Saturation | float | None = None
) -> Chart:
    """p50, p90, p99 and the maximum of a latency against the offered rate.

    Args:
        stages: what ``lab.analysis.latency.stage_table`` gives: ``offered_rate``, ``end_to_end_p50_s`` … ``_max_s`` (or
            of another measure), ``valid``, ``invalid_reason``; or the table ``messages``, of which it is made then.
        measure: ``end_to_end``, ``duration``, ``queue_wait``, ``start_delay``, ``send_lag`` or ``naive``.
        saturation: what ``find_saturation`` found, or a rate, drawn as a vertical line.
    """
    stages = as_stages(stages)
    stages = stages.rename(columns={f"{measure}_{name}_s": name for name in QUANTILES})
    rows = usable(stages, "offered_rate", "p99")
    rows = rows.sort_values("offered_rate", ignore_index=True)
    detail = MEASURES.get(measure, measure)
    if rows.empty:
        return sentence_chart(
            "No latency to show yet", "No stage has a finished message, so there is nothing to measure."
        )
    shown = [name for name in QUANTILES if name in rows]
    values = rows[shown].to_numpy(dtype=float)
    factor, unit = time_unit(float(np.nanmax(values)))
    chart = Chart(height=4.4)
    (axes,) = add_axes(chart)
    valid, limit = validity(rows), saturation_rate(saturation)
    with styled():
        for name in shown:
            colour, marker, dash = QUANTILES[name]
            _stage_line(axes, rows["offered_rate"], rows[name] * factor, valid, colour, marker, dash)
        _latency_axis(axes, values * factor)
        _saturation_line(axes, limit)
        label_axes(axes, RATE_AXIS, f"latency ({unit})")
        _rate_axis(axes, rows["offered_rate"])
    words = {"p50": "p50 (half are faster)", "p90": "p90", "p99": "p99", "max": "maximum"}
    handles = [line_handle(words[q], c, marker=m, dash=d) for q, (c, m, d) in QUANTILES.items() if q in shown]
    if limit is not None:
        handles.append(line_handle("saturation: highest rate kept up with", palette.MUTED, dash="-.", width=1.4))
    if axes.get_yscale() == "log":
        detail += " (logarithmic scale)"
    finding = _latency_finding(rows["offered_rate"], rows["p99"].where(valid), rows.get("max"), measure)
    return finish(chart, finding, detail, legend=handles, notes=invalid_notes(rows, "hollow marks"))


def _latency_finding(rates: pd.Series, p99: pd.Series, maxima: pd.Series | None, measure: str) -> str:
    subject = {"duration": "The duration's p99", "queue_wait": "p99 of the queue wait", "naive": "Naive p99"}.get(
        measure, "p99"
    )
    known = p99.dropna()
    if known.empty:
        return "No stage is valid: the sender could not keep its plan"
    first, last = float(known.iloc[0]), float(known.iloc[-1])
    low, high = number(rates[known.index[0]]), number(rates[known.index[-1]])
    if len(known) == 1:
        peak = "" if maxima is None else f", the maximum {seconds(float(maxima[known.index[0]]))}"
        return f"{subject} is {seconds(first)} at {low} messages/s{peak}"
    over = known[known >= ONE_SECOND]
    if not over.empty and over.index[0] != known.index[0]:
        return f"{subject} passes one second at {number(rates[over.index[0]])} messages/s"
    if last >= 2 * first:
        return f"{subject} grows from {seconds(first)} at {low} messages/s to {seconds(last)} at {high}"
    if not over.empty:
        return f"{subject} is over one second from the first stage on, at {low} messages/s"
    return f"{subject} stays at or below {seconds(float(known.max()))} up to {high} messages/s"


def corrected_and_naive(stages: pd.DataFrame) -> Chart:
    """Latency from the planned send time (corrected) beside latency from the actual one (naive), p99 and maximum.

    The naive clock starts when the sender got round to sending, so a sender that was held up hides the wait that its
    messages had: *coordinated omission*, as G. Tene calls it.

    Args:
        stages: what ``lab.analysis.latency.stage_table`` gives: ``offered_rate``, p99 and maximum of ``end_to_end`` and
            ``naive``, ``valid``, ``invalid_reason``; or the table ``messages``, of which it is made then.
    """
    stages = as_stages(stages)
    for name in ("p99", "max"):
        stages = stages.rename(columns={f"end_to_end_{name}_s": name, f"naive_{name}_s": f"{name}_naive"})
    rows = usable(stages, "offered_rate", "p99", "p99_naive", "max", "max_naive")
    rows = rows.sort_values("offered_rate", ignore_index=True)
    if rows.empty:
        return sentence_chart("No latency to compare yet", "No stage has a finished message with both of its clocks.")
    values = rows[["p99", "max", "p99_naive", "max_naive"]].to_numpy(dtype=float)
    factor, unit = time_unit(float(np.nanmax(values)))
    valid = validity(rows)
    chart = Chart(height=4.2)
    (axes,) = add_axes(chart)
    handles = []
    with styled():
        low, high = rows["p99_naive"] * factor, rows["p99"] * factor
        axes.fill_between(rows["offered_rate"], low, high, color=palette.VERMILLION, alpha=0.12, lw=0)
        for column, label, colour, marker, dash in (
            ("p99", "corrected p99 (from planned send)", palette.VERMILLION, "D", "-"),
            ("max", "corrected maximum", palette.VERMILLION, "^", ":"),
            ("p99_naive", "naive p99 (from actual send)", palette.BLUE, "o", "-"),
            ("max_naive", "naive maximum", palette.BLUE, "v", ":"),
        ):
            _stage_line(axes, rows["offered_rate"], rows[column] * factor, valid, colour, marker, dash)
            handles.append(line_handle(label, colour, marker=marker, dash=dash))
        _latency_axis(axes, values * factor)
        label_axes(axes, RATE_AXIS, f"latency ({unit})")
        _rate_axis(axes, rows["offered_rate"])
    gap = rows["p99"] - rows["p99_naive"]
    worst = gap.idxmax()
    rate = number(rows["offered_rate"][worst])
    if gap[worst] > max(0.01, 0.05 * rows["p99"][worst]):
        finding = f"The naive p99 hides {seconds(float(gap[worst]))} at {rate} messages/s"
    else:
        most = seconds(max(float(gap[worst]), 0.0))
        finding = f"Both clocks agree: the sender kept its plan, p99 differs by at most {most}"
    detail = "The shaded gap is time that messages waited before the sender got round to them"
    if axes.get_yscale() == "log":
        detail += " (logarithmic scale)"
    return finish(chart, finding, detail, legend=handles, notes=invalid_notes(rows, "hollow marks"))


def completed_against_offered(stages: pd.DataFrame, saturation: Saturation | float | None = None) -> Chart:
    """Completed rate against offered rate, with the line y = x on which a system that keeps up stays.

    Args:
        stages: what ``lab.analysis.latency.stage_table`` gives: ``offered_rate``, ``completed_rate`` (executions that
            ended during the stage, a second), ``achieved_rate`` (messages that left, a second), ``valid``,
            ``invalid_reason``; or the table ``messages``, of which it is made then.
        saturation: what ``find_saturation`` found, or a rate, drawn as a vertical line.
    """
    stages = as_stages(stages)
    rows = usable(stages, "offered_rate", "completed_rate").sort_values("offered_rate", ignore_index=True)
    if rows.empty:
        return sentence_chart(
            "No completed messages yet", "No stage has a completed rate, so there is nothing to compare."
        )
    limit = saturation_rate(saturation)
    valid = validity(rows)
    chart = Chart(height=4.4)
    (axes,) = add_axes(chart)
    with styled():
        top = float(rows["offered_rate"].max()) * 1.06
        axes.plot([0, top], [0, top], color=palette.MUTED, linestyle="--", linewidth=1.3)
        if "achieved_rate" in rows:
            _stage_line(axes, rows["offered_rate"], rows["achieved_rate"], valid, palette.ORANGE, "s", ":")
        _stage_line(axes, rows["offered_rate"], rows["completed_rate"], valid, palette.GREEN, "o", "-")
        axes.fill_between(
            rows["offered_rate"],
            rows["completed_rate"],
            rows["offered_rate"].where(rows["offered_rate"] > rows["completed_rate"], rows["completed_rate"]),
            color=palette.VERMILLION,
            alpha=0.10,
            lw=0,
        )
        _saturation_line(axes, limit)
        label_axes(axes, RATE_AXIS, "rate (messages/s)")
        axes.set_ylim(0, top)
        _rate_axis(axes, rows["offered_rate"])
        plain_numbers(axes.yaxis)
    handles = [line_handle("completed", palette.GREEN, marker="o")]
    if "achieved_rate" in rows:
        handles.append(line_handle("sent (achieved)", palette.ORANGE, marker="s", dash=":"))
    handles.append(line_handle("y = x: everything offered", palette.MUTED, dash="--", width=1.3))
    if limit is not None:
        handles.append(line_handle("saturation: highest rate kept up with", palette.MUTED, dash="-.", width=1.4))
    detail = "Below the dashed line, messages come in faster than they are finished"
    finding = _completed_finding(rows[valid], limit, float(rows["offered_rate"].max()))
    return finish(chart, finding, detail, legend=handles, notes=invalid_notes(rows, "hollow marks"))


def _completed_finding(rows: pd.DataFrame, limit: float | None, offered: float) -> str:
    """The title, from the valid stages; `offered` is the highest rate of all, which the chart shows too."""
    if rows.empty:
        return "No stage is valid: the sender could not keep its plan"
    ratio = rows["completed_rate"] / rows["offered_rate"]
    behind = rows[ratio < KEEPS_UP]
    best = number(float(rows["completed_rate"].max()))
    highest = float(rows["offered_rate"].max())
    if limit is not None and limit < highest:
        return f"Completed keeps up to {number(limit)} messages/s and tops out at {best}"
    if behind.empty:
        counts = "" if highest == offered else ", the highest rate that counts"
        return f"Completed keeps up with offered, up to {number(highest)} messages/s{counts}"
    fell = float(behind["offered_rate"].iloc[0])
    kept = rows[rows["offered_rate"] < fell]
    if kept.empty:
        return f"Completed stays behind offered at every rate; the most was {best} messages/s"
    return f"Completed keeps up to {number(float(kept['offered_rate'].max()))} messages/s and tops out at {best}"


def _stage_line(axes: Axes, x: pd.Series, y: pd.Series, valid: pd.Series, colour: str, marker: str, dash: str) -> None:
    """A line through all stages; full marks on valid ones, hollow ones on the others."""
    axes.plot(x, y, color=colour, linestyle=dash, zorder=2)
    size = 5.5 if marker in "^v" else 7.0  # the maximum often lies on p99: its mark must not cover the other
    axes.plot(
        x[valid], y[valid], color=colour, marker=marker, ms=size, linestyle="", mec=palette.PAPER, mew=0.7, zorder=3
    )
    axes.plot(
        x[~valid],
        y[~valid],
        color=colour,
        marker=marker,
        linestyle="",
        markerfacecolor=palette.PAPER,
        markersize=7,
        zorder=3,
    )


def _latency_axis(axes: Axes, values: np.ndarray) -> None:
    """A linear axis from zero, or a logarithmic one where the values lie far apart."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size and positive.max() / positive.min() > LOG_RATIO:
        axes.set_ylim(positive.min() / 1.4, positive.max() * 1.5)
        log_numbers(axes, "y")
    else:
        axes.set_ylim(0, float(positive.max()) * 1.08 if positive.size else 1.0)
        plain_numbers(axes.yaxis)


def _rate_axis(axes: Axes, rates: pd.Series) -> None:
    axes.set_xlim(0, float(rates.max()) * 1.06)
    plain_numbers(axes.xaxis, bins=9)


def _saturation_line(axes: Axes, rate: float | None) -> None:
    if rate is not None:
        axes.axvline(rate, color=palette.MUTED, linestyle="-.", linewidth=1.4, zorder=1)
