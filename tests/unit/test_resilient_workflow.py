"""The resilient workflow: what it tries again and for how long, where it keeps what fails, and what that needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab import stack
from lab.commands.up import Workflow
from lab.stack import Names, Settings, documents, exercises, queues, roles, state_machine
from lab.stack.names import WORKFLOWS
from lab.target import Target
from tests.unit.aws_stand_in import Account, Clock

# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
OF_LAMBDA = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
}
THROTTLED = "Lambda.TooManyRequestsException"
LONGEST_EXPRESS_S = 300
# Lambda answers at once when it refuses; all other failures may take as long as the state allows.
REFUSAL_S = 1
KEEP, FAIL = "Keep the failed message", "Fail with the error's own name"


def definition(workflow: str) -> dict[str, Any]:
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    target._identity = lambda: {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}  # type: ignore[method-assign]
    return documents.definition(WORKFLOWS[workflow], Names(target).substitutions)


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    return dict(definition("resilient")["States"])


def invoking(states: dict[str, Any]) -> dict[str, Any]:
    return {name: state for name, state in states.items() if state.get("Resource", "").endswith("lambda:invoke")}


def test_it_is_the_plain_one_with_attempts_and_an_ending_added(states: dict[str, Any]) -> None:
    added = ("Retry", "Catch", "TimeoutSeconds")
    bare = {
        name: {k: value for k, value in state.items() if k not in added} for name, state in invoking(states).items()
    }
    assert bare == definition("plain")["States"]
    assert set(states) - set(bare) == {KEEP, FAIL}


def test_the_plain_one_says_what_it_lacks() -> None:
    assert "no Retry and no Catch" in definition("plain")["Comment"]


def test_every_state_tries_again_what_aws_says_with_growing_random_and_capped_waits(states: dict[str, Any]) -> None:
    for state in invoking(states).values():
        (retrier,) = [one for one in state["Retry"] if THROTTLED in one["ErrorEquals"]]
        assert set(retrier["ErrorEquals"]) == OF_LAMBDA | {THROTTLED}
        assert retrier["BackoffRate"] > 1
        assert retrier["MaxDelaySeconds"] >= retrier["IntervalSeconds"]
        assert all(one["JitterStrategy"] == "FULL" for one in state["Retry"])


def longest_s(state: dict[str, Any]) -> float:
    """How long a state takes when every attempt fails but the last, each as late as it can."""
    total = float(state["TimeoutSeconds"])
    for retrier in state["Retry"]:
        wait = float(retrier["IntervalSeconds"])
        attempt = REFUSAL_S if THROTTLED in retrier["ErrorEquals"] else state["TimeoutSeconds"]
        for _ in range(retrier["MaxAttempts"]):
            total += attempt + min(wait, retrier.get("MaxDelaySeconds", wait))
            wait *= retrier.get("BackoffRate", 2)
    return total


def test_with_all_attempts_of_all_states_it_ends_within_the_five_minutes_of_express(states: dict[str, Any]) -> None:
    assert len(invoking(states)) == 4
    assert sum(longest_s(state) for state in [*invoking(states).values(), states[KEEP]]) < LONGEST_EXPRESS_S


def test_the_functions_own_timeout_comes_first(states: dict[str, Any]) -> None:
    assert all(state["TimeoutSeconds"] > Settings().function_timeout_s for state in invoking(states).values())


def test_every_failure_is_kept_and_keeps_its_name(states: dict[str, Any]) -> None:
    for state in invoking(states).values():
        assert [(one["ErrorEquals"], one["Next"]) for one in state["Catch"]] == [(["States.ALL"], KEEP)]
    body = states[KEEP]["Parameters"]["MessageBody"]
    assert body == {"failure.$": "$", "execution.$": "$$.Execution.Id", "input.$": "$$.Execution.Input"}
    assert {states[KEEP]["Next"], *(one["Next"] for one in states[KEEP]["Catch"])} == {FAIL}
    # Neither the answer of SQS nor its refusal takes the place of the error.
    assert all("." in one["ResultPath"] for one in [states[KEEP], *states[KEEP]["Catch"]])
    assert states[FAIL] == {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"}


def test_the_command_offers_the_workflows_that_there_are() -> None:
    assert [one.value for one in Workflow] == list(WORKFLOWS)
    assert Settings().workflow == "plain"


def test_a_workflow_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="There is no workflow 'robust'; there are: plain, resilient"):
        Settings(workflow="robust")


def policies(names: Names) -> dict[str, Any]:
    iam = names.target.client("iam")
    files = iam.list_role_policies(RoleName=names.workflow_role)["PolicyNames"]
    return {
        file: iam.get_role_policy(RoleName=names.workflow_role, PolicyName=file)["PolicyDocument"] for file in files
    }


def test_the_failure_queue_and_the_right_to_send_to_it_come_with_the_resilient_one(
    account: Account, clock: Clock, target: Target
) -> None:
    names = stack.provision(target)
    assert stack.describe(target)["workflow"] == "plain"
    assert stack.describe(target)["failure_queue_url"] is None
    assert roles.KEEP_FAILURES not in policies(names)

    stack.provision(target, Settings(workflow="resilient"))
    found = stack.describe(target)
    assert (found["workflow"], found["failure_queue_url"]) == ("resilient", queues.url(names, names.failure_queue))
    (statement,) = policies(names)[roles.KEEP_FAILURES]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["sqs:SendMessage"], [names.queue_arn(names.failure_queue)])
    sqs = target.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=found["failure_queue_url"], AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert sqs.list_queue_tags(QueueUrl=found["failure_queue_url"])["Tags"]["express-lab:name"] == "a"

    sqs.delete_queue(QueueUrl=found["failure_queue_url"])
    assert stack.missing(target) == ["failure queue"]
    stack.provision(target, Settings(workflow="resilient"))
    assert stack.missing(target) == []


def test_back_to_the_plain_one_the_right_goes_and_the_queue_stays_until_the_lab_goes(
    account: Account, clock: Clock, target: Target
) -> None:
    names = stack.provision(target, Settings(workflow="resilient"))
    sqs = target.client("sqs")
    sqs.send_message(QueueUrl=queues.url(names, names.failure_queue), MessageBody="kept")
    stack.provision(target)
    assert stack.describe(target)["workflow"] == "plain"
    assert roles.KEEP_FAILURES not in policies(names)
    assert sqs.receive_message(QueueUrl=queues.url(names, names.failure_queue))["Messages"][0]["Body"] == "kept"
    assert f"queue {names.failure_queue}" in stack.survivors(target)
    assert stack.destroy(target) == []
    assert queues.find(names, names.failure_queue) is None


def test_each_module_knows_its_queues_without_the_sweep_that_an_emulator_does_not_have(
    account: Account, clock: Clock, target: Target
) -> None:
    names = stack.provision(target, Settings(workflow="resilient"))
    assert f"queue {names.failure_queue}" in queues.survivors(names)
    queues.delete(names)
    assert queues.survivors(names) == []
    invoices = [exercises.name(names, one) for one in exercises.QUEUES]
    for queue in invoices:
        fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
        target.client("sqs").create_queue(QueueName=queue, Attributes=fifo)
    assert exercises.survivors(names) == [f"queue {queue}" for queue in invoices]
    exercises.delete(names)
    assert exercises.survivors(names) == []


def test_a_failure_queue_of_a_run_that_crashed_is_swept(account: Account, clock: Clock, target: Target) -> None:
    names = stack.provision(target, Settings(workflow="resilient"))
    left = [str(found) for found in stack.lifecycle.sweep.by_name(target)]
    assert f"queue {names.failure_queue}" in left


def test_a_definition_of_the_learners_own_is_called_changed(account: Account, clock: Clock, target: Target) -> None:
    names = stack.provision(target)
    own = json.dumps({"StartAt": "x", "States": {"x": {"Type": "Succeed"}}})
    target.client("stepfunctions").update_state_machine(stateMachineArn=names.state_machine_arn, definition=own)
    assert stack.describe(target)["workflow"] == "changed"
    assert state_machine.find(names) is not None


def test_the_url_of_a_queue_is_known_before_the_queue_is_there(account: Account, target: Target) -> None:
    names = Names(target)
    with pytest.raises(ClientError):
        target.client("sqs").get_queue_url(QueueName=names.failure_queue)
    made = target.client("sqs").create_queue(QueueName=names.failure_queue)["QueueUrl"]
    assert names.queue_url(names.failure_queue).rsplit("/", 2)[1:] == made.rsplit("/", 2)[1:]
    assert names.queue_url(names.failure_queue).startswith("https://sqs.us-east-1.amazonaws.com/")
