"""The titles of the charts of words and costs hold on the numbers that are drawn, read back from the axes."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lab import charts
from lab.analysis import cost
from tests.unit.chart_texts import flat
from tests.unit.findings_reading import (
    few,
    plain,
)

pytestmark = pytest.mark.slow


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=6), st.integers(1, 9), min_size=1, max_size=40))
@few
def test_word_frequencies(words: dict[str, int]) -> None:
    chart = charts.word_frequencies(words, top=10)
    (axes,) = chart.axes
    bars = [bar.get_width() for bar in axes.patches]
    most, total, leaders = max(bars), sum(words.values()), sum(count == max(words.values()) for count in words.values())
    finding = chart.finding
    if match := re.fullmatch(r"“\w+” leads with (\d+) of (\d+) words?", finding):
        assert (int(match[1]), int(match[2]), bars.count(most)) == (most, total, 1)
    elif match := re.fullmatch(r"“\w+” and “\w+” lead with (\d+) of (\d+) words each", finding):
        assert (int(match[1]), int(match[2]), bars.count(most)) == (most, total, 2)
    elif match := re.match(r"(\d+) words lead with (\d+) of (\d+) words each", finding):
        assert (int(match[1]), int(match[2]), int(match[3])) == (leaders, most, total)
        assert bars.count(most) == min(leaders, 10)
    elif match := re.fullmatch(r"Each of the (\d+) words occurs (?:once|(\d+) times)", finding):
        assert (int(match[1]), int(match[2] or 1)) == (len(words), most)
        assert len(set(bars)) == 1
    else:
        match = re.fullmatch(r"Only one word: “\w+”, (\d+) times?", finding)
        assert match, finding
        assert (int(match[1]), len(bars)) == (most, 1)
        assert ("times" in finding) == (most != 1)


@st.composite
def text_tables(draw: Any) -> pd.DataFrame:
    number = draw(st.integers(1, 12))
    column = st.lists(st.one_of(st.integers(0, 60).map(float), st.just(math.nan)), min_size=number, max_size=number)
    alike = st.sampled_from([540.0, 1.0]).map(lambda value: [value] * number)
    names = ("text_length", "avg_word_length", "num_digits", "num_special_chars")
    return pd.DataFrame({name: draw(st.one_of(column, alike)) for name in names})


@given(text_tables())
@example(pd.DataFrame({"text_length": [540.0, math.nan, 540.0], "avg_word_length": [4.0, 5.0, 6.0]}))
@few
def test_text_statistics(table: pd.DataFrame) -> None:
    chart = charts.text_statistics(table)
    if table.isna().all().all():
        assert chart.finding == "No statistics yet"
        return
    known = [name for name in table if table[name].notna().any()]
    axes = chart.axes[0]
    counted = sum(bar.get_height() for bar in axes.patches)
    median, highest = (float(np.asarray(line.get_xdata(), dtype=float)[0]) for line in axes.lines[:2])
    finding, lowest = chart.finding, float(table[known[0]].min())
    if match := re.fullmatch(r"All (\d+) texts have ([\d.]+) (.*)", finding):
        assert int(match[1]) == counted
        assert plain(match[2]) == lowest == highest
    elif match := re.fullmatch(r"Texts have ([\d.]+) to ([\d.]+) .*, half of them at most ([\d.]+)", finding):
        assert (plain(match[1]), plain(match[2]), plain(match[3])) == (lowest, highest, median)
    else:
        assert finding.startswith("One text: ") or counted == 1
    fewest = min(int(table[name].notna().sum()) for name in known)
    assert ("where a statistic is missing" in chart.detail) == (
        fewest < max(table[name].notna().sum() for name in known)
    )


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), min_size=1, max_size=5))
@few
def test_cost_by_service(usd: list[float]) -> None:
    assume(sum(usd) > 0)
    chart = charts.cost_by_service({f"Service {place}": value for place, value in enumerate(usd)}, 1)
    bars = [bar.get_width() for bar in chart.axes[0].patches]
    highest = [f"Service {place}" for place, width in enumerate(bars) if width == max(bars)]
    assert chart.detail == "1 message"
    if len(usd) == 1:
        assert chart.finding.startswith("Service 0 costs all of it")
        return
    match = re.fullmatch(r"(.*) costs? the most: (\d+)% of ([\d.]+) USD(?: each)?", chart.finding)
    assert match
    assert re.split(r", | and ", match[1]) == highest
    assert int(match[2]) == pytest.approx(100 * max(bars) / sum(bars), abs=0.51)
    assert plain(match[3]) == pytest.approx(sum(bars), rel=1e-3)


@given(st.integers(0, 60), st.sampled_from([0.0, 5_000.0, 30_000.0]))
@few
def test_express_or_standard(transitions: int, log_bytes: float) -> None:
    chart = charts.express_or_standard(transitions, log_bytes=log_bytes)
    (axes,) = chart.axes
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    duration, express = (np.asarray(data, dtype=float) for data in curves[-1].get_data())  # with its logs, if any
    standard = max(cost.standard_usd(transitions), 1e-9) * 1e6
    cheaper = duration[express < standard]
    finding = chart.finding
    assert ("its logs included" in finding) == (log_bytes > 0)
    if match := re.match(r"Below about ([\d.]+) s an execution", finding):
        assert cheaper.max() == pytest.approx(plain(match[1]), rel=0.3, abs=0.2)
    elif finding.startswith("An Express Workflow"):
        assert len(cheaper) >= len(duration) - 2
    else:
        assert len(cheaper) <= 2
    assert ("1 transition" in flat(chart)) >= (transitions == 1)
    assert "1 transitions" not in re.findall(r"\d+ transitions", flat(chart))
