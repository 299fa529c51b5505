"""Where the boxes and arrows of a state machine go: a small layered layout, from the top down, in inches.

The steps are the classic ones of K. Sugiyama, S. Tagawa and M. Toda (1981): break cycles, give every state a layer,
order each layer by where its neighbours are, then move boxes over their neighbours as far as the others allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

START, END = "\0start", "\0end"
GAP_X, GAP_Y, LABEL_GAP_Y = 0.32, 0.42, 0.62
_SWEEPS = 40
_NEXT_PULL, _CATCH_PULL, _LANE_PULL = 4.0, 0.1, 12.0


@dataclass
class Box:
    """A state, or the point where the machine starts or ends; ``x``, ``y`` is its centre, y grows downwards."""

    name: str
    kind: str
    caption: str = ""
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    inner: list[Layout] = field(default_factory=list)


@dataclass
class Arrow:
    """A way from one state to another: the points that it passes, ends included, and the middle of its label."""

    source: str
    target: str
    kind: str  # next, choice, default or catch
    label: str = ""
    way: list[tuple[float, float]] = field(default_factory=list)
    label_at: tuple[float, float] = (0.0, 0.0)
    backward: bool = False


@dataclass
class Layout:
    """Boxes and arrows of one (sub-)machine and the room that they take."""

    boxes: dict[str, Box]
    arrows: list[Arrow]
    width: float = 0.0
    height: float = 0.0


def arrows_of(definition: Mapping[str, Any], *, nested: bool = False) -> list[Arrow]:
    """Every transition of an ASL definition, in the order in which the states are written.

    Rules of one Choice with the same target become one arrow with both labels.
    """
    arrows: dict[tuple[str, str, str], Arrow] = {}

    def add(source: str, target: str, kind: str, label: str = "") -> None:
        known = arrows.setdefault((source, target, kind), Arrow(source, target, kind, label))
        if label and label not in known.label.split(" or "):
            known.label = f"{known.label} or {label}" if known.label else label

    if not nested:
        add(START, str(definition.get("StartAt", "")), "next")
    for name, state in definition["States"].items():
        for rule in state.get("Choices", []):
            if "Next" in rule:
                add(name, str(rule["Next"]), "choice", condition(rule))
        if "Default" in state:
            add(name, str(state["Default"]), "default", "otherwise")
        if "Next" in state:
            add(name, str(state["Next"]), "next")
        elif not nested and (state.get("End") or state.get("Type") == "Succeed"):
            add(name, END, "next")
        for catcher in state.get("Catch", []):
            if "Next" in catcher:
                errors = ", ".join(str(error) for error in catcher.get("ErrorEquals", []))
                add(name, str(catcher["Next"]), "catch", "any error" if errors == "States.ALL" else errors)
    return list(arrows.values())


_OPERATORS = {
    "Equals": "=",
    "LessThan": "<",
    "LessThanEquals": "≤",
    "GreaterThan": ">",
    "GreaterThanEquals": "≥",
    "Matches": "matches",
}


def condition(rule: Mapping[str, Any]) -> str:
    """A Choice rule in a few words, such as ``stats.text_length > 100``; JSONPath and JSONata."""
    if "Condition" in rule:
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    if "Not" in rule:
        return f"not {condition(rule['Not'])}"
    for word in ("And", "Or"):
        if word in rule:
            return f" {word.lower()} ".join(condition(part) for part in rule[word])
    variable = str(rule.get("Variable", "")).removeprefix("$.")
    for key, value in rule.items():
        if key.startswith("Is"):
            return f"{variable} is {'' if value else 'not '}{key[2:].lower()}"
        for operator in sorted(_OPERATORS, key=len, reverse=True):
            plain = key.removesuffix("Path")
            if plain.endswith(operator) and key not in ("Next", "Variable"):
                shown = f'"{value}"' if isinstance(value, str) and not key.endswith("Path") else str(value).lower()
                return f"{variable} {_OPERATORS[operator]} {shown}"
    return variable


def arrange(boxes: dict[str, Box], arrows: list[Arrow]) -> Layout:
    """Give every box its place and every arrow its way. Sizes of the boxes must be known.

    Every source and target of ``arrows`` is a key of ``boxes``.
    """
    order = _mark_backward(boxes, arrows)
    layer = _layers(order, arrows)
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in order:
        rows[layer[name]].append(name)
    if not rows[0]:  # a nested machine has no start point
        del rows[0]
        layer = {name: depth - 1 for name, depth in layer.items()}
    places = dict(boxes)
    links, lanes = _lanes(arrows, layer, rows, places)
    _order_rows(rows, links)
    _place(rows, links, places)
    layout = Layout(boxes, arrows)
    bottom, row_ends = 0.0, []
    for depth, row in enumerate(rows):
        height = max((places[name].height for name in row), default=0.0)
        labelled = any(arrow.label and layer[arrow.source] == depth - 1 for arrow in arrows if not arrow.backward)
        bottom += 0.0 if depth == 0 else LABEL_GAP_Y if labelled else GAP_Y
        for name in row:
            if places[name].kind == "lane":
                places[name].height = height
            places[name].y = bottom + places[name].height / 2
        bottom += height
        row_ends.append(bottom)
    left = min((box.x - box.width / 2 for box in places.values()), default=0.0)
    for box in places.values():
        box.x -= left
    for arrow, lane in lanes:
        source, target = boxes[arrow.source], boxes[arrow.target]
        # Errors leave from the right half of a box and arrive there, so that they never hide the normal way.
        aside = 0.25 if arrow.kind == "catch" else 0.0
        x = source.x + aside * source.width
        arrow.way = [(x, source.y + source.height / 2), (x, row_ends[layer[arrow.source]])]
        for name in lane:
            box = places[name]
            arrow.way += [(box.x, box.y - box.height / 2), (box.x, box.y + box.height / 2)]
        x = target.x + (0.12 * target.width if aside and lane else 0.0)
        arrow.way.append((x, target.y - target.height / 2))
        arrow.label_at = (arrow.way[2][0], arrow.way[2][1] - 0.2)
    layout.width = max((box.x + box.width / 2 for box in places.values()), default=0.0)
    backward = [arrow for arrow in arrows if arrow.backward]
    for number, arrow in enumerate(backward):
        x = layout.width + GAP_X * (number + 1)
        source, target = boxes[arrow.source], boxes[arrow.target]
        arrow.way = [
            (source.x + source.width / 2, source.y),
            (x, source.y),
            (x, target.y),
            (target.x + target.width / 2, target.y),
        ]
        arrow.label_at = (x, (source.y + target.y) / 2)
    layout.width += GAP_X * len(backward) + (0.1 if backward else 0.0)
    layout.height = bottom
    return layout


def _mark_backward(boxes: Mapping[str, Box], arrows: list[Arrow]) -> list[str]:
    """Mark the arrows that close a cycle; give the names back in the order of a walk from the start."""
    leaving: dict[str, list[Arrow]] = defaultdict(list)
    for arrow in arrows:
        leaving[arrow.source].append(arrow)
    order: list[str] = []
    on_way: set[str] = set()
    for root in boxes:
        # An explicit stack: a definition of a thousand states must not meet Python's recursion limit.
        if root in order:
            continue
        order.append(root)
        on_way.add(root)
        stack = [(root, iter(leaving[root]))]
        while stack:
            name, rest = stack[-1]
            for arrow in rest:
                if arrow.target in on_way:
                    arrow.backward = True
                elif arrow.target not in order:
                    order.append(arrow.target)
                    on_way.add(arrow.target)
                    stack.append((arrow.target, iter(leaving[arrow.target])))
                    break
            else:
                on_way.discard(name)
                stack.pop()
    return order


def _layers(order: Iterable[str], arrows: list[Arrow]) -> dict[str, int]:
    """The longest way from the start to each name, counted in arrows."""
    layer = {name: int(name != START) for name in order}
    for _ in range(len(layer)):
        changed = False
        for arrow in arrows:
            if not arrow.backward and layer[arrow.target] <= layer[arrow.source]:
                layer[arrow.target] = layer[arrow.source] + 1
                changed = True
        if not changed:
            break
    if END in layer:
        layer[END] = max(layer.values())
        if any(depth == layer[END] and name != END for name, depth in layer.items()):
            layer[END] += 1
    return layer


Link = tuple[str, str, float]


def _lanes(
    arrows: list[Arrow], layer: Mapping[str, int], rows: list[list[str]], places: dict[str, Box]
) -> tuple[list[Link], list[tuple[Arrow, list[str]]]]:
    """Reserve a place in each layer that an arrow passes. Arrows of one kind to one target share them."""
    links: dict[tuple[str, str], float] = defaultdict(float)
    lanes: list[tuple[Arrow, list[str]]] = []
    for arrow in arrows:
        if arrow.backward:
            continue
        weight = _CATCH_PULL if arrow.kind == "catch" else _NEXT_PULL
        way = [arrow.source]
        for depth in range(layer[arrow.source] + 1, layer[arrow.target]):
            name = f"\0{arrow.target}\0{arrow.kind == 'catch'}\0{depth}"
            if name not in places:
                places[name] = Box(name, "lane", width=0.16)
                rows[depth].append(name)
            way.append(name)
        lanes.append((arrow, way[1:]))
        way.append(arrow.target)
        if arrow.label and len(way) > 2:
            places[way[1]].width = max(places[way[1]].width, 1.1)
        for above, below in pairwise(way):
            links[above, below] += _LANE_PULL if places[above].kind == places[below].kind == "lane" else weight
    return [(above, below, weight) for (above, below), weight in links.items()], lanes


def _order_rows(rows: list[list[str]], links: list[Link]) -> None:
    """Order each row by the mean place of the neighbours in the row above, then below, some times over."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for source, target, _weight in links:
        above[target].append(source)
        below[source].append(target)
    for sweep in range(4):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        sequence = rows if downwards else rows[::-1]
        for reference, row in pairwise(sequence):
            place = {name: index for index, name in enumerate(reference)}

            # The number of a name in its own row keeps those without neighbours where they are.
            own = {name: float(index) for index, name in enumerate(row)}
            row.sort(key=partial(_mean_place, neighbours=neighbours, place=place, own=own))


def _mean_place(
    name: str, neighbours: Mapping[str, list[str]], place: Mapping[str, int], own: Mapping[str, float]
) -> float:
    near = [place[other] for other in neighbours[name] if other in place]
    return sum(near) / len(near) if near else own[name]


def _place(rows: list[list[str]], links: list[Link], places: Mapping[str, Box]) -> None:
    """Set ``x``: every box as near to the weighted mean of its neighbours as its row allows."""
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for source, target, weight in links:
        near[source].append((target, weight))
        near[target].append((source, weight))
    for row in rows:
        _spread(row, [0.0] * len(row), places)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = []
            for name in row:
                total = sum(weight for _other, weight in near[name])
                pull = sum(places[other].x * weight for other, weight in near[name])
                wanted.append(pull / total if total else places[name].x)
            _spread(row, wanted, places)
    _straighten(rows, near, places)


def _straighten(rows: list[list[str]], near: Mapping[str, list[tuple[str, float]]], places: Mapping[str, Box]) -> None:
    """Put boxes that nearly stand under their strongest neighbour above exactly there, where nothing is in the way."""
    depth = {name: number for number, row in enumerate(rows) for name in row}
    for row in rows:
        for i, name in enumerate(row):
            above = [(weight, other) for other, weight in near[name] if depth[other] < depth[name]]
            if not above:
                continue
            x = places[max(above)[1]].x
            clear = all(
                abs(x - places[row[j]].x) >= (places[name].width + places[row[j]].width) / 2 + GAP_X / 2
                for j in (i - 1, i + 1)
                if 0 <= j < len(row)
            )
            if clear and abs(x - places[name].x) < 0.4:
                places[name].x = x


def _spread(row: list[str], wanted: list[float], places: Mapping[str, Box]) -> None:
    """Place a row at the wanted middles, pushed apart to both sides alike where they would overlap."""
    if not row:
        return
    right, left = list(wanted), list(wanted)
    for i in range(1, len(row)):
        apart = (places[row[i - 1]].width + places[row[i]].width) / 2 + GAP_X
        right[i] = max(right[i], right[i - 1] + apart)
    for i in range(len(row) - 2, -1, -1):
        apart = (places[row[i]].width + places[row[i + 1]].width) / 2 + GAP_X
        left[i] = min(left[i], left[i + 1] - apart)
    for name, one, other in zip(row, right, left, strict=True):
        places[name].x = (one + other) / 2
