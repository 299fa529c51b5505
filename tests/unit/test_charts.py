"""Charts: the title says what the data say, units are there, the maximum is drawn, nothing is cut off."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from chart_data import STATES, execution, run_of, state_times, statistics, zipf_words
from matplotlib._pylab_helpers import Gcf
from matplotlib.text import Text

from lab import charts
from lab.analysis.latency import stage_table
from lab.analysis.saturation import Saturation
from lab.charts import Chart
from lab.charts.numbers import number, seconds
from lab.charts.text import drawable, quoted, shorten

MANY_RATES = [2 * 1.25**step for step in range(20)]
LONG_NAMES = [f"State {place} with quite a long name {'x' * 6 * place}" for place in range(12)]


def task(following: str | None = None, **more: Any) -> dict[str, Any]:
    way = {"Next": following} if following else {"End": True}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", **way, **more}


FOUR = {"StartAt": STATES[0], "States": {name: task(after) for name, after in zip(STATES, (*STATES[1:], None))}}  # noqa: B905
ALL_KINDS = {
    "StartAt": "Is it long?",
    "States": {
        "Is it long?": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.stats.text_length", "NumericGreaterThan": 1000, "Next": "For each"},
                {"Variable": "$.kind", "StringEquals": "poll", "Next": "Wait a little"},
            ],
            "Default": "Both ways",
        },
        "Wait a little": {"Type": "Wait", "Seconds": 5, "Next": "Is it long?"},
        "For each": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "A", "States": {"A": task("B"), "B": task()}},
            "Next": "Tidy up",
        },
        "Both ways": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": task()}},
                {"StartAt": "Right", "States": {"Right": task("name_" * 14), "name_" * 14: task()}},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}],
            "Next": "Tidy up",
        },
        "Tidy up": {"Type": "Pass", "Next": "Done"},
        "Done": {"Type": "Succeed"},
        "Give up": {"Type": "Fail"},
    },
}


@pytest.fixture(scope="module")
def busy() -> pd.DataFrame:
    return run_of()


@pytest.fixture(scope="module")
def calm() -> pd.DataFrame:
    return run_of((2, 4, 8), 5, 60)


@pytest.fixture(scope="module")
def every_chart(busy: pd.DataFrame) -> dict[str, Chart]:
    """Each chart with plain and with ugly data."""
    many = run_of(MANY_RATES, 2, 40)
    told = pd.DataFrame({"stage": [3, 18, 19], "valid": False, "reason": "own CPU over 90 %"})
    stages, many_stages = stage_table(busy), stage_table(many, told)
    one = run_of((4,), 1)
    ugly_words = {"the": 5, "my": 5, "x" * 90: 3, "漢字": 2, "$a$ $b$": 1, "": 1, "<b>&": 1, "line\nbreak": 1}
    drawn = {
        "latency": charts.latency_by_rate(stages, saturation=16.0),
        "latency, 20 stages": charts.latency_by_rate(many_stages),
        "latency, one message": charts.latency_by_rate(one.head(1)),
        "queue wait": charts.latency_by_rate(stages, "queue_wait"),
        "corrected": charts.corrected_and_naive(stages),
        "corrected, 20 stages": charts.corrected_and_naive(many_stages),
        "completed": charts.completed_against_offered(stages, 16.0),
        "completed, 20 stages": charts.completed_against_offered(many_stages),
        "completed, one stage": charts.completed_against_offered(one),
        "backlog": charts.backlog_over_time(busy),
        "backlog, 20 stages": charts.backlog_over_time(many, many_stages),
        "sent": charts.sent_and_finished(busy),
        "heatmap": charts.latency_heatmap(busy),
        "heatmap, 20 stages": charts.latency_heatmap(many, stages=many_stages),
        "heatmap, one message": charts.latency_heatmap(one.head(1)),
        "states": charts.state_times_by_rate(state_times()),
        "states, 20 rates of 12 long names": charts.state_times_by_rate(state_times(MANY_RATES, LONG_NAMES)),
        "states, 40 rates": charts.state_times_by_rate(state_times([100 + 5 * step for step in range(40)])),
        "states, 30 names": charts.state_times_by_rate(state_times((2, 4), [f"State {i}" for i in range(30)])),
        "waterfall": charts.waterfall(execution(), "4b1cd2f0-8d6e-4a35-9a77-5f0d4f6c1c11"),
        "waterfall, failed": charts.waterfall(execution(error="States.DataLimitExceeded" * 4), "4b1c" * 60),
        "waterfall, failed at once": charts.waterfall(execution(STATES[:1], error="InvalidBase64Error")),
        "waterfall, long names": charts.waterfall(execution(LONG_NAMES, error="InvalidTextError")),
        "waterfall, loop": charts.waterfall(execution([STATES[i % 4] for i in range(40)])),
        "words": charts.word_frequencies(zipf_words()),
        "words, ugly": charts.word_frequencies(ugly_words),
        "words, one": charts.word_frequencies({"the": 5}),
        "ranks": charts.rank_frequency(zipf_words()),
        "ranks, ugly": charts.rank_frequency(ugly_words),
        "ranks, one": charts.rank_frequency({"only": 1}),
        "statistics": charts.text_statistics(statistics()),
        "statistics, one": charts.text_statistics(statistics(1)),
        "graph": charts.state_machine_graph(FOUR),
        "graph, all kinds": charts.state_machine_graph(ALL_KINDS),
        "pipeline": charts.pipeline(),
        "pipeline, eight states": charts.pipeline([f"State number {number}" for number in range(8)]),
        "nothing": charts.word_frequencies({}),
    }
    for chart in drawn.values():
        chart.canvas.draw()
    return drawn


def texts_of(chart: Chart) -> list[Text]:
    """The texts that are drawn; ticks outside the limits of their axis exist, but are not."""
    hidden = set()
    for axes in chart.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high or not axes.axison:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [
        text
        for text in chart.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def shown(chart: Chart) -> str:
    """All words of a chart that are drawn."""
    chart.canvas.draw()
    return "\n".join(text.get_text() for text in texts_of(chart))


def flat(chart: Chart) -> str:
    return shown(chart).replace("\n", " ")


def test_no_text_is_cut_off_at_an_edge(every_chart: dict[str, Chart]) -> None:
    problems = []
    for name, chart in every_chart.items():
        canvas = chart.bbox
        for text in texts_of(chart):
            box = text.get_window_extent()
            if box.x0 < canvas.x0 - 1 or box.x1 > canvas.x1 + 1 or box.y0 < canvas.y0 - 1 or box.y1 > canvas.y1 + 1:
                problems.append(f"{name}: {text.get_text()!r} at {box.extents.round()} of {canvas.extents.round()}")
    assert not problems, "\n".join(problems)


def test_no_two_texts_overlap(every_chart: dict[str, Chart]) -> None:
    problems = []
    for name, chart in every_chart.items():
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(chart)]
        for (one, first), (other, second) in itertools.combinations(boxes, 2):
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            tall = min(first.y1, second.y1) - max(first.y0, second.y0)
            # Boxes are a little larger than the letters in them.
            if wide > 1 and tall > 2:
                problems.append(f"{name}: {one!r} over {other!r}")
    assert not problems, "\n".join(problems)


def test_every_axis_has_a_name_with_a_unit(every_chart: dict[str, Chart]) -> None:
    units = ("(messages/s)", "(ms)", "(s)", "messages", "words", "texts", "characters", "logarithmic")
    for name, chart in every_chart.items():
        for axes in chart.axes:
            if not axes.axison or not axes.get_visible():
                continue
            assert any(unit in axes.get_xlabel() for unit in units) or axes.get_xlabel() == "", name
            assert any(unit in axes.get_xlabel() + axes.get_ylabel() for unit in units), name


def test_pyplot_does_not_know_the_charts(every_chart: dict[str, Chart]) -> None:
    assert every_chart
    assert Gcf.get_all_fig_managers() == []


def test_settings_of_matplotlib_are_left_alone(busy: pd.DataFrame) -> None:
    before = dict(mpl.rcParams)
    charts.backlog_over_time(busy).png()
    assert dict(mpl.rcParams) == before


def test_a_chart_shows_itself_in_jupyter_as_a_picture_with_its_finding_as_text() -> None:
    chart = charts.word_frequencies({"the": 5, "my": 3})
    png, metadata = chart._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert metadata == {"width": 760}
    assert repr(chart) == "<Chart: “the” leads with 5 of 8 words>"


@pytest.mark.parametrize(
    "draw",
    [
        charts.latency_by_rate,
        charts.corrected_and_naive,
        charts.completed_against_offered,
        charts.backlog_over_time,
        charts.sent_and_finished,
        charts.latency_heatmap,
        charts.state_times_by_rate,
        charts.waterfall,
        charts.word_frequencies,
        charts.rank_frequency,
        charts.text_statistics,
    ],
)
def test_a_table_without_rows_or_columns_or_numbers_gives_a_sentence(draw: Callable[..., Chart]) -> None:
    nothing_finished = run_of((2,), 2).assign(
        t_sent=pd.Series([pd.NaT] * 4, dtype="datetime64[ns, UTC]"),
        finished=pd.Series([pd.NaT] * 4, dtype="datetime64[ns, UTC]"),
        **dict.fromkeys(("send_lag_s", "queue_wait_s", "duration_s", "end_to_end_s", "naive_s"), np.nan),
    )
    for table in (pd.DataFrame(), run_of().head(0), pd.DataFrame({"offered_rate": [np.nan], "state": [None]})):
        assert draw(table).finding, draw
    chart = draw(nothing_finished)
    assert draw is charts.completed_against_offered or not chart.axes or chart.finding.startswith("Nothing"), draw
    assert "nan" not in shown(chart).lower()


# Latency against rate ---------------------------------------------------------------------------------------------


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
    assert chart.finding == "p99 stays at or below 120 ms up to 4 messages/s"
    assert "Invalid, hollow marks: 8/s (own CPU over 90 %)." in flat(chart)
    none = charts.latency_by_rate(percentile_rows(0.1, 0.2, valid=(False, False)))
    assert none.finding == "No stage is valid: the sender could not keep its plan"


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
        ((1.0, 1.0, 1.0), "Completed stays behind offered at every rate; the most was 1 messages/s"),
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
    expected = "Completed keeps up with offered, up to 4 messages/s, the highest rate that counts"
    assert charts.completed_against_offered(rows).finding == expected


# Over time --------------------------------------------------------------------------------------------------------


def test_the_backlog_names_the_stage_that_fell_behind(busy: pd.DataFrame, calm: pd.DataFrame) -> None:
    assert charts.backlog_over_time(busy).finding == "The queue fell behind from stage 5 on, at 24 messages/s"
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


def test_bands_carry_the_offered_rates_and_mark_invalid_stages(busy: pd.DataFrame) -> None:
    told = pd.DataFrame({"stage": [1], "valid": [False], "reason": ["send lag p99 over 10 ms"]})
    chart = charts.backlog_over_time(busy, stage_table(busy, told))
    assert {"2/s", "4/s", "8/s", "16/s", "24/s"} <= set(shown(chart).split("\n"))
    assert "Invalid, hatched: 4/s (send lag p99 over 10 ms)." in flat(chart)


# States -----------------------------------------------------------------------------------------------------------


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


# Words ------------------------------------------------------------------------------------------------------------


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


# Pictures ---------------------------------------------------------------------------------------------------------


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


# Words and numbers ------------------------------------------------------------------------------------------------


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
