"""The values of a chart where they are drawn: what a page shows when somebody points at them.

A chart function says them beside its drawing (``tell_at``, ``tell_box``); ``regions`` gives them as parts of the
picture. A picture that is shown without them loses nothing but the exact numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes

# Narrower than that nobody can point at it; and a page needs no more of one chart.
_NARROWEST_PX = 5.0
MOST_SLICES = 60


@dataclass(frozen=True)
class Told:
    """A value on axes: at ``x`` over their whole height (a slice), or in the box ``x`` to ``x1``, ``y`` to ``y1``."""

    axes: Axes
    text: str
    x: float
    x1: float = np.nan
    y: float = np.nan
    y1: float = np.nan

    @property
    def is_slice(self) -> bool:
        """Whether it stands for all of the height, half way to its neighbours."""
        return not np.isfinite(self.x1)


class Picture(Protocol):
    """What this module needs of a ``Chart``."""

    told: list[Told]
    bbox: Any


@dataclass(frozen=True)
class Region:
    """A part of the picture and its text; all four are shares of the picture's width or height, from the top left."""

    left: float
    top: float
    width: float
    height: float
    text: str


def tell_at(chart: Picture, axes: Axes, xs: Iterable[float], texts: Iterable[str]) -> None:
    """Say ``texts`` where the x axis is at ``xs``; texts of the same place are one."""
    together: dict[float, list[str]] = {}
    for x, text in zip(xs, texts, strict=True):
        if np.isfinite(x):
            together.setdefault(float(x), []).append(text)
    chart.told += [Told(axes, "; ".join(dict.fromkeys(parts)), x) for x, parts in sorted(together.items())]


def tell_box(chart: Picture, axes: Axes, x: tuple[float, float], y: tuple[float, float], text: str) -> None:
    """Say ``text`` in the box between two places on each axis."""
    chart.told.append(Told(axes, text, x[0], x[1], y[0], y[1]))


def picked(count: int, *also: int) -> list[int]:
    """At most ``MOST_SLICES`` of ``count`` places, evenly spaced, each of ``also`` in place of the nearest one."""
    places = np.linspace(0, count - 1, min(count, MOST_SLICES)).round().astype(int)
    for place in also:
        places[np.argmin(np.abs(places - place))] = place
    return sorted({int(place) for place in places})


def regions(chart: Picture) -> list[Region]:
    """Where on the picture each value is. The chart has to be drawn before: its layout is not known otherwise."""
    found: list[Region] = []
    for axes in dict.fromkeys(told.axes for told in chart.told):
        own = [told for told in chart.told if told.axes is axes]
        found += _slices(chart, axes, [told for told in own if told.is_slice])
        found += [_box(chart, told) for told in own if not told.is_slice]
    return [region for region in found if region.width > 0 and region.height > 0]


def _slices(chart: Picture, axes: Axes, told: Sequence[Told]) -> list[Region]:
    frame = axes.bbox
    places: list[tuple[float, str]] = []
    for each in told:
        pixel = float(axes.transData.transform((each.x, axes.get_ylim()[1]))[0])
        inside = frame.x0 - 1 <= pixel <= frame.x1 + 1
        if inside and (not places or pixel - places[-1][0] >= _NARROWEST_PX):
            places.append((pixel, each.text))
    edges = [frame.x0, *((one[0] + other[0]) / 2 for one, other in pairwise(places)), frame.x1]
    return [
        _share(chart, left, right, frame.y0, frame.y1, text)
        for (left, right), (_, text) in zip(pairwise(edges), places, strict=False)
    ]


def _box(chart: Picture, told: Told) -> Region:
    frame = told.axes.bbox
    corners = told.axes.transData.transform([(told.x, told.y), (told.x1, told.y1)])
    (left, right), (low, high) = (np.sort(corners[:, 0]), np.sort(corners[:, 1]))
    return _share(chart, max(left, frame.x0), min(right, frame.x1), max(low, frame.y0), min(high, frame.y1), told.text)


def _share(chart: Picture, left: float, right: float, low: float, high: float, text: str) -> Region:
    width, height = chart.bbox.width, chart.bbox.height
    return Region(left / width, 1 - high / height, (right - left) / width, (high - low) / height, text)
