"""The chart of the pipeline benchmark."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from lab.charts import palette
from lab.charts.numbers import number
from lab.charts.scales import add_axes
from lab.charts.style import Chart, finish, patch_handle, styled

STOCK, HOOKS, MINISTACK = "LocalStack, hooks off", "LocalStack, hooks on", "MiniStack 1.5.33"
FLOOR = "plain Python"
_COLOURS = {STOCK: palette.ORANGE, HOOKS: palette.BLUE, MINISTACK: palette.GREEN}


def chart(middle: pd.DataFrame, detail: str) -> Chart:
    """Four bar charts side by side; the floor is left out, for no bar beside it would be seen."""
    shown = middle.drop(index=FLOOR)
    figure = Chart(height=3.6)
    panels = add_axes(figure, 2, 2)
    contents: list[tuple[str, str, float, str | None]] = [
        ("messages per second, warm (light: first burst)", "rate", 1.0, "cold_rate"),
        ("duration of one message on an idle pipeline, ms", "idle_p50_s", 1000.0, None),
        ("CPU per message, ms", "cpu_s", 1000.0, None),
        ("peak memory, MiB", "peak_mib", 1.0, None),
    ]
    with styled():
        for axes, (title, column, factor, behind) in zip(panels, contents, strict=True):
            _bars(axes, shown, title, column, factor, behind)
    handles = [patch_handle(str(label), _COLOURS[str(label)]) for label in shown.index]
    rates = {str(label): number(value, 3) for label, value in shown["rate"].items()}
    finding = f"LocalStack carries {rates[HOOKS]} messages/s with the hooks and {rates[STOCK]} without"
    if MINISTACK in rates:
        finding += f"; MiniStack, which logs no executions, {rates[MINISTACK]}"
    return finish(figure, finding, detail, legend=handles)


def _bars(axes: Axes, shown: pd.DataFrame, title: str, column: str, factor: float, behind: str | None) -> None:
    places = range(len(shown))
    colours = [_COLOURS[str(label)] for label in shown.index]
    values = (shown[column] * factor).to_list()
    height = 0.42 if behind else 0.7
    offset = 0.22 if behind else 0.0
    bars = axes.barh([place - offset for place in places], values, height=height, color=colours)
    axes.bar_label(bars, [number(value, 3) for value in values], padding=3, color=palette.MUTED)
    if behind:
        others = (shown[behind] * factor).to_list()
        bars = axes.barh(
            [place + offset for place in places],
            others,
            height=height,
            color=colours,
            alpha=0.45,
            edgecolor=palette.PAPER,
        )
        axes.bar_label(bars, [number(value, 3) for value in others], padding=3, color=palette.MUTED)
        values += others
    axes.set_title(title)
    axes.set_yticks([])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlim(0, max(values) * 1.18)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
