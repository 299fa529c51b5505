"""The picture of the pipeline: the way of a message, from the sender to the logs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from lab.charts import palette
from lab.charts.scales import add_axes
from lab.charts.shapes import CAPTION_SIZE, LINE_HEIGHT, NAME_SIZE, canvas, counted, rounded, straight
from lab.charts.style import Chart, finish, styled
from lab.charts.text import drawable, fit, wrap

SAMPLE_STATES = ("Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count")


def pipeline(states: Sequence[str] = SAMPLE_STATES) -> Chart:
    """Draw the way of a message, from the sender to the logs, with the states of the workflow.

    Args:
        states: names of the states in their order, at most eight.
    """
    chart = Chart(height=1.75 + max(2.55, 0.42 * len(states) + 0.95))
    (axes,) = add_axes(chart)
    width, height = 7.3, max(2.55, 0.42 * len(states) + 0.95)
    with styled():
        canvas(axes, width, height + 0.72)
        _node(axes, chart, 0.0, 0.55, 1.0, "Sender", "lab send,\nlab ramp", palette.PURPLE)
        _node(axes, chart, 1.5, 0.55, 1.2, "SQS queue", "keeps messages\nuntil taken", palette.ORANGE)
        _node(axes, chart, 3.2, 0.55, 1.35, "start_execution", "Lambda function,\nbatches of up to 10", palette.BLUE)
        _node(axes, chart, 1.35, height - 0.3, 1.5, "Dead-letter queue", "failed again\nand again", palette.VERMILLION)
        _workflow(axes, chart, states, 5.1, 0.0, 2.2, height - 0.05)
        _node(
            axes,
            chart,
            5.1,
            height + 0.45,
            2.2,
            "CloudWatch Logs",
            "22 events an execution" if len(states) == 4 else "events of each execution",
            palette.GREEN,
            small=True,
        )
        _node(axes, chart, 3.2, height + 0.45, 1.35, "Lab", "charts, checks, report", palette.PURPLE, small=True)
        for start, stop in (((1.0, 0.55), (1.5, 0.55)), ((2.7, 0.55), (3.2, 0.55)), ((4.55, 0.55), (5.1, 0.55))):
            straight(axes, start, stop)
        straight(axes, (2.1, 0.92), (2.1, height - 0.67), palette.VERMILLION, "--")
        straight(axes, (6.2, height - 0.05), (6.2, height + 0.22))
        straight(axes, (5.1, height + 0.45), (4.55, height + 0.45))
    work = f"{counted(len(states), 'state').lower()} {'does' if len(states) == 1 else 'do'} the work"
    finding = f"A message waits in the queue, a function starts its workflow, {work}"
    detail = "The name of an execution is the SQS message id; the log is the only record of a single execution"
    return finish(chart, finding, detail)


def _node(
    axes: Axes,
    chart: Chart,
    left: float,
    middle: float,
    width: float,
    name: str,
    caption: str,
    colour: str,
    *,
    small: bool = False,
) -> None:
    """A named box of the pipeline; ``middle`` is its vertical centre."""
    height = 0.46 if small else 0.74
    rounded(axes, left, middle - height / 2, width, height, colour)
    lines = wrap(chart, drawable(name), (width - 0.1) * chart.dpi, NAME_SIZE, "bold")
    total = (lines.count("\n") + 1) * LINE_HEIGHT + (caption.count("\n") + 1) * 0.14
    top = middle - total / 2
    centre = left + width / 2
    axes.text(centre, top, lines, ha="center", va="top", size=NAME_SIZE, weight="bold", linespacing=1.15, zorder=4)
    axes.text(
        centre,
        middle + total / 2,
        caption,
        ha="center",
        va="bottom",
        size=CAPTION_SIZE,
        color=palette.MUTED,
        linespacing=1.2,
        zorder=4,
    )


def _workflow(
    axes: Axes, chart: Chart, states: Sequence[str], left: float, top: float, width: float, height: float
) -> None:
    """The Express Workflow: a box around its states, one under the other."""
    rounded(axes, left, top, width, height, palette.SKY, 0.06)
    centre = left + width / 2
    axes.text(centre, top + 0.18, "Express Workflow", ha="center", va="center", size=NAME_SIZE, weight="bold", zorder=4)
    axes.text(
        centre,
        top + 0.36,
        "Step Functions, one execution a message",
        ha="center",
        va="center",
        size=6.8,
        color=palette.MUTED,
        zorder=4,
    )
    room = height - 0.6
    step = room / max(len(states), 1)
    for number, name in enumerate(states):
        y = top + 0.52 + step * number
        tall = min(step - 0.16, 0.32)
        rounded(axes, left + 0.12, y, width - 0.24, tall, palette.BLUE)
        label = fit(chart, drawable(name), (width - 0.34) * chart.dpi, 8.0)
        axes.text(centre, y + tall / 2, label, ha="center", va="center", size=8.0, zorder=4)
        if number + 1 < len(states):
            straight(axes, (centre, y + tall), (centre, y + step))
