"""The title of the chart of starts holds on what is drawn, read back from its axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import charts
from lab.charts import palette
from tests.unit.chart_texts import flat
from tests.unit.findings_reading import DURATION, UNITS, few, in_seconds, same

WAYS = ("asynchronous Express", "synchronous Express", "Standard")


@st.composite
def calls(draw: Any) -> pd.DataFrame:
    times = st.sampled_from([0.0, 0.004, 0.0041, 0.02, 0.0532, 0.4, 3.0, 15.0])
    rows = [
        {"way": way, "answered_s": draw(times), "duration_s": draw(times)}
        for way in WAYS[: draw(st.integers(1, 3))]
        for _ in range(draw(st.integers(1, 6)))
    ]
    return pd.DataFrame(rows)


def strips(chart: charts.Chart, colour: str) -> dict[str, list[float]]:
    """The values of each way that are drawn in one colour, in seconds, from the top row down."""
    (axes,) = chart.axes
    unit = re.fullmatch(r"time \((ms|s)\)", axes.get_xlabel())
    assert unit is not None
    names = [label.get_text() for label in axes.get_yticklabels()]
    lines = [line for line in axes.lines if line.get_color() == colour]
    return {
        name: [float(x) * UNITS[unit[1]] for x in np.asarray(line.get_xdata())]
        for name, line in zip(names, lines, strict=True)
    }


@pytest.mark.slow
@given(calls())
@few
def test_the_title_names_who_answers_last_and_after_how_long(table: pd.DataFrame) -> None:
    chart = charts.starts(table)
    answers, durations = strips(chart, palette.BLUE), strips(chart, palette.ORANGE)
    assert {way: len(values) for way, values in answers.items()} == table["way"].value_counts().to_dict()
    for drawn, column in ((answers, "answered_s"), (durations, "duration_s")):
        for way, values in drawn.items():
            # A logarithmic axis has no zero.
            assert values == pytest.approx(table.loc[table["way"] == way, column].clip(lower=1e-4).tolist())
    given_s = {way: sorted(own["answered_s"]) for way, own in table.groupby("way")}
    medians = {way: values[(len(values) - 1) // 2] for way, values in given_s.items()}
    told = chart.finding
    assert told in flat(chart)
    if match := re.match(rf"(.+) answers last, after {DURATION}; ", told):
        assert medians[match[1]] == max(medians.values())
        assert same(in_seconds(match[2]), medians[match[1]])
        assert all(way in told for way in medians)
    elif match := re.match(rf"No way to start answers later than after {DURATION}", told):
        assert same(in_seconds(match[1]), max(medians.values()))
    else:
        (only,) = medians
        assert told.startswith(f"{only} answers after ")


def test_a_start_without_an_end_is_left_out_and_none_is_said() -> None:
    rows = pd.DataFrame(
        {"way": ["Standard", "Standard"], "answered_s": [0.01, 0.02], "duration_s": [0.1, np.nan]},
    )
    assert charts.starts(rows).finding == "Standard answers after 10 ms"
    assert charts.starts(rows.tail(1)).finding == "Nothing was started"
    assert charts.starts(pd.DataFrame()).finding == "Nothing was started"
