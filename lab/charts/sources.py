"""The chart of sources side by side: how long a text takes until the workflow begins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.analysis.latency import QUANTILES
from lab.charts import palette
from lab.charts.numbers import number, seconds
from lab.charts.scales import add_axes, log_numbers, row_axis
from lab.charts.style import SMALL_SIZE, Chart, finish, line_handle, sentence_chart, styled
from lab.charts.text import TEXT_SIZE, drawable, fit, shorten
from lab.charts.values import tell_box

# Percentile, colour and marker.
_MARKS = (
    ("p50", palette.BLUE, "o"),
    ("p90", palette.GREEN, "s"),
    ("p99", palette.ORANGE, "D"),
    ("max", palette.VERMILLION, "^"),
)
# Medians that differ by no more than this factor are about alike.
ALIKE = 1.25
_LEAST_S = 0.0005  # what is shorter is drawn there: logs have milliseconds


def latency_by_source(percentiles: pd.DataFrame) -> Chart:
    """How long it took from the planned send until the workflow began, one row a source.

    Args:
        percentiles: what ``lab.analysis.sources.percentiles_by_source`` gives: ``source``, ``sent``, ``ended``,
            ``p50``, ``p90``, ``p99``, ``max`` (seconds), ``void`` (why it does not count, else empty). A source of
            which nothing was seen has no marks.
    """
    table = percentiles.reset_index(drop=True)
    measured = table[table["p50"].notna()] if "p50" in table else table.head(0)
    if measured.empty:
        return sentence_chart("No source has started a workflow yet", "Nothing was seen to begin, so nothing is drawn.")
    chart = Chart(height=1.9 + 0.46 * len(table))
    (axes,) = add_axes(chart)
    drawn = measured[list(QUANTILES)].clip(lower=_LEAST_S)
    low, high = float(drawn.min().min()) / 1.6, float(drawn.max().max()) * 3.2
    with styled():
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        for row, entry in table.iterrows():
            if pd.isna(entry["p50"]):
                axes.text(low, row, "  nothing began", va="center", size=SMALL_SIZE, color=palette.MUTED)
                tell_box(chart, axes, (low, high), (row - 0.5, row + 0.5), f"{entry['source']}: nothing began")
                continue
            values = [max(float(entry[name]), _LEAST_S) for name, _, _ in _MARKS]
            axes.plot([values[0], values[-1]], [row, row], color=palette.RULE, linewidth=5, zorder=1)
            for value, (_, colour, marker) in zip(values, _MARKS, strict=True):
                axes.plot([value], [row], linestyle="", marker=marker, color=colour, markersize=7, zorder=2)
            axes.text(values[-1] * 1.12, row, f"half by {seconds(float(entry['p50']))}", va="center", size=SMALL_SIZE)
            told = ", ".join(f"{name} {seconds(float(entry[name]))}" for name in QUANTILES)
            tell_box(chart, axes, (low, high), (row - 0.5, row + 0.5), f"{entry['source']}: {told}")
        row_axis(axes, _labels(chart, table), "from planned send to start of the workflow (s)")
        log_numbers(axes, "x")
    legend = [line_handle(name, colour, marker=marker, dash="") for name, colour, marker in _MARKS]
    notes = [f"({entry['source']}): does not count; {entry['void']}" for _, entry in table.iterrows() if entry["void"]]
    notes += [
        f"{entry['source']}: {number(entry['sent'] - entry['ended'])} of {number(entry['sent'])} did not succeed"
        for _, entry in table.iterrows()
        if entry["ended"] < entry["sent"]
    ]
    sent = sorted({int(count) for count in table["sent"]})
    detail = f"{' to '.join(number(count) for count in dict.fromkeys((sent[0], sent[-1])))} texts through each source"
    return finish(chart, _finding(measured), f"{detail}, at the same rate", legend=legend, notes=notes)


def _labels(chart: Chart, table: pd.DataFrame) -> list[str]:
    room = 1.9 * chart.dpi
    names = [fit(chart, drawable(str(name)), room, TEXT_SIZE) for name in table["source"]]
    return [f"({name})" if void else name for name, void in zip(names, table["void"], strict=True)]


def _finding(measured: pd.DataFrame) -> str:
    counted = measured[measured["void"] == ""]
    if counted.empty:
        return "No source counts: the sender lagged behind its plan"
    names = [shorten(str(name), 28) for name in counted["source"]]
    halves = counted["p50"].to_numpy(dtype=float)
    if len(names) == 1:
        return f"{names[0]}: half of the workflows began within {seconds(float(halves[0]))}"
    slow, quick = int(np.argmax(halves)), int(np.argmin(halves))
    if halves[slow] <= ALIKE * halves[quick]:
        return f"About as quick, all {number(len(names))}: half began within {seconds(float(halves[slow]))}"
    alike = halves <= ALIKE * halves[quick]
    quickest = [name for name, one in zip(names, alike, strict=True) if one]
    # A source may have an "and" in its name, so no "and" between them.
    first = ", ".join(quickest) if len(quickest) <= 3 else f"{number(len(quickest))} sources"
    return (
        f"{names[slow]} begins last: half within {seconds(float(halves[slow]))}; "
        f"first, within {seconds(float(halves[alike].max()))}: {first}"
    )
