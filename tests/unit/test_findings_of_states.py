"""The titles of the charts of states hold on the numbers that are drawn, read back from the axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import charts
from tests.unit.chart_data import ORIGIN
from tests.unit.chart_texts import flat
from tests.unit.findings_reading import (
    DURATION,
    RATE,
    UNITS,
    factor_of,
    few,
    in_seconds,
    plain,
    rates,
    same,
)

pytestmark = pytest.mark.slow


@st.composite
def times_in_states(draw: Any) -> pd.DataFrame:
    names = ("A", "B", "C", "D")[: draw(st.integers(1, 4))]
    means = st.sampled_from([0.001, 0.002, 0.004, 0.02, 1.5])
    return pd.DataFrame(
        [
            {"offered_rate": rate, "state": name, "duration_s": draw(means)}
            for rate in draw(st.lists(rates, min_size=1, max_size=5, unique=True))
            for name in names
        ]
    )


@given(times_in_states(), st.booleans())
@example(
    pd.DataFrame({"offered_rate": [1.0, 2.0, 4.0], "state": "A", "duration_s": [0.0065, 0.014, 0.0067]}), False
)  # only the first and the last bar are alike
@few
def test_state_times_by_rate(table: pd.DataFrame, void: bool) -> None:
    at = sorted(table["offered_rate"].unique())
    stages = pd.DataFrame({"offered_rate": at, "valid": [not void] + [True] * (len(at) - 1), "invalid_reason": ""})
    chart = charts.state_times_by_rate(table, stages)
    (axes,) = chart.axes
    factor, count = factor_of(axes), len(at)
    names = list(dict.fromkeys(table["state"]))
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(len(names), count) * factor
    sums = heights.sum(axis=0)
    assert (f"({at[0]:g})" in flat(chart)) == void
    finding = chart.finding
    if finding.startswith("The states take about as long at every rate"):
        assert sums.max() <= 1.2501 * sums.min()
    elif match := re.fullmatch(rf"“(\w)” grows most: by {DURATION} up to {RATE}", finding):
        growth = heights[:, -1] - heights[:, 0]
        assert same(in_seconds(match[2]), growth.max())
        assert growth[names.index(match[1])] == pytest.approx(growth.max())
        assert sums[-1] == sums.max() > 1.25 * sums.min()
        assert sums[0] == sums.min()
    elif match := re.fullmatch(
        rf"The states take longest at {RATE}, {DURATION}, and shortest at {RATE}, {DURATION}; “(\w)” differs most, "
        rf"by {DURATION}",
        finding,
    ):
        high, low = at.index(plain(match[1])), at.index(plain(match[3]))
        assert (sums[high], sums[low]) == pytest.approx((sums.max(), sums.min()))
        assert same(in_seconds(match[2]), sums.max())
        assert same(in_seconds(match[4]), sums.min())
        assert same(in_seconds(match[6]), (heights[:, high] - heights[:, low]).max())
    if match := re.search(r"(?:“(\w)”(?: and “(\w)”)? takes? most|(\d) states take most)[:,] (\d+)%", finding):
        last = heights[:, -1]
        assert int(match[4]) == pytest.approx(100 * last.max() / last.sum(), abs=0.51)
        tied = {name for name, value in zip(names, last, strict=True) if value >= last.max() * 0.995}
        assert len(tied) == (int(match[3]) if match[3] else 1 + bool(match[2]))
        assert match[3] or tied == {name for name in match.groups()[:2] if name}
    else:
        assert "grows most" in finding or "take longest" in finding


@st.composite
def visits(draw: Any) -> pd.DataFrame:
    rows, at = [], 0.0
    ends = draw(st.sampled_from([("left",), ("left", "left", "failed", "running", "failed and left")]))
    for _ in range(draw(st.integers(1, 5))):
        took = draw(st.sampled_from([0.0, 0.04, 0.04, 0.7]))
        how = draw(st.sampled_from(ends))
        left = at + took if "left" in how else np.nan
        error = "Boom" if "failed" in how else None
        rows.append({"state": draw(st.sampled_from("ABC")), "entered": at, "exited": left, "error": error})
        at += took + 0.001
    return as_visits(rows)


def as_visits(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows).astype({"error": object})
    return table.assign(**{name: ORIGIN + pd.to_timedelta(table[name], unit="s") for name in ("entered", "exited")})


FAILED_AT_ONCE = [
    {"state": "A", "entered": 0.0, "exited": 0.0, "error": "Boom"},
    {"state": "A", "entered": 0.001, "exited": 0.041, "error": None},
    {"state": "A", "entered": 0.042, "exited": 0.082, "error": None},
]


@given(visits())
@example(as_visits(FAILED_AT_ONCE))
@few
def test_waterfall(states: pd.DataFrame) -> None:
    chart = charts.waterfall(states)
    (axes,) = chart.axes
    finding, unit = chart.finding, re.search(r"\((ms|s)\)", axes.get_xlabel())
    assert unit
    bars = [(bar.get_x() * UNITS[unit[1]], bar.get_width() * UNITS[unit[1]]) for bar in axes.patches]
    words = [text.get_text().strip() for text in axes.texts]
    failed = [place for place, text in enumerate(words) if text.startswith("✗")]
    running = [place for place, text in enumerate(words) if text == "still running"]
    names = list(states["state"])
    if failed:
        assert finding.startswith(f"“{names[failed[0]]}” failed with Boom")
        assert ("failed" in finding.partition("; ")[2]) == (len(failed) > 1)
        if match := re.search(rf", {DURATION} after the start", finding):
            left, width = bars[failed[0]]
            narrowest = 0.003 * max(map(sum, bars))  # so wide is what took no time at all
            off = narrowest if width < 1.01 * narrowest else 0.0002
            assert in_seconds(match[1]) == pytest.approx(left + width, rel=0.0051, abs=off)
    elif running:
        assert finding.startswith(f"“{names[running[0]]}”")
        more = len(running) - 1
        assert (f" and {more} more state" in finding) == (more > 0)
        assert "had not ended" in finding
    else:
        longest = max(width for _, width in bars)
        match = re.search(rf"took(?: longest:)? {DURATION}", finding)
        assert match
        assert same(in_seconds(match[1]), longest) or longest < 0.0002
        tied = [place for place, (_, width) in enumerate(bars) if width >= longest * 0.995]
        if len(tied) > 2:
            assert finding.startswith(f"{len(tied)} visits, “{names[tied[0]]}” the first, took longest")
        elif len(tied) == 2:
            assert finding.startswith(f"“{names[tied[0]]}” and “{names[tied[1]]}” took longest")
        else:
            assert f"“{names[tied[0]]}”" in finding
            assert finding.startswith("One of ") == (names.count(names[tied[0]]) > 1)
