"""`lab watch` on five workflows with Map, Parallel, Choice, Retry and Catch: every visit that must be there is."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import Any

import pytest

from lab import session
from lab.target import Target
from tests.emulator.running import LocalStack, deploy
from tests.emulator.scenarios import ROLE, Workflow, machine, task

PASS = {"Type": "Pass", "End": True}
# The first call for a word fails, the next one goes well; "never" always fails.
FICKLE = """
import pathlib, tempfile
def lambda_handler(event, context):
    seen = pathlib.Path(tempfile.gettempdir(), "seen-" + str(event["word"]))
    if event["word"] == "never" or not seen.exists():
        seen.touch()
        raise ValueError("not yet")
    return event
"""


class Watched:
    """A workflow, and what `lab watch` says of it."""

    def __init__(self, running: LocalStack, definition: dict[str, Any]) -> None:
        self.workflow = Workflow(running, definition)
        self.target = Target("localstack", "watched", endpoint_url=running.endpoint_url)

    def run(self, *inputs: Any) -> session.Watched:
        for arn in [self.workflow.start(data) for data in inputs]:
            self.workflow.events(arn)
        return session.watch_machine(self.target, self.workflow.arn, minutes=10)


def counts(result: session.Watched) -> dict[str, int]:
    return {name: int(count) for name, count in zip(result.by_state["state"], result.by_state["visits"], strict=True)}


def ends(result: session.Watched, state: str) -> dict[str, int]:
    return dict(Counter(result.visits.loc[result.visits["state"] == state, "ending"]))


@pytest.fixture
def fickle(localstack: LocalStack) -> str:
    return deploy(localstack, FICKLE).name


def word() -> str:
    return uuid.uuid4().hex


RETRY = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1}]


def test_a_map_whose_items_choose_their_way(localstack: LocalStack) -> None:
    each = {
        "StartAt": "Even?",
        "States": {
            "Even?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.even", "BooleanEquals": True, "Next": "Half"}],
                "Default": "Same",
            },
            "Half": {"Type": "Pass", "Next": "Nap"},
            "Nap": {"Type": "Wait", "Seconds": 1, "End": True},
            "Same": PASS,
        },
    }
    definition = machine(
        "Each", Each={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "Next": "Last"}, Last=PASS
    )
    items = [{"even": number % 2 == 0} for number in range(7)]
    result = Watched(localstack, definition).run({"items": items}, {"items": items[:3]}, {"items": []})
    assert result.holds, result.sentences()
    assert counts(result) == {"Each": 3, "Even?": 10, "Half": 6, "Nap": 6, "Same": 4, "Last": 3}
    inner = result.visits[result.visits["state"] == "Even?"]
    assert sorted(inner["iteration"]) == sorted([*range(7), *range(3)])


def test_parallel_branches_of_which_one_is_tried_again(localstack: LocalStack, fickle: str) -> None:
    definition = machine(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Try", "States": {"Try": task(fickle, Retry=RETRY)}},
                {"StartAt": "One", "States": {"One": {"Type": "Pass", "Next": "Two"}, "Two": PASS}},
            ],
            "Next": "Last",
        },
        Last=PASS,
    )
    result = Watched(localstack, definition).run({"word": word()}, {"word": word()})
    assert result.holds, result.sentences()
    assert counts(result) == {"Both": 2, "Try": 2, "One": 2, "Two": 2, "Last": 2}
    assert result.by_state.set_index("state")["attempts"].to_dict()["Try"] == 4
    assert set(result.executions["status"]) == {"SUCCEEDED"}


def test_a_parallel_that_fails_is_tried_again_and_caught(localstack: LocalStack, fickle: str) -> None:
    definition = machine(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Try", "States": {"Try": task(fickle)}},
                {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 3, "Next": "Slept"}, "Slept": PASS}},
            ],
            "Retry": [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}],
            "Next": "Last",
        },
        Last=PASS,
        Sorry=PASS,
    )
    result = Watched(localstack, definition).run({"word": word()}, {"word": "never"})
    assert result.holds, result.sentences()
    assert ends(result, "Both") == {"left": 1, "caught": 1}
    assert ends(result, "Try") == {"failed": 3, "left": 1}
    assert (counts(result)["Last"], counts(result)["Sorry"]) == (1, 1)
    assert result.by_state.set_index("state")["attempts"].to_dict()["Both"] == 4


def test_catches_and_failures_by_name(localstack: LocalStack, fickle: str) -> None:
    catch = [{"ErrorEquals": ["ValueError"], "Next": "Give up?", "ResultPath": "$.error"}]
    definition = machine(
        "Try",
        Try=task(fickle, "Fine", Catch=catch),
        Fine={"Type": "Succeed"},
        **{
            "Give up?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.word", "StringEquals": "never", "Next": "Refused"}],
                "Default": "Again",
            },
            "Again": {"Type": "Pass", "OutputPath": "$", "Next": "Try"},
            "Refused": {"Type": "Fail", "Error": "Refused", "Cause": "no"},
        },
    )
    result = Watched(localstack, definition).run({"word": word()}, {"word": "never"})
    assert result.holds, result.sentences()
    assert ends(result, "Try") == {"caught": 2, "left": 1}
    assert ends(result, "Refused") == {"failed": 1}
    assert counts(result) == {"Try": 3, "Fine": 1, "Give up?": 2, "Again": 1, "Refused": 1}
    assert sorted(result.executions["status"]) == ["FAILED", "SUCCEEDED"]


@pytest.mark.needs_hook("jsonata")
def test_a_map_in_a_parallel_in_jsonata_of_which_an_item_fails(localstack: LocalStack) -> None:
    inner = {
        "StartAt": "Invert",
        "States": {
            "Invert": {"Type": "Pass", "Output": "{% 1 / $number($states.input) %}", "Next": "Kept"},
            "Kept": PASS,
        },
    }
    mapped = {"Type": "Map", "Items": "{% $states.input.items %}", "ItemProcessor": inner, "End": True}
    definition = machine(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Each", "States": {"Each": mapped}},
                {"StartAt": "Aside", "States": {"Aside": PASS}},
            ],
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Sorry"}],
            "End": True,
        },
        Sorry=PASS,
    ) | {"QueryLanguage": "JSONata"}
    result = Watched(localstack, definition).run({"items": [1, 2, 4]}, {"items": [1, "two"]})
    assert result.holds, result.sentences()
    assert ends(result, "Both") == {"left": 1, "caught": 1}
    assert ends(result, "Invert")["failed"] == 1
    assert counts(result)["Sorry"] == 1
    assert set(result.executions["status"]) == {"SUCCEEDED"}


def test_a_standard_workflow_that_logs_is_read_too(localstack: LocalStack) -> None:
    watched = Watched(localstack, machine("P", P={"Type": "Pass", "Next": "Q"}, Q=PASS))
    watched.workflow = Workflow(localstack, machine("P", P={"Type": "Pass", "Next": "Q"}, Q=PASS), kind="STANDARD")
    result = watched.run({})
    assert (result.machine.type, counts(result)) == ("STANDARD", {"P": 1, "Q": 1})
    assert result.holds


def test_log_all_makes_a_silent_machine_tell(localstack: LocalStack) -> None:
    states = localstack.client("stepfunctions")
    name = f"test-{uuid.uuid4().hex[:8]}"
    arn = states.create_state_machine(
        name=name, definition=json.dumps(machine("P", P=PASS)), roleArn=ROLE, type="EXPRESS"
    )["stateMachineArn"]
    target = Target("localstack", "watched", endpoint_url=localstack.endpoint_url)
    states.start_execution(stateMachineArn=arn, input="{}")
    with pytest.raises(session.NotLoggedError, match="--log-all"):
        session.watch_machine(target, arn)
    with pytest.raises(session.NothingSeenError):
        session.watch_machine(target, arn, log_all=True)
    states.start_execution(stateMachineArn=arn, input='{"a": 1}')
    result = session.watch_machine(target, arn, seconds=2)
    assert (len(result.executions), result.holds) == (1, True)
    assert result.executions["input"].iloc[0] == '{"a": 1}'
