"""Pictures drawn from definitions, and the words and numbers of all charts."""

from __future__ import annotations

import itertools

import pytest

from lab import charts
from lab.charts.numbers import number, seconds
from lab.charts.text import drawable, quoted, shorten
from tests.unit.chart_data import STATES
from tests.unit.chart_texts import ALL_KINDS, FOUR, flat, task, texts_of


def test_the_graph_of_the_sample_is_a_row_of_its_states() -> None:
    chart = charts.state_machine_graph(FOUR)
    assert chart.finding == "Four states in a row, from “Decode base64 string” to “Tokenize and count”"
    heights = {
        text.get_text().replace("\n", " "): text.get_position()[1]
        for text in texts_of(chart)
        if text.get_text().replace("\n", " ") in STATES
    }
    assert sorted(heights, key=lambda name: heights[name]) == list(STATES)


def test_the_graph_shows_every_state_condition_and_error() -> None:
    words = flat(charts.state_machine_graph(ALL_KINDS))
    for name in ("Is it long?", "For each", "Both ways", "Left", "Right", "Give up", "Start", "End"):
        assert name in words
    for label in ("stats.text_length > 1000", 'kind = "poll"', "otherwise", "any error", "after an error (Catch)"):
        assert label in words


def test_the_graph_names_what_a_learner_mistyped() -> None:
    chart = charts.state_machine_graph({"StartAt": "A", "States": {"A": task("Bee"), "B": task()}})
    words = flat(chart)
    assert "“Bee” is named as a next state but not defined." in words
    assert "Nothing leads to “B”." in words
    assert charts.state_machine_graph({}).finding == "No states"


def test_the_way_without_errors_is_a_straight_line_down() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Report failure"}]
    states = {name: state | {"Catch": catch} for name, state in FOUR["States"].items()}
    states["Report failure"] = {"Type": "Fail"}
    chart = charts.state_machine_graph({"StartAt": STATES[0], "States": states})
    middles = [text.get_position()[0] for text in texts_of(chart) if text.get_text().replace("\n", " ") in STATES]
    assert middles == pytest.approx([middles[0]] * 4)
    assert chart.finding == "Five states: errors lead to “Report failure”"


def test_boxes_of_the_graph_do_not_overlap() -> None:
    chart = charts.state_machine_graph(ALL_KINDS)
    chart.canvas.draw()
    boxes = [patch.get_window_extent() for patch in chart.axes[0].patches if type(patch).__name__ == "FancyBboxPatch"]
    for first, second in itertools.combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        tall = min(first.y1, second.y1) - max(first.y0, second.y0)
        if wide <= 0 or tall <= 0:
            continue
        # Only a box that holds the other one whole may cover it.
        assert wide * tall == pytest.approx(min(first.width * first.height, second.width * second.height), rel=0.01)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0384, "38.4 ms"), (0.9999, "1 s"), (1.25, "1.25 s"), (210, "3.5 min"), (float("nan"), "unknown"), (0, "0 ms")],
)
def test_durations_read_as_people_say_them(value: float, text: str) -> None:
    assert seconds(value) == text


def test_numbers_and_names_are_short_and_whole() -> None:
    assert [number(value) for value in (1234567, 2.5, 3.0, 0.04, float("nan"))] == [
        "1,234,567",
        "2.5",
        "3",
        "0.04",
        "–",
    ]
    assert shorten("abcdefghij", 5) == "abc…j"
    assert quoted("two\nlines") == "“two lines”"
    assert drawable("a\U000f0000b") == "a□b"
