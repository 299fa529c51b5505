"""Charts against the rate: the title is what the data say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab import charts
from lab.analysis.latency import stage_table
from lab.analysis.saturation import Saturation
from tests.unit.chart_texts import flat, shown


def percentile_rows(*p99: float, rates: tuple[float, ...] = (2, 4, 8), valid: tuple[bool, ...] | None = None) -> Any:
    return pd.DataFrame(
        {
            "offered_rate": rates[: len(p99)],
            "end_to_end_p50_s": [value / 4 for value in p99],
            "end_to_end_p90_s": [value / 2 for value in p99],
            "end_to_end_p99_s": p99,
            "end_to_end_max_s": [value * 1.5 for value in p99],
            "valid": valid or [True] * len(p99),
            "invalid_reason": "own CPU over 90 %",
        }
    )


@pytest.mark.parametrize(
    ("p99", "finding"),
    [
        ((0.1, 0.3, 1.4), "p99 passes one second at 8 messages/s"),
        ((0.1, 1.1, 1.4), "p99 passes one second at 4 messages/s"),
        ((0.1, 0.2, 0.9), "p99 grows from 100 ms at 2 messages/s to 900 ms at 8"),
        ((0.1, 0.12, 0.11), "p99 stays at or below 120 ms up to 8 messages/s"),
        ((1.5, 1.4, 1.6), "p99 is over one second from the first stage on, at 2 messages/s"),
        ((0.25,), "p99 is 250 ms at 2 messages/s, the maximum 375 ms"),
    ],
)
def test_the_latency_title_follows_the_data(p99: tuple[float, ...], finding: str) -> None:
    assert charts.latency_by_rate(percentile_rows(*p99)).finding == finding


def test_the_maximum_is_drawn_in_milliseconds() -> None:
    (axes,) = charts.latency_by_rate(percentile_rows(0.1, 0.2, 0.4)).axes
    drawn = {tuple(np.round(line.get_ydata(), 6)) for line in axes.lines}
    assert (150.0, 300.0, 600.0) in drawn
    assert axes.get_ylabel() == "latency (ms)"
    assert axes.get_ylim()[1] >= 600


def test_invalid_stages_do_not_make_the_finding_and_are_named() -> None:
    chart = charts.latency_by_rate(percentile_rows(0.1, 0.12, 5.0, valid=(True, True, False)))
    assert chart.finding == "p99 stays at or below 120 ms up to 4 messages/s; not counted: 5 s at 8 messages/s"
    assert "Invalid, hollow marks: 8/s (own CPU over 90 %)." in flat(chart)
    none = charts.latency_by_rate(percentile_rows(0.1, 0.2, valid=(False, False)))
    assert none.finding == "No stage is valid; p99 was 100 ms to 200 ms in those that do not count"


def test_the_rate_axis_is_linear_and_a_wide_latency_axis_says_that_it_is_logarithmic(busy: pd.DataFrame) -> None:
    (axes,) = charts.latency_by_rate(percentile_rows(0.01, 0.1, 9.0)).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert "logarithmic scale" in flat(charts.latency_by_rate(percentile_rows(0.01, 0.1, 9.0)))
    for chart in (charts.completed_against_offered(busy), charts.latency_heatmap(busy)):
        assert chart.axes[0].get_xscale() == "linear"


def test_messages_and_their_stage_table_give_the_same_chart(busy: pd.DataFrame) -> None:
    assert charts.latency_by_rate(busy).finding == charts.latency_by_rate(stage_table(busy)).finding


def test_saturation_is_drawn_only_where_it_was_reached() -> None:
    def found(reached: bool) -> Saturation:
        return Saturation(4.0, 1, reached, "", pd.DataFrame(), None, None)

    rows = percentile_rows(0.1, 0.3, 1.4)
    assert "saturation" in shown(charts.latency_by_rate(rows, saturation=found(True)))
    assert "saturation" not in shown(charts.latency_by_rate(rows, saturation=found(False)))


def test_the_gap_between_the_two_clocks_is_the_finding(busy: pd.DataFrame) -> None:
    rows = percentile_rows(0.1, 0.2, 2.5).assign(naive_p99_s=[0.1, 0.2, 0.5], naive_max_s=[0.2, 0.3, 0.6])
    assert charts.corrected_and_naive(rows).finding == "The naive p99 hides 2 s at 8 messages/s"
    assert charts.corrected_and_naive(busy).finding.startswith("Both clocks agree: the sender kept its plan")


@pytest.mark.parametrize(
    ("completed", "finding"),
    [
        ((2.0, 4.0, 7.9), "Completed keeps up with offered, up to 8 messages/s"),
        ((2.0, 4.0, 5.0), "Completed keeps up to 4 messages/s and tops out at 5"),
        ((1.0, 1.0, 1.0), "Completed stays behind offered at every rate; the most was 1 message/s"),
    ],
)
def test_the_completed_title_follows_the_data(completed: tuple[float, ...], finding: str) -> None:
    rows = pd.DataFrame({"offered_rate": [2.0, 4.0, 8.0], "completed_rate": completed})
    chart = charts.completed_against_offered(rows)
    assert chart.finding == finding
    diagonal = chart.axes[0].lines[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_the_completed_title_speaks_of_stages_that_count() -> None:
    rows = pd.DataFrame(
        {"offered_rate": [2.0, 4.0, 8.0], "completed_rate": [2.0, 4.0, 5.0], "valid": [True, True, False]}
    )
    expected = "Completed keeps up with offered, up to 4 messages/s; not counted: 5 completed at 8 messages/s"
    assert charts.completed_against_offered(rows).finding == expected
