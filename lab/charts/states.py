"""Charts of the states inside executions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lab.charts import palette
from lab.charts.numbers import number, per_second, seconds, time_unit
from lab.charts.rates import RATE_AXIS
from lab.charts.scales import add_axes, label_axes, plain_numbers, row_axis
from lab.charts.stages import invalid_notes, usable, validity
from lab.charts.state_findings import state_times_finding, waterfall_finding
from lab.charts.style import Chart, finish, patch_handle, sentence_chart, state_styles, styled
from lab.charts.text import SMALL_SIZE, TEXT_SIZE, drawable, fit, text_width
from lab.charts.values import tell_box

_MOST_STATES = 14  # more would make a legend longer than the chart


def state_times_by_rate(state_times: pd.DataFrame, stages: pd.DataFrame | None = None) -> Chart:
    """Mean time in each state, stacked, one bar a rate.

    Means, because they add up to the mean of the whole; percentiles do not.

    Args:
        state_times: what ``lab.analysis.latency.state_durations`` gives: ``offered_rate``, ``state``, ``mean``
            (seconds); or rows with ``duration_s``, one a visit. States are stacked in the order in which they appear.
        stages: what ``lab.analysis.latency.stage_table`` gives: rates whose stages do not count are marked. All count
            when left out.
    """
    if "mean" in state_times:
        state_times = state_times.assign(duration_s=state_times["mean"])
    rows = usable(state_times, "offered_rate", "state", "duration_s")
    if rows.empty:
        return sentence_chart("No states to show yet", "No state has finished, so there is no time to add up.")
    names = list(dict.fromkeys(rows["state"]))
    total = rows.groupby("state")["duration_s"].mean()
    rare: list[str] = []
    if len(names) > _MOST_STATES:
        kept = set(total.nlargest(_MOST_STATES - 1).index)
        rare = [name for name in names if name not in kept]
        names = [name for name in names if name in kept]
    table = rows.pivot_table(index="offered_rate", columns="state", values="duration_s", aggfunc="mean").fillna(0.0)
    if rare:
        label = f"{len(rare)} shorter states"
        table[label] = table[rare].sum(axis=1)
        names.append(label)
    table = table[names]
    sums = table.sum(axis=1)
    void = _void_rates(stages, table)
    factor, unit = time_unit(float(sums.max()))
    styles = state_styles(names)
    # Many names need a taller legend of narrower columns.
    columns = 1 if len(names) <= 4 else 2 if len(names) <= 8 else 3
    chart = Chart(height=4.4 + (0.17 * len(names) / columns if len(names) > 4 else 0.0))
    room = chart.get_figwidth() * chart.dpi
    legend = [
        patch_handle(fit(chart, drawable(name), room / columns - 60, TEXT_SIZE), styles[name][0], hatch=styles[name][1])
        for name in names
    ]
    (axes,) = add_axes(chart)
    with styled():
        places = np.arange(len(table))
        bottom = np.zeros(len(table))
        for name in names:
            colour, hatch = styles[name]
            height = table[name].to_numpy() * factor
            axes.bar(
                places, height, 0.72, bottom=bottom, color=colour, hatch=hatch, edgecolor=palette.PAPER, linewidth=0.8
            )
            _tell_states(chart, axes, name, table, bottom, height)
            bottom += height
        marks = set(void["offered_rate"])
        labels = [f"({number(rate)})" if rate in marks else number(rate) for rate in table.index]
        sums_shown = [number(value, 3) for value in bottom]
        widest = max(text_width(chart, label, TEXT_SIZE) for label in labels + sums_shown) + 8
        step = int(np.ceil(widest * len(labels) / (0.85 * room)))
        for place in places[::step]:
            axes.text(
                place, bottom[place], sums_shown[place], ha="center", va="bottom", size=SMALL_SIZE, color=palette.MUTED
            )
        axes.set_xticks(places[::step], labels[::step])
        aside = max(3 - len(table), 0) / 2
        axes.set_xlim(-0.6 - aside, len(table) - 0.4 + aside)
        axes.set_ylim(0, float(bottom.max()) * 1.1 or 1.0)
        axes.tick_params(axis="x", length=0)
        label_axes(axes, RATE_AXIS, f"mean time in states ({unit})")
        plain_numbers(axes.yaxis)
    detail = "Mean time from entering to leaving each state; numbers on the bars are the sums"
    return finish(
        chart, state_times_finding(table), detail, legend=legend, notes=invalid_notes(void, "rate in brackets")
    )


def _void_rates(stages: pd.DataFrame | None, table: pd.DataFrame) -> pd.DataFrame:
    """The stages of those rates of ``table`` of which no stage counts."""
    known = usable(stages, "offered_rate")
    known = known.assign(valid=validity(known))
    counted = set(known.loc[known["valid"], "offered_rate"])
    void = known[~known["offered_rate"].isin(counted) & known["offered_rate"].isin(table.index)]
    return void.drop_duplicates("offered_rate")


def _tell_states(
    chart: Chart, axes: Axes, name: str, table: pd.DataFrame, bottom: np.ndarray, height: np.ndarray
) -> None:
    """The value of one state's part of each bar."""
    for place, (rate, mean_s) in enumerate(table[name].items()):
        text = f"{per_second(float(str(rate)))}: {name}, {seconds(float(mean_s))} on average"
        tell_box(chart, axes, (place - 0.36, place + 0.36), (bottom[place], bottom[place] + height[place]), text)


def waterfall(states: pd.DataFrame, title: str | None = None) -> Chart:
    """One execution as a waterfall: a bar a visit of a state, from entered to exited.

    Args:
        states: rows of table ``states`` of one execution: ``state``, ``entered``, ``exited``, where known ``error``.
            A state that failed has a cross and its error; one that was not left is drawn to the last known instant.
        title: the execution's name, for the second line.
    """
    rows = usable(states, "state", "entered")
    if rows.empty:
        return sentence_chart(
            "No states to show yet", "This execution has not entered a state yet, or its logs have not come."
        )
    rows = rows.sort_values("entered", kind="stable", ignore_index=True)
    origin = rows["entered"].min()
    exited = rows["exited"] if "exited" in rows else pd.Series(pd.NaT, index=rows.index)
    begin = (rows["entered"] - origin).dt.total_seconds()
    finish_s = (pd.to_datetime(exited, utc=True) - pd.to_datetime(origin, utc=True)).dt.total_seconds()
    end = max(float(begin.max()), float(finish_s.max()) if finish_s.notna().any() else 0.0)
    errors = rows["error"] if "error" in rows else pd.Series(None, index=rows.index, dtype=object)
    failed = errors.notna() & (errors.astype(str) != "")
    unknown = finish_s.isna()
    still = unknown & ~failed
    # Where a state ended is unknown when its last event is missing: a short stub stands for it.
    finish_s = finish_s.fillna(end * 1.04 if end else 5e-5)
    factor, unit = time_unit(end)
    styles = state_styles(list(rows["state"]))
    # Very long waterfalls (a loop) get thinner rows, down to what can still be read.
    row_in = 0.36 if len(rows) <= 14 else 0.22
    chart = Chart(height=1.75 + row_in * len(rows))
    (axes,) = add_axes(chart)
    room = 2.1 * chart.dpi
    with styled():
        axes.set_xlim(0, max(end, 1e-3) * factor * 1.22)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        middle = max(end, 1e-3) * factor * 0.61
        for place, (name, start, stop) in enumerate(zip(rows["state"], begin, finish_s, strict=True)):
            # Its name stands beside each bar, so that only what failed needs a hatch.
            colour, hatch = (palette.VERMILLION, "xxxx") if failed[place] else (styles[name][0], "")
            left, width = start * factor, max((stop - start) * factor, end * factor * 0.003)
            axes.barh(
                place,
                width,
                0.66,
                left=left,
                color=palette.PAPER if still[place] else colour,
                edgecolor=colour if still[place] else palette.PAPER,
                hatch=hatch,
                linestyle="--" if still[place] else "-",
                linewidth=1.2 if still[place] else 0.6,
            )
            words = "still running" if still[place] else "" if unknown[place] else seconds(stop - start)
            if failed[place]:
                words = f"✗ {errors[place]}" + (f" · {words}" if words else "")
            colour_of_words = palette.VERMILLION if failed[place] else palette.INK
            told = f"{name}: {words or 'its end is not known'}, entered {seconds(float(start))} after the start"
            tell_box(chart, axes, (0.0, axes.get_xlim()[1]), (place - 0.5, place + 0.5), told)
            words = drawable(words)
            # The words stand behind the bar; where the bar ends far to the right, before it.
            if left + width < middle or not failed[place]:
                words = fit(chart, words, _pixels(chart, axes.get_xlim(), left + width), SMALL_SIZE)
                axes.text(
                    left + width, place, f" {words}", va="center", ha="left", size=SMALL_SIZE, color=colour_of_words
                )
            else:
                words = fit(chart, words, _pixels(chart, axes.get_xlim(), axes.get_xlim()[1] - left), SMALL_SIZE)
                axes.text(left, place, f"{words} ", va="center", ha="right", size=SMALL_SIZE, color=colour_of_words)
        names = [fit(chart, drawable(str(name)), room, TEXT_SIZE) for name in rows["state"]]
        row_axis(axes, names, f"time since the first state was entered ({unit})")
        plain_numbers(axes.xaxis, bins=8)
    legend = [patch_handle("time in the state", palette.MUTED)]
    if failed.any():
        legend.append(patch_handle("✗ failed", palette.VERMILLION, hatch="xxxx"))
    if still.any():
        legend.append(patch_handle("not left yet", palette.PAPER, edge=palette.MUTED))
    detail = (
        f"One execution, state by state: {fit(chart, drawable(title), 5 * chart.dpi, TEXT_SIZE)}"
        if title
        else "One execution, state by state"
    )
    return finish(
        chart,
        waterfall_finding(rows["state"], begin, (finish_s - begin).where(~unknown), failed, errors, end),
        detail,
        legend=legend,
    )


def _pixels(chart: Chart, limits: tuple[float, float], at: float) -> float:
    """About how many pixels are left on the right of ``at``, in axes that take two thirds of the width."""
    return max((limits[1] - at) / (limits[1] - limits[0]) * 0.62 * chart.get_figwidth() * chart.dpi, 40.0)
