"""The values of a chart lie where they are drawn, and say what is drawn there."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lab import charts
from lab.charts import Chart
from lab.charts.values import MOST_SLICES, Region, picked, regions
from tests.unit.chart_data import execution, run_of, source_percentiles, state_times, statistics, zipf_words
from tests.unit.chart_texts import FOUR

DRAWN: dict[str, Callable[[pd.DataFrame], Chart]] = {
    "latency": charts.latency_by_rate,
    "completed": charts.completed_against_offered,
    "backlog": charts.backlog_over_time,
    "sent": charts.sent_and_finished,
    "heatmap": charts.latency_heatmap,
    "states": lambda _: charts.state_times_by_rate(state_times()),
    "waterfall": lambda _: charts.waterfall(execution()),
    "words": lambda _: charts.word_frequencies(zipf_words()),
    "ranks": lambda _: charts.rank_frequency(zipf_words()),
    "statistics": lambda _: charts.text_statistics(statistics()),
    "sources": lambda _: charts.latency_by_source(source_percentiles((0.02, ""), (0.5, ""), (0.3, ""))),
    "cost": lambda _: charts.cost_by_service({"SQS": 1.0, "Lambda": 3.0}, 10),
    "starts": lambda _: charts.starts(
        pd.DataFrame({"way": ["Express", "Standard"], "answered_s": [0.004, 0.005], "duration_s": [0.05, 0.06]})
    ),
    "express": lambda _: charts.express_or_standard(4, log_bytes=30_000),
}


def values_of(chart: Chart) -> list[Region]:
    chart.png()
    return regions(chart)


@pytest.mark.parametrize("name", DRAWN)
def test_values_lie_on_the_picture_and_say_numbers(busy: pd.DataFrame, name: str) -> None:
    chart = DRAWN[name](busy)
    values = values_of(chart)
    assert 2 <= len(values) <= 4 * MOST_SLICES
    for value in values:
        assert 0 <= value.left <= value.left + value.width <= 1.0001, value
        assert 0 <= value.top <= value.top + value.height <= 1.0001, value
        assert re.search(r"\d", value.text), value
        assert "nan" not in value.text


def test_a_slice_reaches_half_way_to_its_neighbours_and_names_every_line() -> None:
    stages = pd.DataFrame(
        {"offered_rate": [2.0, 4.0, 8.0], "end_to_end_p50_s": [0.1] * 3, "end_to_end_p99_s": [0.2, 0.3, 0.9],
         "end_to_end_max_s": 1.0, "valid": [True, True, False]}
    )  # fmt: skip
    chart = charts.latency_by_rate(stages)
    values = values_of(chart)
    assert [value.text for value in values] == [
        "2 messages/s: p50 (half are faster) 100 ms, p99 200 ms, maximum 1 s",
        "4 messages/s: p50 (half are faster) 100 ms, p99 300 ms, maximum 1 s",
        "8 messages/s: p50 (half are faster) 100 ms, p99 900 ms, maximum 1 s (does not count)",
    ]
    (axes,) = chart.axes
    pixels = axes.transData.transform([(rate, 0) for rate in (2.0, 4.0, 8.0)])[:, 0] / chart.bbox.width
    assert values[1].left == pytest.approx((pixels[0] + pixels[1]) / 2)
    assert values[1].left + values[1].width == pytest.approx((pixels[1] + pixels[2]) / 2)
    assert values[0].top == pytest.approx(1 - axes.bbox.y1 / chart.bbox.height)


def test_two_stages_of_one_rate_are_told_together() -> None:
    stages = pd.DataFrame({"offered_rate": [4.0, 4.0], "completed_rate": [4.0, 2.0]})
    (value,) = values_of(charts.completed_against_offered(stages))
    assert value.text == "4 messages/s: completed 4 messages/s; 4 messages/s: completed 2 messages/s"


def test_the_slice_of_the_peak_is_among_those_of_a_long_run() -> None:
    messages = run_of((2, 40, 2), 20, 17)
    chart = charts.backlog_over_time(messages)
    line = chart.axes[0].lines[0]
    peak = int(np.max(np.asarray(line.get_ydata(), dtype=float)))
    values = values_of(chart)
    assert len(values) <= MOST_SLICES
    assert any(f": {peak} messages in the system" in value.text for value in values)


def test_picked_places_are_few_sorted_and_hold_the_ends() -> None:
    assert picked(3) == [0, 1, 2]
    assert picked(1) == [0]
    many = picked(10_000, 777)
    assert len(many) <= MOST_SLICES
    assert many == sorted(set(many))
    assert {0, 777, 9_999} <= set(many)
    assert picked(10_000, 9_999)[-1] == picked(10_000, 0)[-1] == 9_999


def test_a_picture_of_a_definition_has_no_values() -> None:
    assert values_of(charts.state_machine_graph(FOUR)) == []


def test_a_kept_picture_is_rendered_once() -> None:
    chart = charts.word_frequencies({"the": 5, "my": 3})
    chart.keep_png()
    kept = chart.png()
    chart.axes[0].set_title("changed")
    assert chart.png() is kept
    assert chart.png(50) is not kept
