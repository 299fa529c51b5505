"""The titles of the charts of notebook 11 hold on what is drawn, read back from the axes."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import charts
from lab.analysis import queueing
from lab.analysis.aws_rules import Rules, Workload
from lab.analysis.queueing import EMULATOR
from lab.analysis.scaling import Simulation, simulate
from lab.charts import Chart, palette
from tests.unit.findings_reading import DURATION, RATE, factor_of, few, in_seconds, marks, plain, points, same
from tests.unit.test_queueing import stages

pytestmark = pytest.mark.slow


@st.composite
def busy_tables(draw: Any) -> pd.DataFrame:
    rates = draw(
        st.lists(st.sampled_from([5.0, 10.0, 25.0, 40.0, 60.0, 80.0, 150.0]), min_size=1, max_size=6, unique=True)
    )
    demand = tuple(draw(st.sampled_from([0.0, 0.002, 0.006, 0.02])) for _ in range(3))
    table = stages(sorted(rates), demand=demand, processors=draw(st.sampled_from([1, 2, 8])))
    times = [draw(st.sampled_from([0.004, 0.012, 0.5, 2.0, math.nan])) for _ in rates]
    return table.assign(mean_time_s=times, valid=[draw(st.booleans()) for _ in rates])


@few
@given(busy_tables(), st.one_of(st.none(), st.just(math.nan), st.floats(20, 400)))
def test_the_forecast_that_is_told_is_the_one_that_is_drawn(table: pd.DataFrame, measured: float | None) -> None:
    forecast = queueing.forecast(table)
    chart = charts.busy_by_rate(table, forecast, measured)
    if not forecast.known:
        assert chart.finding == "No forecast"
        assert forecast.reason in chart.alternative
        return
    (axes,) = chart.axes
    told = re.match(rf"Calm stages say: full at {RATE}, (.+?) first(?:; measured: ([\d,.]+))?$", chart.finding)
    assert told, chart.finding
    upright = {
        line.get_color(): float(line.get_xdata()[0])
        for line in axes.lines
        if len(set(line.get_xdata())) == 1 and line.get_marker() == "None"
    }
    assert same(plain(told[1]), upright[palette.MUTED])
    colour, dash = (palette.BLUE, "-") if told[2] == EMULATOR else (palette.ORANGE, "--")
    end = points(axes, colour, dash)[-1]
    limits = [
        float(line.get_ydata()[0]) for line in axes.lines if line.get_color() == colour and line.get_linestyle() == ":"
    ]
    assert end == pytest.approx((forecast.rate, limits[0]))
    if measured is None or math.isnan(measured):
        assert told[3] is None
        assert palette.VERMILLION not in upright
    else:
        assert same(plain(told[3]), upright[palette.VERMILLION])
    full, hollow = marks(axes, palette.BLUE, "o")
    assert len(full) == len(forecast.stages)
    assert any(note.startswith("Hollow") for note in chart.notes) == bool(hollow)


@few
@given(busy_tables(), st.sampled_from([0.0, 0.002, 0.006, 0.02]), st.integers(1, 3))
def test_what_theory_expects_is_told_as_drawn(table: pd.DataFrame, service_s: float, servers: int) -> None:
    chart = charts.time_and_theory(table, queueing.expected_times(table, service_s, servers))
    known = table.dropna(subset=["mean_time_s"])
    if known.empty:
        assert chart.finding == "No times to compare yet"
        return
    (axes,) = chart.axes
    factor = factor_of(axes)
    measured = dict(points(axes, palette.GREEN, "-"))
    expected = {x: y for x, y in points(axes, palette.PURPLE, "--") if np.isfinite(y)}
    without_end = [x for x in known["offered_rate"] if x * service_s >= servers]
    if told := re.search(
        rf"At {RATE} M/M/c expects {DURATION}, (?:as measured|and {DURATION} were measured)", chart.finding
    ):
        rate = max(expected)
        assert same(plain(told[1]), rate)
        assert same(in_seconds(told[2]), expected[rate] * factor)
        drawn = measured[rate] * factor
        assert same(in_seconds(told[3]), drawn) if told[3] else abs(expected[rate] * factor / drawn - 1) <= 0.0501
    else:
        assert not expected
    if told := re.search(rf"[Aa]t {RATE} M/M/c has no answer; {DURATION} were measured", chart.finding):
        assert same(plain(told[1]), min(without_end))
        assert same(in_seconds(told[2]), measured[min(without_end)] * factor)
    else:
        assert not without_end


def test_of_several_stages_beyond_saturation_the_first_is_told() -> None:
    table = stages([20, 100, 250, 300], demand=(0.005, 0, 0)).assign(mean_time_s=[0.01, 0.02, 1.5, 3.5])
    chart = charts.time_and_theory(table, queueing.expected_times(table, 0.005))
    assert chart.finding.endswith("at 250 messages/s M/M/c has no answer; 1.5 s were measured")


def a_backlog(waiting: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"time_s": np.arange(len(waiting)) * 0.1, "in_queue": waiting, "backlog": waiting})


@few
@given(st.floats(1, 200), st.lists(st.integers(0, 300), min_size=1, max_size=40))
def test_the_peaks_that_are_told_are_the_peaks_that_are_drawn(rate: float, waiting: list[int]) -> None:
    simulation = simulate(*queueing.as_workload([(rate, 2)], batches=2, batch_s=0.5))
    chart = charts.simulated_and_measured(simulation, a_backlog(waiting))
    told = re.match(r"Simulated, up to ([\d,]+) messages wait; measured, up to ([\d,]+)$", chart.finding)
    assert told, chart.finding
    (axes,) = chart.axes
    for number, colour, dash in ((told[1], palette.PURPLE, "--"), (told[2], palette.GREEN, "-")):
        peak = max(y for _, y in points(axes, colour, dash))
        assert plain(number) == pytest.approx(peak, rel=5.1e-3, abs=0.51)


def runs_of(rates: list[float], rules: Rules) -> dict[str, Simulation]:
    return {f"{rate:,.0f}/s": simulate(Workload([(rate, 5)]), rules, drain_s=10) for rate in rates}


LOADS = st.lists(st.sampled_from([0.0, 10.0, 2_000.0, 10_000.0, 50_000.0]), min_size=1, max_size=4, unique=True)
ACCOUNTS = st.sampled_from(
    [Rules(), Rules(lambda_concurrency=10), Rules(most_batches=24), Rules(start_bucket=0, start_refill_per_s=0)]
)


def bars(chart: Chart) -> dict[str, list[float]]:
    """The lengths of the parts of each bar, by its name."""
    (axes,) = chart.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    rows: dict[str, list[float]] = {name: [] for name in names}
    for patch in axes.patches:
        rows[names[round(patch.get_y() + patch.get_height() / 2)]].append(patch.get_width())
    return rows


@few
@given(LOADS, ACCOUNTS)
def test_where_they_ended_is_told_of_every_bar(rates: list[float], rules: Rules) -> None:
    chart = charts.where_they_ended(runs_of(rates, rules))
    if not any(rates):
        assert chart.finding == "Nothing was sent"
        return
    drawn = bars(chart)
    assert all(sum(parts) == pytest.approx(1, abs=1e-3) for parts in drawn.values())
    whole = [name for name, parts in drawn.items() if parts[0] >= 0.995]
    assert ("Every message of every load succeeded" in chart.finding) == (len(whole) == len(drawn))
    if told := re.search(r"; ([\d,]+/s): (\d+)% failed", chart.finding):
        lost = {name: parts[3] + parts[4] for name, parts in drawn.items()}
        assert lost[told[1]] == max(lost.values())
        assert float(told[2]) == pytest.approx(100 * lost[told[1]], abs=0.51)


@few
@given(LOADS, ACCOUNTS)
def test_the_prices_that_are_told_are_the_longest_and_the_shortest_bar(rates: list[float], rules: Rules) -> None:
    runs = runs_of(rates, rules)
    chart = charts.cost_of_success(runs)
    if not any(run.end()["succeeded"] >= 1 for run in runs.values()):
        assert chart.finding == "No message succeeded"
        return
    drawn = {name: sum(parts) for name, parts in bars(chart).items()}
    assert set(drawn) | {note.partition(":")[0] for note in chart.notes} == set(runs)
    prices = [plain(price) for price in re.findall(r"([\d,.]+) USD", chart.finding)]
    assert prices[0] == pytest.approx(min(drawn.values()), rel=0.06)
    assert prices[-1] == pytest.approx(max(drawn.values()), rel=0.006)
    for name, value in zip(re.findall(r"at ([\d,]+/s)", chart.finding), sorted(prices), strict=False):
        assert drawn[name] == pytest.approx(value, rel=0.006)


@few
@given(LOADS, ACCOUNTS)
def test_the_queue_that_is_told_is_the_longest(rates: list[float], rules: Rules) -> None:
    chart = charts.queue_and_age(runs_of(rates, rules))
    above, below = chart.axes
    longest = max(float(np.max(line.get_ydata())) for line in above.lines)
    if told := re.match(r"([\d,]+/s): up to ([\d,]+) messages? wait(?:, the oldest for (.+))?$", chart.finding):
        assert plain(told[2]) == pytest.approx(longest, abs=0.51)
        if told[3]:
            place = [handle.get_label() for handle in chart.legends[0].legend_handles].index(told[1])
            assert same(in_seconds(told[3]), float(np.max(below.lines[place].get_ydata())))
    else:
        assert chart.finding == "No message waits, whatever the load"
        assert longest <= 1
