"""Plans of rates: when each message is due, and plans that cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.load import (
    Plan,
    PlanError,
    Sender,
    Stage,
    linear_ramp,
    parse_rates,
    staircase,
)
from tests.unit.queue_stand_in import FakeQueue, make_sender, small_messages

RATES = st.floats(0.1, 50)
STAGES = st.lists(st.builds(Stage, RATES, st.floats(10, 20)), min_size=1, max_size=5)


@given(stages=STAGES, spacing=st.sampled_from(["even", "poisson"]), seed=st.integers(0, 2**32))
def test_offsets_keep_to_their_stages(stages: list[Stage], spacing: Any, seed: int) -> None:
    plan = Plan(stages, spacing, seed)
    offsets = plan.offsets_s
    assert len(plan) == len(offsets) == len(plan.stage_numbers) == sum(stage.messages for stage in stages)
    assert (np.diff(offsets) >= -1e-9).all()
    assert plan.duration_s == pytest.approx(sum(stage.messages / stage.rate for stage in stages))
    for number, stage in enumerate(stages):
        mine = offsets[plan.stage_numbers == number]
        start, end = plan.stage_starts_s[number : number + 2]
        assert len(mine) == stage.messages
        assert start <= mine[0]
        assert mine[-1] < end
        assert abs(end - start - stage.seconds) <= 0.5 / stage.rate + 1e-9
        if spacing == "even":
            # The gaps within the stage and the last one, up to the next stage, add up to the stage.
            assert np.diff(mine, append=end) == pytest.approx(np.full(len(mine), 1 / stage.rate))


def test_poisson_is_seeded_and_spread_as_poisson_arrivals_are() -> None:
    plan = Plan([Stage(1000, 10)], "poisson", seed=5)
    assert (plan.offsets_s == Plan([Stage(1000, 10)], "poisson", seed=5).offsets_s).all()
    assert (plan.offsets_s != Plan([Stage(1000, 10)], "poisson", seed=6).offsets_s).any()
    gaps = np.diff(plan.offsets_s) * 1000
    assert gaps.std() == pytest.approx(1.0, abs=0.05)  # exponential gaps: deviation equals mean
    assert (gaps > 1).mean() == pytest.approx(math.exp(-1), abs=0.02)


def test_staircase_and_ramp() -> None:
    assert staircase([2, 4, 8], 10) == [Stage(2, 10), Stage(4, 10), Stage(8, 10)]
    assert linear_ramp(10, 30, 60, 3) == [Stage(10, 20), Stage(20, 20), Stage(30, 20)]
    assert linear_ramp(30, 10, 60, 2) == [Stage(30, 30), Stage(10, 30)]


def test_rates_are_read() -> None:
    assert parse_rates("2,4,8") == [2, 4, 8]
    assert parse_rates(" 0.5 , 1e1") == [0.5, 10]


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "-inf", "fast", "2,,4", "2,", "2;4", "2,0"])
def test_rates_that_cannot_be(text: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_rates(text)
    assert "--rates 2,4,8" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stage(0, 10),
        lambda: Stage(-2, 10),
        lambda: Stage(math.nan, 10),
        lambda: Stage(math.inf, 10),
        lambda: Stage("fast", 10),  # type: ignore[arg-type]
        lambda: Stage(True, 10),
        lambda: Stage(1, 0),
        lambda: Stage(1, -1),
        lambda: Stage(1, math.nan),
        lambda: Stage(0.1, 9),
        lambda: staircase([], 10),
        lambda: staircase([1, 0], 10),
        lambda: linear_ramp(1, 2, 10, 1),
        lambda: linear_ramp(0, 2, 10, 3),
        lambda: linear_ramp(1, math.inf, 10, 3),
        lambda: Plan([]),
        lambda: Plan([Stage(1, 10)], "odd"),  # type: ignore[arg-type]
        lambda: Plan([Stage(1e6, 2)]),
        lambda: Sender(None, "queue", threads=0),
    ],
)
def test_plans_that_cannot_be(make: Callable[[], object]) -> None:
    with pytest.raises(PlanError):
        make()


def test_too_few_messages_and_twins_are_refused_before_anything_leaves() -> None:
    queue = FakeQueue()
    sender = make_sender(queue)
    with pytest.raises(PlanError, match="sends 10 messages, but only 9"):
        sender.send(Plan([Stage(1, 10)]), small_messages(9))
    with pytest.raises(PlanError, match="same lab_id"):
        sender.send(Plan([Stage(1, 2)]), [*small_messages(1), *small_messages(1)])
    assert queue.calls == []
