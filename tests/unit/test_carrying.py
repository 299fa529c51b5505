"""Notebook 11 on a busy, a slow, or another machine: what it says, and whose run it goes on with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab import workshop
from lab.analysis import queueing
from lab.session import Emptied, Processors
from lab.target import Target
from tests.unit.analysis_data import instants
from tests.unit.test_queueing import stages

CALM = stages([10, 25, 40, 60, 80], demand=(0.006, 0.003, 0.002))
EMPTIED = Emptied(100, pd.DataFrame({"finished": instants(np.arange(100) / 50)}), True)


def shown(busy: pd.DataFrame) -> tuple[workshop.Carried, str]:
    said: list[str] = []
    return workshop.forecast_or_example(busy, say=said.append), " ".join(" ".join(said).split())


def test_a_run_that_allows_a_forecast_is_shown() -> None:
    carried, said = shown(CALM)
    assert said == "Your calm stages allow a forecast: 167 messages a second."
    assert (carried.mark, carried.busy is CALM) == ("", True)
    assert carried.measured(EMPTIED) == pytest.approx(50)
    own = CALM.assign(offered_rate=300.0)
    assert carried.loaded(own)["offered_rate"].tolist() == [*CALM["offered_rate"], *[300.0] * 5]


def test_void_stages_make_a_forecast_all_the_same() -> None:
    carried, _ = shown(CALM.assign(valid=False))
    assert carried.forecast.rate == pytest.approx(1 / 0.006)
    assert not carried.mark


def test_what_other_programs_took_is_said() -> None:
    carried, said = shown(CALM.assign(others=1.2))
    assert not carried.mark
    assert "Other programs kept 1.2 of 2 processors busy meanwhile." in said


@pytest.mark.parametrize(
    ("busy", "reason"),
    [
        (CALM.assign(emulator=np.nan), "nobody could look at the emulator's processes, which only an embedded lab has"),
        (CALM.head(2), "fewer than 3 stages were calm enough"),
        (CALM.assign(rate=0.0), "nobody could look at the emulator's processes"),
    ],
)
def test_a_run_that_allows_none_goes_on_with_the_example(busy: pd.DataFrame, reason: str) -> None:
    carried, said = shown(busy)
    assert f"Your run allows no forecast: {reason}" in said
    assert "Next: " in said
    assert carried.mark == "Example run of another machine, not yours"
    assert carried.forecast.known
    assert carried.measured(EMPTIED) != pytest.approx(50)
    faster = carried.loaded(busy)
    assert len(faster) > len(carried.busy)
    assert faster["offered_rate"].max() > carried.forecast.rate


def test_the_example_is_a_forecast_that_held() -> None:
    carried, _ = shown(CALM.head(0))
    assert abs(carried.forecast.rate / carried.measured(EMPTIED) - 1) < 0.25
    used = carried.busy[carried.busy["stage"].isin(carried.forecast.stages)]
    assert len(used) >= 3
    assert used["rate"].max() <= 0.6 * carried.forecast.rate
    every = carried.loaded(CALM)
    assert np.isfinite(queueing.expected_times(every, carried.forecast.demand_s(queueing.EMULATOR))).any()


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (160.0, "Forecast 150, measured 160 messages a second: 6% too few. That is within 25%."),
        (140.0, "Forecast 150, measured 140 messages a second: 7% too many. That is within 25%."),
        (100.0, "50% too many. A forecast that is too high means that the lab did not get all the processor time"),
        (300.0, "50% too few. A forecast that is too low means that a message took more processor time"),
        (math.nan, "Nothing was measured"),
        (0.0, "Nothing was measured"),
    ],
)
def test_how_good_a_forecast_was_is_said_in_words(measured: float, words: str) -> None:
    said: list[str] = []
    workshop.say_how_good(150.0, measured, say=said.append)
    assert words in " ".join(" ".join(said).split())


@pytest.mark.parametrize("kind", ["localstack", "aws", "embedded"])
def test_where_no_process_can_be_looked_at_the_table_is_empty(
    kind: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    with Processors(Target(kind, "nobody-there")) as processors:
        pass
    table = processors.table()
    assert table.empty
    assert {"time", "emulator_s", "workers_s", "lab_s", "machine_s", "processors"} == set(table)
