"""The titles of the charts over time hold on the numbers that are drawn, read back from the axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import charts
from tests.unit.chart_data import ORIGIN, instants
from tests.unit.chart_texts import flat
from tests.unit.findings_reading import (
    DURATION,
    factor_of,
    few,
    in_seconds,
    plain,
    rates,
    same,
    says_which_are_void,
)

pytestmark = pytest.mark.slow


@st.composite
def backlogs(draw: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A backlog that goes up, down or nowhere in each of some stages."""
    values, bands = [0.0], []
    for number in range(draw(st.integers(0, 5))):
        slope = draw(st.sampled_from([0.0, 0.0, 0.1, 3.0, -3.0, 40.0, -40.0]))
        start = (len(values) - 1) / 10
        for _ in range(draw(st.sampled_from([20, 50]))):
            values.append(max(values[-1] + slope / 10, 0.0))
        bands.append(
            {
                "stage": number,
                "offered_rate": draw(rates),
                "start_s": start,
                "end_s": (len(values) - 1) / 10,
                "valid": draw(st.booleans()),
                "invalid_reason": "",
            }
        )
    for _ in range(draw(st.integers(0, 60))):
        values.append(max(values[-1] - 5, 0.0))
    rounded = np.round(values)
    columns = ["stage", "offered_rate", "start_s", "end_s", "valid", "invalid_reason"]
    return (
        pd.DataFrame({"time_s": np.arange(len(values)) / 10, "backlog": rounded, "in_queue": rounded // 2}),
        pd.DataFrame(bands, columns=columns),
    )


def up_and_down(*slopes: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A backlog that rises or falls by so many messages a second in stages of two seconds."""
    edges = np.concatenate([[0.0], np.cumsum([2 * slope for slope in slopes])])
    times = np.arange(20 * len(slopes) + 1) / 10
    backlog = np.interp(times, 2.0 * np.arange(len(edges)), edges)
    bands = {"stage": range(len(slopes)), "offered_rate": 20.0, "valid": True, "invalid_reason": ""}
    places = np.arange(len(slopes))
    return (
        pd.DataFrame({"time_s": times, "backlog": backlog}),
        pd.DataFrame(bands, index=places).assign(start_s=2.0 * places, end_s=2.0 * (places + 1)),
    )


@given(backlogs())
@example(up_and_down(40, -40, 40, -10))
@example(up_and_down(0, 40, 40))
@example(up_and_down(0, 40, -40))
@few
def test_backlog_over_time(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows, bands = made
    chart = charts.backlog_over_time(rows, bands)
    (axes,) = chart.axes
    line = axes.lines[0]
    x, y = np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
    finding = chart.finding
    assert ("drained to zero" in finding) <= (y[-1] == 0)
    if match := re.search(r"([\d,]+) messages? had not finished", finding):
        assert plain(match[1]) == y[-1] > 0
    if match := re.search(r"(?:at most|up to) ([\d,]+) messages?,", finding):
        assert plain(match[1]) == y.max()
    if "never ran away" in finding:
        assert bands.empty or y.max() <= max(2, bands["offered_rate"].max())
    if finding.startswith("Nothing waited"):
        assert y.max() == 0
    # Where it is said to have grown, it stands higher at the end of the stage than at its beginning.
    grown = [
        int(number) for number in re.findall(r"stages? ([\d, and]+)", finding) for number in re.findall(r"\d+", number)
    ]
    if " from stage " in finding:
        grown = list(range(grown[0], len(bands) + 1))
    elif "more" in finding:
        return
    for number, band in enumerate(bands.itertuples(), start=1):
        inside = y[(x >= band.start_s) & (x <= band.end_s)]
        rose, offered = inside[-1] - inside[0], band.offered_rate * (band.end_s - band.start_s)
        if number in grown:
            assert rose > 0
        elif rose > 2 * max(2.0, 0.05 * offered):
            pytest.fail(f"stage {number} rose by {rose}: {finding}")
    if ", a void one" in finding or "where no stage counts" in finding:
        assert not bands["valid"].iloc[[number - 1 for number in grown]].any()
    says_which_are_void(chart, bands)


@st.composite
def runs(draw: Any) -> pd.DataFrame:
    """Table ``messages`` in which some never left and some never finished."""
    rows = []
    for number in range(draw(st.integers(1, 30))):
        left, ended = draw(st.sampled_from([True, True, True, False])), draw(st.sampled_from([True, True, False]))
        took = draw(st.floats(0.003, 9.0))
        planned = number / 5
        rows.append(
            {
                "stage": number // 10,
                "offered_rate": 5.0,
                "planned": planned,
                "t_sent": planned + 0.001 if left else np.nan,
                "finished": planned + took if left and ended else np.nan,
                "end_to_end_s": took if left and ended else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    moments = {name: (ORIGIN + pd.to_timedelta(table[name], unit="s")) for name in ("t_sent", "finished")}
    return table.assign(t_planned=instants(table["planned"].to_numpy()), **moments)


@given(runs())
@few
def test_sent_and_finished(messages: pd.DataFrame) -> None:
    chart = charts.sent_and_finished(messages)
    if messages["t_sent"].isna().all():
        assert chart.finding == "Nothing sent yet"
        return
    (axes,) = chart.axes
    (sent_x, sent), (ended_x, ended) = (
        [np.asarray(data, dtype=float) for data in line.get_data()] for line in axes.lines[:2]
    )
    never = re.search(r"; (\d+) more never left$", chart.finding)
    finding = chart.finding.removesuffix(never[0]) if never else chart.finding
    assert (int(never[1]) if never else 0) == len(messages) - sent[-1]
    if match := re.fullmatch(r"(\d+) messages? of (\d+) had not finished at the end", finding):
        assert (int(match[1]), int(match[2])) == (sent[-1] - ended[-1], sent[-1])
        assert int(match[1]) > 0
    else:
        match = re.fullmatch(
            rf"(?:All (\d+) messages finished; the last one {DURATION} after the last send"
            rf"|The only message finished {DURATION} after it was sent)",
            finding,
        )
        assert match, finding
        assert int(match[1] or 1) == sent[-1] == ended[-1]
        assert same(in_seconds(match[2] or match[3]), max(ended_x[-1] - sent_x[-1], 0.0))


@given(runs())
@few
def test_latency_heatmap(messages: pd.DataFrame) -> None:
    chart = charts.latency_heatmap(messages)
    if messages["end_to_end_s"].isna().all():
        assert chart.finding == "No latency to show yet"
        return
    axes = chart.axes[0]
    factor = factor_of(axes)
    stairs = next(patch for patch in axes.patches if type(patch).__name__ == "StepPatch")
    slowest = float(np.nanmax(stairs.get_data().values)) * factor
    shown = int(axes.collections[0].get_array().sum())  # type: ignore[union-attr]
    if match := re.search(
        rf"(?:[Tt]he slowest(?: of (\d+) messages? took)?|The only message that finished took) {DURATION}",
        chart.finding,
    ):
        assert same(in_seconds(match[2]), slowest)
        assert int(match[1] or shown) == shown
    if match := re.search(rf"Half of the messages took {DURATION};", chart.finding):
        assert same(in_seconds(match[1]), float(messages["end_to_end_s"].median()))
        assert in_seconds(match[1]) <= slowest * 1.06
    elif match := re.fullmatch(rf"Half .* took {DURATION} at first and {DURATION} towards the end", chart.finding):
        assert in_seconds(match[1]) < in_seconds(match[2]) <= slowest * 1.06
    missing = len(messages) - shown
    assert (f"Not drawn: {missing} message" in flat(chart)) == (missing > 0)
