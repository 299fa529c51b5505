"""CloudFormation: a stack that is made and deleted as a whole."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from lab.doctor.probes.place import DEADLINE_S, DiffersError, Place
from lab.stack import queues, waiting

_RESOURCES = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-queue"}}}}


def stack_of_a_template(place: Place) -> str:
    client, names = place.client("cloudformation"), place.names
    place.clean_up.append(lambda: client.delete_stack(StackName=names.stack))
    client.create_stack(StackName=names.stack, TemplateBody=json.dumps({"Resources": _RESOURCES}))
    waiting.until(lambda: _status(place) == "CREATE_COMPLETE", what="a stack to be made", deadline_s=DEADLINE_S)
    queue = f"{names.stack}-queue"
    if queues.find(names, queue) is None:
        raise DiffersError("the stack is complete, and its queue is not there")
    client.delete_stack(StackName=names.stack)
    waiting.until(lambda: _status(place) is None, what="a stack to go", deadline_s=DEADLINE_S)
    if queues.find(names, queue) is not None:
        raise DiffersError("the stack is deleted, and its queue is still there")
    return "a stack was made, and deleted with its queue"


def _status(place: Place) -> str | None:
    try:
        [found] = place.client("cloudformation").describe_stacks(StackName=place.names.stack)["Stacks"]
    except ClientError as error:
        if waiting.error_code(error) == "ValidationError":
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else str(found["StackStatus"])
