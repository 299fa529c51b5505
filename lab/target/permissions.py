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
_TAKE_ROLES = ("events", "lambda", "pipes", "states")
_LOG_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:"

SCOPES: tuple[Scope, ...] = (
    Scope(
        "Queues",
        "sqs:CreateQueue sqs:TagQueue sqs:SetQueueAttributes sqs:GetQueueAttributes sqs:GetQueueUrl sqs:DeleteQueue "
        "sqs:SendMessage sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility "
        "sqs:StartMessageMoveTask sqs:ListMessageMoveTasks sqs:ListQueueTags",
        (f"arn:${{Partition}}:sqs:${{Region}}:${{Account}}:{_OWN}",),
    ),
    Scope(
        "Roles",
        "iam:CreateRole iam:TagRole iam:UpdateAssumeRolePolicy iam:GetRole iam:DeleteRole iam:PutRolePolicy "
        "iam:GetRolePolicy iam:ListRolePolicies iam:ListAttachedRolePolicies iam:DeleteRolePolicy",
        (_ROLE,),
    ),
    Scope(
        "HandRolesToTheServices",
        "iam:PassRole",
        (_ROLE,),
        {"StringEquals": {"iam:PassedToService": [f"{service}.amazonaws.com" for service in _TAKE_ROLES]}},
    ),
    Scope(
        "Functions",
        "lambda:CreateFunction lambda:TagResource lambda:GetFunction lambda:GetFunctionConfiguration "
        "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:InvokeFunction "
        "lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency",
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
        "logs:CreateLogGroup logs:TagResource logs:PutRetentionPolicy logs:FilterLogEvents logs:DeleteLogGroup "
        "logs:ListTagsForResource",
        (f"{_LOG_GROUP}/aws/lambda/{_OWN}", f"{_LOG_GROUP}/aws/vendedlogs/states/{_OWN}"),
    ),
    Scope(
        "StateMachines",
        "states:CreateStateMachine states:TagResource states:DescribeStateMachine states:UpdateStateMachine "
        "states:DeleteStateMachine states:StartExecution states:StartSyncExecution states:ListTagsForResource",
        (f"arn:${{Partition}}:states:${{Region}}:${{Account}}:stateMachine:{_OWN}",),
    ),
    # The other sources of events, of notebook 09: in one statement, for a managed policy has room for 6,144 characters.
    Scope(
        "OtherSources",
        "events:PutRule events:TagResource events:PutTargets events:ListTargetsByRule events:RemoveTargets "
        "events:DeleteRule "
        "s3:CreateBucket s3:PutBucketTagging s3:PutBucketNotification s3:ListBucket s3:DeleteBucket "
        "s3:PutObject s3:DeleteObject "
        "kinesis:CreateStream kinesis:AddTagsToStream kinesis:DescribeStream kinesis:PutRecords kinesis:DeleteStream "
        "dynamodb:CreateTable dynamodb:TagResource dynamodb:DescribeTable dynamodb:PutItem dynamodb:DeleteTable "
        "pipes:CreatePipe pipes:TagResource pipes:DescribePipe pipes:DeletePipe",
        (
            f"arn:${{Partition}}:events:${{Region}}:${{Account}}:rule/{_OWN}",
            f"arn:${{Partition}}:s3:::{_OWN}",  # buckets, and the objects in them
            f"arn:${{Partition}}:kinesis:${{Region}}:${{Account}}:stream/{_OWN}",
            f"arn:${{Partition}}:dynamodb:${{Region}}:${{Account}}:table/{_OWN}",
            f"arn:${{Partition}}:pipes:${{Region}}:${{Account}}:pipe/{_OWN}",
        ),
    ),
    Scope(
        "Events",
        "events:PutEvents",
        ("arn:${Partition}:events:${Region}:${Account}:event-bus/default",),
        {"StringEquals": {"events:source": "express-lab"}},
    ),
    # An Express execution is named, too: nothing is kept of it, and AWS says so to those alone who might ask.
    Scope(
        "Executions",
        "states:ListExecutions states:DescribeExecution states:GetExecutionHistory states:StopExecution "
        "states:RedriveExecution",
        tuple(
            f"arn:${{Partition}}:states:${{Region}}:${{Account}}:{kind}"
            for kind in (f"stateMachine:{_OWN}", f"mapRun:{_OWN}/*:*", f"execution:{_OWN}:*", f"express:{_OWN}:*:*")
        ),
    ),
    Scope(
        "StackOfTheTemplate",  # and its alarms
        "cloudformation:CreateStack cloudformation:UpdateStack cloudformation:DeleteStack cloudformation:TagResource "
        "cloudformation:DescribeStacks cloudformation:DescribeStackEvents "
        "cloudwatch:PutMetricAlarm cloudwatch:TagResource cloudwatch:ListTagsForResource cloudwatch:DescribeAlarms "
        "cloudwatch:DeleteAlarms",
        (
            f"arn:${{Partition}}:cloudformation:${{Region}}:${{Account}}:stack/{_OWN}",
            f"arn:${{Partition}}:cloudwatch:${{Region}}:${{Account}}:alarm:{_OWN}",
        ),
    ),
    # AWS knows no resource for these: they list, or read the account's settings. None of them changes anything, but for
    # SendTaskSuccess: there the token of a waiting task, which cannot be guessed, says which execution is meant.
    Scope(
        "ListAndReadQuotas",
        "sqs:ListQueues iam:ListRoles lambda:ListFunctions lambda:ListEventSourceMappings lambda:GetAccountSettings "
        "logs:DescribeLogGroups states:ListStateMachines tag:GetResources servicequotas:ListServiceQuotas "
        "servicequotas:ListAWSDefaultServiceQuotas events:ListRules s3:ListAllMyBuckets kinesis:ListStreams "
        "dynamodb:ListTables pipes:ListPipes states:SendTaskSuccess",
        ("*",),
    ),
)

_CREATE_FUNCTION = ("lambda:CreateFunction", "lambda:TagResource", "iam:PassRole")
_UPDATE_FUNCTION = ("lambda:UpdateFunctionConfiguration", "iam:PassRole")
_CREATE_MACHINE = ("states:CreateStateMachine", "states:TagResource", "iam:PassRole")

# CloudFormation does all of it in the name of who asked for the stack, and looks at each resource that it has made.
_CREATE_STACK = (
    *("cloudformation:CreateStack", "cloudformation:TagResource"),
    *("sqs:CreateQueue", "sqs:TagQueue", "sqs:GetQueueAttributes", "sqs:ListQueueTags"),
    *("iam:CreateRole", "iam:TagRole", "iam:GetRole", "iam:PutRolePolicy", "iam:GetRolePolicy"),
    *("iam:ListRolePolicies", "iam:ListAttachedRolePolicies"),
    *("logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy", "logs:ListTagsForResource"),
    *(*_CREATE_FUNCTION, "lambda:GetFunction", "lambda:PutFunctionConcurrency"),
    *(*_CREATE_MACHINE, "states:DescribeStateMachine", "states:ListTagsForResource"),
    *("lambda:CreateEventSourceMapping", "lambda:GetEventSourceMapping"),
    *("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:ListTagsForResource"),
    "cloudwatch:DescribeAlarms",
)
_DELETE_STACK = (
    *("cloudformation:DeleteStack", "sqs:DeleteQueue", "iam:DeleteRolePolicy", "iam:DeleteRole"),
    *("logs:DeleteLogGroup", "lambda:DeleteFunction", "states:DeleteStateMachine", "lambda:DeleteEventSourceMapping"),
    "cloudwatch:DeleteAlarms",
)


def _of_the_same_name(service: str, calls: str) -> dict[str, tuple[str, ...]]:
    """Calls of which AWS checks one action, called as they are."""
    return {f"{service}.{call}": (f"{service}:{call}",) for call in calls.split()}


# boto3's service and the operation → the actions that AWS checks.
CALLS: dict[str, tuple[str, ...]] = {
    "sqs.CreateQueue": ("sqs:CreateQueue", "sqs:TagQueue"),
    **_of_the_same_name(
        "sqs",
        "SetQueueAttributes GetQueueAttributes GetQueueUrl ListQueues DeleteQueue SendMessage "
        "ReceiveMessage DeleteMessage ListMessageMoveTasks",
    ),
    "sqs.SendMessageBatch": ("sqs:SendMessage",),
    "sqs.DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs.ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    # Moving a message is receiving, sending and deleting it.
    "sqs.StartMessageMoveTask": (
        "sqs:StartMessageMoveTask",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
    ),
    "iam.CreateRole": ("iam:CreateRole", "iam:TagRole"),
    **_of_the_same_name(
        "iam",
        "UpdateAssumeRolePolicy GetRole ListRoles DeleteRole PutRolePolicy GetRolePolicy "
        "ListRolePolicies DeleteRolePolicy",
    ),
    "lambda.CreateFunction": _CREATE_FUNCTION,
    **_of_the_same_name(
        "lambda",
        "GetFunction GetFunctionConfiguration UpdateFunctionCode DeleteFunction ListFunctions "
        "PutFunctionConcurrency DeleteFunctionConcurrency GetEventSourceMapping ListEventSourceMappings "
        "UpdateEventSourceMapping DeleteEventSourceMapping GetAccountSettings",
    ),
    "lambda.UpdateFunctionConfiguration": _UPDATE_FUNCTION,
    "lambda.Invoke": ("lambda:InvokeFunction",),
    "lambda.CreateEventSourceMapping": ("lambda:CreateEventSourceMapping", "lambda:TagResource"),
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
    "events.PutRule": ("events:PutRule", "events:TagResource"),
    "events.PutTargets": ("events:PutTargets", "iam:PassRole"),
    "s3.PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
    "s3.ListBuckets": ("s3:ListAllMyBuckets",),
    "s3.ListObjectsV2": ("s3:ListBucket",),
    "s3.DeleteObjects": ("s3:DeleteObject",),
    "kinesis.CreateStream": ("kinesis:CreateStream", "kinesis:AddTagsToStream"),
    "dynamodb.CreateTable": ("dynamodb:CreateTable", "dynamodb:TagResource"),
    **_of_the_same_name("events", "PutEvents ListRules ListTargetsByRule RemoveTargets DeleteRule"),
    **_of_the_same_name("s3", "CreateBucket PutBucketTagging PutObject DeleteBucket"),
    **_of_the_same_name("kinesis", "DescribeStream PutRecords ListStreams DeleteStream"),
    **_of_the_same_name("dynamodb", "DescribeTable PutItem ListTables DeleteTable"),
    **_of_the_same_name("pipes", "DescribePipe ListPipes DeletePipe"),
    "pipes.CreatePipe": ("pipes:CreatePipe", "pipes:TagResource", "iam:PassRole"),
    "stepfunctions.ListExecutions": ("states:ListExecutions",),
    "stepfunctions.DescribeExecution": ("states:DescribeExecution",),
    "stepfunctions.GetExecutionHistory": ("states:GetExecutionHistory",),
    "stepfunctions.StopExecution": ("states:StopExecution",),
    "stepfunctions.RedriveExecution": ("states:RedriveExecution",),
    "stepfunctions.SendTaskSuccess": ("states:SendTaskSuccess",),
    "cloudformation.CreateStack": _CREATE_STACK,
    "cloudformation.UpdateStack": ("cloudformation:UpdateStack", "lambda:UpdateEventSourceMapping"),
    "cloudformation.DescribeStacks": ("cloudformation:DescribeStacks",),
    "cloudformation.DescribeStackEvents": ("cloudformation:DescribeStackEvents",),
    "cloudformation.DeleteStack": _DELETE_STACK,
    "cloudwatch.DescribeAlarms": ("cloudwatch:DescribeAlarms",),
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
