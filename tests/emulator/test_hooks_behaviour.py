"""What a learner sees of a workflow is the same with the hooks on and off.

Each scenario runs once on a LocalStack with all hooks and once on one with none, and gives what can be seen from
outside, without what differs by nature (ids, times). The two must be equal, and equal to what is written here.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from tests.emulator.running import LocalStack, deploy, wait_until
from tests.emulator.scenarios import ACCOUNT, ECHO, HASTY, ROLE, Workflow, machine, task, types


def test_every_event_of_a_lambda_workflow_is_logged_in_order(either: LocalStack) -> None:
    echo = deploy(either, ECHO).name
    workflow = Workflow(either, machine("One", One=task(echo, "Two"), Two=task(echo)))
    data = {"text": "Zoë – 東京", "n": [1, 2.5, None]}
    events = workflow.run(data)
    one_state = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    assert types(events) == ["ExecutionStarted", *one_state, *one_state, "ExecutionSucceeded"]
    assert [event["id"] for event in events] == [str(number) for number in range(1, 13)]
    assert [event["previous_event_id"] for event in events] == [
        "0", "0", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11",
    ]  # fmt: skip
    assert json.loads(events[0]["details"]["input"]) == data
    assert json.loads(events[-1]["details"]["output"]) == data
    assert events[0]["details"]["roleArn"] == ROLE
    assert json.loads(events[2]["details"]["parameters"]) == {"FunctionName": echo, "Payload": data}
    answer = json.loads(events[4]["details"]["output"])
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": data}
    assert {event["execution_arn"].split(":")[5] for event in events} == {"express"}
    moments = [datetime.fromisoformat(event["event_timestamp"]) for event in events]
    assert moments == sorted(moments)


def test_text_of_log_events_is_the_same(localstack: LocalStack, stock: LocalStack) -> None:
    """Down to the last character, but for ids, names and times."""
    texts = []
    for either in (localstack, stock):
        echo = deploy(either, ECHO).name
        workflow = Workflow(either, machine("One", One=task(echo)))
        arn = workflow.start({"word": "ä", "n": 1})
        workflow.events(arn)
        pages = either.client("logs").get_paginator("filter_log_events").paginate(logGroupName=workflow.group)
        messages = [event["message"] for page in pages for event in page["events"]]
        joined = "\n".join(messages).replace(echo, "FUNCTION").replace(arn, "ARN")
        joined = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "TIME", joined)
        # the service's answer is a set of fields: their order differs from process to process
        texts.append(re.sub(r'\\"(StatusCode|ExecutedVersion)\\": ?[^,}]*', "", joined).replace(", ", "").split("\n"))
    assert [sorted(text) for text in texts[0]] == [sorted(text) for text in texts[1]]


def test_error_of_a_function_is_retried_and_caught(either: LocalStack) -> None:
    hasty = deploy(either, HASTY).name
    state = task(
        hasty,
        Retry=[{"ErrorEquals": ["ValueError"], "MaxAttempts": 1, "IntervalSeconds": 1}],
        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.problem", "Next": "Sorry"}],
    )
    workflow = Workflow(either, machine("Try", Try=state, Sorry={"Type": "Pass", "End": True}))
    events = workflow.run({"word": "hello"})
    assert Counter(types(events))["TaskFailed"] == 2
    assert types(events)[-1] == "ExecutionSucceeded"
    output = json.loads(events[-1]["details"]["output"])
    assert output["word"] == "hello"
    assert output["problem"]["Error"] == "ValueError"
    assert json.loads(output["problem"]["Cause"])["errorMessage"] == "no: hello"


def test_missing_function_fails_the_execution(either: LocalStack) -> None:
    events = Workflow(either, machine("One", One=task("no-such-function"))).run({})
    assert types(events)[-2:] == ["TaskFailed", "ExecutionFailed"]
    details = events[-1]["details"]
    assert details["error"] == "Lambda.ResourceNotFoundException"
    cause = details["cause"].replace(":$LATEST", "")  # which LocalStack 4.14 adds
    assert re.sub("Request ID: [^;]*", "Request ID: …", cause) == (
        f"Function not found: arn:aws:lambda:us-east-1:{ACCOUNT}:function:no-such-function (Service: AWSLambda; "
        "Status Code: 404; Error Code: ResourceNotFoundException; Request ID: …; Proxy: null)"
    )


def test_throttled_function_fails_the_task(either: LocalStack) -> None:
    echo = deploy(either, ECHO)
    either.client("lambda").put_function_concurrency(FunctionName=echo.name, ReservedConcurrentExecutions=0)
    details = Workflow(either, machine("One", One=task(echo.name))).run({})[-1]["details"]
    assert details["error"] == "Lambda.TooManyRequestsException"
    assert details["cause"].startswith("Rate Exceeded. (Service: AWSLambda; Status Code: 429;")


def test_function_by_arn_and_by_version(either: LocalStack) -> None:
    echo = deploy(either, ECHO)
    version = either.client("lambda").publish_version(FunctionName=echo.name)
    arn = version["FunctionArn"].removesuffix(f":{version['Version']}")
    by_version = task(echo.name)
    by_version["Parameters"]["Qualifier"] = version["Version"]
    events = Workflow(either, machine("A", A=task(arn, "B"), B=by_version)).run({"x": 1})
    versions = [
        json.loads(event["details"]["output"])["ExecutedVersion"]
        for event in events
        if event["type"] == "TaskSucceeded"
    ]
    assert versions == ["$LATEST", version["Version"]]


def test_timeout_of_a_task(either: LocalStack) -> None:
    slow = deploy(either, "import time\ndef lambda_handler(event, context):\n    time.sleep(5)\n").name
    events = Workflow(either, machine("Slow", Slow=task(slow, TimeoutSeconds=1))).run({})
    assert types(events)[-2:] == ["TaskTimedOut", "ExecutionFailed"]
    assert events[-1]["details"]["error"] == "States.Timeout"


def test_timeout_of_a_workflow(either: LocalStack) -> None:
    definition = machine("Wait", Wait={"Type": "Wait", "Seconds": 30, "End": True}) | {"TimeoutSeconds": 1}
    assert types(Workflow(either, definition).run({}))[-1] == "ExecutionTimedOut"


def test_choice_map_parallel_and_paths(either: LocalStack) -> None:
    echo = deploy(either, ECHO).name
    branch = machine("Say", Say=task(echo))
    definition = machine(
        "Many",
        Many={
            "Type": "Map",
            "ItemsPath": "$.words",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **branch},
            "ResultPath": "$.said",
            "Next": "Which",
        },
        Which={
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Both"}],
            "Default": "Never",
        },
        Both={"Type": "Parallel", "Branches": [branch, branch], "ResultSelector": {"first.$": "$[0].n"}, "End": True},
        Never={"Type": "Fail", "Error": "Never"},
    )
    workflow = Workflow(either, definition)
    for n in (2, 3):  # twice: the program that is parsed once must not remember the first execution
        events = workflow.run({"words": ["a", "b", "c"], "n": n})
        assert json.loads(events[-1]["details"]["output"]) == {"first": n}
    failed = workflow.run({"words": [], "n": 1})
    assert types(failed)[-1] == "ExecutionFailed"
    assert failed[-1]["details"]["error"] == "Never"


def test_path_that_selects_nothing_fails(either: LocalStack) -> None:
    events = Workflow(either, machine("P", P={"Type": "Pass", "InputPath": "$.missing", "End": True})).run({"a": 1})
    assert types(events)[-1] == "ExecutionFailed"
    assert "$.missing" in events[-1]["details"]["cause"]


def test_synchronous_execution_and_execution_data(either: LocalStack) -> None:
    echo = deploy(either, ECHO).name
    workflow = Workflow(either, machine("One", One=task(echo)))
    answer = either.client("stepfunctions").start_sync_execution(
        stateMachineArn=workflow.arn, input=json.dumps({"a": [1]})
    )
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == {"a": [1]}
    assert len(workflow.events(answer["executionArn"])) == 7


def test_standard_execution_keeps_its_history(either: LocalStack) -> None:
    echo = deploy(either, ECHO).name
    workflow = Workflow(either, machine("One", One=task(echo)), kind="STANDARD")
    arn = workflow.start({"a": 1})
    client = either.client("stepfunctions")
    wait_until(lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    assert len(client.get_execution_history(executionArn=arn)["events"]) == 7


def test_bad_definition_is_refused_each_time(either: LocalStack) -> None:
    client = either.client("stepfunctions")
    for _ in range(2):
        with pytest.raises(client.exceptions.InvalidDefinition):
            client.create_state_machine(name="bad", definition='{"StartAt": "A", "States": {}}', roleArn=ROLE)


def test_rule_on_execution_status_fires(either: LocalStack) -> None:
    events, queues = either.client("events"), either.client("sqs")
    workflow = Workflow(either, machine("P", P={"Type": "Pass", "End": True}), kind="STANDARD")
    workflow.start({})  # before the rule: nothing to receive
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [workflow.arn]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"}])
    execution = workflow.start({"n": 1})
    received: list[dict[str, Any]] = []

    def both() -> bool:
        answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        events = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        # How the first one ended may be told after the rule was made.
        received.extend(event for event in events if event["detail"]["executionArn"] == execution)
        return len(received) >= 2

    wait_until(both, what="two status events")
    assert sorted(event["detail"]["status"] for event in received) == ["RUNNING", "SUCCEEDED"]
    assert json.loads(received[-1]["detail"]["input"]) == {"n": 1}
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)
