"""Reads what a chart draws back from its axes, to hold its title against it."""

from __future__ import annotations

import math
import re

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from lab.charts import Chart

# Each example draws a chart, a tenth of a second.
few = settings(
    deadline=None, max_examples=settings.default.max_examples * 3 // 10, suppress_health_check=[HealthCheck.too_slow]
)

rates = st.sampled_from([0.5, 1.0, 2.0, 4.0, 8.0, 20.0, 40.0])

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0}
DURATION = r"([-\d,.]+ (?:ms|s|min))"
RATE = r"([\d,.]+) messages?/s"


def in_seconds(text: str) -> float:
    value, unit = text.split()
    return float(value.replace(",", "")) * UNITS[unit]


def plain(text: str) -> float:
    return float(text.replace(",", ""))


def same(told: float, drawn: float) -> bool:
    """Whether a number in a sentence is the drawn one, rounded: three digits, two below 10 ms."""
    return math.isclose(told, drawn, rel_tol=0.051 if abs(drawn) < 0.01 else 0.0051, abs_tol=1e-9)


def at_most(told: float, drawn: float) -> bool:
    return drawn <= told * (1.051 if abs(drawn) < 0.01 else 1.0051) + 1e-9


def factor_of(axes: Axes) -> float:
    """Seconds of one unit of the y axis."""
    unit = re.search(r"\((ms|s)\b", axes.get_ylabel())
    assert unit is not None
    return UNITS[unit[1]]


def points(axes: Axes, colour: str, dash: str) -> list[tuple[float, float]]:
    """The points of the line of this colour and dash, in the axes' units."""
    (line,) = [each for each in axes.lines if each.get_color() == colour and each.get_linestyle() == dash]
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def marks(axes: Axes, colour: str, marker: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The full marks of this colour and shape, of stages that count, and the hollow ones, of those that do not."""
    of_full: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for line in axes.lines:
        if line.get_linestyle() == "None" and line.get_color() == colour and line.get_marker() == marker:
            pairs = zip(line.get_xdata(), line.get_ydata(), strict=True)
            of_full[line.get_markerfacecolor() != "#FFFFFF"] += [(float(x), float(y)) for x, y in pairs]
    return of_full[True], of_full[False]


def says_which_are_void(chart: Chart, table: pd.DataFrame) -> None:
    words = " ".join(note for note in chart.notes if note.startswith(("Invalid", "Not drawn")))
    for rate in table.loc[~table["valid"], "offered_rate"].unique():
        assert f" {rate:g}/s" in words, (rate, words)
