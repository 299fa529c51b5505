"""Standard Workflows are as on AWS, with all hooks and with none: names, histories, tokens, roles, and their end."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab import stack
from lab.stack import exercises
from tests.emulator.running import LocalStack, allow, deploy, make_role, own_lab, wait_until
from tests.emulator.scenarios import ECHO, Workflow, machine, task, types

WAIT = machine("Wait", Wait={"Type": "Wait", "Seconds": 300, "End": True})
NOTHING = machine("P", P={"Type": "Pass", "End": True})


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    return str(refusal.value.response["Error"]["Code"])


def ended(running: LocalStack, arn: str) -> dict[str, Any]:
    """What is said of an execution, once it has ended."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = running.client("stepfunctions").describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return dict(wait_until(look, deadline_s=60, what="the end of the execution"))


def history(running: LocalStack, arn: str) -> list[dict[str, Any]]:
    return list(running.client("stepfunctions").get_execution_history(executionArn=arn)["events"])


def test_a_name_counts_once_while_it_runs_and_after_its_end(either: LocalStack) -> None:
    states = either.client("stepfunctions")
    order = {"stateMachineArn": Workflow(either, WAIT, "STANDARD").arn, "name": uuid.uuid4().hex, "input": '{"n": 1}'}
    first = states.start_execution(**order)
    again = states.start_execution(**order)
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    assert refused(states.start_execution, **{**order, "input": "{}"}) == "ExecutionAlreadyExists"
    # Stock, a stop may be lost when it comes at the wrong moment.
    wait_until(lambda: "WaitStateEntered" in types(history(either, first["executionArn"])), what="the wait")
    time.sleep(0.5)
    states.stop_execution(executionArn=first["executionArn"], error="Enough")
    assert ended(either, first["executionArn"])["status"] == "ABORTED"
    assert refused(states.start_execution, **order) == "ExecutionAlreadyExists"
    listed = states.list_executions(stateMachineArn=order["stateMachineArn"])["executions"]
    assert [(one["name"], one["status"]) for one in listed] == [(order["name"], "ABORTED")]


@pytest.mark.needs_hook("execution_stops")
def test_a_stop_is_not_lost_however_early_it_comes(localstack: LocalStack) -> None:
    states = localstack.client("stepfunctions")
    arn = Workflow(localstack, WAIT, "STANDARD").arn
    started = [states.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(10)]
    for execution in started:
        states.stop_execution(executionArn=execution)
    assert {ended(localstack, execution)["status"] for execution in started} == {"ABORTED"}


def test_a_name_of_an_express_workflow_counts_as_often_as_it_comes(either: LocalStack) -> None:
    workflow = Workflow(either, NOTHING)
    order = {"stateMachineArn": workflow.arn, "name": "a", "input": "{}"}
    states = either.client("stepfunctions")
    arns = {states.start_execution(**order)["executionArn"] for _ in range(2)}
    arns |= {states.start_sync_execution(**order)["executionArn"] for _ in range(2)}
    assert len(arns) == 4
    assert all(types(workflow.events(arn))[-1] == "ExecutionSucceeded" for arn in arns)


def test_the_history_is_what_the_log_says_and_stays_after_the_end(either: LocalStack) -> None:
    echo = deploy(either, ECHO).name
    workflow = Workflow(either, machine("One", One=task(echo, "Two"), Two=task(echo)), "STANDARD")
    arn = workflow.start({"text": "Zoë"})
    logged = workflow.events(arn)
    found = history(either, arn)
    assert types(found) == types(logged)
    assert [(event["id"], event["previousEventId"]) for event in found] == [
        (int(event["id"]), int(event["previous_event_id"])) for event in logged
    ]
    entered = [event["stateEnteredEventDetails"] for event in found if "stateEnteredEventDetails" in event]
    assert [(state["name"], json.loads(state["input"])) for state in entered] == [
        ("One", {"text": "Zoë"}),
        ("Two", {"text": "Zoë"}),
    ]
    description = ended(either, arn)
    assert (description["status"], json.loads(description["output"])) == ("SUCCEEDED", {"text": "Zoë"})
    assert description["stopDate"] >= description["startDate"]


def test_nobody_can_be_asked_about_an_express_execution_whether_it_runs_or_has_ended(either: LocalStack) -> None:
    states = either.client("stepfunctions")
    workflow = Workflow(either, NOTHING)
    over = workflow.start({})
    workflow.events(over)
    running = Workflow(either, WAIT).start({})
    for arn in (over, running):
        for call in (states.describe_execution, states.get_execution_history, states.stop_execution):
            assert refused(call, executionArn=arn) == "InvalidArn"
    assert refused(states.list_executions, stateMachineArn=workflow.arn) == "StateMachineTypeNotSupported"
    standard = Workflow(either, NOTHING, "STANDARD").arn
    assert refused(states.start_sync_execution, stateMachineArn=standard) == "StateMachineTypeNotSupported"
    unknown = f"{standard.replace(':stateMachine:', ':execution:')}:x"
    assert refused(states.describe_execution, executionArn=unknown) == "ExecutionDoesNotExist"


def test_a_task_waits_for_its_token_in_a_standard_workflow_alone(either: LocalStack) -> None:
    states = either.client("stepfunctions")
    waiting = task(deploy(either, ECHO).name, Resource="arn:aws:states:::lambda:invoke.waitForTaskToken")
    del waiting["OutputPath"]
    waiting["Parameters"] = {
        "FunctionName": waiting["Parameters"]["FunctionName"],
        "Payload": {"token.$": "$$.Task.Token"},
    }
    with pytest.raises(ClientError, match="InvalidDefinition"):
        Workflow(either, machine("Ask", Ask=waiting))
    arn = Workflow(either, machine("Ask", Ask=waiting), "STANDARD").start({})
    wait_until(lambda: "TaskSubmitted" in types(history(either, arn)), what="the task to wait")
    (scheduled,) = [event for event in history(either, arn) if event["type"] == "TaskScheduled"]
    token = json.loads(scheduled["taskScheduledEventDetails"]["parameters"])["Payload"]["token"]
    assert states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    states.send_task_success(taskToken=token, output='{"yes": true}')
    assert json.loads(ended(either, arn)["output"]) == {"yes": True}


@pytest.mark.needs_hook("permissions")
def test_a_standard_workflow_may_do_what_its_role_allows_and_its_history_says_what_was_refused(
    localstack: LocalStack,
) -> None:
    allowed, other = (deploy(localstack, ECHO) for _ in range(2))
    role = f"test-{uuid.uuid4().hex[:8]}"
    logs = allow(["logs:*"], "*")
    one = allow(["lambda:InvokeFunction"], f"arn:aws:lambda:us-east-1:000000000000:function:{allowed.name}")
    policy = {**one, "Statement": [*logs["Statement"], *one["Statement"]]}
    make_role(localstack, role, "states", policy)
    role_arn = f"arn:aws:iam::000000000000:role/{role}"
    definition = machine("One", One=task(allowed.name, "Two"), Two=task(other.name))
    arn = Workflow(localstack, definition, "STANDARD", role_arn).start({})
    end = ended(localstack, arn)
    assert (end["status"], end["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction" in end["cause"]
    assert other.name in end["cause"]
    assert types(history(localstack, arn))[-2:] == ["TaskFailed", "ExecutionFailed"]


def test_what_a_notebook_left_half_way_is_removed_and_what_it_runs_is_stopped(state_folder: object) -> None:
    with own_lab("half-way") as target:
        names = stack.provision(target)
        states = target.client("stepfunctions")
        created = states.create_state_machine(
            name=exercises.name(names, "standard-slow"),
            type="STANDARD",
            definition=json.dumps(WAIT),
            roleArn=names.role_arn(names.workflow_role),
        )
        group = f"/aws/vendedlogs/states/{exercises.name(names, 'express')}"
        target.client("logs").create_log_group(logGroupName=group)
        running = states.start_execution(stateMachineArn=created["stateMachineArn"])["executionArn"]
        found = exercises.survivors(names)
        assert found == [f"state machine {exercises.name(names, 'standard-slow')}", f"log group {group}"]
        assert stack.destroy(target) == []
        assert exercises.survivors(names) == []
        assert states.describe_execution(executionArn=running)["status"] == "ABORTED"
