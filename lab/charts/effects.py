"""What each factor of a designed experiment does: a ratio and its interval, one row a factor."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from lab.analysis.compare import MATTERS_RATIO
from lab.charts import palette
from lab.charts.numbers import joined, number
from lab.charts.scales import add_axes, log_numbers, row_axis
from lab.charts.style import Chart, finish, line_handle, sentence_chart, styled
from lab.charts.values import tell_box

_NARROWEST = 1.5  # the axis reaches at least so far to both sides, so that no chance looks like an effect
_ROOM = 1.15


def main_effects(table: pd.DataFrame, *, of: str = "median latency") -> Chart:
    """Each effect as a mark on a logarithmic axis of ratios, with its interval; 1 is no effect.

    Args:
        table: what ``lab.analysis.experiment.effects`` gives: ``effect``, ``change``, ``ratio``, ``low``, ``high``,
            ``verdict``.
        of: what was measured.
    """
    known = table[table[["ratio", "low", "high"]].notna().all(axis=1)]
    if known.empty:
        return sentence_chart("No effect is known", "The runs have no message that came through.")
    rows = [*known[known["change"] != ""].itertuples(), *known[known["change"] == ""].itertuples()]
    chart = Chart(height=1.9 + 0.48 * len(rows))
    (axes,) = add_axes(chart)
    reach = max(_NARROWEST, *(max(value, 1 / value) for row in rows for value in (row.ratio, row.low, row.high)))
    with styled():
        row_axis(axes, [_label(row) for row in rows], f"{of}: times as high with the second level (with its interval)")
        axes.axvline(1, color=palette.MUTED, lw=1.2, ls="--")
        for place, row in enumerate(rows):
            colour, marker, face = _look(row)
            axes.hlines(place, row.low, row.high, color=colour, lw=2.2)
            axes.plot([row.ratio], [place], marker=marker, ms=8, color=colour, markerfacecolor=face, ls="")
            axes.annotate(
                f"× {number(row.ratio)}",
                (row.ratio, place),
                textcoords="offset points",
                xytext=(0, 7),
                ha="center",
                size=8.5,
                color=palette.INK,
                bbox={"facecolor": palette.PAPER, "edgecolor": "none", "pad": 0.6},
            )
            tell_box(chart, axes, (1 / (reach * _ROOM), reach * _ROOM), (place - 0.5, place + 0.5), _told(row, of))
        axes.set_xlim(1 / (reach * _ROOM), reach * _ROOM)
        log_numbers(axes, "x")
    quiet = line_handle("no effect that counts", palette.MUTED, marker="o", dash="")
    quiet.set_markerfacecolor(palette.PAPER)
    handles = [
        line_handle("higher", palette.VERMILLION, marker=">", dash=""),
        line_handle("lower", palette.BLUE, marker="<", dash=""),
        quiet,
    ]
    detail = "Ratio of four runs at the second level to four at the first; bars are 95 % intervals by bootstrap"
    return finish(chart, effects_finding(table, of), detail, legend=handles, notes=_notes(rows))


def effects_finding(table: pd.DataFrame, of: str = "median latency") -> str:
    """What the experiment found, in one sentence."""
    factors = [row for row in table.itertuples() if row.change != ""]
    felt = [row for row in factors if row.verdict in ("higher", "lower")]
    if not felt:
        return f"None of the effects of {len(factors)} factors on the {of} counts"
    strongest = max(felt, key=lambda row: abs(math.log(row.ratio)))
    does = "raises" if strongest.ratio > 1 else "lowers"
    times = number(max(strongest.ratio, 1 / strongest.ratio))
    said = f"Of {len(factors)} factors, {strongest.effect} ({strongest.change}) {does} the {of} most, {times} times"
    quiet = [row.effect for row in factors if row.verdict == "same"]
    rest = f"; no effect that counts: {joined(quiet)}" if quiet else ""
    return said + rest


def _label(row: object) -> str:
    effect, change = row.effect, row.change  # type: ignore[attr-defined]
    return f"{effect}\n{change}" if change else effect.replace(" × ", "\n× ")


def _look(row: object) -> tuple[str, str, str]:
    verdict = row.verdict  # type: ignore[attr-defined]
    if verdict == "higher":
        return palette.VERMILLION, ">", palette.VERMILLION
    return (palette.BLUE, "<", palette.BLUE) if verdict == "lower" else (palette.MUTED, "o", palette.PAPER)


def _told(row: object, of: str) -> str:
    effect, ratio, low, high = row.effect, row.ratio, row.low, row.high  # type: ignore[attr-defined]
    return f"{effect}: {of} × {number(ratio)}, from × {number(low)} to × {number(high)}"


def _notes(rows: Sequence[object]) -> list[str]:
    counts = (
        f"An effect counts when its interval leaves out 1, and it is at least {MATTERS_RATIO:g} times, or its inverse."
    )
    shared = [row.effect for row in rows if row.change == ""]  # type: ignore[attr-defined]
    return [counts, *([f"Combinations of two factors: {joined(shared)}."] if shared else [])]
