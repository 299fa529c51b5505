"""Charts over time, of states and of words."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import charts
from lab.analysis.latency import stage_table
from lab.charts.numbers import seconds
from lab.charts.scales import add_axes
from lab.charts.stages import stage_bands
from tests.unit.chart_data import account_table, execution, state_times, zipf_words
from tests.unit.chart_texts import flat, shown, texts_of


def test_the_backlog_names_the_stage_that_fell_behind(busy: pd.DataFrame, calm: pd.DataFrame) -> None:
    assert charts.backlog_over_time(busy).finding == "The backlog grew in stage 5, at 24 messages/s; it drained to zero"
    assert charts.backlog_over_time(calm).finding.startswith("The backlog never ran away: at most ")
    assert charts.backlog_over_time(calm).finding.endswith("and drained to zero")


def test_messages_that_never_finished_are_said(calm: pd.DataFrame) -> None:
    lost = calm.copy()
    lost.loc[len(lost) - 2 :, ["finished", "end_to_end_s"]] = [pd.NaT, np.nan]
    assert "2 messages had not finished at the end" in charts.backlog_over_time(lost).finding
    assert charts.sent_and_finished(lost).finding == f"2 messages of {len(lost)} had not finished at the end"
    assert charts.sent_and_finished(calm).finding.startswith(f"All {len(calm)} messages finished")


def test_the_heatmap_draws_the_maximum_of_each_moment(busy: pd.DataFrame) -> None:
    chart = charts.latency_heatmap(busy)
    steps = next(patch for patch in chart.axes[0].patches if type(patch).__name__ == "StepPatch")
    assert np.nanmax(steps.get_data().values) == pytest.approx(busy["end_to_end_s"].max() * 1000)
    assert f"highest: {seconds(busy['end_to_end_s'].max())}" in flat(chart)


def test_a_stage_that_was_sent_again_has_its_rate_above_it_too() -> None:
    chart = charts.Chart()
    (axes,) = add_axes(chart)
    axes.set_xlim(0, 30)
    bands = pd.DataFrame({"offered_rate": [10.0, 80.0, 320.0], "start_s": [0.0, 20.0, 10.0]})
    stage_bands(axes, bands.assign(end_s=bands["start_s"] + 5, stage=range(3), valid=True))
    assert [text.get_text() for text in axes.texts] == ["10/s", "320/s", "80/s"]


def test_bands_carry_the_offered_rates_and_mark_invalid_stages(busy: pd.DataFrame) -> None:
    told = pd.DataFrame({"stage": [1], "valid": [False], "reason": ["send lag p99 over 10 ms"]})
    chart = charts.backlog_over_time(busy, stage_table(busy, told))
    assert {"2/s", "4/s", "8/s", "16/s", "24/s"} <= set(shown(chart).split("\n"))
    assert "Invalid, hatched: 4/s (send lag p99 over 10 ms)." in flat(chart)


def test_the_waterfall_has_a_bar_a_visit_and_names_the_longest() -> None:
    table = execution()
    longest = table.loc[table["duration_s"].idxmax()]
    chart = charts.waterfall(table)
    assert chart.finding.startswith(f"“{longest['state']}” took longest: {seconds(longest['duration_s'])}")
    widths = [bar.get_width() for bar in chart.axes[0].patches]
    assert widths == pytest.approx(list(table["duration_s"] * 1000), rel=1e-4)


def test_the_waterfall_says_which_state_failed_or_goes_on() -> None:
    failed = charts.waterfall(execution(error="InvalidBase64Error"))
    assert failed.finding == "“Tokenize and count” failed with InvalidBase64Error"
    assert "✗ InvalidBase64Error" in flat(failed)
    running = charts.waterfall(execution(running=True))
    assert running.finding.startswith("“Tokenize and count” had not ended, ")
    assert "still running" in flat(running)


def test_stacked_states_add_up_and_the_title_names_the_one_that_grows() -> None:
    table = state_times((2, 8))
    chart = charts.state_times_by_rate(table)
    tops = [bar.get_y() + bar.get_height() for bar in chart.axes[0].patches[-2:]]
    assert tops == pytest.approx(list(table.groupby("offered_rate")["duration_s"].sum() * 1000))
    assert chart.finding.startswith("“Remove special characters” grows most: by ")
    table.loc[table["offered_rate"] == 8, "duration_s"] = table.loc[table["offered_rate"] == 2, "duration_s"].to_numpy()
    assert charts.state_times_by_rate(table).finding.startswith("The states take about as long at every rate")


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ({"the": 5, "my": 4, "and": 1}, "“the” leads with 5 of 10 words"),
        ({"the": 5, "my": 5, "and": 4}, "“the” and “my” lead with 5 of 14 words each"),
        ({"the": 5, "my": 5, "and": 5, "a": 1}, "3 words lead with 5 of 16 words each, “the” first among them"),
        ({"the": 1, "my": 1}, "Each of the 2 words occurs once"),
        ({"the": 1}, "Only one word: “the”, 1 time"),
        ({}, "No words yet"),
    ],
)
def test_the_words_title_follows_the_data(words: dict[str, int], finding: str) -> None:
    assert charts.word_frequencies(words).finding == finding
    table = pd.DataFrame({"rank": range(1, len(words) + 1), "word": list(words), "count": list(words.values())})
    assert charts.word_frequencies(table).finding == finding


def test_words_are_text_and_never_formulas_or_markup() -> None:
    chart = charts.word_frequencies({"$x^2$ and $y$": 3, "a_b^c": 2})
    assert "$x^2$ and $y$" in shown(chart)
    assert not any(text.get_parse_math() for text in texts_of(chart))


@pytest.mark.parametrize(
    ("exponent", "finding"),
    [
        (1.0, "The words follow Zipf's law"),
        (0.5, "The words fall off flatter than Zipf's law"),
        (1.6, "The words fall off steeper than Zipf's law"),
    ],
)
def test_the_rank_title_follows_the_fit(exponent: float, finding: str) -> None:
    chart = charts.rank_frequency(zipf_words(120, exponent, 3000))
    assert chart.finding.startswith(finding)
    assert (chart.axes[0].get_xscale(), chart.axes[0].get_yscale()) == ("log", "log")


@given(st.floats(0.3, 2.0), st.integers(5, 400), st.integers(2, 5000), st.lists(st.integers(1, 9000), max_size=5))
@settings(deadline=None, max_examples=40)
def test_the_rank_title_is_true_of_the_dots_and_the_line_that_are_drawn(
    exponent: float, distinct: int, most: int, more: list[int]
) -> None:
    words = zipf_words(distinct, exponent, most) | {f"more{place}": count for place, count in enumerate(more)}
    chart = charts.rank_frequency(words)
    (axes,) = chart.axes
    dots, law = (np.asarray(line.get_ydata(), dtype=float) for line in axes.lines[:2])
    bottom, top = axes.get_ylim()
    assert bottom < min(dots.min(), law.min())
    assert max(dots.max(), law.max()) < top
    assert law.sum() == pytest.approx(dots.sum())
    off = int((np.abs(np.log2(dots / law)) > 1 + 1e-9).sum())
    if match := re.match(
        r"The words follow Zipf's law: all (?:but (\S+) of )?(\S+) lie within a factor of 2", chart.finding
    ):
        told, whole = (int((number or "0").replace(",", "")) for number in match.groups())
        assert (told, whole) == (off, len(dots))
        assert off <= 0.1 * whole
    elif match := re.match(r"About as steep as Zipf's law, but only (\S+) of", chart.finding):
        assert int(match[1].replace(",", "")) == len(dots) - off
        assert off > 0.1 * len(dots)
    else:
        assert chart.finding.startswith(("The words fall off ", "Too few words repeat"))


def test_the_commonest_word_counts_where_it_is_the_one_off_the_line() -> None:
    # Mandelbrot's shift flattens the first ranks and leaves the others where they were.
    words = {f"w{rank}": round(3000 / (rank + 2.7)) for rank in range(1, 600)}
    assert charts.rank_frequency(words).finding.startswith("The words follow Zipf's law: all but 1 of 599 lie within")


def test_words_as_steep_as_zipfs_law_but_off_its_line_are_not_said_to_follow_it() -> None:
    # Half of the words occur once, so the line of the law, which holds them all, lies far above the steep part.
    words = {f"w{rank}": max(60 // rank, 1) for rank in range(1, 2000)}
    finding = charts.rank_frequency(words).finding
    assert finding.startswith("About as steep as Zipf's law, but only ")
    assert " of 1,999 words lie within a factor of 2 of its line" in finding


def test_the_statistics_give_median_and_maximum_of_each() -> None:
    table = pd.DataFrame(
        {
            "text_length": [10.0, 20, 90],
            "avg_word_length": [4.0, 5, 6],
            "num_digits": [0, 0, 7],
            "num_special_chars": [1, 2, 3],
        }
    )
    chart = charts.text_statistics(table)
    assert chart.finding == "Texts have 10 to 90 characters, half of them at most 20"
    assert "Words of digits\nmedian 0, maximum 7" in shown(chart)


@pytest.mark.parametrize(
    ("kinds", "finding"),
    [
        ((("succeeded", None, 10),), "All 10 messages succeeded"),
        ((("succeeded", None, 1),), "The one message succeeded"),
        ((("succeeded", None, 9), ("lost", "InvalidMessageError", 1)), "1 of 10 messages is lost"),
        (
            (("succeeded", None, 7), ("failed", "InvalidBase64Error", 2), ("dead_lettered", None, 1)),
            "None of 10 messages is lost: 7 succeeded, 2 failed, 1 dead-lettered",
        ),
        ((("foreign", None, 3),), "No message was sent"),
    ],
)
def test_the_fates_title_follows_the_account(kinds: tuple[tuple[str, str | None, int], ...], finding: str) -> None:
    assert charts.fates(account_table(*kinds)).finding == finding


def test_each_fate_has_a_bar_as_long_as_its_messages_and_each_cause_a_look_of_its_own() -> None:
    errors = [f"Error{number}" for number in range(20)]
    kinds = [("succeeded", None, 30), ("lost", "Error0", 2), *(("failed", error, 1) for error in errors)]
    chart = charts.fates(account_table(*kinds))
    (axes,) = chart.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["succeeded", "failed", "dead-lettered", "still queued", "lost"]
    lengths = [0.0] * len(names)
    for bar in axes.patches:
        lengths[round(bar.get_y() + bar.get_height() / 2)] += bar.get_width()
    assert lengths == [30, 20, 0, 0, 2]
    assert [text.get_text().strip() for text in axes.texts] == ["30", "20", "0", "0", "2"]
    looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in chart.legends[0].get_patches()]
    assert len(set(looks)) == 1 + 6 * 3  # no error; and six colours, each with three patterns
    assert "2 lost with Error0" in chart.alternative
