"""Waiting for AWS: deadlines and back-off, with the clock given from outside so that tests are instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from lab.errors import UnavailableError

Result = TypeVar("Result")

# IAM is eventually consistent: a role or policy that was just made may be unknown to other services for a while.
# These are the words in which Lambda and Step Functions say so of the role; a caller who may not do something is told
# "User … is not authorized to perform …", and for that no waiting helps.
_PROPAGATION = (
    "cannot be assumed",
    "authorized to assume the provided role",
    "role is not authorized",
    "not authorized to access the log destination",
    "does not have permissions to call",
    "please ensure the role can perform",
    "role is invalid or cannot be assumed",
)
# Too fast (beyond boto3's own tries), or in the middle of an earlier change.
_PASSING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ConcurrentModification",
        "ConflictException",
        "DeleteConflict",
        "OperationAbortedException",
        "ResourceInUseException",
        "StateMachineDeleting",
    }
)
# Also said of a function that exists: then it does not pass.
_CHANGE_UNDER_WAY = ("update is in progress", "currently in the following state: pending")
PROPAGATION_DEADLINE_S = 60.0
_TAKEN_WHEN_IN_USE = ("CreateStream", "CreateTable")


class WaitingTooLongError(UnavailableError):
    """Something did not come about before its deadline."""


def error_code(error: ClientError) -> str:
    """The AWS error code, such as ``ResourceNotFoundException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_there_already(error: ClientError) -> bool:
    """Whether a call refuses to make something because it is there: streams, tables and pipes say so with codes that
    they have for other things, too."""
    taken = error.operation_name in _TAKEN_WHEN_IN_USE and error_code(error) == "ResourceInUseException"
    return taken or "already exists" in str(error).lower()


def until(
    probe: Callable[[], Result | None],
    *,
    what: str,
    deadline_s: float,
    pause_s: float = 0.05,
    longest_pause_s: float = 2.0,
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], float] | None = None,
) -> Result:
    """Call ``probe`` until it gives something true, with growing pauses; return that.

    Raises:
        WaitingTooLongError: nothing by the deadline.
    """
    sleep, clock = sleep or time.sleep, clock or time.monotonic
    end = clock() + deadline_s
    while True:
        if result := probe():
            return result
        if clock() >= end:
            raise WaitingTooLongError(
                f"Waited {deadline_s:.0f} s in vain: {what}.", next_step="lab status, then the same command again"
            )
        sleep(pause_s)
        pause_s = min(pause_s * 1.5, longest_pause_s)


def through_propagation(
    call: Callable[[], Result],
    *,
    deadline_s: float = PROPAGATION_DEADLINE_S,
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], float] | None = None,
) -> Result:
    """Return what ``call`` gives, trying again while a new role has not spread, AWS throttles, or a change goes on."""
    sleep, clock = sleep or time.sleep, clock or time.monotonic
    end = clock() + deadline_s
    pause_s = 0.5
    while True:
        try:
            return call()
        except ClientError as error:
            if clock() >= end or not _passes(error):
                raise
        sleep(pause_s)
        pause_s = min(pause_s * 2, 8.0)


def _passes(error: ClientError) -> bool:
    message = str(error).lower()
    if is_there_already(error):
        return False
    return error_code(error) in _PASSING or any(sign in message for sign in _PROPAGATION + _CHANGE_UNDER_WAY)
