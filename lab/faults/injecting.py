"""A run with faults: what is checked before it, what is in place while it lasts, what it tells afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lab.emulator import health
from lab.emulator.environment import EXECUTOR_CLASS
from lab.faults import in_functions
from lab.faults.in_sends import LosingClient
from lab.faults.plan import FaultError, Faults, table_of
from lab.load.messages import Message
from lab.stack import Names
from lab.stack.names import START_FUNCTION
from lab.target import Target

THROTTLES = "injected_throttles"


@dataclass
class Injection:
    """The faults of one run while it lasts.

    Attributes:
        messages: what to send, some of it broken.
    """

    faults: Faults
    run_id: str
    messages: list[Message]
    _planned: pd.DataFrame
    _client: LosingClient | None = field(default=None, repr=False)

    def sending_with(self, client: Any) -> Any:
        """An SQS client that loses answers as planned; the given one when none is to be lost."""
        if not self.faults.numbered("answer_lost"):
            return client
        self._client = LosingClient(client, self.faults, self.messages, self.run_id)
        return self._client

    def table(self) -> pd.DataFrame:
        """Which message was hit by what: one row a message, fault and place."""
        lost = table_of(self._client.rows if self._client else [])
        tables = [table for table in (self._planned, lost) if len(table)]
        return pd.concat(tables, ignore_index=True) if tables else lost


@contextlib.contextmanager
def injected(
    target: Target, faults: Faults, messages: Sequence[Message], say: Callable[[str], None] = lambda text: None
) -> Iterator[Injection]:
    """Let a run meet its faults until the block ends; nothing of them is left then.

    Args:
        target: a lab that is up.
        messages: of the run, whose ids begin with one run id.

    Raises:
        FaultError: the target cannot do what the plan asks for. Nothing was sent or changed.
        FaultsLeftError: functions fail on purpose already, or could not be put back.
    """
    check(target, faults)
    names = Names(target)
    in_functions.check_none_left(names)
    run_id = messages[0].lab_id.rpartition("-")[0] if messages else ""
    say(faults.sentence())
    planned = faults.table(messages, run_id)
    with in_functions.failing(names, faults, run_id, say):
        yield Injection(faults, run_id, faults.broken_among(messages), planned)


def check(target: Target, faults: Faults) -> None:
    """See that the target can do what the plan asks for.

    Raises:
        FaultError: it cannot.
    """
    counted = [
        fault
        for fault in faults.faults
        if fault.kind in ("raises", "slow", "times_out", "dies")
        and fault.attempts is not None
        and set(fault.where) != {START_FUNCTION}
    ]
    throttled = bool(faults.numbered("throttled"))
    if not target.is_emulator and throttled:
        raise FaultError(
            "The fault 'throttled' works on the lab's emulator only; nothing was sent.",
            cause="nobody can ask AWS to throttle one message: it throttles what exceeds a quota.",
            next_step="leave it out, or run it on the emulator: lab ramp --target embedded --faults …",
        )
    if not counted and not throttled:
        return
    own = target.is_emulator and health.executor_at(target.endpoint_url or "") == EXECUTOR_CLASS
    if counted and not own:
        raise FaultError(
            f"The fault '{counted[0].kind}' can count attempts on the lab's emulator only; nothing was sent.",
            cause="elsewhere each of a function's environments would count for itself, and Step Functions does not "
            "tell a function which attempt it is.",
            next_step='attempts = "all", or where = "start_execution", or the emulator: --target embedded',
        )
    state = health.hooks_at(target.endpoint_url or "").get(THROTTLES) if own else None
    if throttled and state != "on":
        raise FaultError(
            "The fault 'throttled' cannot be made here; nothing was sent.",
            cause=f"the hook {THROTTLES} is {state or 'unknown to this LocalStack'}.",
            next_step=f"lab down{target.options}, then lab up{target.options} without LAB_HOOKS and LAB_HOOKS_OFF",
        )
