"""What stands on a chart, as text."""

from __future__ import annotations

from typing import Any

from matplotlib.text import Text

from lab.charts import Chart
from tests.unit.chart_data import STATES


def task(following: str | None = None, **more: Any) -> dict[str, Any]:
    way = {"Next": following} if following else {"End": True}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", **way, **more}


FOUR = {"StartAt": STATES[0], "States": {name: task(after) for name, after in zip(STATES, (*STATES[1:], None))}}  # noqa: B905
ALL_KINDS = {
    "StartAt": "Is it long?",
    "States": {
        "Is it long?": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.stats.text_length", "NumericGreaterThan": 1000, "Next": "For each"},
                {"Variable": "$.kind", "StringEquals": "poll", "Next": "Wait a little"},
            ],
            "Default": "Both ways",
        },
        "Wait a little": {"Type": "Wait", "Seconds": 5, "Next": "Is it long?"},
        "For each": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "A", "States": {"A": task("B"), "B": task()}},
            "Next": "Tidy up",
        },
        "Both ways": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": task()}},
                {"StartAt": "Right", "States": {"Right": task("name_" * 14), "name_" * 14: task()}},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}],
            "Next": "Tidy up",
        },
        "Tidy up": {"Type": "Pass", "Next": "Done"},
        "Done": {"Type": "Succeed"},
        "Give up": {"Type": "Fail"},
    },
}


def texts_of(chart: Chart) -> list[Text]:
    """The texts that are drawn; ticks outside the limits of their axis exist, but are not."""
    hidden = set()
    for axes in chart.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high or not axes.axison:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [
        text
        for text in chart.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def shown(chart: Chart) -> str:
    """All words of a chart that are drawn."""
    chart.canvas.draw()
    return "\n".join(text.get_text() for text in texts_of(chart))


def flat(chart: Chart) -> str:
    return shown(chart).replace("\n", " ")
