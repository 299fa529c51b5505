"""Charts against the offered rate: one point a stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lab.analysis.saturation import Saturation
from lab.charts import palette
from lab.charts.numbers import per_second, seconds, time_unit
from lab.charts.rate_findings import clocks_finding, completed_finding, latency_finding
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers
from lab.charts.stages import as_stages, invalid_notes, saturation_rate, usable, validity, without
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled
from lab.charts.values import tell_at

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
RATE_AXIS = "offered rate (messages/s)"
# From this ratio of the greatest to the smallest value on, a linear axis would press the small ones flat.
LOG_RATIO = 30.0
# Seconds of a latency on the chart, by the column that it is in.
_WORDS = {"p50": "p50 (half are faster)", "p90": "p90", "p99": "p99", "max": "maximum"}


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
    handles = [line_handle(_WORDS[q], c, marker=m, dash=d) for q, (c, m, d) in QUANTILES.items() if q in shown]
    if limit is not None:
        handles.append(line_handle("saturation: highest rate kept up with", palette.MUTED, dash="-.", width=1.4))
    if axes.get_yscale() == "log":
        detail += " (logarithmic scale)"
    told = [
        [f"{_WORDS[name]} {seconds(value)}" for name, value in row.items() if np.isfinite(value)]
        for row in rows[shown].astype(float).to_dict("records")
    ]
    _tell_stages(chart, axes, rows, valid, told)
    notes = invalid_notes(rows, "hollow marks", without(stages, "p99"))
    return finish(chart, latency_finding(rows, valid, measure), detail, legend=handles, notes=notes)


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
    detail = "The shaded gap is time that messages waited before the sender got round to them"
    if axes.get_yscale() == "log":
        detail += " (logarithmic scale)"
    columns = {"p99": "corrected p99", "max": "maximum", "p99_naive": "naive p99", "max_naive": "maximum"}
    told = [[f"{words} {seconds(row[name])}" for name, words in columns.items()] for row in rows.to_dict("records")]
    _tell_stages(chart, axes, rows, valid, told)
    notes = invalid_notes(rows, "hollow marks", without(stages, *columns))
    return finish(chart, clocks_finding(rows, valid), detail, legend=handles, notes=notes)


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
        # While a backlog drains, more is completed than is offered.
        drawn = [rows[name].max() for name in ("completed_rate", "achieved_rate") if name in rows]
        axes.set_ylim(0, max(top, float(np.nanmax(drawn)) * 1.06))
        _rate_axis(axes, rows["offered_rate"])
        plain_numbers(axes.yaxis)
    handles = [line_handle("completed", palette.GREEN, marker="o")]
    if "achieved_rate" in rows:
        handles.append(line_handle("sent (achieved)", palette.ORANGE, marker="s", dash=":"))
    handles.append(line_handle("y = x: everything offered", palette.MUTED, dash="--", width=1.3))
    if limit is not None:
        handles.append(line_handle("saturation: highest rate kept up with", palette.MUTED, dash="-.", width=1.4))
    detail = "Below the dashed line, messages come in faster than they are finished"
    told = [
        [f"completed {per_second(row['completed_rate'])}"]
        + ([f"sent {per_second(row['achieved_rate'])}"] if np.isfinite(row.get("achieved_rate", np.nan)) else [])
        for row in rows.to_dict("records")
    ]
    _tell_stages(chart, axes, rows, valid, told)
    notes = invalid_notes(rows, "hollow marks", without(stages, "completed_rate"))
    return finish(chart, completed_finding(rows, valid, limit), detail, legend=handles, notes=notes)


def _tell_stages(chart: Chart, axes: Axes, rows: pd.DataFrame, valid: pd.Series, told: list[list[str]]) -> None:
    """The values of each stage, where its points are."""
    texts = [
        f"{per_second(float(rate))}: {', '.join(parts)}{'' if counts else ' (does not count)'}"
        for rate, parts, counts in zip(rows["offered_rate"], told, valid, strict=True)
    ]
    tell_at(chart, axes, rows["offered_rate"], texts)


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
