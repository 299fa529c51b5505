"""Pictures that are drawn from a definition, not from measurements: the state machine and the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.path import Path

from lab.charts import palette
from lab.charts.graph_layout import END, START, Arrow, Box, Layout, arrange, arrows_of
from lab.charts.numbers import joined
from lab.charts.scales import add_axes
from lab.charts.shapes import CAPTION_HEIGHT, CAPTION_SIZE, LINE_HEIGHT, NAME_SIZE, canvas, counted, rounded
from lab.charts.style import MARGIN_IN, WIDTH_IN, Chart, finish, line_handle, sentence_chart, styled
from lab.charts.text import TEXT_SIZE, TITLE_SIZE, drawable, fit, text_height, text_width, wrap

KIND_COLOURS = {
    "Task": palette.BLUE,
    "Choice": palette.ORANGE,
    "Pass": palette.MUTED,
    "Wait": palette.PURPLE,
    "Succeed": palette.GREEN,
    "Fail": palette.VERMILLION,
    "Parallel": palette.SKY,
    "Map": palette.SKY,
    "missing": palette.VERMILLION,
}
LABEL_SIZE = 7.5
_BOX_WIDTH, _PADDING = 1.85, 0.18
_MIN_SCALE = 0.85
_DOT = 0.12


def state_machine_graph(definition: Mapping[str, Any]) -> Chart:
    """Draw an Amazon States Language definition as a graph, from the top down.

    Args:
        definition: the definition as a dict (``json.load`` of ``statemachine/*.asl.json``). Parallel and Map states are
            drawn as boxes around their own states. A state that is named but not defined is drawn dashed and named
            in a note, and so are states that nothing leads to.
    """
    if not definition.get("States"):
        return sentence_chart("No states", "The definition has no States, so there is nothing to draw.")
    ruler = Chart()
    layout = _layout(definition, ruler)
    notes = _complaints(definition)
    room = WIDTH_IN - 2 * MARGIN_IN
    scale = min(1.0, room / max(layout.width, 0.1))
    # Smaller letters than that are hard to read: then the picture grows wider instead.
    scale = max(scale, _MIN_SCALE)
    width = max(WIDTH_IN, layout.width * scale + 2 * MARGIN_IN)
    kinds = {arrow.kind for arrow in _all_arrows(layout)}
    header = 0.75 + (0.25 if "catch" in kinds else 0.0) + 0.25 * len(notes)
    finding, detail = _graph_finding(definition), _graph_detail(definition)
    for text, size, weight in ((finding, TITLE_SIZE, "bold"), (detail, TEXT_SIZE, "normal")):
        # One line of each is reckoned with already.
        lines = wrap(ruler, drawable(text), room * ruler.dpi, size, weight)
        header += text_height(lines, size) - text_height("", size)
    height = layout.height * scale + header + 0.2
    chart = Chart(width=width, height=height)
    (axes,) = add_axes(chart)
    with styled():
        canvas(axes, layout.width, layout.height)
        _draw(axes, layout, 0.0, 0.0, scale, chart)
    legend = []
    if "catch" in kinds:
        legend = [
            line_handle("next state", palette.MUTED),
            line_handle("after an error (Catch)", palette.VERMILLION, dash="--"),
        ]
    return finish(chart, finding, detail, legend=legend, notes=notes)


def _graph_finding(definition: Mapping[str, Any]) -> str:
    states = definition["States"]
    name, visited = str(definition.get("StartAt", "")), []
    while name in states and name not in visited:
        visited.append(name)
        state = states[name]
        if state.get("Type") not in ("Task", "Pass", "Wait") or state.get("Catch"):
            break
        name = str(state.get("Next", ""))
    last = states.get(visited[-1], {}) if visited else {}
    inside = _states_inside(definition)
    count = counted(len(states), "state") + (f" and {counted(inside).lower()} inside" if inside else "")
    if len(visited) == len(states) and (last.get("End") or last.get("Type") in ("Succeed", "Fail")):
        if len(states) == 1:
            return f"One state: “{visited[0]}”"
        return f"{count} in a row, from “{visited[0]}” to “{visited[-1]}”"
    parts = []
    for kind, one, more in (
        ("Choice", "one chooses the way", "choose the way"),
        ("Parallel", "one runs branches in parallel", "run branches in parallel"),
        ("Map", "one loops over items", "loop over items"),
    ):
        number = sum(state.get("Type") == kind for state in states.values())
        if number:
            parts.append(one if number == 1 else f"{counted(number).lower()} {more}")
    caught = {str(catcher.get("Next")) for state in states.values() for catcher in state.get("Catch", [])}
    if caught:
        parts.append("errors lead to " + joined([f"“{name}”" for name in sorted(caught)], 2))
    return f"{count}: {', '.join(parts)}" if parts else f"{count}, starting with “{definition.get('StartAt', '')}”"


def _states_inside(definition: Mapping[str, Any]) -> int:
    """How many states stand in the boxes of others: those of Map and Parallel states."""
    count = 0
    for state in definition["States"].values():
        for inner in [*(state.get("Branches") or []), state.get("ItemProcessor") or state.get("Iterator") or {}]:
            if inner.get("States"):
                count += len(inner["States"]) + _states_inside(inner)
    return count


def _graph_detail(definition: Mapping[str, Any]) -> str:
    return str(definition.get("Comment", "")) or "State machine as defined; each box names the state and its type"


def _complaints(definition: Mapping[str, Any]) -> list[str]:
    """What is wrong with the ways of the definition, one sentence each."""
    states = definition["States"]
    arrows = arrows_of(definition)
    missing = dict.fromkeys(arrow.target for arrow in arrows if arrow.target != END and arrow.target not in states)
    reached, waiting = set(), [START]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [arrow.target for arrow in arrows if arrow.source == name and arrow.target not in reached]
    lost = [name for name in states if name not in reached]
    notes = [f"“{name}” is named as a next state but not defined." for name in missing]
    return notes + [f"Nothing leads to “{name}”." for name in lost]


def _layout(definition: Mapping[str, Any], ruler: Chart, *, nested: bool = False) -> Layout:
    arrows = arrows_of(definition, nested=nested)
    boxes: dict[str, Box] = {}
    if not nested:
        boxes[START] = Box(START, "start", width=2 * _DOT, height=2 * _DOT)
    for name, state in definition["States"].items():
        boxes[name] = _box(name, state, ruler)
    for arrow in arrows:
        for name in (arrow.source, arrow.target):
            if name == END:
                boxes.setdefault(END, Box(END, "end", width=2 * _DOT, height=2 * _DOT))
            elif name not in boxes:
                boxes[name] = _sized(Box(name, "missing", "not defined"), ruler)
    return arrange(boxes, arrows)


def _box(name: str, state: Mapping[str, Any], ruler: Chart) -> Box:
    kind = str(state.get("Type", "?"))
    caption = kind
    resource = str(state.get("Resource", ""))
    if kind == "Task" and ":::" in resource:
        caption = f"Task · {resource.split(':::')[1]}"
    retries = max((int(retry.get("MaxAttempts", 3)) for retry in state.get("Retry", [])), default=0)
    if retries:
        caption += f" · up to {retries} {'retry' if retries == 1 else 'retries'}"
    inner = [branch for branch in state.get("Branches", []) if branch.get("States")]
    for key in ("ItemProcessor", "Iterator"):
        if state.get(key, {}).get("States"):
            inner, caption = [state[key]], "Map · once for each item"
    box = _sized(Box(name, kind, caption), ruler)
    if inner:
        box.inner = [_layout(branch, ruler, nested=True) for branch in inner]
        head = box.height
        box.width = max(box.width, sum(part.width for part in box.inner) + 0.2 * (len(inner) - 1) + 2 * _PADDING)
        box.height = head + max(part.height for part in box.inner) + _PADDING
    return box


def _sized(box: Box, ruler: Chart) -> Box:
    """Set the size of a plain box from its words: names break into lines, captions do not."""
    lines = wrap(ruler, drawable(box.name), (_BOX_WIDTH - _PADDING) * ruler.dpi, NAME_SIZE, "bold").split("\n")
    caption = text_width(ruler, box.caption, CAPTION_SIZE) / ruler.dpi
    box.width = max(_BOX_WIDTH, min(caption + 1.5 * _PADDING, 2.6))
    box.height = len(lines) * LINE_HEIGHT + CAPTION_HEIGHT + _PADDING
    return box


def _all_arrows(layout: Layout) -> list[Arrow]:
    inner = [arrow for box in layout.boxes.values() for part in box.inner for arrow in _all_arrows(part)]
    return layout.arrows + inner


def _draw(axes: Axes, layout: Layout, x: float, y: float, scale: float, ruler: Chart) -> None:
    """Draw a layout with its upper left corner at ``x``, ``y``; text gets smaller with ``scale``."""
    for arrow in layout.arrows:
        _draw_arrow(axes, arrow, x, y, scale, ruler)
    for box in layout.boxes.values():
        if box.kind in ("start", "end"):
            _draw_dot(axes, box, x, y, scale)
        else:
            _draw_box(axes, box, x, y, scale, ruler)


def _draw_dot(axes: Axes, box: Box, x: float, y: float, scale: float) -> None:
    centre = (box.x + x, box.y + y)
    axes.add_patch(
        Circle(
            centre,
            _DOT,
            facecolor=palette.INK if box.kind == "start" else palette.PAPER,
            edgecolor=palette.INK,
            zorder=3,
        )
    )
    if box.kind == "end":
        axes.add_patch(Circle(centre, _DOT * 0.55, facecolor=palette.INK, edgecolor=palette.INK, zorder=3))
    label = "Start" if box.kind == "start" else "End"
    axes.text(centre[0] + _DOT + 0.06, centre[1], label, va="center", size=CAPTION_SIZE * scale, color=palette.MUTED)


def _draw_box(axes: Axes, box: Box, x: float, y: float, scale: float, ruler: Chart) -> None:
    colour = KIND_COLOURS.get(box.kind, palette.MUTED)
    left, top = box.x - box.width / 2 + x, box.y - box.height / 2 + y
    dash = "--" if box.kind == "missing" else "-"
    rounded(axes, left, top, box.width, box.height, colour, 0.05 if box.inner else 0.10, dash)
    name = wrap(ruler, drawable(box.name), (max(box.width, _BOX_WIDTH) - _PADDING) * ruler.dpi, NAME_SIZE, "bold")
    caption = fit(ruler, drawable(box.caption), (box.width - _PADDING) * ruler.dpi, CAPTION_SIZE)
    middle = box.x + x
    axes.text(
        middle,
        top + _PADDING / 2,
        name,
        ha="center",
        va="top",
        size=NAME_SIZE * scale,
        weight="bold",
        linespacing=1.15,
        zorder=4,
    )
    below = top + _PADDING / 2 + (name.count("\n") + 1) * LINE_HEIGHT
    axes.text(
        middle,
        below + CAPTION_HEIGHT / 2,
        caption,
        ha="center",
        va="center",
        size=CAPTION_SIZE * scale,
        color=palette.MUTED,
        zorder=4,
    )
    inner_left = middle - (sum(part.width for part in box.inner) + 0.2 * max(len(box.inner) - 1, 0)) / 2
    for part in box.inner:
        _draw(axes, part, inner_left, below + CAPTION_HEIGHT + _PADDING / 4, scale, ruler)
        inner_left += part.width + 0.2


def _draw_arrow(axes: Axes, arrow: Arrow, x: float, y: float, scale: float, ruler: Chart) -> None:
    caught = arrow.kind == "catch"
    colour = palette.VERMILLION if caught else palette.MUTED
    path = Path(arrow.way) if arrow.backward else _curve(arrow.way)
    moved = Path(np.add(path.vertices, (x, y)), path.codes)
    axes.add_patch(
        FancyArrowPatch(
            path=moved,
            arrowstyle="-|>,head_length=4,head_width=2.2",
            color=colour,
            linewidth=1.3,
            linestyle="--" if caught else "-",
            zorder=3 if arrow.backward else 1,
            shrinkA=0,
            shrinkB=0,
        )
    )
    if arrow.label:
        label = fit(ruler, drawable(arrow.label), 1.45 * ruler.dpi, LABEL_SIZE)
        axes.text(
            arrow.label_at[0] + x,
            arrow.label_at[1] + y,
            label,
            ha="center",
            va="center",
            size=LABEL_SIZE * scale,
            color=palette.VERMILLION if caught else palette.INK,
            zorder=5,
            bbox={"facecolor": palette.PAPER, "edgecolor": "none", "pad": 1.2},
        )


def _curve(points: list[tuple[float, float]]) -> Path:
    """A smooth way through the points that leaves and reaches each of them vertically."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    return Path(vertices, codes)
