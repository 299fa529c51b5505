"""A busy machine spoils stages: they are sent again, and where that does not help an example run is shown."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab import charts, observe, session, workshop
from lab.analysis.latency import stage_table
from lab.analysis.reconcile import together
from lab.analysis.saturation import find_saturation
from lab.load import Plan, staircase
from lab.load import messages as bodies
from lab.session import KeptRun, RampResult
from lab.session.outcome import analyse
from lab.target import Target
from lab.workshop import example_run
from tests.unit.analysis_data import executions, instants, received

repeat = importlib.import_module("lab.session.repeat")
PLAN = Plan(staircase([5, 10, 20, 40], seconds=4))
LAGGED = "the sender lagged: p99 25.0 ms late with threads idle (limit 10 ms)"
HERE = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")


class BusyMachine:
    """Stands in for ``run_plan``: an exact pipeline of 25 messages a second, and a sender that lags when told to.

    Attributes:
        busy: for each run in turn, whether a stage of this rate is spoilt.
        plans: the rates of each plan that was sent.
    """

    def __init__(self, *busy: Callable[[float], bool], **ends: Any) -> None:
        self.busy, self.ends = list(busy), ends
        self.plans: list[list[float]] = []
        self.lab_ids: list[str] = []

    def __call__(self, target: Target, plan: Plan, to_send: Sequence[bodies.Message], **_: Any) -> RampResult:
        number = len(self.plans)
        self.plans.append([stage.rate for stage in plan.stages])
        spoilt = self.busy[number] if number < len(self.busy) else lambda rate: False
        lab_ids = [message.lab_id for message in to_send[: len(plan)]]
        self.lab_ids += lab_ids
        result = run_of(plan, lab_ids, to_send, begin=100.0 * number)
        void = result.stages["offered_rate"].map(spoilt)
        stages = result.stages.assign(valid=~void, invalid_reason=void.map({True: LAGGED, False: ""}))
        return replace(result, stages=stages, **self.ends)


def run_of(plan: Plan, lab_ids: list[str], to_send: Sequence[bodies.Message], begin: float) -> RampResult:
    numbers = list(range(len(plan)))
    planned = [begin + offset for offset in plan.offsets_s]
    started, free = [], 0.0
    for due in planned:
        free = max(free, due) + 1 / 25
        started.append(free)
    ids = pd.Series(lab_ids, dtype=object)
    names = [f"sqs-{lab_id}" for lab_id in lab_ids]
    sends = pd.DataFrame(
        {
            "lab_id": ids,
            "stage": plan.stage_numbers,
            "offered_rate": [plan.stages[stage].rate for stage in plan.stage_numbers],
            "t_planned": instants(planned),
            "t_sent": instants(planned),
            "t_acked": instants([due + 0.004 for due in planned]),
            "message_id": names,
            "attempts": 1,
            "outcome": "acked",
            "error": None,
        }
    )
    own = {"lab_id": ids, "execution_arn": [f"arn-{lab_id}" for lab_id in lab_ids]}
    ended = executions(numbers, started, [start + 0.01 for start in started]).assign(name=names, **own)
    seen = received(numbers, [due + 0.002 for due in planned], started).assign(message_id=names, **own)
    _, states = observe.parse_execution_events([])
    dead = observe.parse_received([])
    return analyse(
        lab_ids[0].rpartition("-")[0],
        to_send,
        sends,
        None,
        ended,
        states,
        seen,
        dead_letters=dead,
        undrained=0,
        drained=True,
        interrupted=False,
    )


def carried_out(monkeypatch: pytest.MonkeyPatch, machine: BusyMachine, target: Target = HERE) -> tuple[Any, list[str]]:
    said: list[str] = []
    monkeypatch.setattr(repeat, "run_plan", machine)
    to_send = list(bodies.generate(len(PLAN), seed=3))
    return session.run_with_repeats(target, PLAN, to_send, say=said.append), said


def test_a_quiet_machine_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BusyMachine()
    result, said = carried_out(monkeypatch, machine)
    assert machine.plans == [[5, 10, 20, 40]]
    assert said == []
    assert (result.saturation.rate, result.saturation.reached) == (20, True)


def test_only_void_stages_are_sent_again_until_they_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BusyMachine(lambda rate: rate >= 20, lambda rate: rate == 40)
    result, said = carried_out(monkeypatch, machine)
    assert machine.plans == [[5, 10, 20, 40], [20, 40], [40]]
    assert result.stages["stage"].tolist() == [0, 1, 2, 3]
    assert result.stages["offered_rate"].tolist() == [5, 10, 20, 40]
    assert result.stages["valid"].all()
    assert (result.saturation.rate, result.saturation.reached) == (20, True)
    assert said == [
        "Stages 3 and 4 were not valid: sent again (repeat 1 of at most 2).",
        "Stage 4 was not valid: sent again (repeat 2 of at most 2).",
    ]


def test_a_stage_in_the_middle_is_judged_by_the_time_of_its_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = carried_out(monkeypatch, BusyMachine(lambda rate: rate == 20))
    assert result.saturation.checks["passed"].tolist() == [True, True, True, False]
    assert (result.saturation.rate, result.saturation.reached) == (20, True)
    assert result.stages["start_s"].round(1).tolist() == [0, 4, 100, 12]
    assert result.stages["end_s"].round(1).tolist() == [4, 8, 104, 16]
    chart = charts.backlog_over_time(result.messages, result.stages)
    assert "stage 4" in chart.finding


def test_the_account_holds_every_message_and_the_tables_each_stage_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BusyMachine(lambda rate: rate == 40)
    result, _ = carried_out(monkeypatch, machine)
    assert len(set(machine.lab_ids)) == len(machine.lab_ids) == len(PLAN) + 160
    assert len(result.reconciliation.sent) == len(result.reconciliation.succeeded) == len(PLAN) + 160
    assert result.reconciliation.holds
    assert len(result.sends) == len(result.executions) == len(result.received) == len(PLAN) + 160
    assert len(result.messages) == len(PLAN) == int(result.stages["sent"].sum())
    repeated = result.messages[result.messages["stage"] == 3]
    assert set(repeated["lab_id"]) == set(machine.lab_ids[len(PLAN) :])
    assert (repeated["t_planned"] > result.messages.loc[result.messages["stage"] < 3, "t_planned"].max()).all()


def test_a_machine_that_stays_busy_is_tried_three_times_and_keeps_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BusyMachine(*[lambda rate: rate == 40] * 9)
    result, _ = carried_out(monkeypatch, machine)
    assert machine.plans == [[5, 10, 20, 40], [40], [40]]
    assert result.stages["valid"].tolist() == [True, True, True, False]
    assert set(result.messages["lab_id"]) == set(machine.lab_ids[: len(PLAN)])
    assert len(result.reconciliation.sent) == len(PLAN) + 2 * 160


@pytest.mark.parametrize("ends", [{"interrupted": True}, {"drained": False}])
def test_a_run_that_was_stopped_or_is_under_way_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, ends: dict[str, bool]
) -> None:
    machine = BusyMachine(lambda rate: True, **ends)
    carried_out(monkeypatch, machine)
    assert len(machine.plans) == 1


def test_on_aws_nothing_is_sent_again_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BusyMachine(lambda rate: rate == 40)
    _, said = carried_out(monkeypatch, machine, Target("aws", "t"))
    assert len(machine.plans) == 1
    assert said == ["Stage 4 was not valid. On AWS that costs, so nothing is sent again by itself."]


def shown_for(monkeypatch: pytest.MonkeyPatch, *busy: Callable[[float], bool]) -> tuple[workshop.Shown, str]:
    result, _ = carried_out(monkeypatch, BusyMachine(*busy))
    said: list[str] = []
    return workshop.run_with_limit(result, say=said.append), " ".join("\n".join(said).split())


def test_a_run_that_names_a_limit_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, said = shown_for(monkeypatch, lambda rate: rate == 5)
    assert (shown.mark, len(shown.messages)) == ("", len(PLAN))
    assert "Your run names a limit" in said


@pytest.mark.parametrize(
    ("spoilt", "advice"),
    [
        (lambda rate: rate == 40, "Next: close other programs"),
        (lambda rate: True, "Next: close other programs"),
    ],
)
def test_a_busy_machine_goes_on_with_the_example_run_and_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[float], bool], advice: str
) -> None:
    shown, said = shown_for(monkeypatch, *[spoilt] * 3)
    assert advice in said
    assert LAGGED in said
    assert shown.mark == example_run.MARK
    assert example_run.MARK in said
    assert shown.saturation.reached  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("capacity_of", "advice"),
    [
        (lambda stages: stages[stages["offered_rate"] <= 20], "Next: put 40 behind the last rate"),
        (lambda stages: stages[stages["offered_rate"] == 40], "Next: choose a tenth of these rates"),
    ],
)
def test_other_rates_are_advised_where_all_passed_or_none(
    monkeypatch: pytest.MonkeyPatch, capacity_of: Callable[[pd.DataFrame], pd.DataFrame], advice: str
) -> None:
    whole, _ = carried_out(monkeypatch, BusyMachine())
    stages = capacity_of(whole.stages)
    messages = whole.messages[whole.messages["stage"].isin(stages["stage"])]
    saturation = find_saturation(messages, stages)
    said: list[str] = []
    shown = workshop.run_with_limit(KeptRun(messages, stages, saturation), say=said.append)
    assert advice in " ".join("\n".join(said).split())
    assert shown.mark == example_run.MARK


def test_the_example_run_is_whole_and_shows_the_lesson() -> None:
    example = session.read_run(example_run.FOLDER)
    assert example.stages["valid"].all()
    assert example.saturation.reached
    assert example.saturation.rate in set(example.stages["offered_rate"])
    assert example.stages["completed_rate"].iloc[-1] < 0.9 * example.stages["offered_rate"].iloc[-1]
    again = stage_table(example.messages)
    assert again["completed"].tolist() == example.stages["completed"].tolist()
    assert again["end_to_end_p99_s"].round(6).tolist() == example.stages["end_to_end_p99_s"].round(6).tolist()


def test_a_chart_of_the_example_run_says_so_to_everybody() -> None:
    example = session.read_run(example_run.FOLDER)
    for draw in (
        lambda: charts.backlog_over_time(example.messages, example.stages),
        lambda: charts.completed_against_offered(example.stages, example.saturation),
        lambda: charts.latency_by_rate(example.stages, saturation=example.saturation),
    ):
        plain, marked = draw(), charts.marked(draw(), example_run.MARK)
        assert example_run.MARK in marked.alternative
        assert example_run.MARK in [text.get_text() for text in marked.texts]
        assert charts.marked(plain, "").alternative == plain.alternative
        assert example_run.MARK not in plain.alternative


def test_a_kept_run_is_read_back_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = carried_out(monkeypatch, BusyMachine(*[lambda rate: rate == 40] * 3))
    session.save_tables(result, tmp_path)
    kept = session.read_run(tmp_path)
    assert kept.saturation.reason == result.saturation.reason
    pd.testing.assert_series_equal(kept.messages["finished"], result.messages["finished"])
    assert kept.stages["invalid_reason"].tolist() == result.stages["invalid_reason"].tolist()


def test_what_one_run_saw_of_the_others_messages_is_no_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeat, "run_plan", BusyMachine())
    first = session.run_with_repeats(HERE, PLAN, list(bodies.generate(len(PLAN), seed=3))).reconciliation
    second = session.run_with_repeats(HERE, PLAN, list(bodies.generate(len(PLAN), seed=4))).reconciliation
    both = together(first, replace(second, foreign=(first.sent[0], "a stranger"), extra_executions=2))
    assert both.foreign == ("a stranger",)
    assert (len(both.sent), both.extra_executions) == (2 * len(PLAN), 2)
