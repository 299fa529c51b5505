"""Backlog over time, its slope, and Little's law."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.backlog import backlog_over_time, count_under_way, littles_law, slope, stage_backlog
from lab.analysis.latency import join_messages
from tests.unit.analysis_data import executions, received, run_through, sends

stays = st.lists(st.tuples(st.floats(0, 50), st.floats(0.001, 30)), min_size=1, max_size=60)


@given(stays)
@settings(deadline=None)
def test_littles_law_is_exact_over_a_time_that_begins_and_ends_empty(messages: list[tuple[float, float]]) -> None:
    arrivals = np.array([arrival for arrival, _ in messages])
    departures = arrivals + np.array([stay for _, stay in messages])
    found = littles_law(arrivals, departures, float(departures.max()) + 1)
    assert found["deviation"] == pytest.approx(0, abs=1e-9)
    assert found["mean_in_system"] == pytest.approx(found["arrival_rate"] * found["mean_time_s"])


@given(stays)
@settings(deadline=None)
def test_the_mean_in_the_system_is_the_mean_of_the_backlog(messages: list[tuple[float, float]]) -> None:
    arrivals = np.array([arrival for arrival, _ in messages])
    departures = arrivals + np.array([stay for _, stay in messages])
    seconds = 20.0
    grid = (np.arange(40_000) + 0.5) * seconds / 40_000
    sampled = count_under_way(arrivals, departures, grid).mean()
    assert littles_law(arrivals, departures, seconds)["mean_in_system"] == pytest.approx(sampled, abs=0.01)


@given(stays, st.lists(st.floats(-1, 90), max_size=20))
@settings(deadline=None)
def test_counting_is_counting(messages: list[tuple[float, float]], instants: list[float]) -> None:
    arrivals = np.array([arrival for arrival, _ in messages])
    departures = arrivals + np.array([stay for _, stay in messages])
    counted = count_under_way(arrivals, departures, np.array(instants))
    for instant, number in zip(instants, counted, strict=True):
        assert number == sum(a <= instant < d for a, d in zip(arrivals, departures, strict=True))


def test_clocks_that_disagree_never_make_the_count_negative() -> None:
    assert count_under_way(np.array([1.0]), np.array([0.5]), np.array([0.7, 2.0])).tolist() == [0, 0]


def test_little_while_a_backlog_builds_up() -> None:
    """λ·W runs ahead of L: the messages of the stage stay long after it."""
    table = stage_backlog(run_through([5, 40], capacity=20))
    calm, flooded = table.to_dict("records")
    assert abs(calm["deviation"]) < 0.05
    assert calm["mean_in_system"] == pytest.approx(5 * calm["mean_time_s"], rel=0.05)
    assert flooded["deviation"] > 0.5


def test_little_of_what_never_finished_is_unknown() -> None:
    found = littles_law(np.array([0.0, 1.0]), np.array([2.0, np.inf]), 4.0)
    assert found["mean_in_system"] == pytest.approx((2 + 3) / 4)
    assert math.isnan(found["mean_time_s"])
    assert math.isnan(found["deviation"])


@pytest.mark.parametrize(("rate", "expected"), [(10, 0), (20, 0), (25, 5), (60, 40)])
def test_the_slope_is_what_comes_in_and_does_not_go_out(rate: float, expected: float) -> None:
    table = stage_backlog(run_through([rate], seconds=20, capacity=20))
    assert table["slope"][0] == pytest.approx(expected, abs=0.1)


@given(growth=st.floats(-5, 5), start=st.integers(200, 400))
@settings(deadline=None, max_examples=settings.default.max_examples // 2)
def test_slope_of_a_straight_line(growth: float, start: int) -> None:
    seconds = 30.0
    changes = (np.arange(abs(round(growth * seconds))) + 0.5) / max(abs(growth), 1e-9)
    standing = np.zeros(start)
    if growth >= 0:
        arrivals, departures = np.concatenate([standing, changes]), np.full(start + len(changes), np.inf)
    else:
        arrivals, departures = standing, np.concatenate([changes, np.full(start - len(changes), np.inf)])
    assert slope(arrivals, departures, seconds) == pytest.approx(growth, abs=0.06)


def test_backlog_over_time() -> None:
    messages = join_messages(
        sends([0.0, 1.0]), received([0, 1], [0.0, 1.0], [0.5, 2.5]), executions([0, 1], [0.6, 2.6], [2.0, 3.0])
    )
    backlog = backlog_over_time(messages, step_s=0.5)
    assert list(backlog.columns) == ["time_s", "time", "backlog", "in_queue"]
    assert backlog["time_s"].tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3])
    assert backlog["backlog"].tolist() == [1, 1, 2, 2, 1, 1, 0]
    assert backlog["in_queue"].tolist() == [1, 0, 1, 1, 1, 0, 0]
    assert str(backlog["time"].dtype) == "datetime64[ns, UTC]"
    assert backlog["time"][0] == messages["t_planned"][0]


def test_what_never_ended_stays_and_what_never_left_does_not_count() -> None:
    messages = join_messages(sends([0.0, 1.0, 2.0, 3.0]), received([], [], []), executions([0], [0.1], [0.2]))
    messages.loc[2, ["t_sent", "t_acked", "outcome"]] = [pd.NaT, pd.NaT, "dropped"]
    messages.loc[3, "outcome"] = "refused"
    backlog = backlog_over_time(messages, step_s=1.0)
    assert backlog["backlog"].tolist() == [1, 1, 1, 1]
    # No line of the function says when the first one was received, but it ran: it is not in the queue.
    assert backlog["in_queue"].tolist()[-1] == 1


def test_of_nothing_comes_nothing() -> None:
    backlog = backlog_over_time(join_messages(sends([]), received([], [], []), executions([], [], [])))
    assert len(backlog) == 0
    assert list(backlog.columns) == ["time_s", "time", "backlog", "in_queue"]
