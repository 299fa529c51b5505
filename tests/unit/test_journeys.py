"""Visits of any workflow: where each lay, how it ended, and what the definition says is missing."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from lab import charts
from lab.analysis.visits import ENDINGS, missing_visits, states_of, visits_by_state
from lab.observe import ExecutionLog, JourneyLog
from tests.unit.logs_stand_in import ARN, event

TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
MAPPED = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Decode",
                "States": {"Decode": TASK | {"Next": "Nap"}, "Nap": {"Type": "Wait", "Seconds": 1, "End": True}},
            },
            "Next": "Last",
        },
        "Last": {"Type": "Pass", "End": True},
    },
}
PARALLEL = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Left",
                    "States": {"Left": {"Type": "Pass", "Next": "Left two"}, "Left two": {"Type": "Pass", "End": True}},
                },
                {"StartAt": "Right", "States": {"Right": TASK | {"End": True}}},
            ],
            "Next": "Last",
        },
        "Last": {"Type": "Pass", "End": True},
    },
}
CAUGHT = {
    "StartAt": "Try",
    "States": {
        "Try": TASK | {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Recover"}], "Next": "Fine"},
        "Recover": {"Type": "Pass", "End": True},
        "Fine": {"Type": "Pass", "End": True},
    },
}
LOOPED = {
    "StartAt": "Count",
    "States": {
        "Count": {"Type": "Pass", "Next": "Again"},
        "Again": {"Type": "Choice", "Choices": [{"Next": "Count"}], "Default": "Done"},
        "Done": {"Type": "Succeed"},
    },
}
DEFINITIONS = {"mapped": MAPPED, "parallel": PARALLEL, "caught": CAUGHT, "looped": LOOPED}


def visits_of(messages: list[str]) -> pd.DataFrame:
    log = JourneyLog()
    log.add(messages)
    return log.table()


def missing_of(definition: dict[str, Any], messages: list[str]) -> list[str]:
    log = ExecutionLog()
    log.add(messages)
    return [one.state for one in missing_visits(definition, log.tables()[0], visits_of(messages))]


def chain(*events: tuple[str, int, dict[str, Any]]) -> list[str]:
    """Events with ids from 1 on: type, previous id, details."""
    return [event(number, kind, previous=before, **details) for number, (kind, before, details) in enumerate(events, 1)]


def test_iterations_of_a_map_are_told_apart(recorded: dict[str, list[str]]) -> None:
    visits = visits_of(recorded["mapped"])
    each, *inner, last = visits.to_dict("records")
    assert (each["state"], each["items"], each["attempts"]) == ("Each", 3, 1)
    assert sorted((one["state"], one["iteration"]) for one in inner) == sorted(
        itertools.product(("Decode", "Nap"), range(3))
    )
    assert {one["inside"] for one in inner} == {each["visit"]}
    before = {one["visit"]: one["iteration"] for one in inner}
    assert all(before[one["after"]] == one["iteration"] for one in inner if one["state"] == "Nap")
    assert (last["after"], last["inside"], last["iteration"]) == (each["visit"], 0, -1)


def test_branches_lie_in_their_parallel(recorded: dict[str, list[str]]) -> None:
    visits = visits_of(recorded["parallel"]).set_index("state")
    assert visits["inside"].to_dict() == {"Both": 0, "Left": 2, "Right": 2, "Left two": 2, "Last": 0}
    assert visits.loc["Left two", "after"] == visits.loc["Left", "visit"]
    assert visits.loc["Right", "after"] == 0


def test_a_branch_that_failed_and_its_parallel_have_failed(recorded: dict[str, list[str]]) -> None:
    visits = visits_of(recorded["branch_failed"]).set_index("state")
    assert visits["ending"].to_dict() == {"Both": "failed", "Fine": "left", "Bad": "failed"}
    assert visits["error"].to_dict() == {"Both": None, "Fine": None, "Bad": "InvalidBase64Error"}


@pytest.mark.parametrize(
    ("case", "attempts", "ending", "error"),
    [("caught", 1, "caught", "InvalidBase64Error"), ("retried", 2, "failed", "InvalidBase64Error")],
)
def test_attempts_and_catches(
    recorded: dict[str, list[str]], case: str, attempts: int, ending: str, error: str
) -> None:
    first = visits_of(recorded[case]).iloc[0]
    assert (first["attempts"], first["ending"], first["error"]) == (attempts, ending, error)


def test_what_a_retry_mended_is_no_error() -> None:
    messages = chain(
        ("ExecutionStarted", 0, {}),
        ("TaskStateEntered", 0, {"name": "Try"}),
        ("TaskScheduled", 2, {}),
        ("TaskFailed", 3, {"error": "Busy"}),
        ("TaskScheduled", 4, {}),
        ("TaskSucceeded", 5, {}),
        ("TaskStateExited", 6, {"name": "Try"}),
        ("ExecutionSucceeded", 7, {}),
    )
    (visit,) = visits_of(messages).to_dict("records")
    assert (visit["attempts"], visit["ending"], visit["error"]) == (2, "left", None)


@pytest.mark.parametrize("told", [True, False])
def test_a_parallel_that_is_tried_again_keeps_its_attempts_and_its_branches_theirs(told: bool) -> None:
    """Whether the failure of the outer one is told of each attempt, or only of the last, is the service's affair."""
    messages = chain(
        ("ExecutionStarted", 0, {}),
        ("ParallelStateEntered", 0, {"name": "Outer"}),
        ("ParallelStateStarted", 2, {}),
        ("ParallelStateEntered", 3, {"name": "Inner"}),
        ("ParallelStateStarted", 4, {}),
        ("TaskStateEntered", 5, {"name": "Bad"}),
        ("TaskScheduled", 6, {}),
        ("TaskFailed", 7, {"error": "Busy"}),
        ("ParallelStateFailed", 8, {}),  # of Inner
        ("ParallelStateFailed" if told else "NothingThatCounts", 9, {}),  # of Outer
        ("ParallelStateStarted", 10, {}),  # Outer once more
        ("ParallelStateEntered", 11, {"name": "Inner"}),
        ("ParallelStateStarted", 12, {}),
        ("TaskStateEntered", 13, {"name": "Bad"}),
        ("TaskScheduled", 14, {}),
        ("TaskSucceeded", 15, {}),
        ("TaskStateExited", 16, {"name": "Bad"}),
        ("ParallelStateSucceeded", 17, {}),
        ("ParallelStateExited", 18, {"name": "Inner"}),
        ("ParallelStateSucceeded", 19, {}),
        ("ParallelStateExited", 20, {"name": "Outer"}),
        ("ExecutionSucceeded", 21, {}),
    )
    ends = [(one["state"], one["attempts"], one["ending"]) for one in visits_of(messages).to_dict("records")]
    assert ends == [
        ("Outer", 2, "left"),
        ("Inner", 1, "failed"),
        ("Bad", 1, "failed"),
        ("Inner", 1, "left"),
        ("Bad", 1, "left"),
    ]


def test_an_iteration_that_was_begun_behind_another_is_one_of_its_own() -> None:
    """Where few items are worked on at once, the chain of the next one leads through the one before it."""
    messages = chain(
        ("ExecutionStarted", 0, {}),
        ("MapStateEntered", 0, {"name": "Each"}),
        ("MapStateStarted", 2, {"length": 2}),
        ("MapIterationStarted", 3, {"name": "Each", "index": 0}),
        ("PassStateEntered", 4, {"name": "P"}),
        ("PassStateExited", 5, {"name": "P"}),
        ("MapIterationSucceeded", 6, {"name": "Each", "index": 0}),
        ("MapIterationStarted", 7, {"name": "Each", "index": 1}),
        ("PassStateEntered", 8, {"name": "P"}),
        ("PassStateExited", 9, {"name": "P"}),
        ("MapIterationSucceeded", 10, {"name": "Each", "index": 1}),
        ("MapStateSucceeded", 11, {}),
        ("MapStateExited", 11, {"name": "Each"}),
        ("ExecutionSucceeded", 13, {}),
    )
    inner = visits_of(messages).iloc[1:]
    assert list(inner["iteration"]) == [0, 1]
    assert list(inner["after"]) == [0, 0]
    assert set(inner["inside"]) == {2}


def test_a_branch_beside_one_that_failed_was_stopped() -> None:
    messages = chain(
        ("ExecutionStarted", 0, {}),
        ("ParallelStateEntered", 0, {"name": "Both"}),
        ("ParallelStateStarted", 2, {}),
        ("WaitStateEntered", 3, {"name": "Left"}),
        ("TaskStateEntered", 3, {"name": "Right"}),
        ("TaskScheduled", 5, {}),
        ("TaskFailed", 6, {"error": "Busy"}),
        ("ParallelStateFailed", 7, {}),
        ("ParallelStateExited", 8, {"name": "Both"}),
        ("PassStateEntered", 9, {"name": "Sorry"}),
        ("PassStateExited", 10, {"name": "Sorry"}),
        ("ExecutionSucceeded", 11, {}),
    )
    visits = visits_of(messages).set_index("state")
    assert visits["ending"].to_dict() == {"Both": "caught", "Left": "stopped", "Right": "failed", "Sorry": "left"}


def test_a_visit_whose_end_is_not_in_the_log_is_unseen() -> None:
    messages = chain(("ExecutionStarted", 0, {}), ("PassStateEntered", 0, {"name": "P"}), ("ExecutionSucceeded", 3, {}))
    assert list(visits_of(messages)["ending"]) == ["unseen"]
    assert list(visits_of(messages[:2])["ending"]) == ["running"]


@pytest.mark.parametrize("case", ["mapped", "parallel", "caught", "retried", "looped", "branch_failed", "failed"])
def test_order_and_repetition_do_not_matter(recorded: dict[str, list[str]], case: str) -> None:
    expected = visits_of(recorded[case])
    for seed in range(5):
        shuffled = recorded[case] * 2
        random.Random(seed).shuffle(shuffled)
        pd.testing.assert_frame_equal(visits_of(shuffled), expected)


@pytest.mark.parametrize("case", DEFINITIONS)
def test_nothing_is_missing_of_a_whole_log(recorded: dict[str, list[str]], case: str) -> None:
    assert missing_of(DEFINITIONS[case], recorded[case]) == []


def without(messages: list[str], gone: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [message for message in messages if not gone(json.loads(message))]


@pytest.mark.parametrize(
    ("case", "state", "missing"),
    [
        ("mapped", "Last", ["Last"]),
        ("parallel", "Left two", ["Left two"]),
        ("caught", "Recover", ["Recover"]),
        ("looped", "Done", ["Count or Done"]),
    ],
)
def test_a_visit_that_the_log_lacks_is_missing(
    recorded: dict[str, list[str]], case: str, state: str, missing: list[str]
) -> None:
    kept = without(recorded[case], lambda seen: seen.get("details", {}).get("name") == state)
    assert missing_of(DEFINITIONS[case], kept) == missing


def test_an_item_or_a_branch_that_the_log_lacks_is_missing(recorded: dict[str, list[str]]) -> None:
    kept = without(recorded["mapped"], lambda seen: seen["id"] in ("8", "5", "23", "24", "28", "29", "13", "14", "20"))
    assert missing_of(MAPPED, kept) == ["Decode"]
    kept = without(recorded["parallel"], lambda seen: seen.get("details", {}).get("name") == "Right")
    assert missing_of(PARALLEL, kept) == ["Right"]


def test_an_execution_without_its_first_state_misses_it() -> None:
    messages = chain(("ExecutionStarted", 0, {}), ("ExecutionSucceeded", 1, {}))
    assert missing_of(LOOPED, messages) == ["Count"]
    assert missing_of(LOOPED, messages[:1]) == []


def test_an_execution_that_was_stopped_from_outside_misses_nothing_after(recorded: dict[str, list[str]]) -> None:
    kept = without(recorded["looped"], lambda seen: int(seen["id"]) > 5)
    assert (
        missing_of(LOOPED, [*kept, event(6, "ExecutionTimedOut", previous=0, arn=json.loads(kept[0])["execution_arn"])])
        == []
    )


def test_states_of_a_definition_know_what_holds_them() -> None:
    known = states_of(MAPPED)
    assert {name: state.inside for name, state in known.items()} == {
        "Each": None,
        "Decode": "Each",
        "Nap": "Each",
        "Last": None,
    }
    assert known["Each"].first == ("Decode",)
    assert states_of(LOOPED)["Again"].following == {"Count", "Done"}
    old = {"StartAt": "M", "States": {"M": {"Type": "Map", "Iterator": {"StartAt": "I", "States": {"I": TASK}}}}}
    assert states_of(old)["I"].inside == "M"


def test_the_account_adds_up(recorded: dict[str, list[str]]) -> None:
    log = ExecutionLog()
    log.add(recorded["mapped"])
    by_state, missing = visits_by_state(MAPPED, log.tables()[0], visits_of(recorded["mapped"]))
    assert list(by_state["state"]) == ["Each", "Decode", "Nap", "Last"]
    assert list(by_state["visits"]) == [1, 3, 3, 1]
    assert (by_state[list(ENDINGS)].sum(axis=1) == by_state["visits"]).all()
    assert missing == []
    assert by_state.set_index("state").loc["Nap", "p50_s"] > 0.1


def test_a_state_that_the_definition_does_not_have_is_told(recorded: dict[str, list[str]]) -> None:
    log = ExecutionLog()
    log.add(recorded["caught"])
    by_state, _ = visits_by_state(LOOPED, log.tables()[0], visits_of(recorded["caught"]))
    assert by_state.set_index("state")["known"].to_dict()["Try"] == False  # noqa: E712 - numpy's


def test_lines_that_are_no_events_are_left_out() -> None:
    assert visits_of(["no", "{}", "[]", '{"id": "x"}', event(1, "ExecutionStarted")]).empty
    assert ARN


def test_the_chart_names_the_slowest_state(recorded: dict[str, list[str]]) -> None:
    log = ExecutionLog()
    log.add(recorded["mapped"])
    by_state, _ = visits_by_state(MAPPED, log.tables()[0], visits_of(recorded["mapped"]))
    chart = charts.times_of_states(by_state)
    assert chart.finding.startswith("“Nap” takes longest of those that hold no others")
    assert charts.times_of_states(by_state.head(0)).finding == "No states to show yet"
