"""The search for the knee as pure logic: it ends, it finds, it never asks for a rate too often."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.search import (
    DOUBLING,
    MOST_TRIES,
    Limits,
    Trial,
    Verdict,
    judged,
    known,
    proposed,
    rate_at,
    stages_left,
    step_of,
)

LIMITS = Limits(first=10, lowest=-5, highest=32, seconds=3, most_s=1e9)


def search(answer: object, limits: Limits = LIMITS) -> tuple[list[Trial], str]:
    """All trials of a search, and why it ended; ``answer`` makes a trial of a step."""
    trials: list[Trial] = []
    while (proposal := proposed(trials, limits)).step is not None:
        assert limits.lowest <= proposal.step <= limits.highest
        trials.append(answer(proposal.step))  # type: ignore[operator]
        assert len(trials) < 200
    return trials, proposal.why


def exact(limit: float, step: int) -> Trial:
    return Trial(step, "passed" if rate_at(step) <= limit else "failed")


def test_the_line_of_rates_has_ten_to_a_decade_in_steps_of_about_a_quarter() -> None:
    assert [rate_at(step) for step in range(11)] == [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8, 10]
    for step in range(-20, 40):
        assert 1.24 <= rate_at(step + 1) / rate_at(step) <= 1.29
        assert 1.96 <= rate_at(step + 3) / rate_at(step) <= 2.02
        assert step_of(rate_at(step)) == step
        assert step_of(rate_at(step) * 1.1) == step


@given(st.floats(min_value=0.4, max_value=1_500))
def test_a_system_with_a_limit_is_known_exactly_each_end_seen_twice(limit: float) -> None:
    trials, why = search(lambda step: exact(limit, step))
    found = known(trials)
    assert found.passed == step_of(limit)
    assert found.failed == step_of(limit) + 1
    assert why == "known"
    for step in (found.passed, found.failed):
        assert [trial.step for trial in trials].count(step) == 2
    assert len(trials) <= 14


@given(st.data())
def test_whatever_the_stages_show_the_search_ends_and_asks_for_no_rate_too_often(data: st.DataObject) -> None:
    verdicts = st.sampled_from(["passed", "failed", "void"])
    trials, why = search(lambda step: Trial(step, data.draw(verdicts), data.draw(verdicts)))
    assert why in ("known", "highest", "lowest")
    for step in {trial.step for trial in trials}:
        assert [trial.step for trial in trials].count(step) <= MOST_TRIES
    found = known(trials)
    if found.passed is not None and found.failed is not None:
        assert found.passed < found.failed
        assert why != "known" or found.ceiling == found.passed + 1


@given(st.data(), st.floats(min_value=3, max_value=60))
def test_the_time_for_sending_is_never_exceeded(data: st.DataObject, most_s: float) -> None:
    limits = Limits(10, -5, 32, 3, most_s)
    verdicts = st.sampled_from(["passed", "failed", "void"])
    trials, _ = search(lambda step: Trial(step, data.draw(verdicts)), limits)
    assert len(trials) * 3 <= most_s + 1e-6
    left = stages_left(trials, limits)
    assert left is None or 0 <= left <= most_s / 3


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_system_is_known_to_one_step(seed: int) -> None:
    chance = random.Random(seed)
    limit = 2 * 400 ** chance.random()

    def answer(step: int) -> Trial:
        truth = exact(limit, step).verdict
        # A busy machine spoils a third of all stages, and of these it hides what every third one showed.
        if chance.random() < 1 / 3:
            return Trial(step, "void", "void" if chance.random() < 1 / 3 else truth)
        return Trial(step, truth)

    trials, _ = search(answer)
    found = known(trials)
    assert found.passed is not None
    assert abs(found.passed - step_of(limit)) <= 1


@pytest.mark.parametrize(("plain_from", "failed"), [(1, 1), (DOUBLING, DOUBLING), (DOUBLING + 1, None)])
def test_above_a_rate_that_shows_nothing_it_looks_for_one_that_plainly_fails(
    plain_from: int, failed: int | None
) -> None:
    knee, unknown = step_of(125), step_of(160)

    def busy(step: int) -> Trial:
        if step <= knee:
            return Trial(step, "passed")
        return Trial(step, "failed" if step >= unknown + plain_from else "void")

    trials, why = search(busy)
    found = known(trials)
    assert (found.passed, found.unknown, why) == (knee, unknown, "known")
    assert found.failed == (None if failed is None else unknown + failed)


def test_one_stage_that_failed_by_chance_is_outvoted() -> None:
    unlucky = iter([True])

    def answer(step: int) -> Trial:
        if step == 16 and next(unlucky, False):
            return Trial(step, "failed")
        return exact(110, step)

    trials, why = search(answer)
    assert known(trials).passed == step_of(110)
    assert why == "known"


@pytest.mark.parametrize(
    ("trials", "verdict"),
    [
        ([], None),
        (["passed"], "passed"),
        (["failed"], "failed"),
        (["passed", "failed"], None),
        (["passed", "failed", "failed"], "failed"),
        (["void", "passed"], "passed"),
        (["void"], None),
        (["void", "void", "void"], "void"),
        ([("void", "failed")], "failed"),
        ([("void", "failed"), "passed"], "passed"),
        ([("void", "failed"), ("void", "passed")], None),
        ([("void", "failed"), ("void", "passed"), ("void", "void")], "passed"),
        (["passed", "failed", ("void", "passed")], "passed"),
        (["passed", "failed", ("void", "failed")], "failed"),
        (["failed", ("void", "passed")], "failed"),
        (["failed", ("void", "passed"), ("void", "passed")], "passed"),
    ],
)
def test_what_the_stages_of_one_rate_say_together(trials: list[str | tuple[str, str]], verdict: Verdict | None) -> None:
    made = [Trial(3, *one) if isinstance(one, tuple) else Trial(3, one) for one in trials]  # type: ignore[arg-type]
    assert judged(made) == verdict
