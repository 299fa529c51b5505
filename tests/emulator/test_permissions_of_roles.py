"""What a role's policies do not allow is refused, in AWS's words: with all hooks, and with this one alone."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.emulator.runtime.hooks.registry import NAMES
from tests.emulator.running import (
    EVERYTHING,
    Function,
    LocalStack,
    allow,
    deploy,
    make_role,
    start_localstack,
    wait_until,
)
from tests.emulator.scenarios import ACCOUNT, ECHO, Workflow, machine, task, types

CALLER = """
import boto3

def lambda_handler(event, context):
    service, operation, parameters = event
    try:
        getattr(boto3.client(service), operation)(**parameters)
    except Exception as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return "done"
"""
OTHERS_ONLY = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}


pytestmark = pytest.mark.needs_hook("permissions")


@pytest.fixture(scope="module")
def alone(state_folder: object) -> Iterator[LocalStack]:
    """A LocalStack with the one hook that checks, and none of those that go another way than its API."""
    running = start_localstack({"LAB_HOOKS_OFF": ",".join(name for name in NAMES if name != "permissions")})
    yield running
    running.kill()


@pytest.fixture(params=["all hooks", "alone"])
def enforcing(request: pytest.FixtureRequest, localstack: LocalStack) -> LocalStack:
    return localstack if request.param == "all hooks" else request.getfixturevalue("alone")


def role(running: LocalStack, service: str, policy: dict[str, Any] | None) -> str:
    """A new role, by name."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    make_role(running, name, service, policy)
    return name


def arn_of(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def put(running: LocalStack, name: str, policy: dict[str, Any]) -> None:
    running.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))


def queue(running: LocalStack, **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = running.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def calling(running: LocalStack, policy: dict[str, Any] | None) -> tuple[str, Function]:
    """A role, and a function in its name that makes the call that its event names."""
    name = role(running, "lambda", policy)
    return name, deploy(running, CALLER, Role=arn_of(name))


# What functions call


def test_a_function_may_start_executions_only_where_its_role_allows_it(enforcing: LocalStack) -> None:
    allowed, other = (Workflow(enforcing, machine("P", P={"Type": "Pass", "End": True})).arn for _ in range(2))
    name, function = calling(enforcing, allow("states:StartExecution", allowed))
    assert function.invoke(["stepfunctions", "start_execution", {"stateMachineArn": allowed}])["payload"] == "done"
    assert function.invoke(["stepfunctions", "start_execution", {"stateMachineArn": other}])["payload"] == [
        "AccessDeniedException",
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{function.name} is not authorized to perform: "
        f"states:StartExecution on resource: {other} because no identity-based policy allows the "
        "states:StartExecution action",
    ]


def test_each_change_of_a_policy_is_obeyed_at_once(enforcing: LocalStack) -> None:
    url, arn = queue(enforcing)
    iam = enforcing.client("iam")
    name, function = calling(enforcing, None)

    def answer() -> Any:
        payload = function.invoke(["sqs", "send_message", {"QueueUrl": url, "MessageBody": "x"}])["payload"]
        return payload if payload == "done" else payload[1].partition(arn)[2].strip()

    nothing = "because no identity-based policy allows the sqs:sendmessage action"
    assert answer() == nothing
    put(enforcing, name, allow("SQS:Send*", arn[:-2] + "*"))
    assert answer() == "done"
    managed = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(allow("sqs:*", arn, "Deny")))["Policy"]
    iam.attach_role_policy(RoleName=name, PolicyArn=managed["Arn"])
    assert answer() == "with an explicit deny in an identity-based policy"
    iam.create_policy_version(
        PolicyArn=managed["Arn"], PolicyDocument=json.dumps(allow("sqs:*", arn)), SetAsDefault=True
    )
    assert answer() == "done"
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    assert answer() == "done"
    iam.detach_role_policy(RoleName=name, PolicyArn=managed["Arn"])
    assert answer() == nothing
    boundary = iam.create_policy(PolicyName=f"{name}-b", PolicyDocument=json.dumps(allow("s3:*")))["Policy"]["Arn"]
    put(enforcing, name, EVERYTHING)
    assert answer() == "done"
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    assert answer() == "because no permissions boundary allows the sqs:sendmessage action"


@pytest.mark.parametrize(
    ("call", "code", "action", "resource"),
    [
        (["sqs", "send_message_batch", {"QueueUrl": "queue/q", "Entries": [{"Id": "1", "MessageBody": "x"}]}],
         "AccessDenied", "sqs:sendmessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"),
        (["lambda", "invoke", {"FunctionName": "f", "Qualifier": "7"}],
         "AccessDeniedException", "lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:7"),
        (["logs", "create_export_task", {"logGroupName": "g", "fromTime": 1, "to": 2, "destination": "bucket"}],
         "AccessDeniedException", "logs:CreateExportTask", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:log-stream:"),
        (["s3", "list_objects_v2", {"Bucket": "bucket"}], "AccessDenied", "s3:ListBucket", '"arn:aws:s3:::bucket"'),
        (["iam", "get_role", {"RoleName": "r"}], "AccessDenied", "iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/r"),
        (["cloudwatch", "list_metrics", {}], None, "cloudwatch:ListMetrics", "*"),
    ],
    ids=lambda value: ".".join(value[:2]) if isinstance(value, list) else None,
)  # fmt: skip
def test_each_service_refuses_in_its_own_words(
    localstack: LocalStack, call: list[Any], code: str | None, action: str, resource: str
) -> None:
    name, function = calling(localstack, None)
    found, message = function.invoke(call)["payload"]
    assert code in (None, found)
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{function.name} is not authorized to perform: {action} on "
        f"resource: {resource} because no identity-based policy allows the {action} action"
    )


def test_a_function_may_always_ask_who_it_is(localstack: LocalStack) -> None:
    _, function = calling(localstack, allow("*", "*", "Deny"))
    assert function.invoke(["sts", "get_caller_identity", {}])["payload"] == "done"


def test_who_takes_on_a_role_may_do_what_it_may(localstack: LocalStack) -> None:
    """Also the learner: own credentials may everything, those of a role what the role may."""
    import boto3

    name = role(localstack, "lambda", allow("sqs:ListQueues"))
    given = localstack.client("sts").assume_role(RoleArn=arn_of(name), RoleSessionName="me")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
    session.client("sqs", endpoint_url=localstack.endpoint_url).list_queues()
    with pytest.raises(ClientError, match=f"assumed-role/{name}/me is not authorized to perform: s3:ListAllMyBuckets"):
        session.client("s3", endpoint_url=localstack.endpoint_url).list_buckets()


# What workflows call


@pytest.mark.parametrize("by", ["integration", "ARN"])
def test_a_task_fails_when_the_workflow_may_not_invoke(enforcing: LocalStack, by: str) -> None:
    echo, arn = deploy(enforcing, ECHO), f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
    name = role(enforcing, "states", allow("logs:*"))
    state = task(echo.name) if by == "integration" else {"Type": "Task", "Resource": arn + echo.name, "End": True}
    workflow = Workflow(enforcing, machine("One", One=state), role_arn=arn_of(name))
    *_, failed, last = workflow.run({"word": "x"})
    assert failed["type"] == ("TaskFailed" if by == "integration" else "LambdaFunctionFailed")
    assert last["type"] == "ExecutionFailed"
    assert last["details"]["error"] == "Lambda.AWSLambdaException"
    refusal, _, service = last["details"]["cause"].partition(" (")
    assert refusal.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/")
    assert refusal.endswith(
        f" is not authorized to perform: lambda:InvokeFunction on resource: {arn}{echo.name} because no identity-based "
        "policy allows the lambda:InvokeFunction action"
    )
    assert service.startswith("Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: ")

    put(enforcing, name, allow(["lambda:InvokeFunction", "logs:*"]))
    assert types(workflow.run({"word": "x"}))[-1] == "ExecutionSucceeded"


def test_a_refused_task_can_be_caught_by_its_name(localstack: LocalStack) -> None:
    echo = deploy(localstack, ECHO)
    state = task(echo.name, Catch=[{"ErrorEquals": ["Lambda.AWSLambdaException"], "Next": "Sorry"}])
    definition = machine("One", One=state, Sorry={"Type": "Pass", "End": True})
    name = role(localstack, "states", allow("logs:*"))
    assert types(Workflow(localstack, definition, role_arn=arn_of(name)).run({}))[-1] == "ExecutionSucceeded"


def test_logging_needs_the_actions_of_log_delivery(enforcing: LocalStack) -> None:
    definition = machine("P", P={"Type": "Pass", "End": True})
    words = "AccessDeniedException.*The state machine IAM Role is not authorized to access the Log Destination"
    name = role(enforcing, "states", allow("logs:*"))
    workflow = Workflow(enforcing, definition, role_arn=arn_of(name))
    put(enforcing, name, allow(["logs:CreateLogDelivery", "logs:GetLogDelivery"]))
    with pytest.raises(ClientError, match=words):
        Workflow(enforcing, definition, role_arn=arn_of(name))
    update = enforcing.client("stepfunctions").update_state_machine
    with pytest.raises(ClientError, match=words):
        update(stateMachineArn=workflow.arn, definition=json.dumps(definition))
    update(stateMachineArn=workflow.arn, loggingConfiguration={"level": "OFF"})


# Who may take a role on


def test_a_role_that_does_not_trust_the_service_is_refused(enforcing: LocalStack) -> None:
    for wrong in (arn_of(role(enforcing, "states", EVERYTHING)), arn_of("no-such-role")):
        with pytest.raises(ClientError, match=r"InvalidParameterValueException.*cannot be assumed by Lambda"):
            deploy(enforcing, ECHO, Role=wrong)
    for wrong in (arn_of(role(enforcing, "lambda", EVERYTHING)), arn_of("no-such-role")):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*Neither the global service principal states\."):
            Workflow(enforcing, machine("P", P={"Type": "Pass", "End": True}), role_arn=wrong)


def test_trust_that_is_taken_away_ends_what_begins_afterwards(enforcing: LocalStack) -> None:
    names = role(enforcing, "lambda", EVERYTHING), role(enforcing, "states", EVERYTHING)
    function = deploy(enforcing, ECHO, Role=arn_of(names[0]))
    workflow = Workflow(enforcing, machine("One", One=task(function.name)), role_arn=arn_of(names[1]))
    trust = json.dumps({"Version": "2012-10-17", "Statement": OTHERS_ONLY})
    for name in names:
        enforcing.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    with pytest.raises(ClientError, match="The role defined for the function cannot be assumed by Lambda"):
        function.invoke({})
    assert workflow.run({})[-1]["details"]["error"] == "States.Permissions"


# Mappings and logs of functions


def test_a_mapping_needs_three_permissions(enforcing: LocalStack) -> None:
    _, arn = queue(enforcing)
    name = role(enforcing, "lambda", allow(["sqs:ReceiveMessage", "sqs:GetQueueAttributes"], arn))
    function = deploy(enforcing, ECHO, Role=arn_of(name))
    create = enforcing.client("lambda").create_event_source_mapping
    words = "The function execution role does not have permissions to call DeleteMessage on SQS"
    with pytest.raises(ClientError, match=f"InvalidParameterValueException.*{words}"):
        create(EventSourceArn=arn, FunctionName=function.name)
    put(enforcing, name, allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn))
    mapping = create(EventSourceArn=arn, FunctionName=function.name)["UUID"]
    enforcing.client("lambda").delete_event_source_mapping(UUID=mapping)


def test_a_mapping_that_loses_its_permission_takes_nothing_until_it_has_it_again(enforcing: LocalStack) -> None:
    url, arn = queue(enforcing)
    name = role(enforcing, "lambda", EVERYTHING)
    function = deploy(enforcing, ECHO, Role=arn_of(name))
    sqs, client = enforcing.client("sqs"), enforcing.client("lambda")
    mapping = client.create_event_source_mapping(EventSourceArn=arn, FunctionName=function.name)["UUID"]
    wait_until(lambda: client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")

    def waiting() -> tuple[int, int]:
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        return int(found[counts[0]]), int(found[counts[1]])

    put(enforcing, name, allow("logs:*"))
    refused = f"is not authorized to perform: sqs:[Rr]eceive[Mm]essage on resource: {arn}"
    wait_until(lambda: re.search(refused, enforcing.log()), what="a refusal in the emulator's log")
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, VisibilityTimeout=0)["Messages"]
    assert waiting() == (1, 0)
    put(enforcing, name, EVERYTHING)
    wait_until(lambda: waiting() == (0, 0), what="the message to be taken and deleted")
    client.delete_event_source_mapping(UUID=mapping)


@pytest.mark.parametrize(
    ("actions", "group_is_there", "logged"),
    [
        (["logs:CreateLogStream", "logs:PutLogEvents"], True, True),
        (["logs:CreateLogStream", "logs:PutLogEvents"], False, False),
        (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], False, True),
        (["logs:CreateLogStream"], True, False),
        (["logs:PutLogEvents"], True, False),
    ],
)
def test_a_function_logs_what_its_role_allows(
    enforcing: LocalStack, actions: list[str], group_is_there: bool, logged: bool
) -> None:
    function = deploy(enforcing, "def lambda_handler(event, context):\n    print('hello')\n",
                      Role=arn_of(role(enforcing, "lambda", allow(actions))))  # fmt: skip
    other = deploy(enforcing, ECHO)  # what it logs is delivered afterwards
    group, logs = f"/aws/lambda/{function.name}", enforcing.client("logs")

    def streams(name: str) -> list[Any]:
        try:
            return list(logs.describe_log_streams(logGroupName=name)["logStreams"])
        except logs.exceptions.ResourceNotFoundException:
            return []

    if group_is_there:
        logs.create_log_group(logGroupName=group)
    assert function.invoke({})["error"] is None
    if logged:
        wait_until(lambda: streams(group), what="the function's log")
    else:
        other.invoke({})
        wait_until(lambda: streams(f"/aws/lambda/{other.name}"))
        assert streams(group) == []


# The switch


def test_without_the_hook_everybody_may_everything(other_localstack: Callable[..., LocalStack]) -> None:
    running = other_localstack(LAB_HOOKS_OFF="permissions")
    assert running.report()["hooks"]["permissions"] == "off"
    echo = deploy(running, ECHO, Role=arn_of("no-such-role"))
    workflow = Workflow(running, machine("One", One=task(echo.name)), role_arn=arn_of("no-such-role"))
    assert types(workflow.run({}))[-1] == "ExecutionSucceeded"
    _, function = calling(running, None)
    assert function.invoke(["stepfunctions", "start_execution", {"stateMachineArn": workflow.arn}])["payload"] == "done"
