"""The title of the chart of effects holds on what is drawn, read back from the axes."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import charts
from lab.analysis.compare import MATTERS_RATIO
from tests.unit.findings_reading import DURATION, few, in_seconds, same

pytestmark = pytest.mark.slow

FACTORS = ("log level", "batch size", "batching window", "poller concurrency", "start")
PAIRS = ("batch size × batching window", "batch size × start")
TITLE = r"Of (\d) factors, (.+?) \((.+?)\) (raises|lowers) the median latency most, ([\d.,]+) times(.*)"
COLUMNS = ["effect", "change", "ratio", "low", "high", "verdict", "aliases"]


def row(name: str, change: str, ratio: float, wide: float) -> tuple[Any, ...]:
    low, high = ratio / wide, ratio * wide
    verdict = "same"
    if low > 1 and ratio >= MATTERS_RATIO:
        verdict = "higher"
    elif high < 1 and ratio <= 1 / MATTERS_RATIO:
        verdict = "lower"
    return name, change, ratio, low, high, verdict, ""


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    ratios = st.sampled_from([0.02, 0.4, 0.79, 0.81, 0.999, 1.0, 1.01, 1.24, 1.26, 3.7, 41.0])
    wide = st.sampled_from([1.0, 1.02, 1.3, 6.0])
    rows = [row(name, "1 → 10", draw(ratios), draw(wide)) for name in FACTORS[: draw(st.integers(1, 5))]]
    rows += [row(name, "", draw(ratios), draw(wide)) for name in PAIRS[: draw(st.integers(0, 2))]]
    return pd.DataFrame(rows, columns=COLUMNS)


def drawn(chart: charts.Chart, count: int) -> list[tuple[float, str]]:
    """The ratio and the marker of each row, from the top down."""
    (axes,) = chart.axes
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [float(line.get_ydata()[0]) for line in marks] == list(range(count))
    return [(float(line.get_xdata()[0]), str(line.get_marker())) for line in marks]


@given(tables())
@example(pd.DataFrame([row(name, "0 → 1", 1.0, 1.5) for name in FACTORS], columns=COLUMNS))
@example(pd.DataFrame([row("start", "a → b", 1.3, 1.01), row(PAIRS[0], "", 9.0, 1.01)], columns=COLUMNS))
@few
def test_main_effects(table: pd.DataFrame) -> None:
    chart = charts.main_effects(table)
    (axes,) = chart.axes
    seen = drawn(chart, len(table))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    factors = [(text.split("\n")[0], *mark) for text, mark in zip(labels, seen, strict=True) if "× " not in text]
    felt = [each for each in factors if each[2] in "<>"]
    quiet = [name for name, _, marker in factors if marker == "o"]
    finding = chart.finding
    if match := re.fullmatch(TITLE, finding):
        count, name, _, does, times, rest = match.groups()
        assert int(count) == len(factors)
        strongest = max(felt, key=lambda each: abs(math.log(each[1])))
        told = next(each for each in felt if each[0] == name)
        assert abs(math.log(told[1])) == abs(math.log(strongest[1]))
        assert (does == "raises") == (told[1] > 1) == (told[2] == ">")
        assert same(float(times.replace(",", "")), max(told[1], 1 / told[1]))
        assert all(each in rest for each in quiet)
        assert bool(quiet) == bool(rest)
    else:
        assert finding == f"None of the effects of {len(factors)} factors on the median latency counts"
        assert felt == []
    low, high = axes.get_xlim()
    segments = [part for lines in axes.collections for part in lines.get_segments()]
    assert len(segments) == len(table)
    for part, (ratio, marker) in zip(segments, seen, strict=True):
        left, right = part[0][0], part[1][0]
        assert low < left <= ratio * 1.001
        assert ratio * 0.999 <= right < high
        # What is drawn as an effect never touches the line of no effect.
        assert marker == "o" or not left <= 1 <= right


def test_without_any_message_it_says_so() -> None:
    table = pd.DataFrame([row("start", "a → b", math.nan, 1.0)], columns=COLUMNS)
    assert charts.main_effects(table).finding == "No effect is known"


def test_the_alternative_text_has_the_finding_and_what_is_drawn() -> None:
    table = pd.DataFrame([row("start", "a → b", 2.0, 1.1), row(PAIRS[0], "", 1.5, 1.1)], columns=COLUMNS)
    text = charts.main_effects(table).alternative
    assert "Of 1 factors, start (a → b) raises the median latency most, 2 times" in text
    assert "95 % intervals" in text
    assert PAIRS[0] in text


@given(st.lists(st.sampled_from([0.0, 0.002, 0.03, 0.31, 4.0, 17.0]), min_size=1, max_size=6))
@example([0.0])
@few
def test_way_in_parts(medians: list[float]) -> None:
    rows = [(f"part {number}", value) for number, value in enumerate(medians) for _ in range(3)]
    chart = charts.way_in_parts(pd.DataFrame(rows, columns=["state", "duration_s"]))
    (axes,) = chart.axes
    unit = {"ms": 0.001, "s": 1.0}[axes.get_xlabel().split("(")[1].rstrip(")")]
    widths = [bar.get_width() * unit for bar in axes.patches]
    assert widths == pytest.approx(medians)
    assert all(width / unit <= axes.get_xlim()[1] for width in widths)
    if sum(widths) == 0:
        assert "nearly no time" in chart.finding
        return
    match = re.fullmatch(rf"The longest of (\d) parts takes (\d+)% of the way: {DURATION} of {DURATION}", chart.finding)
    assert match is not None
    assert int(match[1]) == len(widths)
    assert float(match[2]) == pytest.approx(100 * max(widths) / sum(widths), abs=0.51)
    assert same(in_seconds(match[3]), max(widths))
    assert same(in_seconds(match[4]), sum(widths))
    assert all(label.get_text() in chart.alternative for label in axes.get_yticklabels())


def test_the_way_of_nothing_says_so() -> None:
    assert charts.way_in_parts(pd.DataFrame({"state": [], "duration_s": []})).finding == "No way to show yet"
