"""Two runs on one chart: each percentile of each rate, with the interval in which chance would leave it."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from lab.analysis.blocks import COMPLETED, SHARES
from lab.analysis.compare import Compared, Comparison
from lab.charts import palette
from lab.charts.numbers import number, time_unit
from lab.charts.rates import MEASURES
from lab.charts.scales import add_axes, log_numbers, plain_numbers
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled

# A and B differ in colour and in marker, so that none depends on colour alone.
_RUNS = (("A", palette.BLUE, "o", -0.13), ("B", palette.ORANGE, "s", 0.13))
_LOG_RATIO = 8.0


def two_runs(comparison: Comparison) -> Chart:
    """p50, p90 and p99 of both runs at each rate that both have; bars are 95 % intervals, rings are differences."""
    rows = [row for row in comparison.rows if row.what in SHARES and _finite(row)]
    if not rows:
        return sentence_chart(
            "Nothing to compare", "The two runs have no valid stage of one rate in which messages finished."
        )
    edges = np.array([edge for row in rows for run in (row.a, row.b) for edge in (run.value, run.low, run.high)])
    edges = edges[np.isfinite(edges) & (edges > 0)]
    factor, unit = time_unit(float(edges.max()))
    chart = Chart(height=4.2)
    panels = add_axes(chart, 1, len(SHARES), sharey=True)
    with styled():
        for axes, what in zip(panels, SHARES, strict=True):
            _panel(axes, what, [row for row in rows if row.what == what], factor)
        panels[0].set_ylabel(f"latency ({unit})")
        if edges.max() / edges.min() >= _LOG_RATIO:
            log_numbers(panels[0], "y")
        else:
            panels[0].set_ylim(bottom=0)
            plain_numbers(panels[0].yaxis)
    handles = [line_handle(name, colour, marker=marker, dash="") for name, colour, marker, _ in _RUNS]
    if comparison.changed:
        handles.append(line_handle("differs beyond chance", palette.VERMILLION, marker="$\u25ef$", dash=""))
    detail = MEASURES.get(comparison.measure, comparison.measure)
    return finish(chart, finding(comparison), f"{detail}; bars are 95 % intervals", legend=handles)


def _panel(axes: Axes, what: str, rows: list[Compared], factor: float) -> None:
    for name, colour, marker, aside in _RUNS:
        for place, row in enumerate(rows):
            run = row.a if name == "A" else row.b
            at = place + aside
            if math.isfinite(run.low):
                axes.vlines(at, run.low * factor, run.high * factor, color=colour, lw=1.6)
            axes.plot(
                [at],
                [run.value * factor],
                marker=marker,
                color=colour,
                ls="",
                # Hollow where it rests on too few messages to say anything.
                markerfacecolor=palette.PAPER if row.verdict == "open" else colour,
            )
            if row.changed and name == "B":
                axes.plot([at], [run.value * factor], marker="o", ms=14, mfc="none", mec=palette.VERMILLION, ls="")
    axes.set_title(what)
    axes.set_xticks(range(len(rows)), [f"{number(row.rate)}/s" for row in rows])
    axes.set_xlim(-0.6, max(len(rows), 1) - 0.4)


def finding(comparison: Comparison) -> str:
    """What the comparison found, in one sentence."""
    changed = comparison.changed
    if not comparison.rows:
        return "The two runs have no rate that can be compared"
    if not comparison.judged:
        return "Too few messages to say whether the two runs differ"
    if not changed:
        return f"No difference beyond chance in {_comparisons(comparison.judged)}"
    greatest = max(changed, key=_size)
    return f"{len(changed)} of {_comparisons(comparison.judged)} differ beyond chance, most {_named(greatest)}"


def _comparisons(count: int) -> str:
    return f"{count} comparison{'' if count == 1 else 's'}"


def _size(row: Compared) -> float:
    return abs(row.ratio) if row.what == COMPLETED else abs(math.log(row.ratio))


def _named(row: Compared) -> str:
    """``p50 at 40/s: B 2.1 times A``."""
    place = f"{row.what} at {number(row.rate)}/s"
    if row.what == COMPLETED:
        return f"{place}: {row.b.value:.0%} in B, {row.a.value:.0%} in A"
    return f"{place}: B is {number(row.ratio)} times A"


def _finite(row: Compared) -> bool:
    return all(math.isfinite(run.value) and run.value > 0 for run in (row.a, row.b))
