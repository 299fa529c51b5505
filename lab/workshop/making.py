"""AWS calls that make and delete things, with the patience that AWS asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lab import stack
from lab.errors import LabError
from lab.stack import mapping, queues, waiting

# What AWS answers when a thing of that name is there already.
_EXISTS = (
    "EntityAlreadyExists",
    "ResourceConflictException",
    "ResourceAlreadyExistsException",
    "QueueAlreadyExists",
    "QueueNameExists",
    "StateMachineAlreadyExists",
)
_GONE = ("NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity", "ResourceNotFoundException")


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
            if code.endswith(_EXISTS):
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


def wait_for_mapping(names: stack.Names) -> None:
    """Return when the event source mapping polls."""
    mapping.wait_for_state(names, "Enabled")
    print("The mapping is enabled.")  # noqa: T201 - the notebook's own output
