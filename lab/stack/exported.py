"""The CloudFormation stack that was made of the exported template, beside the lab and under a name of its own."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lab.stack import waiting
from lab.stack.names import Names
from lab.target import Target

SERVICE = "cloudformation"
_GONE_DEADLINE_S = 300.0


def find(names: Names) -> dict[str, Any] | None:
    """What DescribeStacks says, or None when there is no such stack."""
    if not names.target.was_used(SERVICE):  # to ask would load it, which takes a second
        return None
    return find_stack(names.target, names.stack)


def find_stack(target: Target, name: str) -> dict[str, Any] | None:
    """What DescribeStacks says of a stack, by its name or ARN; None when it is gone or never was."""
    try:
        found = target.client(SERVICE).describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if waiting.error_code(error) == "ValidationError":  # what CloudFormation calls a stack that is not there
            return None
        raise
    return next((one for one in found if one["StackStatus"] != "DELETE_COMPLETE"), None)


def delete(names: Names) -> None:
    """Delete the stack and wait until it is gone, with all its resources; one that is not there is fine.

    Raises:
        WaitingTooLongError: it did not go: a resource of it could not be deleted.
    """
    if find(names) is None:
        return
    names.target.client(SERVICE).delete_stack(StackName=names.stack)
    waiting.until(lambda: find(names) is None, what=f"stack {names.stack} to go", deadline_s=_GONE_DEADLINE_S)


def survivors(names: Names) -> list[str]:
    """The stack, if it exists in any form, in words."""
    found = find(names)
    return [] if found is None else [f"stack {names.stack} ({found['StackStatus']})"]
