"""What the pictures of state machines and pipelines are drawn with; units are inches, y grows downwards."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lab.charts import palette

NAME_SIZE, CAPTION_SIZE = 9.0, 7.5
LINE_HEIGHT, CAPTION_HEIGHT = 0.165, 0.15


def canvas(axes: Axes, width: float, height: float) -> None:
    """Axes without frame whose units are inches of the unscaled picture, y downwards."""
    axes.set_axis_off()
    axes.set_xlim(-0.02, width + 0.02)
    axes.set_ylim(height + 0.02, -0.02)
    axes.set_aspect("equal", anchor="C")


def rounded(
    axes: Axes, left: float, top: float, width: float, height: float, colour: str, shade: float = 0.10, dash: str = "-"
) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=mpl.colors.to_rgba(colour, shade),
            edgecolor=colour,
            linewidth=1.3,
            linestyle=dash,
            zorder=2,
        )
    )


def straight(
    axes: Axes, start: tuple[float, float], stop: tuple[float, float], colour: str = palette.MUTED, dash: str = "-"
) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start,
            stop,
            arrowstyle="-|>,head_length=4,head_width=2.2",
            color=colour,
            linewidth=1.3,
            linestyle=dash,
            shrinkA=0,
            shrinkB=0,
            zorder=3,
        )
    )


def counted(count: int, noun: str = "") -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
    word = words[count] if count < len(words) else str(count)
    return f"{word} {noun}{'' if count == 1 else 's'}" if noun else word
