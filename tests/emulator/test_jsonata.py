"""JSONata on the embedded emulator: the sample without functions, errors by AWS's names, data that hold quotes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lab import paths
from lab.load.messages import SAMPLE_BODY
from tests.emulator.running import LocalStack, deploy
from tests.emulator.scenarios import Workflow, types

pytestmark = pytest.mark.needs_hook("jsonata")
ERROR = "States.QueryEvaluationError"
SAMPLE = json.loads((paths.STATE_MACHINES / "text_processing_jsonata.asl.json").read_text("utf-8"))


def jsonata(start: str, **states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": start, "States": states}


def passing(output: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Output": output, "End": True, **more}


def test_the_sample_runs_without_a_function(localstack: LocalStack) -> None:
    events = Workflow(localstack, SAMPLE).run(json.loads(SAMPLE_BODY))
    assert types(events) == [
        "ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited", *["PassStateEntered", "PassStateExited"] * 4,
        "ExecutionSucceeded",
    ]  # fmt: skip
    output = json.loads(events[-1]["details"]["output"])
    assert (sum(output["word_counts"].values()), output["word_counts"]["the"]) == (100, 5)
    assert output["stats"]["text_length"] == 540


def test_a_broken_message_fails_by_name(localstack: LocalStack) -> None:
    workflow = Workflow(localstack, SAMPLE)
    assert workflow.run({})[-1]["details"]["error"] == "MissingInputError"
    assert workflow.run({"input": "?"})[-1]["details"]["error"] == "InvalidBase64Error"
    last = workflow.run({"input": base64.b64encode(b"\xff").decode()})[-1]["details"]
    assert last["error"] == ERROR
    assert "InvalidTextError" in last["cause"]
    assert "executing the state 'Decode base64 string'" in last["cause"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 + 'a'", "threw an error during evaluation. T2002"),
        ("$states.input.absent", "returned nothing (undefined)"),
        ("function($x) { $x }", "returned an unsupported result type"),
    ],
)
def test_an_expression_that_fails_ends_its_state_with_the_error_of_aws(
    localstack: LocalStack, expression: str, said: str
) -> None:
    events = Workflow(localstack, jsonata("P", P=passing("{% " + expression + " %}"))).run({})
    assert types(events) == ["ExecutionStarted", "PassStateEntered", "EvaluationFailed", "ExecutionFailed"]
    assert [event["details"]["error"] for event in events[-2:]] == [ERROR, ERROR]
    assert said in events[-1]["details"]["cause"]
    assert events[-2]["details"]["state"] == "P"


@pytest.mark.parametrize("error", [ERROR, "States.ALL"])
@pytest.mark.parametrize("expression", ["1 + 'a'", "$states.input.absent"])
def test_a_catch_takes_it(localstack: LocalStack, error: str, expression: str) -> None:
    name = deploy(localstack, "def lambda_handler(event, context):\n    return event\n").name
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": name, "Payload": "{% " + expression + " %}"},
        "Catch": [{"ErrorEquals": [error], "Next": "Sorry", "Output": "{% $states.errorOutput.Error %}"}],
        "End": True,
    }
    events = Workflow(localstack, jsonata("T", T=task, Sorry=passing("{% $states.input %}"))).run({})
    assert types(events) == [
        "ExecutionStarted", "TaskStateEntered", "EvaluationFailed", "TaskStateExited", "PassStateEntered",
        "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert json.loads(events[-1]["details"]["output"]) == ERROR


def test_texts_with_quotes_go_through_variables_and_states(localstack: LocalStack) -> None:
    text = 'say "so" \\ to\nнас'
    definition = jsonata(
        "Keep",
        Keep={"Type": "Pass", "Assign": {"kept": "{% $states.input.text %}"}, "Next": "Give"},
        Give=passing({"same": "{% $kept %}", "both": "{% $kept & $states.input.text %}", "word": "plain"}),
    )
    events = Workflow(localstack, definition).run({"text": text})
    assert json.loads(events[-1]["details"]["output"]) == {"same": text, "both": text + text, "word": "plain"}


def test_map_choice_and_context_take_expressions(localstack: LocalStack) -> None:
    inner = {
        "StartAt": "Even?",
        "States": {
            "Even?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input % 2 = 0 %}", "Next": "Half"}],
                "Default": "Same",
            },
            "Half": passing("{% $states.input / 2 %}"),
            "Same": passing("{% $states.input %}"),
        },
    }
    each = {"Type": "Map", "Items": "{% $range(1, 4, 1) %}", "ItemProcessor": inner, "End": True}
    events = Workflow(localstack, jsonata("Each", Each=each)).run({})
    assert json.loads(events[-1]["details"]["output"]) == [1, 1, 3, 2]
