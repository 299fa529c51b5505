"""What policies allow, which permission an operation needs, and how long a decision is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from lab.emulator.runtime import authorization, roles
from lab.emulator.runtime.actions import Place, permission
from lab.emulator.runtime.authorization import DeniedError
from lab.emulator.runtime.policies import Request, Verdict, verdict
from lab.emulator.runtime.roles import Role

ROLE = "arn:aws:iam::000000000000:role/path/mine"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
HERE = Place("aws", "us-east-1", "000000000000")


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}


def say(*statements: dict[str, Any], action: str = "sqs:SendMessage", resource: str = QUEUE, **context: str) -> Verdict:
    keys = {key.replace("_", ":").lower(): value for key, value in context.items()}
    return verdict([policy(*statements)], Request(action, resource, context=keys))


# Policies


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "sqs:SendMessage", "Resource": QUEUE}, "allowed"),
        ({"Action": "SQS:sendmessage", "Resource": "*"}, "allowed"),
        ({"Action": ["s3:*", "sqs:Send*"], "Resource": ["x", QUEUE]}, "allowed"),
        ({"Action": "sqs:Send?essage", "Resource": "arn:aws:sqs:*:*:?"}, "allowed"),
        ({"Action": "*", "Resource": QUEUE.upper()}, "silent"),
        ({"Action": "*", "Resource": QUEUE.replace("000", ".00", 1)}, "silent"),
        ({"Action": "sqs.SendMessage", "Resource": "*"}, "silent"),
        ({"Action": "sqs:Send", "Resource": "*"}, "silent"),
        ({"NotAction": "s3:*", "Resource": "*"}, "allowed"),
        ({"NotAction": ["s3:*", "sqs:*"], "Resource": "*"}, "silent"),
        ({"Action": "*", "NotResource": "arn:aws:s3:*"}, "allowed"),
        ({"Action": "*", "NotResource": QUEUE}, "silent"),
        ({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:*"}, "denied"),
        ({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, "silent"),
    ],
)
def test_one_statement(statement: dict[str, Any], expected: str) -> None:
    assert say(statement).value == expected


def test_a_denial_outweighs_every_allowance_and_one_statement_needs_no_list() -> None:
    everything = {"Action": "*", "Resource": "*"}
    assert say(everything, everything | {"Effect": "Deny"}, everything) is Verdict.DENIED
    assert verdict([{"Statement": {"Effect": "Allow", **everything}}], Request("a:b")) is Verdict.ALLOWED
    assert verdict([policy(everything), policy({"Effect": "Deny", **everything})], Request("a:b")) is Verdict.DENIED
    assert verdict([], Request("a:b")) is Verdict.SILENT


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalAccount": "1"}}, True),
        ({"StringEquals": {"aws:principalaccount": ["2", "1"]}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": "2"}}, False),
        ({"StringNotEquals": {"aws:PrincipalAccount": ["1", "2"]}}, False),
        ({"StringNotEquals": {"aws:PrincipalAccount": "2"}}, True),
        ({"StringLike": {"aws:PrincipalAccount": "?"}, "Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringLike": {"aws:PrincipalAccount": "?"}, "Bool": {"aws:SecureTransport": "false"}}, False),
        ({"StringEquals": {"aws:SourceVpc": "v"}}, False),
        ({"StringEqualsIfExists": {"aws:SourceVpc": "v"}}, True),
        ({"StringNotEquals": {"aws:SourceVpc": "v"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"Null": {"aws:SourceVpc": "true"}}, True),
        ({"Null": {"aws:SourceVpc": "false"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "k"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "k"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, False),
        ({"NumericLessThan": {"aws:PrincipalAccount": "no number"}}, False),
        ({"NoSuchOperator": {"aws:PrincipalAccount": "1"}}, False),
    ],
    ids=str,
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    context = {"aws_PrincipalAccount": "1", "aws_SecureTransport": "true", "aws_CurrentTime": "2026-06-01T00:00:00Z"}
    found = say({"Action": "*", "Resource": "*", "Condition": condition}, **context)
    assert found is (Verdict.ALLOWED if holds else Verdict.SILENT)


def test_variables_in_resources() -> None:
    statement = {"Action": "*", "Resource": "arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q"}
    assert say(statement, aws_PrincipalAccount="000000000000") is Verdict.ALLOWED
    assert say(statement) is Verdict.SILENT


# What an operation needs


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "action", "resource"),
    [
        ("stepfunctions", "StartExecution", {"stateMachineArn": "arn:m"}, "states:StartExecution", "arn:m"),
        ("stepfunctions", "StopExecution", {"executionArn": "arn:e"}, "states:StopExecution", "arn:e"),
        ("stepfunctions", "ListStateMachines", {}, "states:ListStateMachines", HERE.arn("states", "stateMachine:*")),
        ("sqs", "SendMessageBatch", {"QueueUrl": "http://h/queue/r/111111111111/q"}, "sqs:SendMessage",
         "arn:aws:sqs:us-east-1:111111111111:q"),
        ("sqs", "GetQueueUrl", {"QueueName": "q"}, "sqs:GetQueueUrl", QUEUE),
        ("lambda", "Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", HERE.arn("lambda", "function:f")),
        ("lambda", "Invoke", {"FunctionName": "111111111111:function:f", "Qualifier": "1"}, "lambda:InvokeFunction",
         "arn:aws:lambda:us-east-1:111111111111:function:f:1"),
        ("lambda", "Invoke", {"FunctionName": "arn:aws:lambda:r:a:function:f:2", "Qualifier": "2"},
         "lambda:InvokeFunction", "arn:aws:lambda:r:a:function:f:2"),
        ("logs", "FilterLogEvents", {"logGroupIdentifier": "arn:aws:logs:r:a:log-group:/g:*"},
         "logs:FilterLogEvents", HERE.arn("logs", "log-group:/g:log-stream:")),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k/l"}, "s3:GetObject", "arn:aws:s3:::b/k/l"),
        ("s3", "ListBuckets", {}, "s3:ListAllMyBuckets", "*"),
        ("sts", "AssumeRole", {"RoleArn": ROLE}, "sts:AssumeRole", ROLE),
        ("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": "p"}, "iam:AttachRolePolicy",
         "arn:aws:iam::000000000000:role/r"),
        ("events", "PutRule", {"Name": "r"}, "events:PutRule", HERE.arn("events", "rule/r")),
        ("resourcegroupstaggingapi", "GetResources", {}, "tag:GetResources", "*"),
        ("kinesis", "GetRecords", {"StreamARN": "s"}, "kinesis:GetRecords", "s"),
        ("kinesis", "PutRecords", {"StreamName": "s"}, "kinesis:PutRecords", HERE.arn("kinesis", "stream/s")),
        ("kinesis", "ListStreams", {}, "kinesis:ListStreams", HERE.arn("kinesis", "stream/*")),
        ("dynamodb", "PutItem", {"TableName": "t"}, "dynamodb:PutItem", HERE.arn("dynamodb", "table/t")),
        ("dynamodb", "GetItem", {"TableName": "arn:t"}, "dynamodb:GetItem", "arn:t"),
        ("dynamodbstreams", "DescribeStream", {"StreamArn": "s"}, "dynamodb:DescribeStream", "s"),
        ("dynamodbstreams", "GetRecords", {"ShardIterator": "arn:s|1|x"}, "dynamodb:GetRecords", "arn:s"),
        ("dynamodbstreams", "ListStreams", {}, "dynamodb:ListStreams", "*"),
    ],
)  # fmt: skip
def test_the_permission_of_an_operation(
    service: str, operation: str, parameters: dict[str, Any], action: str, resource: str
) -> None:
    assert permission(service, operation, parameters, HERE) == (action, resource)


# Decisions


class Roles:
    """Stands for the roles of a LocalStack, and counts how often they are asked."""

    def __init__(self) -> None:
        self.role: Role | None = None
        self.asked = 0

    def find(self, role_arn: str) -> Role | None:
        self.asked += 1
        return self.role

    def allow(self, action: str, **more: Any) -> None:
        self.role = Role(policy(), (policy({"Action": action, "Resource": "*", **more}),))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Roles]:
    stand_in = Roles()
    monkeypatch.setattr(roles, "find", stand_in.find)
    authorization.forget_decisions()
    authorization.enforce()
    yield stand_in
    authorization.enforce(False)
    authorization.forget_decisions()


def test_a_refusal_is_worded_as_aws_words_it(found: Roles) -> None:
    with pytest.raises(DeniedError) as denied:
        authorization.authorize(ROLE, "sqs:SendMessage", QUEUE, "session")
    assert str(denied.value) == (
        "User: arn:aws:sts::000000000000:assumed-role/mine/session is not authorized to perform: sqs:SendMessage on "
        f"resource: {QUEUE} because no identity-based policy allows the sqs:SendMessage action"
    )


def test_a_decision_is_kept_until_a_policy_changes(found: Roles) -> None:
    found.allow("sqs:*")
    for _ in range(3):
        authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    assert found.asked == 1
    found.role = None
    authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    authorization.forget_decisions()
    assert not authorization.permitted(ROLE, "sqs:SendMessage", QUEUE)
    assert not authorization.permitted(ROLE, "sqs:SendMessage", QUEUE)
    assert found.asked == 2


def test_a_decision_that_a_change_overtakes_is_not_kept(found: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    found.allow("sqs:*")

    def find_slowly(role_arn: str) -> Role | None:
        before = found.find(role_arn)
        found.role = None
        authorization.forget_decisions()  # another thread: the policy is deleted while this one still reads it
        return before

    monkeypatch.setattr(roles, "find", find_slowly)
    authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    monkeypatch.setattr(roles, "find", found.find)
    assert not authorization.permitted(ROLE, "sqs:SendMessage", QUEUE)


def test_what_depends_on_the_time_is_decided_anew(found: Roles) -> None:
    found.allow("sqs:*", Condition={"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})
    authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    assert found.asked == 2


def test_a_boundary_limits_what_policies_allow(found: Roles) -> None:
    found.role = Role(
        policy(), (policy({"Action": "*", "Resource": "*"}),), policy({"Action": "s3:*", "Resource": "*"})
    )
    authorization.authorize(ROLE, "s3:GetObject", "*")
    with pytest.raises(DeniedError, match="because no permissions boundary allows the sqs:SendMessage action"):
        authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)


def test_who_may_take_on_a_role(found: Roles) -> None:
    trust = {"Principal": {"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    assert not authorization.may_be_assumed(ROLE, "lambda.amazonaws.com")
    authorization.forget_decisions()
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:*"}}
    found.role = Role(policy(trust | {"Condition": condition}), ())
    assert authorization.may_be_assumed(ROLE, "states.amazonaws.com", "arn:aws:states:r:a:stateMachine:m")
    assert not authorization.may_be_assumed(ROLE, "states.amazonaws.com", "arn:aws:states:r:a:activity:m")
    assert not authorization.may_be_assumed(ROLE, "events.amazonaws.com", "arn:aws:states:r:a:stateMachine:m")
    found.role = Role(policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}), ())
    authorization.forget_decisions()
    assert not authorization.may_be_assumed(ROLE, "lambda.amazonaws.com")


def test_nothing_is_asked_before_it_is_enforced(found: Roles) -> None:
    authorization.enforce(False)
    authorization.authorize(ROLE, "sqs:SendMessage", QUEUE)
    assert authorization.may_be_assumed(ROLE, "lambda.amazonaws.com")
    assert found.asked == 0


def test_callers_are_known_by_their_credentials_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorization, "MOST_CALLERS", 2)
    monkeypatch.setattr(authorization, "_STATE", authorization._State())
    for key in ("one", "two", "three"):
        authorization.remember_caller(key, ROLE, f"session-{key}")
    assert authorization.caller_of("one") is None
    caller = authorization.caller_of("three")
    assert caller is not None
    assert caller.arn == "arn:aws:sts::000000000000:assumed-role/mine/session-three"


# Where roles are kept


def test_roles_of_the_newer_localstack(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps them itself; its documents may have URL escapes."""
    own, managed = policy({"Action": "a:b", "Resource": "*"}), policy({"Action": "c:d", "Resource": "*"})
    version = SimpleNamespace(
        policy={"DefaultVersionId": "v2"}, versions={"v2": {"Document": quote(json.dumps(managed))}}
    )
    entity = SimpleNamespace(
        role={"Arn": ROLE, "AssumeRolePolicyDocument": quote(json.dumps(policy()))},
        inline_policies={"own": json.dumps(own)},
        attached_policy_arns=["arn:p"],
    )
    module = ModuleType("localstack.services.iam.models")
    store = SimpleNamespace(ROLES={"mine": entity}, MANAGED_POLICIES={"arn:p": version})
    module.iam_stores = {"000000000000": {"us-east-1": store}}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "localstack.services.iam.models", module)
    assert roles.find(ROLE) == Role(policy(), (own, managed))
    assert roles.find(ROLE.replace("/path", "")) is None
    assert roles.find("no ARN") is None
    entity.role["PermissionsBoundary"] = {"PermissionsBoundaryArn": "arn:p"}
    assert roles.find(ROLE) == Role(policy(), (own, managed), managed)
