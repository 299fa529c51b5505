"""A function made slow on purpose, and nobody says which: the learner finds it in the charts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from lab.load import Plan
from lab.load import messages as bodies
from lab.session import Fault, Faults, RampResult, run_plan
from lab.stack.names import FUNCTIONS
from lab.target import Target

SLOW_S = 0.3
_PARTS = ("queue_wait_s", "start_delay_s")


@dataclass(frozen=True)
class SlowRun:
    """A run in which one function was slow.

    Attributes:
        result: of the run; it does not say which function that was.
        parts: the way of each message in parts, one row a message and part: ``offered_rate``, ``state`` (the part: in
            the queue, the start, or a state) and ``duration_s``.
    """

    result: RampResult
    parts: pd.DataFrame = field(repr=False)
    _place: str = field(repr=False)

    def is_slow(self, folder: str) -> bool:
        """Whether it was the function in ``lambdas/<folder>``."""
        return folder == self._place


def run_with_a_slow_function(
    target: Target, plan: Plan, to_send: Sequence[bodies.Message], *, place: str | None = None
) -> SlowRun:
    """Send a plan while one of the five functions takes 0.3 s longer; afterwards it is as it was.

    Args:
        target: a lab that is up.
        plan, to_send: as for ``session.run_plan``.
        place: which function, for tests; by default the dice say.

    Raises:
        LabError: see ``session.run_plan``.
    """
    place = place or random.SystemRandom().choice(FUNCTIONS)
    faults = Faults((Fault("slow", 100, where=(place,), attempts=None, seconds=SLOW_S),))
    result = run_plan(target, plan, to_send, faults=faults)
    return SlowRun(replace(result, faults=result.faults.iloc[:0]), parts_of(result), place)


def parts_of(result: RampResult) -> pd.DataFrame:
    """The way of each message in parts, in the order in which they follow each other."""
    messages = result.messages
    before = [
        messages[["offered_rate"]].assign(state=name, duration_s=messages[column])
        for name, column in zip(("in the queue", "start_execution"), _PARTS, strict=True)
    ]
    rates = messages[["execution_arn", "offered_rate"]].dropna(subset=["execution_arn"])
    visits = result.states.merge(rates, on="execution_arn")[["offered_rate", "state", "duration_s"]]
    return pd.concat([*before, visits], ignore_index=True).dropna(subset=["duration_s"])
