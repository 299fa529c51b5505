"""The policy documents: real actions, resources named wherever AWS allows it, and enough for a whole run under moto.

Moto enforces IAM in this process. Where its action names differ from AWS's, the test says so; a run on AWS itself is
in ``tests/aws``.
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import boto3
import parliament
import pytest
from botocore.exceptions import ClientError
from moto.core import set_initial_no_auth_action_count
from moto.iam.access_control import IAMRequestBase

from lab import stack
from lab.session import quotas as quota_room
from lab.stack import Names, Settings, documents, mapping, roles
from lab.target import DeniedError, Target, explain, permissions
from tests.unit.aws_stand_in import Account

LAB = {"partition": "aws", "region": "us-east-1", "account": "123456789012", "name": "a"}
# AWS's list of managed policies' length, white space not counted.
LONGEST_MANAGED_POLICY = 6_144


def privileges() -> dict[str, dict[str, Any]]:
    """parliament's copy of AWS's Service Authorization Reference: action → its entry."""
    return {
        f"{service['prefix']}:{entry['privilege']}": entry
        for service in parliament.iam_definition
        for entry in service["privileges"]
    }


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document["Statement"])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    identity = {"Account": LAB["account"], "Arn": f"arn:aws:iam::{LAB['account']}:user/u"}
    monkeypatch.setattr(target, "_identity", lambda: identity)
    return Names(target)


@pytest.fixture
def all_documents(names: Names) -> dict[str, dict[str, Any]]:
    """Every policy that is printed or deployed."""
    found = {
        file: json.loads(documents.policy(file, names.substitutions))
        for role in roles.wanted(names, Settings(workflow="resilient", start="synchronous"))
        for file in role.policies
    }
    return found | {"lab policy": permissions.policy(**LAB)}


def test_no_document_has_a_wildcard_action(all_documents: dict[str, dict[str, Any]]) -> None:
    for name, document in all_documents.items():
        for statement in statements(document):
            assert not any("*" in action for action in statement["Action"]), name


def test_every_action_is_one_of_aws(all_documents: dict[str, dict[str, Any]]) -> None:
    known = privileges()
    for name, document in all_documents.items():
        for statement in statements(document):
            assert set(statement["Action"]) <= known.keys(), name


def test_resources_are_named_wherever_aws_allows_it(all_documents: dict[str, dict[str, Any]]) -> None:
    known = privileges()
    # The sample's own document. AWS asks for "*" for all eight, those that now know a resource included.
    del all_documents["deliver_logs"]
    for name, document in all_documents.items():
        for statement in statements(document):
            if "*" not in statement["Resource"]:
                assert all(
                    any(part in arn for part in (":express-lab-a-", "/express-lab-a-", "event-source-mapping"))
                    or arn.endswith("event-bus/default")  # every account's own; the events' source is a condition
                    for arn in statement["Resource"]
                ), name
                continue
            for action in statement["Action"]:
                allowed = [entry["resource_type"] for entry in known[action]["resource_types"]]
                assert not any(allowed), f"{action} in {name} can be limited to {allowed}"


def test_parliament_finds_no_fault(all_documents: dict[str, dict[str, Any]]) -> None:
    for name, document in all_documents.items():
        found = parliament.analyze_policy_string(json.dumps(document)).findings
        # parliament's copy of the reference is older than some of the condition keys.
        found = [finding for finding in found if finding.issue not in ("UNKNOWN_CONDITION_FOR_ACTION",)]
        assert [(finding.issue, finding.detail) for finding in found] == [], name


def test_parliament_finds_a_fault_that_is_there() -> None:
    document = permissions.policy(**LAB)
    document["Statement"][0]["Action"].append("sqs:SendMessageBatch")
    assert "UNKNOWN_ACTION" in [
        finding.issue for finding in parliament.analyze_policy_string(json.dumps(document)).findings
    ]


def test_the_policy_fits_into_one_managed_policy() -> None:
    document = permissions.policy(**LAB | {"name": "x" * 24, "region": "ap-southeast-99"})
    assert len(json.dumps(document, separators=(",", ":"))) < LONGEST_MANAGED_POLICY


def test_table_and_statements_have_the_same_actions() -> None:
    needed = {action for actions in permissions.CALLS.values() for action in actions}
    assert needed == permissions.known_actions()


def test_roles_may_be_handed_to_the_services_that_take_them_only() -> None:
    (statement,) = [entry for entry in statements(permissions.policy(**LAB)) if "iam:PassRole" in entry["Action"]]
    assert statement["Action"] == ["iam:PassRole"]
    assert statement["Condition"]["StringEquals"]["iam:PassedToService"] == [
        "events.amazonaws.com",
        "lambda.amazonaws.com",
        "pipes.amazonaws.com",
        "states.amazonaws.com",
    ]


def test_each_role_has_what_its_work_needs_and_no_more(all_documents: dict[str, dict[str, Any]], names: Names) -> None:
    has = {
        role.name: {
            action for file in role.policies for entry in statements(all_documents[file]) for action in entry["Action"]
        }
        for role in roles.wanted(names, Settings(workflow="resilient"))
    }
    own_logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    delivery = {action for action in has[names.workflow_role] if action.startswith("logs:")}
    assert has[names.workflow_role] == {"lambda:InvokeFunction", "sqs:SendMessage"} | delivery
    assert len(delivery) == 8
    assert has[names.functions_role] == own_logs
    # AWS's documentation asks for the three of SQS in the role of a function with a queue as its source.
    receive = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    assert has[names.start_role] == own_logs | receive | {"states:StartExecution"}


# ------------------------------------------------------------------------------ the resource of each call

# Parameters that say which of our resources a call is for, and how that resource's ARN follows.
RESOURCES = {
    "QueueUrl": lambda value: "arn:aws:sqs:us-east-1:123456789012:" + value.rsplit("/", 1)[-1],
    "QueueName": lambda value: f"arn:aws:sqs:us-east-1:123456789012:{value}",
    "RoleName": lambda value: f"arn:aws:iam::123456789012:role/{value}",
    "FunctionName": lambda value: f"arn:aws:lambda:us-east-1:123456789012:function:{value}",
    "UUID": lambda value: f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{value}",
    "logGroupName": lambda value: f"arn:aws:logs:us-east-1:123456789012:log-group:{value}",
    "stateMachineArn": lambda value: value,
    "StackName": lambda value: f"arn:aws:cloudformation:us-east-1:123456789012:stack/{value}/an-id",
    "name": lambda value: f"arn:aws:states:us-east-1:123456789012:stateMachine:{value}",
}


OTHER_SOURCES = ("events:", "s3:", "kinesis:", "dynamodb:", "pipes:")


def allowing(document: dict[str, Any], action: str, resource: str) -> list[str]:
    """Names of the statements that allow an action on a resource; conditions are not looked at."""
    return [
        statement["Sid"]
        for statement in statements(document)
        if action in statement["Action"] and any(fnmatch.fnmatchcase(resource, arn) for arn in statement["Resource"])
    ]


def test_each_call_is_allowed_on_the_very_resource_that_it_is_for(account: Account) -> None:
    target = Target("aws", "a")
    account.watch(target)
    whole_run(target)
    document = permissions.policy(**LAB)
    looked_at = set()
    for made in account.parameters:
        for action in permissions.actions_of(made["call"]):
            resources = [arn(made[key]) for key, arn in RESOURCES.items() if key in made]
            if action == "iam:PassRole":
                resources = [role for key, role in made.items() if key in ("Role", "roleArn")]
            if made["call"] == "lambda.CreateEventSourceMapping" and action == "lambda:TagResource":
                resources = [RESOURCES["UUID"]("new")]
            assert allowing(document, action, resources[0] if resources else "*"), (action, made)
            looked_at.add(action)
    # What a run without messages, faults, a stack of the template and other sources does not need.
    of_sources = {action for action in permissions.known_actions() if action.startswith(OTHER_SOURCES)}
    listed = (
        "events:ListRules",
        "s3:ListAllMyBuckets",
        "kinesis:ListStreams",
        "dynamodb:ListTables",
        "pipes:ListPipes",
    )
    assert of_sources & looked_at == set(listed)
    assert permissions.known_actions() - looked_at - of_sources == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:SetQueueAttributes",
        "sqs:StartMessageMoveTask",
        "sqs:ListMessageMoveTasks",
        "iam:GetRolePolicy",
        "lambda:UpdateFunctionCode",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
        "states:UpdateStateMachine",
        "states:StartExecution",
        "states:StartSyncExecution",
        "states:DescribeExecution",
        "states:GetExecutionHistory",
        "states:StopExecution",
        "states:RedriveExecution",
        "states:SendTaskSuccess",
        "lambda:InvokeFunction",
        "lambda:GetFunction",
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
        "cloudformation:DeleteStack",
        "cloudformation:DescribeStackEvents",
        "cloudformation:TagResource",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DeleteAlarms",
        "sqs:ListQueueTags",
        "iam:ListAttachedRolePolicies",
        "logs:ListTagsForResource",
        "states:ListTagsForResource",
    }


def test_another_labs_resources_are_not_allowed() -> None:
    document = permissions.policy(**LAB)
    for resource in ("express-lab-b-messages", "express-lab-ab-messages", "somebody-elses"):
        assert allowing(document, "sqs:DeleteQueue", f"arn:aws:sqs:us-east-1:123456789012:{resource}") == []
    assert allowing(document, "sqs:DeleteQueue", "arn:aws:sqs:eu-west-1:123456789012:express-lab-a-messages") == []


# ------------------------------------------------------------------------------ moto as the one who says no

# moto takes an action to be the service's signing name and the operation; AWS's differ in these of our calls. They are
# granted under moto's name for the test.
MOTO_NAMES = {"sqs:SendMessageBatch": "sqs:SendMessage", "tagging:GetResources": "tag:GetResources"}
# AWS checks these together with the call that brings the tags or the role; moto does not, so it cannot miss them.
IMPLIED = {
    "sqs:TagQueue",
    "iam:TagRole",
    "lambda:TagResource",
    "logs:TagResource",
    "states:TagResource",
    "iam:PassRole",
}


def for_moto(actions: set[str]) -> dict[str, Any]:
    """A policy of these actions as moto can read it: it knows neither resources nor conditions (its own words)."""
    named = {moto_name for moto_name, action in MOTO_NAMES.items() if action in actions}
    statement = {"Effect": "Allow", "Action": sorted(actions | named), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def become_learner(actions: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the calls are made by a user of the account who may do ``actions`` and nothing else."""
    iam = boto3.client("iam", "us-east-1")
    iam.create_user(UserName="learner")
    iam.put_user_policy(UserName="learner", PolicyName="lab", PolicyDocument=json.dumps(for_moto(actions)))
    key = iam.create_access_key(UserName="learner")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    # moto works out another signature than botocore for paths such as Lambda's; but still looks up who may.
    monkeypatch.setattr(IAMRequestBase, "check_signature", lambda request: None)


def whole_run(target: Target) -> None:
    """Up, a look, a message, a change, down."""
    names = stack.provision(target)
    quota_room.read(target)
    stack.provision(target, Settings(memory_mb=192, batch_size=5))
    stack.describe(target)
    sqs = target.client("sqs")
    url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "{}"}])
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    target.client("logs").filter_log_events(logGroupName=names.log_group)
    mapping_id = mapping.find(names)["UUID"]  # type: ignore[index]
    target.client("lambda").get_event_source_mapping(UUID=mapping_id)
    assert stack.destroy(target) == []


def test_moto_lets_a_learner_with_the_policy_do_a_whole_run(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    become_learner(permissions.known_actions(), monkeypatch)
    target = Target("aws", "a")
    account.watch(target)
    set_initial_no_auth_action_count(0)(whole_run)(target)


@pytest.mark.parametrize(
    "action",
    [
        "sqs:CreateQueue",
        "sqs:SendMessage",
        "iam:PutRolePolicy",
        "lambda:CreateFunction",
        "logs:CreateLogGroup",
        "states:CreateStateMachine",
        "lambda:CreateEventSourceMapping",
        "lambda:ListFunctions",
        "iam:DeleteRole",
    ],
)
def test_moto_stops_a_learner_who_lacks_an_action_and_the_lab_names_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    become_learner(permissions.known_actions() - {action}, monkeypatch)
    target = Target("aws", "a")
    account.watch(target)
    with pytest.raises(ClientError) as raised:
        set_initial_no_auth_action_count(0)(whole_run)(target)
    told = explain(raised.value)
    assert isinstance(told, DeniedError)
    assert action in told.render()
    assert any(action in permissions.actions_of(call) for call in permissions.CALLS)
    assert f'"Action": ["{action}"]' in told.render()
    assert action not in IMPLIED
