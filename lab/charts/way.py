"""The way of a message in parts: how long each takes, the waits before the workflow included."""

from __future__ import annotations

import pandas as pd

from lab.charts import palette
from lab.charts.numbers import seconds, time_unit
from lab.charts.scales import add_axes, plain_numbers, row_axis
from lab.charts.style import Chart, finish, sentence_chart, styled
from lab.charts.values import tell_box


def way_in_parts(parts: pd.DataFrame) -> Chart:
    """A bar for the median of each part, in the order in which they follow each other.

    Its title does not name the longest part: whoever looks at the bars sees it.

    Args:
        parts: one row a message and part: ``state`` (what the part is called) and ``duration_s`` (seconds).
    """
    known = parts.dropna(subset=["duration_s"])
    if known.empty:
        return sentence_chart("No way to show yet", "No message has come through.")
    medians = known.groupby("state", sort=False)["duration_s"].median().clip(lower=0.0)
    factor, unit = time_unit(float(medians.max()))
    whole = float(medians.sum())
    share = f"{medians.max() / whole:.0%} of the way" if whole > 0 else "nearly no time"
    chart = Chart(height=2.0 + 0.36 * len(medians))
    (axes,) = add_axes(chart)
    with styled():
        row_axis(axes, [str(name) for name in medians.index], f"median time ({unit})")
        for place, (name, value) in enumerate(medians.items()):
            axes.barh(place, value * factor, 0.62, color=palette.BLUE, edgecolor=palette.PAPER)
            axes.annotate(
                seconds(float(value)), (value * factor, place), textcoords="offset points", xytext=(4, 0), va="center"
            )
            tell_box(chart, axes, (0, medians.max() * factor), (place - 0.4, place + 0.4), f"{name}: {seconds(value)}")
        axes.set_xlim(0, float(medians.max()) * factor * 1.18 or 1.0)
        plain_numbers(axes.xaxis)
    finding = f"The longest of {len(medians)} parts takes {share}: {seconds(float(medians.max()))} of {seconds(whole)}"
    told = ", ".join(f"{name} {seconds(float(value))}" for name, value in medians.items())
    return finish(chart, finding, "Median of each part; together they are about the median way", notes=[f"{told}."])
