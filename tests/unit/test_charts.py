"""What holds for every chart: nothing cut off, nothing overlapping, axes with units, no pyplot."""

from __future__ import annotations

import base64
import html
import itertools
import re
from collections.abc import Callable

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib._pylab_helpers import Gcf
from nbconvert import HTMLExporter

from lab import charts
from lab.analysis import queueing
from lab.analysis.aws_rules import Workload
from lab.analysis.latency import stage_table
from lab.analysis.scaling import simulate
from lab.charts import Chart
from lab.charts.style import state_styles
from tests.unit.chart_data import (
    STATES,
    account_table,
    execution,
    room,
    run_of,
    source_percentiles,
    started,
    state_times,
    statistics,
    zipf_words,
)
from tests.unit.chart_texts import ALL_KINDS, FOUR, shown, texts_of
from tests.unit.test_queueing import stages

MANY_RATES = [2 * 1.25**step for step in range(20)]
LONG_NAMES = [f"State {place} with quite a long name {'x' * 6 * place}" for place in range(12)]


def of_theory() -> dict[str, Chart]:
    calm = stages([10, 25, 40, 60, 80, 240], demand=(0.006, 0.003, 0.002), processors=16)
    loads = {f"{rate:,}/s": simulate(Workload([(rate, 5)]), drain_s=5) for rate in (100, 10_000, 1_000_000)}
    fluid = simulate(*queueing.as_workload([(100, 2)], batches=2, batch_s=0.5))
    measured = pd.DataFrame({"time_s": [0.0, 2.0, 5.2], "in_queue": [0, 123, 0]})
    return {
        "busy": charts.busy_by_rate(calm, queueing.forecast(calm), 171.0),
        "times": charts.time_and_theory(calm, queueing.expected_times(calm, 0.006)),
        "simulated": charts.simulated_and_measured(fluid, measured),
        "ended": charts.where_they_ended(loads),
        "queue and age": charts.queue_and_age(loads),
        "cost of success": charts.cost_of_success(loads),
    }


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
        "fates": charts.fates(account_table(("succeeded", None, 9), ("lost", "InvalidMessageError", 1))),
        "fates, ugly": charts.fates(
            account_table(
                ("succeeded", None, 98_765),
                ("unobserved", None, 3),
                *(("failed", f"Error{'x' * 5 * number}", 20 * number + 1) for number in range(12)),
                *(("dead_lettered", f"Error{number}", 1) for number in range(4)),
            )
        ),
        "sources": charts.latency_by_source(source_percentiles((0.02, ""), (0.5, ""), (None, ""), (0.3, "it lagged"))),
        "sources, one": charts.latency_by_source(source_percentiles((0.02, ""))),
        "sources, long names": charts.latency_by_source(
            source_percentiles((0.02, ""), (9.0, "it lagged")).assign(source=["a name " * 12, "x" * 80])
        ),
        "starts": charts.starts(started(("Express, asynchronous", "Express, synchronous", "Standard"))),
        "starts, one": charts.starts(started(("Standard",)).head(1)),
        "starts, ugly": charts.starts(started([f"Way {place} with quite a long name" for place in range(9)])),
        "room": charts.room_progress(room(30, 50)),
        "room, one learner": charts.room_progress(room(1, 1)),
        "graph": charts.state_machine_graph(FOUR),
        "graph, all kinds": charts.state_machine_graph(ALL_KINDS),
        "pipeline": charts.pipeline(),
        "pipeline, eight states": charts.pipeline([f"State number {number}" for number in range(8)]),
        **of_theory(),
        "nothing": charts.word_frequencies({}),
    }
    for chart in drawn.values():
        chart.canvas.draw()
    return drawn


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
    units = ("(messages/s)", "(ms)", "(s)", "messages", "words", "texts", "characters", "learners", "logarithmic")
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
    data, metadata = chart._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["width"] == 760
    assert data["text/plain"] == repr(chart) == "<Chart: “the” leads with 5 of 8 words>"


def test_every_chart_says_in_words_all_that_its_sentences_say(every_chart: dict[str, Chart]) -> None:
    for name, chart in every_chart.items():
        for sentence in (chart.finding, chart.detail, *chart.notes):
            assert sentence.rstrip(".") in chart.alternative, name
        assert len(chart.alternative) > 20, name
        drawn = [text.get_text() for text in chart.texts]
        for text in drawn:
            assert "".join(text.split()).rstrip(".") in "".join(chart.alternative.split()), (name, text)


def test_the_legend_shows_a_dash_and_its_dot_whole(every_chart: dict[str, Chart]) -> None:
    checked = []
    for name, chart in every_chart.items():
        for legend in chart.legends:
            for line in legend.get_lines():
                if line.get_linestyle() == "-.":
                    dash, gap, dot, _ = (part * line.get_linewidth() for part in mpl.rcParams["lines.dashdot_pattern"])
                    assert np.ptp(line.get_xdata()) >= dash + gap + dot, f"{name}: {line.get_label()}"
                    checked.append(name)
    assert len(checked) > 2


def test_states_are_told_apart_without_their_colours() -> None:
    hatches = [hatch for _, hatch in state_styles(["decode", "describe", "clean", "count"]).values()]
    assert len(set(hatches)) == 4
    many = state_styles([str(number) for number in range(14)])
    assert len(set(many.values())) == 14


@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
def test_the_alternative_text_is_in_a_page_made_of_the_notebook(template: str) -> None:
    chart = charts.word_frequencies({"the": 5, 'a "word" <b>': 3})
    data, metadata = chart._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=1)
    cell = nbformat.v4.new_code_cell("charts.word_frequencies(counts)", outputs=[output], execution_count=1)
    page, _ = HTMLExporter(template_name=template).from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    alternatives = [html.unescape(text) for text in re.findall(r'<img[^>]*?\balt="([^"]*)"', page, re.DOTALL)]
    assert alternatives == [chart.alternative]


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
        charts.latency_by_source,
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


def test_what_a_users_matplotlibrc_says_does_not_apply(busy: pd.DataFrame) -> None:
    with mpl.rc_context({"text.usetex": True, "axes.facecolor": "black", "font.size": 40}):
        chart = charts.backlog_over_time(busy)
        assert chart.png()
        (axes,) = chart.axes
        assert axes.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
        assert mpl.rcParams["font.size"] == 40
