"""Waiting for AWS: deadlines and back-off, with the clock given from outside so that tests are instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from lab.errors import LabError

Result = TypeVar("Result")

# IAM is eventually consistent: a role or policy that was just made may be unknown to other services for a while.
_PROPAGATION = ("cannot be assumed", "not authorized to access the log destination", "is not authorized to")
PROPAGATION_DEADLINE_S = 60.0


class WaitingTooLongError(LabError):
    """Something did not come about before its deadline."""


def error_code(error: ClientError) -> str:
    """The AWS error code, such as ``ResourceNotFoundException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def until(
    probe: Callable[[], Result | None],
    *,
    what: str,
    deadline_s: float,
    pause_s: float = 0.05,
    longest_pause_s: float = 2.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Call ``probe`` until it gives something true, with growing pauses; return that.

    Raises:
        WaitingTooLongError: nothing by the deadline.
    """
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
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Return what ``call`` gives, trying again while IAM has not yet spread a new role or policy."""
    end = clock() + deadline_s
    pause_s = 0.5
    while True:
        try:
            return call()
        except ClientError as error:
            message = str(error).lower()
            if clock() >= end or not any(sign in message for sign in _PROPAGATION):
                raise
        sleep(pause_s)
        pause_s = min(pause_s * 2, 8.0)
