"""The stages behind a chart over time, and the reading of tables whose columns may be missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lab.analysis.latency import stage_table, stage_windows
from lab.analysis.saturation import Saturation
from lab.charts import palette
from lab.charts.numbers import joined, number
from lab.charts.style import styled
from lab.charts.text import SMALL_SIZE, text_width


def usable(frame: pd.DataFrame | None, *columns: str) -> pd.DataFrame:
    """The rows of ``frame`` in which every one of ``columns`` has a finite value; no rows when a column is missing."""
    if frame is None or any(column not in frame for column in columns):
        return pd.DataFrame(columns=list(columns))
    rows = frame.replace([np.inf, -np.inf], np.nan).dropna(subset=list(columns))
    return rows.reset_index(drop=True)


def validity(frame: pd.DataFrame) -> pd.Series:
    """The ``valid`` column as booleans; a table without one is valid throughout."""
    if "valid" not in frame:
        return pd.Series(True, index=frame.index, dtype=bool)
    return frame["valid"].map(lambda value: True if pd.isna(value) else bool(value)).astype(bool)


def invalid_notes(stages: pd.DataFrame, mark: str, missing: pd.DataFrame | None = None) -> list[str]:
    """One sentence that names the invalid stages, their reasons and their mark; one of stages that are not drawn.

    Args:
        stages: those that are drawn: ``offered_rate``, ``valid``, ``invalid_reason``.
        mark: what they are known by on the chart.
        missing: those that are not, for nothing was measured in them.
    """
    notes = []
    bad = stages[~validity(stages)]
    if not bad.empty:
        notes.append(f"Invalid, {mark}: {_rates(bad)} ({_reasons(bad) or 'the sender could not keep its plan'}).")
    if missing is not None and not missing.empty:
        reasons = _reasons(missing[~validity(missing)])
        notes.append(f"Not drawn, for nothing was measured: {_rates(missing)}{f' ({reasons})' if reasons else ''}.")
    return notes


def _rates(stages: pd.DataFrame) -> str:
    return joined(list(dict.fromkeys(f"{number(rate)}/s" for rate in stages["offered_rate"])), 7)


def _reasons(stages: pd.DataFrame) -> str:
    known = stages["invalid_reason"].dropna() if "invalid_reason" in stages else []
    reasons = list(dict.fromkeys(str(reason) for reason in known if str(reason)))
    more = len(reasons) - 2
    return "; ".join(reasons[:2] + ([f"{more} more reason{'' if more == 1 else 's'}"] if more > 0 else []))


def without(stages: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The stages with a known rate that ``usable`` leaves out for want of ``columns``."""
    known = usable(stages, "offered_rate")
    numbers = known.reindex(columns=list(columns))
    return known[numbers.isna().any(axis=1)]


def as_stages(table: pd.DataFrame) -> pd.DataFrame:
    """The stage table of ``table``, whether that is one already or the table ``messages``."""
    if "t_planned" not in table:
        return table
    return stage_table(table) if not usable(table, "stage", "offered_rate", "t_planned").empty else pd.DataFrame()


def stages_of(messages: pd.DataFrame, stages: pd.DataFrame | None = None) -> pd.DataFrame:
    """The stages of a run: ``stage``, ``offered_rate``, ``start_s``, ``end_s``, ``valid``.

    Times are seconds since the first planned send.

    Args:
        messages: table ``messages`` or ``sends``.
        stages: what ``lab.analysis.latency.stage_table`` made of it; says by ``valid`` and ``invalid_reason`` which
            stages do not count. All count when left out.
    """
    if usable(messages, "stage", "offered_rate", "t_planned").empty:
        return pd.DataFrame(columns=["stage", "offered_rate", "start_s", "end_s", "valid"])
    windows = stage_windows(messages)
    origin = messages["t_planned"].min()
    for edge in ("start", "end"):
        windows[f"{edge}_s"] = (windows[edge] - origin).dt.total_seconds()
    windows["valid"] = True
    if stages is not None and {"stage", "valid"} <= set(stages.columns):
        known = stages.drop_duplicates("stage").set_index("stage")
        windows["valid"] = validity(known).reindex(windows["stage"], fill_value=True).to_numpy()
        if "invalid_reason" in known:
            windows["invalid_reason"] = known["invalid_reason"].reindex(windows["stage"]).to_numpy()
    return windows


def saturation_rate(saturation: Saturation | float | None) -> float | None:
    """The rate at which to draw the line: none when saturation was not reached or is not known."""
    if isinstance(saturation, Saturation):
        return saturation.rate if saturation.reached else None
    return None if saturation is None or not np.isfinite(saturation) else float(saturation)


def stage_bands(axes: Axes, stages: pd.DataFrame) -> None:
    """Shade every other stage behind ``axes`` and write the offered rates above, as many as there is room for.

    Invalid stages are hatched. Call it after the x limits are set.
    """
    with styled():
        figure = axes.figure
        low, high = axes.get_xlim()
        pixels = figure.get_figwidth() * figure.dpi * 0.86 / max(high - low, 1e-9)  # type: ignore[union-attr]
        taken = -np.inf
        # In the order of time, which is not that of their numbers where one was sent again.
        for place, row in enumerate(stages.sort_values("start_s").itertuples()):
            if not row.valid:
                axes.axvspan(
                    row.start_s,
                    row.end_s,
                    facecolor="none",
                    edgecolor=palette.VERMILLION,
                    hatch="////",
                    alpha=0.35,
                    lw=0,
                    zorder=0,
                )
            elif place % 2 == 0:
                axes.axvspan(row.start_s, row.end_s, color=palette.BAND, lw=0, zorder=0)
            label = f"{number(row.offered_rate)}/s"
            width = text_width(figure, label, SMALL_SIZE)  # type: ignore[arg-type]
            middle = (row.start_s + row.end_s) / 2
            if (middle - low) * pixels - width / 2 < taken or middle > high:
                continue
            taken = (middle - low) * pixels + width / 2 + 6
            axes.text(
                middle,
                1.012,
                label,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                size=SMALL_SIZE,
                color=palette.MUTED if row.valid else palette.VERMILLION,
            )
