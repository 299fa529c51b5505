"""Utilisation law and forecast, Erlang's formula, and the lab in the words of the simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis import queueing
from lab.analysis.latency import stage_table, stage_windows
from lab.analysis.queueing import ALL, EMULATOR, SERVICE
from lab.analysis.scaling import simulate
from tests.unit.analysis_data import run_through


def stages(
    rates: list[float], *, demand: tuple[float, float, float], idle: float = 0.0, processors: int = 2
) -> pd.DataFrame:
    """What ``busy_by_stage`` gives where a message takes so much of emulator, workers and lab."""
    x = np.array(rates)
    emulator, workers, lab = (idle * (place == 0) + each * x for place, each in enumerate(demand))
    table = pd.DataFrame({"stage": range(len(x)), "offered_rate": x, "valid": True, "rate": x, "emulator": emulator})
    return table.assign(workers=workers, lab=lab, others=0.0, processors=float(processors), mean_time_s=0.012)


@settings(deadline=None)  # the first example imports scipy
@given(st.floats(0.001, 0.01), st.floats(0.0, 0.01), st.floats(0.0, 0.01), st.floats(0, 0.3), st.integers(1, 16))
def test_each_resource_is_full_where_its_line_meets_what_it_has(
    emulator: float, workers: float, lab: float, idle: float, processors: int
) -> None:
    limit = min((1 - idle) / emulator, (processors - idle) / (emulator + workers))
    found = queueing.forecast(
        stages(
            [share * limit for share in (0.05, 0.2, 0.35, 0.5)],
            demand=(emulator, workers, lab),
            idle=idle,
            processors=processors,
        )
    )
    assert found.known
    assert found.rate == pytest.approx(limit, rel=1e-6)
    sending = min(limit, (processors - idle) / (emulator + workers + lab))
    assert found.sending_rate == pytest.approx(sending, rel=1e-6)
    demands = [emulator, emulator + workers, emulator + workers + lab]
    assert [found.demand_s(name) for name in (EMULATOR, SERVICE, ALL)] == pytest.approx(demands)
    alone = (1 - idle) / emulator < (processors - idle) / (emulator + workers)
    assert found.bottleneck == (EMULATOR if alone else SERVICE) or math.isclose(*found.resources["rate"][:2])


def test_stages_above_sixty_percent_of_it_do_not_make_the_forecast() -> None:
    table = stages([10, 30, 50, 70, 90, 130, 150], demand=(0.006, 0.003, 0.002))
    table.loc[table["rate"] > 100, "emulator"] = 0.7  # under load it seems to do less
    found = queueing.forecast(table)
    assert found.stages == (0, 1, 2, 3, 4)
    assert found.rate == pytest.approx(1 / 0.006)
    assert table.loc[[*found.stages], "rate"].max() <= 0.6 * found.rate


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (stages([10, 30], demand=(0.006, 0, 0)), "fewer than 3 stages were calm enough"),
        (stages([100, 130, 150], demand=(0.006, 0, 0)), "fewer than 3 stages were calm enough"),
        (stages([10, 30, 50], demand=(0.006, 0, 0)).assign(emulator=np.nan), "nobody could look"),
        (stages([10, 30, 50], demand=(0, 0, 0)), "no message took any processor time"),
        (stages([10, 30, 50], demand=(0.006, 0, 0)).assign(rate=0.0), "nobody could look"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is_said(table: pd.DataFrame, reason: str) -> None:
    found = queueing.forecast(table)
    assert not found.known
    assert reason in found.reason
    assert math.isnan(found.rate)
    assert (found.stages, found.bottleneck) == ((), "")


def looks(messages: pd.DataFrame, *, emulator: float, workers: float, lab: float, machine: float) -> pd.DataFrame:
    """What ``Processors.table`` gives where each part is always so busy."""
    start, end = messages["t_planned"].min(), messages["finished"].max()
    times = pd.date_range(start - pd.Timedelta("1s"), end + pd.Timedelta("1s"), freq="250ms")
    passed = np.arange(len(times)) * 0.25
    shares = {"emulator_s": emulator, "workers_s": workers, "lab_s": lab, "machine_s": machine}
    return pd.DataFrame({"time": times, **{name: passed * share for name, share in shares.items()}, "processors": 2.0})


def test_what_processors_did_is_told_for_each_stage() -> None:
    messages = run_through([5, 10], capacity=40)
    table = queueing.busy_by_stage(
        messages, stage_table(messages), looks(messages, emulator=0.3, workers=0.2, lab=0.1, machine=1.5)
    )
    assert table["stage"].tolist() == stage_windows(messages)["stage"].tolist()
    for column, share in {"emulator": 0.3, "workers": 0.2, "lab": 0.1, "others": 0.9}.items():
        assert table[column].tolist() == pytest.approx([share, share])
    assert table["processors"].tolist() == [2, 2]
    assert table["rate"].tolist() == pytest.approx([5, 10], rel=0.1)


@pytest.mark.parametrize("when", ["never", "too late"])
def test_a_stage_that_nobody_looked_at_is_not_guessed(when: str) -> None:
    messages = run_through([5, 10], capacity=40)
    seen = looks(messages, emulator=0.3, workers=0.2, lab=0.1, machine=1.5)
    seen = seen.head(0) if when == "never" else seen[seen["time"] > messages["t_planned"].min() + pd.Timedelta("2s")]
    table = queueing.busy_by_stage(messages, stage_table(messages), seen)
    assert np.isnan(table["emulator"].iloc[0])
    assert not queueing.forecast(table).known


@pytest.mark.parametrize(
    ("servers", "load", "probability"), [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (10, 5.0, 0.0361), (100, 90.0, 0.2170)]
)
def test_erlangs_formula_gives_the_values_of_its_tables(servers: int, load: float, probability: float) -> None:
    assert queueing.erlang_c(servers, load) == pytest.approx(probability, rel=5e-3)


@given(st.integers(1, 200), st.floats(0.01, 0.999))
def test_erlangs_formula_is_its_sum(servers: int, share: float) -> None:
    load = servers * share
    logs = [count * math.log(load) - math.lgamma(count + 1) for count in range(servers + 1)]
    top = math.exp(logs[-1] - max(logs)) / (1 - share)
    total = sum(math.exp(each - max(logs)) for each in logs[:-1]) + top
    assert queueing.erlang_c(servers, load) == pytest.approx(top / total, rel=1e-9)


def test_the_wait_of_one_server_is_that_of_the_closed_formula_and_has_no_end_from_saturation_on() -> None:
    assert queueing.waiting_s(100, 0.005) == pytest.approx(0.5 * 0.005 / 0.5)
    assert queueing.waiting_s(0, 0.005) == 0
    assert queueing.waiting_s(200, 0.005) == queueing.waiting_s(300, 0.005) == math.inf
    assert queueing.waiting_s(300, 0.005, servers=2) < math.inf


def test_the_wait_of_one_server_is_that_of_a_simulated_one() -> None:
    random = np.random.default_rng(5)
    rate, service_s, count = 120.0, 0.005, 400_000
    arrivals = np.cumsum(random.exponential(1 / rate, count))
    work = random.exponential(service_s, count)
    # Lindley: a message waits for what was left when the one before it came, less the time since then.
    steps = np.concatenate([[0.0], work[:-1] - np.diff(arrivals)])
    walk = np.cumsum(steps)
    waits = walk - np.minimum.accumulate(np.minimum(walk, 0.0))
    assert waits.mean() == pytest.approx(queueing.waiting_s(rate, service_s), rel=0.05)


def test_times_begin_at_what_the_calmest_stage_took() -> None:
    table = stages([20, 100, 250], demand=(0.005, 0, 0)).iloc[[1, 0, 2]]
    expected = queueing.expected_times(table, 0.005)
    assert expected.index.tolist() == [1, 0, 2]
    assert expected[0] == pytest.approx(0.012)
    assert expected[1] == pytest.approx(0.012 + queueing.waiting_s(100, 0.005) - queueing.waiting_s(20, 0.005))
    assert expected[2] == math.inf


def test_nothing_is_expected_where_no_time_is_known_or_all_is_overloaded() -> None:
    table = stages([20, 100], demand=(0.005, 0, 0))
    assert queueing.expected_times(table.assign(mean_time_s=math.nan), 0.005).isna().all()
    assert queueing.expected_times(table, 0.2).tolist() == [math.inf, math.inf]
    partly = queueing.expected_times(table.assign(mean_time_s=[math.nan, 0.1]), 0.005)
    assert partly[1] == pytest.approx(0.1)


def test_the_rate_of_a_queue_that_empties_leaves_its_ends_out() -> None:
    even = np.arange(100) * 0.01
    slow_ends = even.copy()
    slow_ends[:5] -= 3
    slow_ends[-5:] += 3
    assert queueing.drain_rate(slow_ends) == pytest.approx(100)
    times = pd.Series(pd.Timestamp("2026-03-01T10:00:00Z") + pd.to_timedelta(slow_ends, unit="s"))
    assert queueing.drain_rate(times.sample(frac=1, random_state=1)) == pytest.approx(100)
    assert queueing.drain_rate(times.reindex(range(150))) == pytest.approx(100)


@pytest.mark.parametrize("finished", [[], [1.0], [1.0, 1.0, 1.0]])
def test_too_few_messages_have_no_rate(finished: list[float]) -> None:
    assert math.isnan(queueing.drain_rate(np.array(finished)))
    assert math.isnan(queueing.drain_rate(pd.to_datetime(pd.Series(finished), unit="s", utc=True)))


@pytest.mark.parametrize(("batches", "batch_s", "rate"), [(2, 0.5, 40), (1, 0.0625, 160), (5, 0.5, 100)])
def test_the_lab_in_the_words_of_the_simulation_carries_what_its_batches_do(
    batches: int, batch_s: float, rate: float
) -> None:
    workload: dict[str, Any] = {"batches": batches, "batch_s": batch_s}
    steps = simulate(*queueing.as_workload([(4 * rate, 5)], **workload), drain_s=60).steps
    emptied = steps.loc[steps["queued"] >= 1, "time_s"].max()
    assert emptied == pytest.approx(20, rel=0.01)
    assert steps["queued"].max() == pytest.approx(3 * rate * 5, rel=0.01)
    assert steps["succeeded"].iloc[-1] == pytest.approx(4 * rate * 5)
