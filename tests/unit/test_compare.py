"""Two runs compared: how often chance is taken for a difference, what is found, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab import charts
from lab.analysis import blocks, compare
from lab.analysis.blocks import Stage

ORIGIN = pd.Timestamp("2026-03-01T10:00:00Z").as_unit("ns")
Run = tuple[pd.DataFrame, pd.DataFrame]


def run(
    random: np.random.Generator,
    rates: tuple[float, ...] = (10, 20, 40),
    stage_s: float = 10.0,
    alike_s: float = 0.5,
    slower: float = 1.0,
    failing: float = 0.0,
) -> Run:
    """A run whose latencies are alike for ``alike_s`` seconds, with pauses that slow down all that is under way."""
    parts, start = [], 0.0
    for stage, rate in enumerate(rates):
        count = int(rate * stage_s)
        planned = start + np.arange(count) / rate
        likeness = np.exp(-1 / rate / alike_s)
        level = np.empty(count)
        level[0] = random.normal()
        for place in range(1, count):
            level[place] = likeness * level[place - 1] + random.normal() * np.sqrt(1 - likeness**2)
        latency = 0.035 * slower * np.exp(0.3 * level)
        for pause in start + np.flatnonzero(random.random(int(stage_s * 10)) < 0.03) / 10:
            ends = pause + random.uniform(0.05, 0.3)
            hit = (planned > pause) & (planned < ends)
            latency[hit] += ends - planned[hit]
        parts.append(
            pd.DataFrame({"stage": stage, "offered_rate": float(rate), "at": planned, "end_to_end_s": latency})
        )
        start += stage_s
    messages = pd.concat(parts, ignore_index=True)
    messages["t_planned"] = messages["t_sent"] = ORIGIN + pd.to_timedelta(messages["at"], unit="s")
    messages["status"] = np.where(random.random(len(messages)) < failing, "FAILED", "SUCCEEDED")
    stages = pd.DataFrame({"stage": range(len(rates)), "offered_rate": rates, "valid": True, "invalid_reason": ""})
    return messages, stages


@pytest.mark.slow
def test_two_runs_of_one_plan_hardly_ever_differ_though_their_messages_are_alike() -> None:
    random = np.random.default_rng(7)
    alarms = sum(bool(compare.compare(run(random), run(random), repeats=200).changed) for _ in range(40))
    assert alarms <= 2


def test_a_run_that_is_three_times_slower_is_found_and_the_right_way_round() -> None:
    random = np.random.default_rng(2)
    found = compare.compare(run(random, alike_s=0.2), run(random, alike_s=0.2, slower=3.0))
    assert {(row.rate, row.verdict) for row in found.changed if row.what == "p50"} >= {(20, "higher"), (40, "higher")}
    back = compare.compare(run(random, alike_s=0.2, slower=3.0), run(random, alike_s=0.2))
    assert {row.verdict for row in back.changed} == {"lower"}


def test_messages_that_no_longer_complete_are_a_difference() -> None:
    random = np.random.default_rng(3)
    found = compare.compare(run(random), run(random, failing=0.2))
    assert ("completed", "lower") in {(row.what, row.verdict) for row in found.changed}


def test_a_percentile_with_few_messages_beyond_it_is_shown_and_not_judged() -> None:
    random = np.random.default_rng(4)
    found = compare.compare(run(random), run(random, slower=20.0))
    rows = {(row.rate, row.what): row for row in found.rows}
    assert rows[40, "p99"].verdict == "open"
    assert rows[40, "p99"].why == "400 messages; it takes 1,000"
    assert rows[40, "p99"].a.value > 0
    assert rows[40, "p90"].verdict == "higher"


def test_a_stage_of_a_second_is_too_short() -> None:
    random = np.random.default_rng(5)
    found = compare.compare(run(random, rates=(200,), stage_s=1.0), run(random, rates=(200,), stage_s=1.0, slower=9.0))
    assert {row.why for row in found.rows if row.what == "p50"} == {"the stage is too short: it takes 2 s"}


def test_only_common_rates_are_compared_and_void_ones_named() -> None:
    random = np.random.default_rng(6)
    a, b = run(random, rates=(10, 20, 40)), run(random, rates=(20, 40, 80))
    b[1].loc[b[1]["offered_rate"] == 40, ["valid", "invalid_reason"]] = [False, "the sender lagged"]
    found = compare.compare(a, b)
    assert {row.rate for row in found.rows} == {20}
    assert (found.only_a, found.only_b) == ((10,), (80,))
    assert found.void == ("40 messages/s is not compared: in B the sender lagged.",)


def test_the_same_two_runs_always_give_the_same_answer() -> None:
    random = np.random.default_rng(8)
    a, b = run(random), run(random)
    # In words, for what was not measured is NaN, which from Python 3.13 on makes two equal dataclasses differ.
    assert repr(compare.compare(a, b)) == repr(compare.compare(a, b))


def test_the_values_are_those_of_the_stage_table() -> None:
    messages, stages = run(np.random.default_rng(9))
    found = compare.compare((messages, stages), (messages, stages))
    for row in found.rows:
        if row.what in blocks.SHARES:
            own = messages.loc[messages["offered_rate"] == row.rate, "end_to_end_s"]
            assert row.a.value == own.quantile(blocks.SHARES[row.what], interpolation="higher") or np.isclose(
                row.a.value, np.quantile(own, blocks.SHARES[row.what], method="inverted_cdf")
            )
            assert row.a.low <= row.a.value <= row.a.high
            assert row.ratio == 1.0


def test_blocks_that_are_alike_widen_the_intervals() -> None:
    random = np.random.default_rng(10)

    def correlation(alike_s: float) -> float:
        messages, _ = run(random, rates=(40,) * 6, stage_s=10, alike_s=alike_s)
        own = [rows for _, rows in messages.groupby("stage")]
        return blocks.correlation(Stage.of(rows, rows["t_planned"].min(), 10.0, "end_to_end") for rows in own)

    assert correlation(0.05) < 0.35
    assert correlation(5.0) > 0.5


def test_the_finding_says_what_the_rows_say() -> None:
    random = np.random.default_rng(11)
    same = compare.compare(run(random), run(random))
    assert charts.finding(same) == f"No difference beyond chance in {same.judged} comparisons"
    other = compare.compare(run(random, alike_s=0.2), run(random, alike_s=0.2, slower=4.0))
    assert charts.finding(other).startswith(f"{len(other.changed)} of {other.judged} comparisons differ")
    greatest = max((row.ratio for row in other.changed if row.what != "completed"), default=0)
    assert f"B is {greatest:.3g} times A" in charts.finding(other)
    chart = charts.two_runs(other)
    assert chart.finding == charts.finding(other)
    nothing = compare.compare(run(random, rates=(10,)), run(random, rates=(20,)))
    assert charts.finding(nothing) == "The two runs have no rate that can be compared"
    assert charts.two_runs(nothing).finding == "Nothing to compare"
