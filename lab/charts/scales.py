"""Axes: how they are made, named and numbered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lab.charts.numbers import number
from lab.charts.style import Chart, styled


def add_axes(chart: Chart, rows: int = 1, columns: int = 1, **options: Any) -> list[Axes]:
    """Styled axes of ``chart``, row by row."""
    with styled():
        return list(np.atleast_1d(chart.subplots(rows, columns, **options)).ravel())


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes, units included."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def row_axis(axes: Axes, names: Sequence[str], x: str) -> None:
    """Rows from the top down, one for each of ``names``, measured along an x axis called ``x``."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(names), 3) - 0.4, -0.6)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel(x)


def plain_numbers(axis: Any, *, integer: bool = False, bins: int = 7) -> None:
    """Few, round ticks, written as plain numbers with thousands set apart."""
    axis.set_major_locator(MaxNLocator(nbins=bins, integer=integer, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: number(value, 6)))


def log_numbers(axes: Axes, which: str) -> None:
    """Make the ``x`` or ``y`` axis logarithmic, with ticks at 1, 2 and 5 or at 1 alone, written as plain numbers."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    decades = math.log10(high / low) if low > 0 else 1.0
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0) if decades < 3.2 else (1.0,), numticks=14))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: number(value, 6)))
    axis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis=which, which="minor", length=0)  # type: ignore[arg-type]
