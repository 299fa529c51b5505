"""The simulation of AWS's rules, against the closed formulas where they exist."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis import aws_rules, cost
from lab.analysis.quotas import Quotas, ceilings, mapping_rate
from lab.analysis.scaling import Rules, Workload, simulate

FREE = Rules(
    lambda_concurrency=1e9, growth=1e9, start_bucket=1e9, start_refill_per_s=1e9, first_batches=1e6, most_batches=1e6
)
"""An account without any limit, so that a test sets just its own."""

FAST_S = 0.005
ENDS = ("succeeded", "failed", "dead_lettered", "queued", "at_work")


def fast(*stages: tuple[float, float], **others: Any) -> Workload:
    return Workload(stages, function_s=FAST_S, start_s=FAST_S, **others)


def free(**limits: float) -> Rules:
    return dataclasses.replace(FREE, **limits)


@given(
    st.lists(st.tuples(st.floats(0, 50_000), st.floats(0.1, 5)), min_size=1, max_size=4),
    st.floats(0.001, 2),
    st.integers(0, 4),
    st.floats(1, 5_000),
    st.one_of(st.none(), st.integers(0, 99)),
)
def test_every_message_is_somewhere(
    stages: list[tuple[float, float]], function_s: float, retries: int, concurrency: float, seed: int | None
) -> None:
    workload = Workload(stages, function_s=function_s, retries=retries, visibility_s=1, max_receive_count=2)
    steps = simulate(workload, Rules(lambda_concurrency=concurrency, start_bucket=50), drain_s=3, seed=seed).steps
    assert (steps[[*ENDS]] >= -1e-3).all(axis=None)
    np.testing.assert_allclose(steps[[*ENDS]].sum(axis=1), steps["sent"], rtol=1e-9, atol=1e-3)
    assert steps["sent"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("quota", "limit", "rules", "function_s"),
    [
        ("Lambda: requests", aws_rules.REQUESTS, free(lambda_concurrency=1_000), FAST_S),
        (
            "Lambda: concurrent executions",
            aws_rules.CONCURRENCY,
            free(lambda_concurrency=1_000),
            0.5,
        ),
        (
            "Step Functions: StartExecution, Express",
            aws_rules.START,
            free(start_bucket=600, start_refill_per_s=6_000),
            FAST_S,
        ),
    ],
)
def test_a_limit_binds_at_the_rate_of_its_closed_formula(
    quota: str, limit: str, rules: Rules, function_s: float
) -> None:
    known = ceilings(
        Quotas(int(rules.lambda_concurrency), rules.start_refill_per_s, "a test"),
        function_s=function_s,
        start_s=function_s,
    ).set_index("quota")
    rate = float(known.loc[quota, "messages_per_s"])
    # Batches are full only where messages wait for them: so the mapping works on as many as make ten of this rate.
    batches = rate / 10 * max(function_s, 0.1)
    held = dataclasses.replace(rules, first_batches=batches, most_batches=batches)
    load = Workload([(2 * rate, 60)], function_s=function_s, start_s=function_s)
    below = simulate(load, _scaled(held, 0.99), drain_s=0)
    above = simulate(load, _scaled(held, 1.01), drain_s=0)
    assert limit not in set(below.first_limits()["limit"])
    assert limit in set(above.first_limits()["limit"])
    assert below.end()["failed"] == 0
    assert below.end()["succeeded"] / below.end()["time_s"] == pytest.approx(
        0.99 * rate, rel=0.01 + 0.05 * (function_s > 0.1)
    )


def _scaled(rules: Rules, factor: float) -> Rules:
    return dataclasses.replace(
        rules, first_batches=rules.first_batches * factor, most_batches=rules.most_batches * factor
    )


@pytest.mark.parametrize("seconds", [1, 10, 60, 300])
def test_a_burst_leaves_the_queue_as_the_mapping_grows(seconds: int) -> None:
    rules = free(first_batches=5, most_batches=1_250)
    work = Workload([(1e6, 1), (0, seconds - 1)] if seconds > 1 else [(1e6, 1)], start_s=0.1, function_s=0.001)
    taken = simulate(work, rules, drain_s=0).end()
    instants = np.arange(0, seconds, 0.001)
    expected = min(sum(mapping_rate(instant) for instant in instants) * 0.001, 1e6)
    assert taken["sent"] - taken["queued"] == pytest.approx(expected, rel=0.05 if seconds == 1 else 0.01)


def test_the_token_bucket_is_empty_after_its_size_divided_by_the_surplus() -> None:
    rules = free(start_bucket=6_000, start_refill_per_s=6_000)
    run = simulate(fast((8_000, 10)), rules, drain_s=0)
    [limit] = run.first_limits().to_dict("records")
    assert (limit["limit"], limit["time_s"]) == (aws_rules.START, pytest.approx(6_000 / 2_000, abs=0.11))
    refused = run.end()["queued"]
    assert refused == pytest.approx(8_000 * 10 - 6_000 - 6_000 * 10, rel=0.05)


def test_what_is_refused_again_and_again_is_dead_lettered_after_its_receives() -> None:
    rules = free(start_bucket=0, start_refill_per_s=0)
    work = fast((100, 1), visibility_s=2, max_receive_count=3)
    steps = simulate(work, rules, drain_s=30).steps
    assert steps.iloc[-1]["dead_lettered"] == pytest.approx(100)
    first = steps.loc[steps["dead_lettered"] > 0, "time_s"].iloc[0]
    assert first == pytest.approx(2 * 2, abs=0.3)  # two times hidden, and the third receive is the last


def test_a_function_grows_by_a_thousand_environments_in_ten_seconds() -> None:
    run = simulate(Workload([(2_000, 30)], function_s=1.0, start_s=0.1), free(growth=1_000, growth_s=10), drain_s=0)
    [limit] = run.first_limits().to_dict("records")
    assert limit["limit"] == aws_rules.GROWTH
    # 2,000 environments are needed: a thousand at once, the second thousand by a hundred a second.
    ended = run.steps.loc[run.steps["limits"].map(bool), "time_s"].max()
    assert ended == pytest.approx(10, abs=2)


def test_a_plain_workflow_loses_what_lambda_refuses_and_a_held_mapping_keeps_it_in_the_queue() -> None:
    load = fast((5_000, 120))
    plain = simulate(load, Rules(), drain_s=60).end()
    held = simulate(load, Rules(most_batches=24), drain_s=60).end()
    assert plain["failed"] > 0.5 * plain["sent"]
    assert (held["failed"], held["dead_lettered"]) == (0, 0)
    assert held["succeeded"] > plain["succeeded"]
    assert held["succeeded"] / 180 == pytest.approx(2_400, rel=0.01)


def test_provisioned_mode_begins_with_its_pollers_and_grows_faster() -> None:
    rules = Rules().provisioned(20)
    assert (rules.first_batches, rules.more_batches_per_minute, rules.most_batches) == (200, 1_000, 20_000)
    load = Workload([(5_000, 10)], start_s=1.0, function_s=0.001)
    usual, provisioned = (simulate(load, each, drain_s=0).end() for each in (free(first_batches=5), rules))
    assert provisioned["oldest_s"] <= usual["oldest_s"] + 10


def test_what_it_costs_is_what_the_messages_use() -> None:
    run = simulate(fast((1_000, 10)), FREE)
    usage = run.usage
    assert usage.express_requests == pytest.approx(10_000)
    assert usage.lambda_requests == pytest.approx(4 * 10_000 + usage.sqs_requests / 2 - 500)
    assert cost.bill(usage).total_usd > 0


def test_arrivals_at_random_are_those_of_their_seed() -> None:
    work = Workload([(100, 20)])
    first, again, other = (simulate(work, seed=seed).end()["sent"] for seed in (1, 1, 2))
    assert first == again != other
    assert abs(first - 2_000) < 5 * math.sqrt(2_000)


def test_each_limit_has_its_remedy() -> None:
    assert set(aws_rules.REMEDIES) == set(aws_rules.LIMITS)


def test_more_than_all_quotas_together_is_counted_to_the_last_message() -> None:
    run = simulate(fast((100_000, 600), retries=3), Rules(), drain_s=0)
    assert run.end()["sent"] == pytest.approx(60e6)
    assert sum(run.end()[end] for end in ENDS) == pytest.approx(60e6)
