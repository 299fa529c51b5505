"""`lab ramp --find` against a system whose limit is known: it is found, told, and every message is accounted for."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import session
from lab.analysis import search
from lab.errors import LabError
from lab.load import PlanError
from lab.session import BudgetError, FindOptions, RampResult
from lab.session.keeping import plan_of
from lab.session.summary import ramp_summary
from lab.target import Target
from tests import documentation
from tests.unit.find_stand_in import System

find = importlib.import_module("lab.session.find")
HERE = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
OPTIONS = FindOptions(rates="5", seconds=2, most_s=1000)


def searched(
    monkeypatch: pytest.MonkeyPatch, system: System, options: FindOptions = OPTIONS, target: Target = HERE
) -> tuple[RampResult, list[str]]:
    said: list[str] = []
    monkeypatch.setattr(find, "run_plan", system)
    return session.find(target, options, say=said.append), said


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_limit_of_a_system_is_found_to_one_step(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    capacity = 12 * 6 ** chance.random()
    # Every fourth stage meets a busy machine.
    system = System(capacity, lag_s=lambda number, rate: 0.03 if chance.random() < 0.25 else 0.0)
    result, _ = searched(monkeypatch, system, FindOptions(rates="10", seconds=1, most_s=1000))
    found, truth = result.saturation, search.step_of(capacity)
    assert found.reached
    assert abs(search.step_of(found.rate or 0) - truth) <= 1


def test_the_search_doubles_then_halves_then_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(27)
    result, said = searched(monkeypatch, system)
    assert system.rates == [5, 5, 10, 20, 40, 25, 31.5, 31.5, 25]
    assert (result.saturation.rate, result.saturation.reached) == (25, True)
    assert result.saturation.reason.startswith("25 messages/s is the highest rate that passed; at 31.5 messages/s ")
    assert "at most 1000 s of sending" in said[0]
    assert "came through" in said[1]
    assert said[2].endswith("Next 10 (at most 998 s of sending left).")
    assert said[5].startswith("40 messages/s: did not keep up, ")
    assert said[5].endswith("Next 25, between the two (about 8 s of sending left).")
    assert said[-2].endswith("Next 25 once more, to be sure (about 2 s of sending left).")
    assert said[-1].endswith("The search is over.")
    assert len(said) == 1 + len(system.rates)


def test_each_rate_is_once_in_the_tables_and_every_message_in_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(27)
    result, _ = searched(monkeypatch, system)
    assert result.stages["offered_rate"].tolist() == [5, 10, 20, 25, 31.5, 40]
    assert result.stages["start_s"].is_monotonic_increasing is False  # in the order of rates, not of sending
    assert set(result.messages["stage"]) == set(result.stages["stage"])
    assert len(result.messages) == int(result.stages["planned"].sum())
    sent = round(5 * find._PILOT_S) + sum(round(rate * 2) for rate in system.rates[1:])
    assert len(result.sends) == len(result.reconciliation.sent) == len(result.reconciliation.succeeded) == sent
    assert result.reconciliation.holds
    assert result.words.matches
    assert result.words.total > 0
    assert result.tries["offered_rate"].tolist() == system.rates[1:]
    planned = [stage["rate"] for stage in plan_of(result)["stages"]]
    assert sorted(planned) == result.stages["offered_rate"].tolist()


def test_a_void_stage_that_shows_nothing_is_sent_again_at_most_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    # So late that nothing can be said of the system.
    system = System(27, lag_s=lambda number, rate: 1.5 if rate == 20 else 0.0)
    result, said = searched(monkeypatch, system)
    assert system.rates.count(20) == 3
    assert sum("does not count" in line and "Next 20 again" in line for line in said) == 2
    # The next rate above it passed, and what passed above a rate that showed nothing passed.
    assert any("Next 25, where it may be plainer" in line for line in said)
    assert (result.saturation.rate, result.saturation.reached) == (25, True)


def test_a_rate_that_shows_nothing_between_the_two_ends_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(22, lag_s=lambda number, rate: 1.5 if rate == 25 else 0.0)
    result, _ = searched(monkeypatch, system)
    assert (result.saturation.rate, result.saturation.reached) == (20, True)
    assert "20 messages/s is the highest rate that passed; at 31.5 messages/s" in result.saturation.reason
    assert "Between these two, at 25 messages/s, no stage counts: the sender lagged" in result.saturation.reason


def test_a_machine_that_is_busy_all_the_time_still_finds_the_knee_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    result, said = searched(monkeypatch, System(27, lag_s=lambda number, rate: 0.03))
    assert (result.saturation.rate, result.saturation.reached) == (25, True)
    assert not result.stages["valid"].any()
    assert "At 25 messages/s the sender was late, too, by 30 ms at most: the system kept up" in result.saturation.reason
    assert "far too little to explain it" in result.saturation.reason
    assert any(
        "this machine was busy and sent messages up to 30 ms late. The system kept up all the same" in x for x in said
    )


@pytest.mark.parametrize(
    ("capacity", "options", "rate", "reached", "words"),
    [
        (
            500,
            FindOptions(rates="5", seconds=2, highest=40),
            40,
            False,
            "the highest rate that was offered, still passed",
        ),
        (1, FindOptions(rates="5", seconds=2), None, True, "not even the lowest one: at 3.15 messages/s"),
        (27, FindOptions(rates="5", seconds=2, most_s=8), 20, True, "before the rates between these two were tried"),
        (27, FindOptions(rates="5", seconds=2, most_s=6), 20, False, "The time for the search was over."),
        (27, FindOptions(rates="5", seconds=2, most_wall_s=0), 5, False, "The time for the search was over."),
    ],
)
def test_where_the_search_ends_otherwise_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capacity: float, options: FindOptions, rate: float, reached: bool, words: str
) -> None:
    result, _ = searched(monkeypatch, System(capacity), options)
    assert (result.saturation.rate, result.saturation.reached) == (rate, reached)
    assert words in result.saturation.reason


def test_the_time_for_sending_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(27, lag_s=lambda number, rate: 1.5)
    searched(monkeypatch, system, FindOptions(rates="5", seconds=2, most_s=9))
    assert len(system.rates) - 1 <= 4


@pytest.mark.parametrize("ends", [{"interrupted": True}, {"drained": False}])
def test_a_search_that_was_stopped_or_is_under_way_ends_with_what_it_has(
    monkeypatch: pytest.MonkeyPatch, ends: dict[str, Any]
) -> None:
    result, said = searched(monkeypatch, System(27, **ends))
    assert len(result.tries) == 1
    assert said[-1].startswith("The search ends here: ")


def test_a_search_that_was_stopped_during_its_pilot_has_the_pilot_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(System):
        def __call__(self, *arguments: Any, **options: Any) -> RampResult:
            return replace(super().__call__(*arguments, **options), interrupted=True)

    result, said = searched(monkeypatch, Stopped(27))
    assert said[-1] == "The search was stopped before it began."
    assert (result.stages["stage"].tolist(), len(result.messages)) == ([0], 5)


def test_ctrl_c_between_two_stages_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(System):
        def __call__(self, *arguments: Any, **options: Any) -> RampResult:
            if len(self.rates) == 3:
                raise KeyboardInterrupt
            return super().__call__(*arguments, **options)

    result, said = searched(monkeypatch, Stopped(27))
    assert result.interrupted
    assert result.stages["offered_rate"].tolist() == [5, 10]
    assert said[-1] == "The search ends here: it was stopped."


def test_nothing_is_searched_where_no_message_of_the_pilot_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(System):
        def __call__(self, *arguments: Any, **options: Any) -> RampResult:
            result = super().__call__(*arguments, **options)
            account = replace(result.reconciliation, succeeded=(), failed=result.reconciliation.succeeded)
            return replace(result, reconciliation=account)

    system = Broken(27)
    with pytest.raises(LabError, match="none came to a good end") as caught:
        searched(monkeypatch, system)
    assert "lab send" in caught.value.next_step
    assert len(system.rates) == 1


def on_aws(monkeypatch: pytest.MonkeyPatch, highest: float, budget: float, capacity: float = 27) -> Callable[[], Any]:
    monkeypatch.setattr(find.guard, "highest_rate", lambda target, say: highest)
    system = System(capacity)

    def refusing(target: Target, plan: Any, to_send: Any, *, budget_usd: float, **rest: Any) -> RampResult:
        find.guard.check_budget(target, to_send, budget_usd, lambda text: None)
        return system(target, plan, to_send, budget_usd=budget_usd, **rest)

    monkeypatch.setattr(find, "run_plan", refusing)
    said: list[str] = []
    options = FindOptions(rates="5", seconds=2, budget_usd=budget)
    return lambda: (session.find(Target("aws", "t"), options, say=said.append), system, said)


def test_on_aws_the_budget_holds_for_all_stages_together(monkeypatch: pytest.MonkeyPatch) -> None:
    result, system, said = on_aws(monkeypatch, 1000.0, 0.006)()
    messages = list(result.sends["lab_id"])
    assert "The budget allows no further stage: the search ends." in said
    assert "On AWS it costs no more than the budget, 0.01 USD." in said
    assert system.budgets == sorted(system.budgets, reverse=True)
    assert len(set(system.budgets)) == len(system.budgets)
    assert 0 < len(messages) < 400
    with pytest.raises(BudgetError):
        on_aws(monkeypatch, 1000.0, 0.00001)()


def test_on_aws_no_rate_is_above_what_the_account_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    _, system, _ = on_aws(monkeypatch, 24.4, 1.0, capacity=500)()
    assert max(system.rates) == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (FindOptions(rates="1,2"), "begins at one rate"),
        (FindOptions(rates="fast"), "is not a number"),
        (FindOptions(rates="10", seconds=10, most_s=20), "are too few to search"),
    ],
)
def test_options_that_make_no_sense_are_told_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, options: FindOptions, words: str
) -> None:
    system = System(27)
    with pytest.raises(PlanError, match=words):
        searched(monkeypatch, system, options)
    assert system.rates == []


def test_the_summary_holds_every_stage_that_was_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result, _ = searched(monkeypatch, System(27))
    session.write_ramp(HERE, result, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    documentation.validate(summary, "summary")
    assert [entry["offered_rate"] for entry in summary["search"]] == [5, 10, 20, 40, 25, 31.5, 31.5, 25]
    assert [entry["verdict"] for entry in summary["search"]].count("failed") == 3
    assert len(ramp_summary(result)["stages"]) == 6


def test_the_demo_keeps_to_45_seconds_of_sending_and_spares_an_account() -> None:
    assert session.search_for(HERE).most_s == 45
    assert session.search_for(Target("aws", "t")).most_messages <= 1800
