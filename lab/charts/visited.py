"""Charts of a workflow that was watched: no rates, no stages, only states and how long they took."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.charts import palette
from lab.charts.numbers import number, seconds, time_unit
from lab.charts.scales import add_axes, plain_numbers, row_axis
from lab.charts.style import Chart, finish, line_handle, patch_handle, sentence_chart, styled
from lab.charts.text import SMALL_SIZE, TEXT_SIZE, drawable, fit
from lab.charts.values import tell_box

_MOST_STATES = 25


def times_of_states(by_state: pd.DataFrame) -> Chart:
    """How long visits of each state took: p50 as a bar, p99 as a tick, one row a state.

    Args:
        by_state: what ``lab.analysis.visits.visits_by_state`` gives: ``state``, ``type``, ``inside``, ``visits``,
            ``p50_s``, ``p99_s``. States that nobody has left are not drawn.
    """
    rows = by_state[by_state["p50_s"].notna()].reset_index(drop=True)
    if rows.empty:
        return sentence_chart("No states to show yet", "No state was left, so there is no time to show.")
    never = len(by_state) - len(rows)
    if len(rows) > _MOST_STATES:
        kept = rows["p99_s"].nlargest(_MOST_STATES).index
        rows = rows[rows.index.isin(kept)].reset_index(drop=True)
    longest = float(rows["p99_s"].max())
    factor, unit = time_unit(longest)
    chart = Chart(height=1.9 + 0.34 * len(rows))
    (axes,) = add_axes(chart)
    right = max(longest, 1e-4) * factor
    with styled():
        for place, row in enumerate(rows.to_dict("records")):
            holder = row["type"] in ("Map", "Parallel")
            colour, hatch = (palette.SKY, "///") if holder else (palette.BLUE, "")
            axes.barh(place, row["p50_s"] * factor, 0.6, color=colour, hatch=hatch, edgecolor=palette.PAPER)
            axes.plot([row["p99_s"] * factor] * 2, [place - 0.34, place + 0.34], color=palette.VERMILLION, lw=2)
            words = f" {row['visits']:,} visit{'' if row['visits'] == 1 else 's'}"
            axes.text(right * 1.02, place, words, va="center", size=SMALL_SIZE, color=palette.MUTED)
            told = f"{row['state']}: {row['visits']:,} visits, p50 {seconds(row['p50_s'])}, p99 {seconds(row['p99_s'])}"
            tell_box(chart, axes, (0.0, right * 1.25), (place - 0.5, place + 0.5), told)
        room = 2.1 * chart.dpi
        names = [fit(chart, drawable(str(name)), room, TEXT_SIZE) for name in rows["state"]]
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(np.arange(len(rows)))
        row_axis(axes, names, f"time from entering to leaving ({unit})")
        axes.set_xlim(0, right * 1.25)
        plain_numbers(axes.xaxis, bins=7)
    legend = [patch_handle("p50", palette.BLUE), line_handle("p99", palette.VERMILLION)]
    if rows["type"].isin(["Map", "Parallel"]).any():
        legend.insert(1, patch_handle("p50 of one that holds others", palette.SKY, hatch="///"))
    detail = "Half of the visits took no longer than the bar, 99 of 100 no longer than the tick"
    notes = []
    if never:
        notes.append(
            f"{number(never)} state{' is' if never == 1 else 's are'} not drawn: nobody has left "
            f"{'it' if never == 1 else 'them'}"
        )
    return finish(chart, _finding(rows), detail, legend=legend, notes=notes)


def _finding(rows: pd.DataFrame) -> str:
    inner = rows[~rows["type"].isin(["Map", "Parallel"])]
    # A Map or Parallel takes at least as long as what it holds: that is no finding.
    among = " of those that hold no others" if 0 < len(inner) < len(rows) else ""
    drawn = inner if len(inner) else rows
    slowest = drawn.nlargest(1, "p50_s").iloc[0]
    took = f"{seconds(float(slowest['p50_s']))} (p50)"
    if len(drawn) == 1:
        return f"“{slowest['state']}” takes {took}"
    if slowest["p50_s"] <= drawn.drop(index=slowest.name)["p50_s"].max():
        return f"No state{among} takes longer than {took}"
    return f"“{slowest['state']}” takes longest{among}: {took}"
