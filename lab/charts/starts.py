"""The chart of the ways to start a workflow: when the call answers, and how long the execution takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lab.analysis.latency import quantile
from lab.charts import palette
from lab.charts.numbers import joined, seconds, time_unit
from lab.charts.scales import add_axes, log_numbers, row_axis
from lab.charts.stages import usable
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled
from lab.charts.values import tell_box

_ANSWER, _DURATION = -0.17, 0.17  # where the two stand in a row
_SHORTEST_S = 1e-4  # a logarithmic axis has no zero


def starts(calls: pd.DataFrame) -> Chart:
    """Each start twice: the time until its call has answered, and the duration of its execution.

    Args:
        calls: one row a start: ``way`` (as it is called on the chart), ``answered_s`` and ``duration_s``, seconds.
    """
    rows = usable(calls, "way", "answered_s", "duration_s")
    if rows.empty:
        return sentence_chart("Nothing was started", "No start has both an answer and an execution that ended.")
    ways = list(dict.fromkeys(rows["way"]))
    longest_s = float(rows[["answered_s", "duration_s"]].max(axis=None))
    factor, unit = time_unit(longest_s)
    chart = Chart(height=1.7 + 0.62 * len(ways))
    (axes,) = add_axes(chart)
    medians: dict[str, float] = {}
    with styled():
        row_axis(axes, ways, f"time ({unit})")
        for place, way in enumerate(ways):
            own = rows[rows["way"] == way]
            medians[way] = quantile(own["answered_s"], 0.5)
            _strip(axes, own["answered_s"].clip(lower=_SHORTEST_S) * factor, place + _ANSWER, palette.BLUE, "o")
            _strip(axes, own["duration_s"].clip(lower=_SHORTEST_S) * factor, place + _DURATION, palette.ORANGE, "s")
        shortest_s = max(float(rows[["answered_s", "duration_s"]].min(axis=None)), _SHORTEST_S)
        low, high = shortest_s * factor / 1.6, max(longest_s, shortest_s) * factor * 1.6
        axes.set_xlim(low, high)
        log_numbers(axes, "x")
        axes.set_xlim(low, high)
    for place, way in enumerate(ways):
        own = rows[rows["way"] == way]
        for column, what, offset in (
            ("answered_s", "answers", _ANSWER),
            ("duration_s", "the execution takes", _DURATION),
        ):
            told = f"{way}: {what} {'after ' if offset < 0 else ''}{seconds(quantile(own[column], 0.5))} (p50)"
            told += f", at most {seconds(float(own[column].max()))}"
            tell_box(chart, axes, (low, high), (place + offset - 0.17, place + offset + 0.17), told)
    legend = [
        line_handle("until the call has answered", palette.BLUE, marker="o", dash=""),
        line_handle("duration of the execution", palette.ORANGE, marker="s", dash=""),
    ]
    count = rows["way"].value_counts()
    number = f"{count.max()}" if count.nunique() == 1 else f"{count.min()} to {count.max()}"
    detail = f"{number} start{'' if number == '1' else 's'} of each; the line is p50"
    return finish(chart, _finding(medians), detail, legend=legend)


def _strip(axes: Axes, values: pd.Series, y: float, colour: str, marker: str) -> None:
    """One point a value, spread a little so that equal ones are seen, and a line at p50."""
    shown = values.to_numpy(dtype=float)
    spread = np.resize([-0.07, 0.0, 0.07], len(shown))
    axes.plot(
        shown, y + spread, marker=marker, linestyle="", color=colour, alpha=0.55, markersize=4.5, markeredgewidth=0
    )
    middle = quantile(values, 0.5)
    axes.plot([middle, middle], [y - 0.15, y + 0.15], color=palette.INK, linewidth=2)


def _finding(medians: dict[str, float]) -> str:
    last = max(medians, key=lambda way: medians[way])
    others = [way for way in medians if way != last]
    if not others:
        return f"{last} answers after {seconds(medians[last])}"
    if any(seconds(medians[way]) == seconds(medians[last]) for way in others):
        return f"No way to start answers later than after {seconds(medians[last])}"
    parts = [f"{way} after {seconds(medians[way])}" for way in others]
    return f"{last} answers last, after {seconds(medians[last])}; {joined(parts)}"
