"""Charts of theory against a run: how busy each part is, and how long messages stay, against the rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.analysis.queueing import EMULATOR, PARTS, SERVICE, Forecast
from lab.analysis.scaling import Simulation
from lab.charts import palette
from lab.charts.numbers import number, per_second, seconds, time_unit
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled

# Colour, marker and dash of each resource.
_RESOURCES = {EMULATOR: (palette.BLUE, "o", "-"), SERVICE: (palette.ORANGE, "s", "--")}
_SAME = 0.05  # what differs by less is called the same


def busy_by_rate(busy: pd.DataFrame, forecast: Forecast, measured: float | None = None) -> Chart:
    """Busy processors against the completed rate, and the straight lines to where each resource is full.

    Args:
        busy: of ``lab.analysis.queueing.busy_by_stage``.
        forecast: what ``lab.analysis.queueing.forecast`` made of it.
        measured: messages a second that were measured afterwards, drawn as a vertical line.
    """
    rows = busy.dropna(subset=["rate", "emulator", "workers"])
    if not forecast.known or rows.empty:
        return sentence_chart("No forecast", f"Nothing can be said of saturation: {forecast.reason or 'no stages'}.")
    chart = Chart(height=4.4)
    (axes,) = add_axes(chart)
    known = measured is not None and np.isfinite(measured)
    resources = forecast.resources.set_index("resource")
    # A resource that is full far beyond the forecast would press all others into a corner.
    right = 1.2 * max(forecast.rate, float(rows["rate"].max()), float(measured or 0) if known else 0.0)
    top = float(resources.loc[forecast.bottleneck, "limit"])
    counts = rows["stage"].isin(forecast.stages).to_numpy()
    with styled():
        for name, (colour, marker, dash) in _RESOURCES.items():
            row = resources.loc[name]
            ys = rows[[*PARTS[name]]].sum(axis=1)
            for chosen, face in ((counts, colour), (~counts, palette.PAPER)):
                axes.plot(rows["rate"][chosen], ys[chosen], color=colour, marker=marker, ls="", markerfacecolor=face)
            end = min(float(row["rate"]), right)
            line = np.array([0.0, end])
            top = max(top, float(row["idle"] + row["demand_s"] * end), float(ys.max()))
            axes.plot(line, row["idle"] + row["demand_s"] * line, color=colour, linestyle=dash, zorder=1)
            axes.axhline(float(row["limit"]), color=colour, linestyle=":", linewidth=1.2, zorder=0)
        axes.axvline(forecast.rate, color=palette.MUTED, linestyle="-.", linewidth=1.4, zorder=1)
        if known:
            axes.axvline(float(measured), color=palette.VERMILLION, linewidth=1.6, zorder=1)  # type: ignore[arg-type]
        axes.set_xlim(0, right)
        axes.set_ylim(0, 1.12 * top)
        label_axes(axes, "completed rate (messages/s)", "busy processors (s of work a second)")
        plain_numbers(axes.xaxis, bins=9)
        plain_numbers(axes.yaxis)
    handles = [
        line_handle(f"{name}: full at {number(float(resources.loc[name, 'limit']))}", colour, marker=marker, dash=dash)
        for name, (colour, marker, dash) in _RESOURCES.items()
    ]
    handles.append(line_handle("forecast", palette.MUTED, dash="-.", width=1.4))
    if known:
        handles.append(line_handle("measured", palette.VERMILLION, width=1.6))
    finding = f"Calm stages say: full at {per_second(forecast.rate)}, {forecast.bottleneck} first"
    if known:
        finding += f"; measured: {number(float(measured))}"  # type: ignore[arg-type]
    milliseconds = forecast.demand_s(forecast.bottleneck) * 1000
    notes = [] if counts.all() else ["Hollow: stages that are too fast for the forecast."]
    detail = f"A message takes {number(milliseconds)} ms of {forecast.bottleneck}; dotted: what each can have"
    return finish(chart, finding, detail, legend=handles, notes=notes)


def time_and_theory(busy: pd.DataFrame, expected_s: pd.Series) -> Chart:
    """Mean time that messages stay, measured and as M/M/c expects it, against the offered rate.

    Args:
        busy: of ``lab.analysis.queueing.busy_by_stage``.
        expected_s: of ``lab.analysis.queueing.expected_times``; infinite from saturation on.
    """
    rows = busy.assign(expected_s=expected_s).dropna(subset=["mean_time_s"]).sort_values("offered_rate")
    if rows.empty:
        return sentence_chart("No times to compare yet", "No stage has a mean time: its messages did not all end.")
    finite = np.isfinite(rows["expected_s"].to_numpy(float))
    both = rows[finite]
    chart = Chart(height=4.2)
    (axes,) = add_axes(chart)
    factor, unit = time_unit(float(max(rows["mean_time_s"].max(), both["expected_s"].max() if len(both) else 0.0)))
    valid = rows["valid"].astype(bool).to_numpy()
    with styled():
        axes.plot(rows["offered_rate"], rows["mean_time_s"] * factor, color=palette.GREEN, zorder=2)
        for chosen, face in ((valid, palette.GREEN), (~valid, palette.PAPER)):
            part = rows[chosen]
            axes.plot(
                part["offered_rate"],
                part["mean_time_s"] * factor,
                color=palette.GREEN,
                marker="o",
                ls="",
                markerfacecolor=face,
                zorder=3,
            )
        axes.plot(
            both["offered_rate"], both["expected_s"] * factor, color=palette.PURPLE, marker="D", ls="--", zorder=2
        )
        for rate in rows["offered_rate"][~finite]:
            axes.axvline(float(rate), color=palette.PURPLE, linestyle=":", linewidth=1.4, zorder=1)
        log_numbers(axes, "y")
        axes.set_xlim(0, 1.06 * float(rows["offered_rate"].max()))
        label_axes(axes, "offered rate (messages/s)", f"mean time in the system ({unit})")
        plain_numbers(axes.xaxis, bins=9)
    handles = [
        line_handle("measured", palette.GREEN, marker="o"),
        line_handle("expected by M/M/c", palette.PURPLE, marker="D", dash="--"),
    ]
    if not finite.all():
        handles.append(line_handle("M/M/c: without end", palette.PURPLE, dash=":", width=1.4))
    notes = [] if valid.all() else ["Hollow: the sender lagged in this stage."]
    return finish(
        chart, _time_finding(both, rows[~finite]), "Means, on a logarithmic scale", legend=handles, notes=notes
    )


def _time_finding(both: pd.DataFrame, beyond: pd.DataFrame) -> str:
    without = ""
    if len(beyond):
        first = beyond.iloc[0]
        without = f"at {per_second(float(first['offered_rate']))} M/M/c has no answer; "
        without += f"{seconds(float(first['mean_time_s']))} were measured"
    if both.empty:
        return without[0].upper() + without[1:]
    last = both.iloc[-1]
    expected, measured = float(last["expected_s"]), float(last["mean_time_s"])
    finding = f"At {per_second(float(last['offered_rate']))} M/M/c expects {seconds(expected)}, "
    if abs(expected / measured - 1) <= _SAME:
        finding += "as measured"
    else:
        finding += f"and {seconds(measured)} were measured"
    return "; ".join(filter(None, [finding, without]))


def simulated_and_measured(simulation: Simulation, backlog: pd.DataFrame) -> Chart:
    """Messages that wait in the queue, simulated and measured, over the time since the first was planned.

    Args:
        simulation: of ``lab.analysis.scaling.simulate``.
        backlog: of ``lab.analysis.backlog.backlog_over_time``, of a run of the same plan.
    """
    if backlog.empty or simulation.steps.empty:
        return sentence_chart("Nothing to compare", "There are no messages, simulated or measured.")
    chart = Chart(height=3.8)
    (axes,) = add_axes(chart)
    steps = simulation.steps
    with styled():
        axes.plot(steps["time_s"], steps["queued"], color=palette.PURPLE, linestyle="--")
        axes.plot(backlog["time_s"], backlog["in_queue"], color=palette.GREEN)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        label_axes(axes, "time since the first planned message (s)", "messages in the queue")
        plain_numbers(axes.xaxis, bins=9)
        plain_numbers(axes.yaxis)
    peaks = float(steps["queued"].max()), float(backlog["in_queue"].max())
    finding = f"Simulated, up to {number(round(peaks[0]))} messages wait; measured, up to {number(round(peaks[1]))}"
    handles = [
        line_handle("simulated", palette.PURPLE, dash="--"),
        line_handle("measured", palette.GREEN),
    ]
    emptied = [_empty_after(steps["time_s"], steps["queued"]), _empty_after(backlog["time_s"], backlog["in_queue"])]
    ends = [f"the queue is empty after {seconds(after)}" if after else "no message waits" for after in emptied]
    detail = f"Simulated, {ends[0]}; measured, {ends[1]}"
    return finish(chart, finding, detail, legend=handles)


def _empty_after(times: pd.Series, waiting: pd.Series) -> float:
    """The last instant at which a whole message waits."""
    some = times[waiting.to_numpy(float) >= 1]
    return float(some.max()) if len(some) else 0.0
