"""What IAM checks for an operation of the lab's services: the action, and the ARN of what it is done to.

Both are those of AWS's Service Authorization Reference. An operation that is not named here is checked as an action of
its own name; what has no ARN of its own is ``*``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Parameters = Mapping[str, Any]

_PREFIXES = {"dynamodbstreams": "dynamodb", "resourcegroupstaggingapi": "tag", "stepfunctions": "states"}
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
}


class Place(NamedTuple):
    """Where a request is made."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """ARN of something here."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def permission(service: str, operation: str, parameters: Parameters, place: Place) -> tuple[str, str]:
    """The action and the resource that IAM checks.

    Args:
        service: as LocalStack and boto3 call it: ``stepfunctions``.
        operation: as the service's API calls it: ``SendMessageBatch``.
        parameters: of the request.
        place: where it is made.
    """
    prefix = _PREFIXES.get(service, service)
    action = f"{prefix}:{operation}"
    resource_of = _RESOURCES.get(service)
    resource = resource_of(parameters, place) if resource_of else "*"
    return _ACTIONS.get(action, action), resource


def queue_arn(queue_url: str, place: Place) -> str:
    """ARN of the queue that an URL, or a bare name, means."""
    account, _, name = queue_url.rpartition("/")
    account = account.rpartition("/")[2]
    return place._replace(account=account if account.isdigit() else place.account).arn("sqs", name)


def function_arn(name: str, place: Place, qualifier: str = "") -> str:
    """ARN of the function that a name, a part of an ARN or a whole one means."""
    parts = name.split(":")
    if name.startswith("arn:"):
        arn = name
    elif len(parts) >= 3 and parts[1] == "function":  # account:function:name
        arn = place._replace(account=parts[0]).arn("lambda", ":".join(parts[1:]))
    else:
        arn = place.arn("lambda", f"function:{name}")
    return f"{arn}:{qualifier}" if qualifier and arn.count(":") == 6 else arn


def log_stream_arn(group: str, stream: str, place: Place) -> str:
    """ARN that CloudWatch Logs checks; of a whole group it is the one with an empty stream."""
    return place.arn("logs", f"log-group:{group}:log-stream:{stream}")


def _states(parameters: Parameters, place: Place) -> str:
    for key in ("executionArn", "stateMachineArn", "activityArn", "resourceArn", "stateMachineAliasArn"):
        if parameters.get(key):
            return str(parameters[key])
    return place.arn("states", f"stateMachine:{parameters.get('name', '*')}")


def _queue(parameters: Parameters, place: Place) -> str:
    queue = parameters.get("QueueUrl") or parameters.get("QueueName")
    return queue_arn(str(queue), place) if queue else str(parameters.get("SourceArn") or place.arn("sqs", "*"))


def _function(parameters: Parameters, place: Place) -> str:
    name = parameters.get("FunctionName")
    if name:
        return function_arn(str(name), place, str(parameters.get("Qualifier") or ""))
    uuid = parameters.get("UUID")
    return place.arn("lambda", f"event-source-mapping:{uuid}") if uuid else str(parameters.get("Resource") or "*")


def _log_group(parameters: Parameters, place: Place) -> str:
    group = str(parameters.get("logGroupName") or parameters.get("logGroupIdentifier") or "")
    if group.startswith("arn:"):
        group = group.split(":log-group:")[-1].removesuffix(":*")
    return log_stream_arn(group, str(parameters.get("logStreamName") or ""), place)


def _bucket(parameters: Parameters, place: Place) -> str:
    if not parameters.get("Bucket"):
        return "*"
    key = parameters.get("Key")
    return f"arn:{place.partition}:s3:::{parameters['Bucket']}" + (f"/{key}" if key else "")


def _rule(parameters: Parameters, place: Place) -> str:
    rule = parameters.get("Rule") or parameters.get("Name")
    return place.arn("events", f"rule/{rule}" if rule else f"event-bus/{parameters.get('EventBusName') or 'default'}")


def _stream(parameters: Parameters, place: Place) -> str:
    if parameters.get("StreamARN"):
        return str(parameters["StreamARN"])
    return place.arn("kinesis", f"stream/{parameters.get('StreamName', '*')}")


def _table(parameters: Parameters, place: Place) -> str:
    name = str(parameters.get("TableName") or parameters.get("ResourceArn") or "")
    return name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name or '*'}")


def _table_stream(parameters: Parameters, place: Place) -> str:
    if parameters.get("StreamArn"):
        return str(parameters["StreamArn"])
    iterator = str(parameters.get("ShardIterator") or "")  # it begins with the stream's ARN
    return iterator.partition("|")[0] if iterator.startswith("arn:") else "*"


def _role(parameters: Parameters, place: Place) -> str:
    for key in ("RoleArn", "PolicyArn"):
        if key in parameters and "RoleName" not in parameters:
            return str(parameters[key])
    role = parameters.get("RoleName")
    return f"arn:{place.partition}:iam::{place.account}:role/{role}" if role else "*"


_RESOURCES: dict[str, Callable[[Parameters, Place], str]] = {
    "dynamodb": _table,
    "dynamodbstreams": _table_stream,
    "events": _rule,
    "iam": _role,
    "kinesis": _stream,
    "lambda": _function,
    "logs": _log_group,
    "s3": _bucket,
    "sqs": _queue,
    "stepfunctions": _states,
    "sts": _role,
}
