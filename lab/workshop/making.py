"""AWS calls that make and delete things, with the patience that AWS asks for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from lab import stack
from lab.errors import LabError
from lab.stack import mapping, queues, waiting
from lab.target import Target

# What AWS answers when a thing of that name is there already.
_EXISTS = (
    "EntityAlreadyExists",
    "ResourceConflictException",
    "ResourceAlreadyExistsException",
    "QueueAlreadyExists",
    "QueueNameExists",
    "StateMachineAlreadyExists",
    "BucketAlreadyOwnedByYou",
)
_GONE = ("NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity", "NoSuchBucket", "NotFoundException")
_DEADLINE_S = 180.0
# What was changed is known everywhere after so long: policies, rules and their targets.
_SETTLED_S = {"embedded": 0.0, "localstack": 0.0, "aws": 30.0}
_LETTERS_S = {"embedded": 3.0, "localstack": 6.0, "aws": 30.0}


class RefusedDefinitionError(LabError):
    """A state machine's definition that is not valid."""


def create(call: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    """Make an AWS call that creates something, with patience; a thing that is there already is fine.

    New roles take some seconds to be known everywhere on AWS, and the name of a deleted queue is taken for a minute:
    in both cases the call is repeated.

    Returns:
        The answer; empty when the thing was there.
    """

    def attempt() -> dict[str, Any] | None:
        try:
            return waiting.through_propagation(lambda: call(**arguments)) or {"": None}
        except ClientError as error:
            code = waiting.error_code(error)
            if code.endswith("QueueDeletedRecently"):
                return None
            if code.endswith(_EXISTS) or waiting.is_there_already(error):
                return {"": None}
            if code == "InvalidDefinition":
                raise RefusedDefinitionError(
                    f"Step Functions refuses the definition: {error.response['Error'].get('Message', '')}",
                    next_step="mend the cell that makes the definition, then run it and this one again",
                ) from None
            raise

    answer = waiting.until(
        attempt, what="the name of the deleted queue to be free again", deadline_s=queues.NAME_FREE_AGAIN_S
    )
    return {key: value for key, value in answer.items() if key}


def delete(call: Callable[..., Any], **arguments: Any) -> None:
    """Make an AWS call that deletes something; a thing that is gone already is fine."""
    try:
        call(**arguments)
    except ClientError as error:
        if not waiting.error_code(error).endswith(_GONE):
            raise


def wait_for(probe: Callable[[], object], what: str) -> None:
    """Return when ``probe`` gives something true.

    Raises:
        WaitingTooLongError: it does not within three minutes.
    """
    waiting.until(lambda: probe() or None, what=what, deadline_s=_DEADLINE_S)


def wait_until_gone(look: Callable[..., Any], **arguments: Any) -> None:
    """Return when a call that looks at something says that it is not there."""

    def gone() -> bool:
        try:
            look(**arguments)
        except ClientError as error:
            if waiting.error_code(error).endswith(_GONE):
                return True
            raise
        return False

    wait_for(gone, "what was deleted to go")


def settle(target: Target) -> None:
    """Return when a changed policy or rule counts: at once on LocalStack, after half a minute on AWS."""
    time.sleep(_SETTLED_S[target.kind])


def received(target: Target, queue_url: str, count: int, *, attributes: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Take messages out of a queue, ``count`` of them or as many as come within a few seconds.

    Args:
        attributes: of a message, to be told beside its body.

    Returns:
        One dictionary a message: ``body``, as data, and each of ``attributes`` as text, None where it is missing.
    """
    sqs, wanted = target.client("sqs"), list(attributes)
    found: list[dict[str, Any]] = []
    end = time.monotonic() + _LETTERS_S[target.kind]
    while len(found) < count and time.monotonic() < end:
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", ()):
            sqs.delete_message_batch(
                QueueUrl=queue_url, Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}]
            )
            told = {name: entry.get("StringValue") for name, entry in message.get("MessageAttributes", {}).items()}
            found.append({"body": json.loads(message["Body"])} | {name: told.get(name) for name in wanted})
    return found


def wait_for_mapping(names: stack.Names) -> None:
    """Return when the event source mapping polls."""
    mapping.wait_for_state(names, "Enabled")
    print("The mapping is enabled.")  # noqa: T201 - the notebook's own output
