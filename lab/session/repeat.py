"""A plan whose void stages are sent again: a busy machine spoils a stage, seldom the same one three times."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lab.load import Plan
from lab.load import messages as bodies
from lab.session.joining import after, joined, renumbered
from lab.session.lifecycle import Say
from lab.session.outcome import RampResult
from lab.session.ramp import run_plan
from lab.target import Target

MOST_REPEATS = 2


def run_with_repeats(
    target: Target, plan: Plan, to_send: Sequence[bodies.Message], *, say: Say = print, **options: Any
) -> RampResult:
    """Send the plan as :func:`run_plan` does, then its void stages again, at most twice, with messages of their own.

    On AWS nothing is repeated: each message costs. Nor is anything after Ctrl-C, or while messages are under way.

    Args:
        target, plan, to_send: as for :func:`run_plan`.
        say: gets sentences for the user.
        options: further ones of :func:`run_plan`.

    Returns:
        In ``messages`` and ``stages`` each stage once, as it counts: of a stage that was repeated the rows of the first
        try that was valid, else of the first. All other tables, and the account, hold every message that was sent.

    Raises:
        LabError: see :func:`run_plan`.
    """
    result = run_plan(target, plan, to_send, say=say, **options)
    sent = list(itertools.islice(to_send, len(plan)))
    for attempt in range(1, MOST_REPEATS + 1):
        void = result.stages.loc[~result.stages["valid"].astype(bool), "stage"].tolist()
        if not void or result.interrupted or not result.drained:
            break
        if not target.is_emulator:
            say(f"{_named(void)} not valid. On AWS that costs, so nothing is sent again by itself.")
            break
        say(f"{_named(void)} not valid: sent again (repeat {attempt} of at most {MOST_REPEATS}).")
        rest = Plan([plan.stages[number] for number in void], spacing=plan.spacing, seed=plan.seed)
        extra = list(bodies.generate(len(rest), seed=attempt))
        again = renumbered(run_plan(target, rest, extra, say=say, **options), dict(enumerate(void)))
        sent += extra
        result = _combined(result, again, sent)
    return result


def _named(stages: Sequence[int]) -> str:
    numbers = [str(stage + 1) for stage in stages]
    if len(numbers) == 1:
        return f"Stage {numbers[0]} was"
    return f"Stages {', '.join(numbers[:-1])} and {numbers[-1]} were"


def _combined(first: RampResult, again: RampResult, sent: Sequence[bodies.Message]) -> RampResult:
    """Two runs as one: the valid stages of the second in place of the first's, everything else side by side."""
    valid = again.stages.loc[again.stages["valid"].astype(bool), "stage"].tolist()
    messages, stages = (_chosen(getattr(first, name), getattr(again, name), valid) for name in ("messages", "stages"))
    return joined([first, again], messages, stages, sent)


def _chosen(first: pd.DataFrame, again: pd.DataFrame, stages: Sequence[int]) -> pd.DataFrame:
    kept, new = first[~first["stage"].isin(stages)], again[again["stage"].isin(stages)]
    return after([kept, new]).sort_values("stage", kind="stable", ignore_index=True)
