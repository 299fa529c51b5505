"""What the learner's own identity needs on AWS: which call needs which IAM action, and on what.

AWS checks *actions*, which are not the calls: ``SendMessageBatch`` needs ``sqs:SendMessage``, ``CreateFunction`` with
tags and a role needs three. Both tables below were reviewed against AWS's Service Authorization Reference; a test
records every call that the lab makes and holds it against them, in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scope:
    """Where actions are allowed: one statement of the policy.

    Attributes:
        sid: the statement's name.
        actions: IAM actions, with spaces between them.
        resources: ARNs with ``${Partition}``, ``${Region}``, ``${Account}`` and ``${Name}``, the lab's name.
        condition: of the statement; the same placeholders.
    """

    sid: str
    actions: str
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_OWN = "express-lab-${Name}-*"
_FUNCTION = f"arn:${{Partition}}:lambda:${{Region}}:${{Account}}:function:{_OWN}"
_MAPPING = "arn:${Partition}:lambda:${Region}:${Account}:event-source-mapping:*"
_ROLE = f"arn:${{Partition}}:iam::${{Account}}:role/{_OWN}"
_LOG_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:"

SCOPES: tuple[Scope, ...] = (
    Scope(
        "Queues",
        "sqs:CreateQueue sqs:TagQueue sqs:SetQueueAttributes sqs:GetQueueAttributes sqs:GetQueueUrl sqs:DeleteQueue "
        "sqs:SendMessage sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility",
        (f"arn:${{Partition}}:sqs:${{Region}}:${{Account}}:{_OWN}",),
    ),
    Scope(
        "Roles",
        "iam:CreateRole iam:TagRole iam:UpdateAssumeRolePolicy iam:GetRole iam:DeleteRole iam:PutRolePolicy "
        "iam:GetRolePolicy iam:ListRolePolicies iam:DeleteRolePolicy",
        (_ROLE,),
    ),
    Scope(
        "HandRolesToTheServices",
        "iam:PassRole",
        (_ROLE,),
        {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "states.amazonaws.com"]}},
    ),
    Scope(
        "Functions",
        "lambda:CreateFunction lambda:TagResource lambda:GetFunction lambda:GetFunctionConfiguration "
        "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:InvokeFunction",
        (_FUNCTION,),
    ),
    # A mapping's ARN ends in an id that AWS makes up, so it is the function that tells ours from others.
    Scope(
        "MakeMappingsForTheFunctions",
        "lambda:CreateEventSourceMapping",
        ("*",),
        {"ArnLike": {"lambda:FunctionArn": _FUNCTION}},
    ),
    Scope(
        "MappingsOfTheFunctions",
        "lambda:GetEventSourceMapping lambda:UpdateEventSourceMapping lambda:DeleteEventSourceMapping",
        (_MAPPING,),
        {"ArnLike": {"lambda:FunctionArn": _FUNCTION}},
    ),
    Scope(
        "TagNewMappings",
        "lambda:TagResource",
        (_MAPPING,),
        {"StringEquals": {"aws:RequestTag/express-lab:name": "${Name}"}},
    ),
    Scope(
        "LogGroups",
        "logs:CreateLogGroup logs:TagResource logs:PutRetentionPolicy logs:FilterLogEvents logs:DeleteLogGroup",
        (f"{_LOG_GROUP}/aws/lambda/{_OWN}", f"{_LOG_GROUP}/aws/vendedlogs/states/{_OWN}"),
    ),
    Scope(
        "StateMachines",
        "states:CreateStateMachine states:TagResource states:DescribeStateMachine states:UpdateStateMachine "
        "states:DeleteStateMachine states:StartExecution states:StartSyncExecution",
        (f"arn:${{Partition}}:states:${{Region}}:${{Account}}:stateMachine:{_OWN}",),
    ),
    # AWS knows no resource for these: they list, or read the account's settings. None of them changes anything.
    Scope(
        "ListAndReadQuotas",
        "sqs:ListQueues iam:ListRoles lambda:ListFunctions lambda:ListEventSourceMappings lambda:GetAccountSettings "
        "logs:DescribeLogGroups states:ListStateMachines tag:GetResources servicequotas:ListServiceQuotas "
        "servicequotas:ListAWSDefaultServiceQuotas",
        ("*",),
    ),
)

_CREATE_FUNCTION = ("lambda:CreateFunction", "lambda:TagResource", "iam:PassRole")
_UPDATE_FUNCTION = ("lambda:UpdateFunctionConfiguration", "iam:PassRole")
_CREATE_MACHINE = ("states:CreateStateMachine", "states:TagResource", "iam:PassRole")

# boto3's service and the operation → the actions that AWS checks.
CALLS: dict[str, tuple[str, ...]] = {
    "sqs.CreateQueue": ("sqs:CreateQueue", "sqs:TagQueue"),
    "sqs.SetQueueAttributes": ("sqs:SetQueueAttributes",),
    "sqs.GetQueueAttributes": ("sqs:GetQueueAttributes",),
    "sqs.GetQueueUrl": ("sqs:GetQueueUrl",),
    "sqs.ListQueues": ("sqs:ListQueues",),
    "sqs.DeleteQueue": ("sqs:DeleteQueue",),
    "sqs.SendMessage": ("sqs:SendMessage",),
    "sqs.SendMessageBatch": ("sqs:SendMessage",),
    "sqs.ReceiveMessage": ("sqs:ReceiveMessage",),
    "sqs.DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs.ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "iam.CreateRole": ("iam:CreateRole", "iam:TagRole"),
    "iam.UpdateAssumeRolePolicy": ("iam:UpdateAssumeRolePolicy",),
    "iam.GetRole": ("iam:GetRole",),
    "iam.ListRoles": ("iam:ListRoles",),
    "iam.DeleteRole": ("iam:DeleteRole",),
    "iam.PutRolePolicy": ("iam:PutRolePolicy",),
    "iam.GetRolePolicy": ("iam:GetRolePolicy",),
    "iam.ListRolePolicies": ("iam:ListRolePolicies",),
    "iam.DeleteRolePolicy": ("iam:DeleteRolePolicy",),
    "lambda.CreateFunction": _CREATE_FUNCTION,
    "lambda.GetFunction": ("lambda:GetFunction",),
    "lambda.GetFunctionConfiguration": ("lambda:GetFunctionConfiguration",),
    "lambda.UpdateFunctionCode": ("lambda:UpdateFunctionCode",),
    "lambda.UpdateFunctionConfiguration": _UPDATE_FUNCTION,
    "lambda.DeleteFunction": ("lambda:DeleteFunction",),
    "lambda.ListFunctions": ("lambda:ListFunctions",),
    "lambda.Invoke": ("lambda:InvokeFunction",),
    "lambda.CreateEventSourceMapping": ("lambda:CreateEventSourceMapping", "lambda:TagResource"),
    "lambda.GetEventSourceMapping": ("lambda:GetEventSourceMapping",),
    "lambda.ListEventSourceMappings": ("lambda:ListEventSourceMappings",),
    "lambda.UpdateEventSourceMapping": ("lambda:UpdateEventSourceMapping",),
    "lambda.DeleteEventSourceMapping": ("lambda:DeleteEventSourceMapping",),
    "lambda.GetAccountSettings": ("lambda:GetAccountSettings",),
    "logs.CreateLogGroup": ("logs:CreateLogGroup", "logs:TagResource"),
    "logs.PutRetentionPolicy": ("logs:PutRetentionPolicy",),
    "logs.DescribeLogGroups": ("logs:DescribeLogGroups",),
    "logs.FilterLogEvents": ("logs:FilterLogEvents",),
    "logs.DeleteLogGroup": ("logs:DeleteLogGroup",),
    "stepfunctions.CreateStateMachine": _CREATE_MACHINE,
    "stepfunctions.DescribeStateMachine": ("states:DescribeStateMachine",),
    "stepfunctions.UpdateStateMachine": ("states:UpdateStateMachine", "iam:PassRole"),
    "stepfunctions.DeleteStateMachine": ("states:DeleteStateMachine",),
    "stepfunctions.ListStateMachines": ("states:ListStateMachines",),
    "stepfunctions.StartExecution": ("states:StartExecution",),
    "stepfunctions.StartSyncExecution": ("states:StartSyncExecution",),
    "resourcegroupstaggingapi.GetResources": ("tag:GetResources",),
    "service-quotas.ListServiceQuotas": ("servicequotas:ListServiceQuotas",),
    "service-quotas.ListAWSDefaultServiceQuotas": ("servicequotas:ListAWSDefaultServiceQuotas",),
    # AWS answers this one whatever the policy says.
    "sts.GetCallerIdentity": (),
}


def policy(*, partition: str, region: str, account: str, name: str) -> dict[str, Any]:
    """The policy that the learner's own identity needs to run the lab ``name``: an IAM document.

    Args:
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.
        region: where the lab runs.
        account: twelve digits.
        name: the lab's; resources are allowed by the beginning of their names.
    """
    values = {"Partition": partition, "Region": region, "Account": account, "Name": name}
    return {
        "Version": "2012-10-17",
        "Statement": [_statement(scope, scope.actions.split(), values) for scope in SCOPES],
    }


def statements_for(
    actions: Iterable[str], *, partition: str, region: str, account: str, name: str
) -> list[dict[str, Any]]:
    """The statements that allow ``actions`` and nothing else. Unknown actions are left out."""
    values = {"Partition": partition, "Region": region, "Account": account, "Name": name}
    return [
        _statement(scope, [action], values) for action in actions for scope in SCOPES if action in scope.actions.split()
    ]


def partition_of(region: str) -> str:
    """The ARN partition of a region, by its name."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def known_actions() -> set[str]:
    """Every action that the policy allows."""
    return {action for scope in SCOPES for action in scope.actions.split()}


def actions_of(call: str) -> tuple[str, ...]:
    """The actions that AWS checks for a call such as ``sqs.SendMessageBatch``; empty when the lab does not know it."""
    return CALLS.get(call, ())


@dataclass(frozen=True)
class Differences:
    """What a policy lacks for some calls, and what it has beyond them. All sorted; all empty when it fits."""

    unknown_calls: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.unknown_calls or self.missing or self.unused)


def compare(document: Mapping[str, Any], calls: Iterable[str]) -> Differences:
    """Hold a policy against the calls that were made.

    Args:
        document: an IAM policy without wildcards in its actions.
        calls: such as ``sqs.SendMessageBatch``; repeated ones do not matter.
    """
    made = set(calls)
    needed = {action for call in made for action in actions_of(call)}
    allowed = {action for statement in document["Statement"] for action in statement["Action"]}
    return Differences(
        unknown_calls=tuple(sorted(made - set(CALLS))),
        missing=tuple(sorted(needed - allowed)),
        unused=tuple(sorted(allowed - needed)),
    )


def _statement(scope: Scope, actions: list[str], values: Mapping[str, str]) -> dict[str, Any]:
    text = json.dumps(
        {
            "Sid": scope.sid,
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": list(scope.resources),
            **({"Condition": scope.condition} if scope.condition else {}),
        }
    )
    for key, value in values.items():
        text = text.replace(f"${{{key}}}", value)
    document: dict[str, Any] = json.loads(text)
    return document
