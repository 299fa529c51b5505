"""Charts over the time of a run, with its stages behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from lab.analysis import backlog as analysis
from lab.analysis.saturation import GROWTH_MESSAGES, GROWTH_RATIO
from lab.charts import palette
from lab.charts.numbers import joined, message_count, number, per_second, seconds, time_unit
from lab.charts.rates import MEASURES
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers
from lab.charts.stages import invalid_notes, stage_bands, stages_of, usable, validity
from lab.charts.style import Chart, finish, line_handle, patch_handle, sentence_chart, styled
from lab.charts.values import MOST_SLICES, picked, tell_at

TIME_AXIS = "time since the first planned send (s)"
_TIME_BINS, _LATENCY_BINS = 60, 36


def backlog_over_time(backlog: pd.DataFrame, stages: pd.DataFrame | None = None) -> Chart:
    """Messages under way over time, in the whole system and in the queue, with the stages as bands.

    Args:
        backlog: what ``lab.analysis.backlog.backlog_over_time`` gives: ``time_s``, ``backlog``, ``in_queue``; or the
            table ``messages``, of which it is made then.
        stages: what ``lab.analysis.latency.stage_table`` gives, for the bands: ``stage``, ``offered_rate``,
            ``start_s``, ``end_s``, ``valid``. Made of the messages where these are given instead of the backlog.
    """
    if "t_planned" in backlog:
        stages = stages_of(backlog, stages)
        backlog = analysis.backlog_over_time(backlog) if not stages.empty else pd.DataFrame()
    rows = usable(backlog, "time_s", "backlog")
    if rows.empty:
        return sentence_chart("No backlog to show yet", "No message has been sent, so nothing can have piled up.")
    bands = usable(stages, "stage", "offered_rate", "start_s", "end_s")
    bands["valid"] = validity(bands)
    chart = Chart(height=4.0)
    (axes,) = add_axes(chart)
    worst = rows["backlog"].idxmax()
    peak, peak_s = float(rows["backlog"][worst]), float(rows["time_s"][worst])
    with styled():
        width = 1.5 if peak > 5 else 0.9
        axes.step(rows["time_s"], rows["backlog"], where="post", color=palette.BLUE, lw=width)
        axes.fill_between(rows["time_s"], rows["backlog"], step="post", color=palette.BLUE, alpha=0.12, lw=0)
        if "in_queue" in rows:
            axes.step(rows["time_s"], rows["in_queue"], where="post", color=palette.ORANGE, lw=width, linestyle="--")
        axes.plot(
            [peak_s],
            [peak],
            color=palette.VERMILLION,
            marker="^",
            markersize=8,
            linestyle="",
            markeredgecolor=palette.PAPER,
        )
        _time_limits(axes, rows["time_s"], bands)
        axes.set_ylim(0, max(peak * 1.12, 1.0))
        stage_bands(axes, bands)
        label_axes(axes, TIME_AXIS, "backlog (messages)")
        plain_numbers(axes.yaxis, integer=True)
        plain_numbers(axes.xaxis, bins=10)
    legend = [
        line_handle("in the system: sent, not finished", palette.BLUE),
        *([line_handle("of these in the queue", palette.ORANGE, dash="--")] if "in_queue" in rows else []),
        line_handle(f"maximum: {message_count(peak)} after {seconds(peak_s)}", palette.VERMILLION, marker="^", dash=""),
    ]
    chosen = rows.iloc[picked(len(rows), int(worst))]
    texts = [
        f"After {seconds(row['time_s'])}: {message_count(row['backlog'])} in the system"
        + (f", {number(row['in_queue'], 12)} of these in the queue" if "in_queue" in rows else "")
        for row in chosen.to_dict("records")
    ]
    tell_at(chart, axes, chosen["time_s"], texts)
    finding = _backlog_finding(rows, bands, peak)
    detail = "Bands are the stages with their offered rates" if not bands.empty else ""
    return finish(chart, finding, detail, legend=legend, notes=invalid_notes(bands, "hatched"))


def _backlog_finding(rows: pd.DataFrame, bands: pd.DataFrame, peak: float) -> str:
    left = float(rows["backlog"].iloc[-1])
    drained = "drained to zero" if left == 0 else f"{message_count(left)} had not finished at the end"
    grown = [place for place, band in enumerate(bands.itertuples()) if _grew(rows, band)]
    if grown:
        return f"{_where_it_grew(bands, grown)}; {'it ' if left == 0 else ''}{drained}"
    if peak == 0:
        return "Nothing waited: the backlog stayed at zero"
    # Without a trend there may still have been a pile: more than comes in within a second.
    calm = bands.empty or peak <= max(GROWTH_MESSAGES, float(bands["offered_rate"].max()))
    rose = "The backlog never ran away: at most" if calm else "The backlog came and went: up to"
    return f"{rose} {message_count(peak)}, and {drained}"


def _grew(rows: pd.DataFrame, band: Any) -> bool:
    """Whether the backlog grew in this stage, by the rule of lab.analysis.saturation: a few messages are no trend."""
    inside = rows[rows["time_s"].between(band.start_s, band.end_s)]
    if len(inside) < 3:
        return False
    lasted = band.end_s - band.start_s
    growth = np.polyfit(inside["time_s"], inside["backlog"], 1)[0] * lasted
    return bool(growth > max(GROWTH_RATIO * band.offered_rate * lasted, GROWTH_MESSAGES))


def _where_it_grew(bands: pd.DataFrame, grown: list[int]) -> str:
    numbers = [int(bands["stage"].iloc[place]) + 1 for place in grown]
    rates = [float(bands["offered_rate"].iloc[place]) for place in grown]
    void = "" if bands["valid"].iloc[grown].any() else ", where no stage counts" if len(grown) > 1 else ", a void one"
    if len(grown) == 1:
        return f"The backlog grew in stage {numbers[0]}, at {per_second(rates[0])}{void}"
    if grown == list(range(grown[0], len(bands))):
        return f"The backlog grew from stage {numbers[0]} on, at {per_second(rates[0])}{void}"
    return f"The backlog grew in stages {joined([str(number_) for number_ in numbers])}{void}"


def sent_and_finished(messages: pd.DataFrame, stages: pd.DataFrame | None = None) -> Chart:
    """Messages sent and messages finished, added up over time; the gap between the lines is the backlog.

    Args:
        messages: table ``messages``: ``stage``, ``offered_rate``, ``t_planned``, ``t_sent``, ``finished``.
        stages: what ``stage_table`` made of it, for the invalid stages.
    """
    rows = usable(messages, "t_planned", "t_sent")
    if rows.empty:
        return sentence_chart("Nothing sent yet", "No message has left, so there are no two lines to compare.")
    origin = rows["t_planned"].min()
    sent = _instants(rows["t_sent"], origin)
    finished = _instants(rows["finished"], origin) if "finished" in rows else np.array([])
    bands = stages_of(rows, stages)
    chart = Chart(height=4.0)
    (axes,) = add_axes(chart)
    with styled():
        last = max(float(sent[-1]), float(finished[-1]) if finished.size else 0.0)
        for instants, colour, dash in ((sent, palette.PURPLE, "--"), (finished, palette.GREEN, "-")):
            counts = np.arange(instants.size + 1)
            axes.step(np.concatenate([[0.0], instants]), counts, where="post", color=colour, linestyle=dash)
        _time_limits(axes, pd.Series([0.0, last]), bands)
        axes.set_ylim(0, sent.size * 1.06)
        stage_bands(axes, bands)
        label_axes(axes, TIME_AXIS, "messages, added up")
        plain_numbers(axes.yaxis, integer=True)
        plain_numbers(axes.xaxis, bins=10)
    legend = [line_handle("sent", palette.PURPLE, dash="--"), line_handle("finished", palette.GREEN)]
    if finished.size < sent.size:
        finding = f"{message_count(sent.size - finished.size)} of {number(sent.size, 12)} had not finished at the end"
    else:
        lag = max(float(finished[-1] - sent[-1]), 0.0)
        one = f"The only message finished {seconds(lag)} after it was sent"
        many = f"All {message_count(sent.size)} finished; the last one {seconds(lag)} after the last send"
        finding = one if sent.size == 1 else many
    if never := len(messages) - len(rows):
        finding += f"; {number(never, 12)} more never left"
    instants = np.linspace(0.0, last, MOST_SLICES)
    counted = [np.searchsorted(known, instants, side="right") for known in (sent, finished)]
    texts = [
        f"After {seconds(at)}: {number(int(left), 12)} sent, {number(int(ended), 12)} finished, "
        f"{number(int(left) - int(ended), 12)} under way"
        for at, left, ended in zip(instants, *counted, strict=True)
    ]
    tell_at(chart, axes, instants, texts)
    detail = "The upright gap between the lines is the backlog, the level gap the time that it took to catch up"
    return finish(chart, finding, detail, legend=legend, notes=invalid_notes(bands, "hatched"))


def latency_heatmap(messages: pd.DataFrame, measure: str = "end_to_end", stages: pd.DataFrame | None = None) -> Chart:
    """How many messages had which latency, over the time at which they were planned, and the maximum as a line.

    Args:
        messages: table ``messages``: ``stage``, ``offered_rate``, ``t_planned`` and the measure's column.
        measure: ``end_to_end``, ``duration``, ``queue_wait``, ``start_delay`` or ``naive``.
        stages: what ``stage_table`` made of it, for the invalid stages.
    """
    column = f"{measure}_s"
    rows = usable(messages, "t_planned", column)
    if rows.empty:
        return sentence_chart("No latency to show yet", "No message has finished, so there is nothing to measure.")
    origin = messages["t_planned"].min()
    at = (rows["t_planned"] - origin).dt.total_seconds().to_numpy()
    longest = float(rows[column].max())
    factor, unit = time_unit(longest)
    # Clocks of different machines may give a tiny negative wait; a logarithmic axis needs something above zero.
    values = rows[column].clip(lower=max(longest / 1e4, 1e-4)).to_numpy() * factor
    bands = stages_of(messages, stages)
    end = max(float(at.max()), float(bands["end_s"].max()) if not bands.empty else 0.0, 1e-3)
    time_edges = np.linspace(0, end, min(_TIME_BINS, max(len(rows) // 2, 6)) + 1)
    low, high = values.min() / 1.15, values.max() * 1.15
    latency_edges = np.geomspace(low, high, _LATENCY_BINS + 1)
    counts, _, _ = np.histogram2d(at, values, bins=(time_edges, latency_edges))
    chart = Chart(height=4.4)
    (axes,) = add_axes(chart)
    with styled():
        shaded = np.ma.masked_equal(counts.T, 0)
        norm = LogNorm(vmin=1, vmax=max(float(counts.max()), 2.0))
        mesh = axes.pcolormesh(time_edges, latency_edges, shaded, cmap="viridis", norm=norm, zorder=1.5)
        in_cells = np.clip(np.digitize(at, time_edges) - 1, 0, len(time_edges) - 2)
        maxima = pd.Series(values).groupby(in_cells).max()
        heights = maxima.reindex(range(len(time_edges) - 1)).to_numpy()
        axes.stairs(
            heights,
            time_edges,
            color=palette.VERMILLION,
            baseline=None,
            lw=1.6,
            path_effects=[withStroke(linewidth=3, foreground=palette.PAPER)],
        )
        axes.set_xlim(0, end)
        axes.set_ylim(low, high * 1.1)
        log_numbers(axes, "y")
        stage_bands(axes, bands)
        label_axes(axes, TIME_AXIS, f"latency ({unit}, logarithmic)")
        plain_numbers(axes.xaxis, bins=10)
        bar = chart.colorbar(mesh, ax=axes, pad=0.015, aspect=28)
        bar.set_label("messages in a cell")
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        bar.ax.yaxis.set_minor_locator(MaxNLocator(1))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: number(value, 6)))
        bar.ax.minorticks_off()
    worst = int(np.argmax(values))
    legend = [
        patch_handle("messages (brighter: more)", "#21918C"),
        line_handle(f"maximum of each moment (highest: {seconds(longest)})", palette.VERMILLION, width=1.6),
    ]
    moments = rows[column].groupby(in_cells).agg(["size", "median", "max"])
    texts = [
        f"After {seconds(float(time_edges[place]))}: {message_count(row['size'])}, "
        f"half within {seconds(row['median'])}, the slowest {seconds(row['max'])}"
        for place, row in zip(moments.index, moments.to_dict("records"), strict=True)
    ]
    tell_at(chart, axes, (time_edges[moments.index] + time_edges[moments.index + 1]) / 2, texts)
    notes = invalid_notes(bands, "hatched")
    if unseen := len(messages) - len(rows):
        notes.append(f"Not drawn: {message_count(unseen)} whose latency is not known.")
    finding = _heatmap_finding(at, rows[column].to_numpy(dtype=float), end, at[worst])
    detail = MEASURES.get(measure, measure) + "; by the planned send time"
    return finish(chart, finding, detail, legend=legend, notes=notes)


def _heatmap_finding(at: np.ndarray, values: np.ndarray, end: float, worst_s: float) -> str:
    longest = float(values.max())
    if len(values) == 1:
        return f"The only message that finished took {seconds(longest)}"
    if len(values) < 8:
        return f"The slowest of {message_count(len(values))} took {seconds(longest)}"
    early, late = values[at <= end / 4], values[at >= end * 3 / 4]
    if early.size and late.size:
        before, after = float(np.median(early)), float(np.median(late))
        if before > 0 and after > 2 * before:
            return f"Half of the messages took {seconds(before)} at first and {seconds(after)} towards the end"
    half = seconds(float(np.median(values)))
    return f"Half of the messages took {half}; the slowest {seconds(longest)}, planned after {seconds(worst_s)}"


def _instants(times: pd.Series, origin: pd.Timestamp) -> np.ndarray:
    """Seconds since ``origin``, sorted, of the instants that are known."""
    return np.sort((times.dropna() - origin).dt.total_seconds().to_numpy(dtype=float))


def _time_limits(axes: Axes, times: pd.Series, bands: pd.DataFrame) -> None:
    end = max(float(times.max()), float(bands["end_s"].max()) if not bands.empty else 0.0)
    axes.set_xlim(min(0.0, float(times.min())), end if end > 0 else 1.0)
