"""The rate up to which a system keeps up, found in systems whose capacity is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab.analysis.latency import stage_table
from lab.analysis.saturation import Saturation, find_saturation, fit_scalability, knee
from tests.unit.analysis_data import run_through

STEPS = [4 * 1.25**step for step in range(12)]  # 4 to 46 messages/s


def with_invalid(messages: pd.DataFrame, *invalid: int) -> pd.DataFrame:
    stages = stage_table(messages)
    stages.loc[stages["stage"].isin(invalid), "valid"] = False
    return stages


@pytest.mark.parametrize("capacity", [5.5, 11, 17, 25, 40])
def test_saturation_is_the_last_step_below_the_capacity(capacity: float) -> None:
    found = find_saturation(run_through(STEPS, capacity=capacity))
    below = [rate for rate in STEPS if rate <= capacity]
    assert found.rate == pytest.approx(below[-1])
    assert found.stage == len(below) - 1
    assert found.reached


def test_noise_moves_saturation_by_one_step_at_most() -> None:
    stages = [
        find_saturation(run_through(STEPS, capacity=17, work_s=0.2, jitter=np.random.default_rng(seed))).stage
        for seed in range(8)
    ]
    expected = max(step for step, rate in enumerate(STEPS) if rate <= 17)
    assert all(stage is not None and abs(stage - expected) <= 1 for stage in stages), stages


def test_the_reason_says_what_the_next_stage_failed_on() -> None:
    found = find_saturation(run_through([5, 10, 40], capacity=20))
    assert found.reason.startswith("10 messages/s is the highest rate that passed; at 40 messages/s only ")
    assert "of the messages were completed in time" in found.reason
    assert "the backlog grew by 19.9 messages a second and p99 was" in found.reason
    assert "(at most 5 times)." in found.reason
    assert found.checks["passed"].tolist() == [True, True, False]


def test_not_reached() -> None:
    found = find_saturation(run_through([2, 4], capacity=20))
    assert (found.rate, found.stage, found.reached) == (4, 1, False)
    assert found.reason == "Not reached: 4 messages/s, the highest rate that was offered, still passed."


def test_no_stage_passes() -> None:
    messages = run_through([10, 20], lose=lambda stage, number: number % 2 == 0)
    found = find_saturation(messages)
    assert (found.rate, found.stage, found.reached) == (None, None, True)
    assert found.reason.startswith("No stage passed, not even the lowest one: at 10 messages/s only 50 % of the")


def test_an_invalid_stage_does_not_count() -> None:
    messages = run_through([5, 10, 15, 40], capacity=20)
    found = find_saturation(messages, with_invalid(messages, 2))
    assert found.rate == 10
    unknown = find_saturation(messages, with_invalid(messages, 3))
    assert unknown.reached is False
    assert unknown.reason.endswith("still passed, and above it no stage counts: the sender itself lagged.")
    nothing = find_saturation(messages, with_invalid(messages, 0, 1, 2, 3))
    assert nothing.rate is None
    assert "the sender itself was the bottleneck" in nothing.reason


def test_one_bad_stage_below_does_not_hide_the_ones_above() -> None:
    """A hiccup, such as a cold start, in the first stage."""
    found = find_saturation(run_through([5, 10, 15, 40], lose=lambda stage, number: stage == 0 and number % 3 == 0))
    assert found.rate == 15
    assert found.checks["passed"].tolist() == [False, True, True, False]


def test_lost_messages_fail_a_stage() -> None:
    one_percent = run_through([10, 20], lose=lambda stage, number: stage == 1 and number % 100 == 0)
    assert find_saturation(one_percent).rate == 20
    two_percent = run_through([10, 20], lose=lambda stage, number: stage == 1 and number % 50 == 0)
    found = find_saturation(two_percent)
    assert found.rate == 10
    assert "at 20 messages/s only 98 % of the messages were completed in time" in found.reason


def test_latency_alone_can_fail_a_stage() -> None:
    messages = run_through([10, 20], capacity=100)
    slow = (messages["stage"] == 1) & (messages.index % 20 == 0)
    shift = pd.to_timedelta(np.where(slow & (messages.index < 250), 2.0, 0.0), unit="s")
    messages["finished"] = messages["finished"] + shift
    messages["end_to_end_s"] = (messages["finished"] - messages["t_planned"]).dt.total_seconds()
    found = find_saturation(messages)
    assert found.rate == 10
    assert "p99 was 2." in found.checks["failed_on"][1]
    assert find_saturation(messages, factor=50).rate == 20


def test_a_fast_system_may_pause_for_half_a_second() -> None:
    """The p99 of an idle system is 60 ms here; one pause of 0.4 s is seven times that, and no overload."""
    messages = run_through([10, 20, 20], capacity=1000)
    assert find_saturation(messages).checks["end_to_end_p99_s"].iloc[0] < 0.1
    for stage, pause_s in ((1, 0.4), (2, 0.6)):
        paused = (messages["stage"] == stage) & (messages.index % 20 == 0)
        messages["finished"] += pd.to_timedelta(np.where(paused, pause_s, 0.0), unit="s")
    messages["end_to_end_s"] = (messages["finished"] - messages["t_planned"]).dt.total_seconds()
    found = find_saturation(messages)
    assert found.checks["passed"].tolist() == [True, True, False]
    assert "(at most 0.5 s)" in found.checks["failed_on"].iloc[2]


def test_a_dropped_message_was_offered_and_not_completed() -> None:
    messages = run_through([10, 20])
    dropped = (messages["stage"] == 1) & (messages.index % 10 == 0)
    messages.loc[dropped, ["t_sent", "finished"]] = pd.NaT
    messages.loc[dropped, "status"] = None
    messages.loc[dropped, "outcome"] = "dropped"
    assert find_saturation(messages).rate == 10


def test_nothing_finished_at_all() -> None:
    found = find_saturation(run_through([5], lose=lambda stage, number: True))
    assert found.rate is None
    assert "nothing finished" in found.reason
    assert isinstance(found, Saturation)


# --------------------------------------------------------------------------------------------------- second opinions


def test_second_opinions_are_near_the_capacity() -> None:
    found = find_saturation(run_through(STEPS, capacity=17))
    assert found.knee_rate == pytest.approx(17, rel=0.35)
    assert found.scalability is not None
    assert found.scalability.peak_rate > 12


def test_a_line_has_no_knee_and_few_points_have_none_either() -> None:
    assert knee(pd.Series([1.0, 2, 3, 4]), pd.Series([1.0, 2, 3, 4])) is None
    assert knee(pd.Series([1.0, 2]), pd.Series([1.0, 2])) is None
    assert knee(pd.Series([1.0, 1, 1]), pd.Series([1.0, 1, 1])) is None
    assert knee(pd.Series([1.0, 2, np.nan]), pd.Series([np.nan, 1, 1])) is None


def test_the_scalability_law_finds_its_own_parameters() -> None:
    n = pd.Series([1.0, 2, 4, 8, 16, 32, 64])
    x = 10 * n / (1 + 0.05 * (n - 1) + 0.001 * n * (n - 1))
    fit = fit_scalability(n, x)
    assert fit is not None
    assert [fit.rate_of_one, fit.contention, fit.coherency] == pytest.approx([10, 0.05, 0.001], rel=1e-3)
    assert fit.peak_concurrency == pytest.approx(np.sqrt(0.95 / 0.001), rel=1e-3)
    assert fit.peak_rate == pytest.approx(
        max(10 * m / (1 + 0.05 * (m - 1) + 0.001 * m * (m - 1)) for m in range(1, 99)), rel=1e-2
    )


def test_a_law_without_a_peak_approaches_a_limit() -> None:
    n = pd.Series([1.0, 2, 4, 8, 16])
    fit = fit_scalability(n, 10 * n / (1 + 0.2 * (n - 1)))
    assert fit is not None
    assert fit.peak_rate == pytest.approx(50, rel=0.05)


def test_three_points_or_nonsense_give_no_fit() -> None:
    assert fit_scalability(pd.Series([1.0, 2, 3]), pd.Series([1.0, 2, 3])) is None
    assert fit_scalability(pd.Series([np.nan, 0, -1, 2, 3]), pd.Series([1.0] * 5)) is None
    assert fit_scalability(pd.Series([], dtype=float), pd.Series([], dtype=float)) is None
