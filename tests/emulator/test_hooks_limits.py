"""Sizes and times that AWS refuses are refused by the embedded emulator too, and by the same names."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.running import LocalStack, deploy
from tests.emulator.scenarios import ACCOUNT, ECHO, Workflow, machine, task, types

LIMIT = 262_144
TOO_LARGE = "States.DataLimitExceeded"
NOTHING = machine("P", P={"Type": "Pass", "Result": "done", "End": True})


def filled(byte_count: int, letter: str = "A") -> dict[str, str]:
    """Data that are this many bytes long as JSON without spaces, in UTF-8."""
    letters, rest = divmod(byte_count - len('{"x":""}'), len(letter.encode()))
    return {"x": letter * letters + "A" * rest}


def compact(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def start(running: LocalStack, workflow: Workflow, text: str) -> str:
    answer = running.client("stepfunctions").start_execution(stateMachineArn=workflow.arn, input=text)
    return str(answer["executionArn"])


@pytest.mark.needs_hook("payload_limits")
@pytest.mark.parametrize("letter", ["A", "é", "東", "😀"])
def test_an_input_of_the_last_byte_starts_and_one_byte_more_does_not(localstack: LocalStack, letter: str) -> None:
    workflow = Workflow(localstack, NOTHING)
    text = compact(filled(LIMIT, letter))
    assert len(text.encode()) == LIMIT
    assert types(workflow.events(start(localstack, workflow, text)))[-1] == "ExecutionSucceeded"
    client = localstack.client("stepfunctions")
    for call in (client.start_execution, client.start_sync_execution):
        with pytest.raises(ClientError) as caught:
            call(stateMachineArn=workflow.arn, input=text + " ")
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == (
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            "Member must have size less than or equal to 262144 bytes in UTF-8 encoding",
        )
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.needs_hook("payload_limits")
@pytest.mark.parametrize("letter", ["A", "é"])
def test_an_output_of_the_last_byte_is_handed_over_and_one_byte_more_is_not(
    localstack: LocalStack, letter: str
) -> None:
    def run(data: Any) -> list[dict[str, Any]]:
        return Workflow(localstack, machine("P", P={"Type": "Pass", "Result": data, "End": True})).run({})

    assert types(run(filled(LIMIT, letter))) == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    events = run(filled(LIMIT + 1, letter))
    assert types(events) == ["ExecutionStarted", "PassStateEntered", "ExecutionFailed"]
    assert events[-1]["details"] == {
        "error": TOO_LARGE,
        "cause": "The state/task 'P' returned a result with a size exceeding the maximum number of bytes service "
        "limit.",
    }


def test_a_result_that_is_too_long_fails_its_task(either: LocalStack) -> None:
    """As recorded on AWS, a Catch for States.ALL catches it."""
    long = deploy(either, "def lambda_handler(event, context):\n    return 'A' * 262_144\n").name
    events = Workflow(either, machine("T", T=task(long))).run({})
    assert types(events)[-2:] == ["TaskFailed", "ExecutionFailed"]
    said = "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit."
    assert (events[-1]["details"]["error"], events[-1]["details"]["cause"]) == (TOO_LARGE, said)
    caught = task(long, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}])
    events = Workflow(either, machine("T", T=caught, Sorry={"Type": "Pass", "End": True})).run({})
    assert json.loads(events[-1]["details"]["output"]) == {"Error": TOO_LARGE, "Cause": said}


@pytest.mark.needs_hook("payload_limits")
def test_a_result_is_measured_in_bytes_of_utf_8(localstack: LocalStack) -> None:
    """131,000 times "é" are 262,000 bytes; as Python escapes them, they would be 786,000."""
    letters = deploy(localstack, "def lambda_handler(event, context):\n    return event['letter'] * 131_000\n").name
    workflow = Workflow(localstack, machine("T", T=task(letters)))
    assert types(workflow.run({"letter": "é"}))[-1] == "ExecutionSucceeded"
    assert workflow.run({"letter": "東"})[-1]["details"]["error"] == TOO_LARGE


@pytest.mark.needs_hook("payload_limits")
def test_parameters_that_are_too_long_fail_their_state_before_the_function_is_called(localstack: LocalStack) -> None:
    loud = deploy(localstack, "def lambda_handler(event, context):\n    print('called')\n").name
    workflow = Workflow(localstack, machine("T", T=task(loud)))
    events = workflow.events(start(localstack, workflow, compact(filled(LIMIT))))
    assert types(events) == ["ExecutionStarted", "TaskStateEntered", "TaskFailed", "ExecutionFailed"]
    assert events[-1]["details"]["error"] == TOO_LARGE
    groups = localstack.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{loud}")["logGroups"]
    assert groups == []


@pytest.mark.needs_hook("mapping_checks")
def test_a_mapping_whose_queue_hides_messages_too_short_is_refused(localstack: LocalStack) -> None:
    queues, client = localstack.client("sqs"), localstack.client("lambda")
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "9"})["QueueUrl"]
    function = deploy(localstack, ECHO, Timeout=10).name
    request = {"EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", "FunctionName": function}

    def refusal(call: Any, **request: Any) -> tuple[str, str]:
        with pytest.raises(client.exceptions.InvalidParameterValueException) as caught:
            call(**request)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    expected = (
        "InvalidParameterValueException",
        "Queue visibility timeout: 9 seconds is less than Function timeout: 10 seconds",
    )
    assert refusal(client.create_event_source_mapping, **request) == expected
    assert client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"] == []
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    mapping = client.create_event_source_mapping(**request)["UUID"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "9"})
    assert refusal(client.update_event_source_mapping, UUID=mapping, BatchSize=2) == expected
    assert client.get_event_source_mapping(UUID=mapping)["BatchSize"] == 10
    client.delete_event_source_mapping(UUID=mapping)
