"""The title of the chart of sources holds on the marks that are drawn, read back from the axes."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import charts
from lab.charts import palette
from tests.unit.chart_data import source_percentiles as table
from tests.unit.chart_texts import flat
from tests.unit.findings_reading import DURATION, few, in_seconds, same

pytestmark = pytest.mark.slow


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    halves = st.sampled_from([None, 0.0141, 0.0142, 0.03, 0.25, 0.51, 1.7])
    count = draw(st.integers(1, 6))
    return table(*[(draw(halves), draw(st.sampled_from(["", "", "it lagged"]))) for _ in range(count)])


@given(tables())
@example(table((0.5, "it lagged"), (0.02, "")))  # the slowest does not count
@example(table(*[(0.02, "")] * 6))
@few
def test_latency_by_source(percentiles: pd.DataFrame) -> None:
    chart = charts.latency_by_source(percentiles)
    words, finding = flat(chart), chart.finding
    measured = percentiles[percentiles["p50"].notna()]
    if measured.empty:
        assert finding == "No source has started a workflow yet"
        return
    (axes,) = chart.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    drawn = {}  # row → where half had begun, as it is drawn
    for line in axes.lines:
        if line.get_color() == palette.BLUE and line.get_marker() == "o":
            drawn[int(line.get_ydata()[0])] = float(line.get_xdata()[0])
    assert sorted(drawn) == list(measured.index)
    assert words.count("nothing began") == len(percentiles) - len(measured)
    counted = {labels[row]: value for row, value in drawn.items() if not labels[row].startswith("(")}
    for row, entry in percentiles.iterrows():
        assert labels[row] == (f"({entry['source']})" if entry["void"] else entry["source"])
        assert (f"{entry['source']}: 200 of 200 did not succeed" in words) == (entry["ended"] == 0)
    if not counted:
        assert finding == "No source counts: the sender lagged behind its plan"
    elif match := re.fullmatch(rf"About as quick, all (\d): half began within {DURATION}", finding):
        assert int(match[1]) == len(counted)
        assert max(counted.values()) <= 1.2501 * min(counted.values())
        assert same(in_seconds(match[2]), max(counted.values()))
    elif match := re.fullmatch(rf"(.+): half of the workflows began within {DURATION}", finding):
        ((name, value),) = counted.items()
        assert match[1] == name
        assert same(in_seconds(match[2]), value)
    else:
        match = re.fullmatch(rf"(.+) begins last: half within {DURATION}; first, within {DURATION}: (.+)", finding)
        assert match is not None, finding
        assert counted[match[1]] == max(counted.values())
        assert same(in_seconds(match[2]), max(counted.values()))
        first = {name: value for name, value in counted.items() if value <= 1.25 * min(counted.values())}
        assert match[1] not in first
        named = match[4].split(", ")
        assert set(named) == set(first) if len(first) <= 3 else named == [f"{len(first)} sources"]
        assert same(in_seconds(match[3]), max(first.values()))
