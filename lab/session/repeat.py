"""A plan whose void stages are sent again: a busy machine spoils a stage, seldom the same one three times."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from lab.analysis.latency import stage_windows, state_durations
from lab.analysis.reconcile import together
from lab.analysis.saturation import find_saturation
from lab.analysis.words import compare_words, count_words, text_statistics
from lab.load import Plan
from lab.load import messages as bodies
from lab.session.lifecycle import Say
from lab.session.ramp import RampResult, run_plan
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
        again = _renumbered(run_plan(target, rest, extra, say=say, **options), void)
        sent += extra
        result = _combined(result, again, sent)
    return result


def _named(stages: Sequence[int]) -> str:
    numbers = [str(stage + 1) for stage in stages]
    if len(numbers) == 1:
        return f"Stage {numbers[0]} was"
    return f"Stages {', '.join(numbers[:-1])} and {numbers[-1]} were"


def _renumbered(result: RampResult, numbers: Sequence[int]) -> RampResult:
    """The stages of a repeat under the numbers that they have in the whole plan."""
    tables = {name: getattr(result, name) for name in ("sends", "messages", "stages")}
    return replace(
        result,
        **{name: table.assign(stage=table["stage"].map(dict(enumerate(numbers)))) for name, table in tables.items()},
    )


def _combined(first: RampResult, again: RampResult, sent: Sequence[bodies.Message]) -> RampResult:
    """Two runs as one: the valid stages of the second in place of the first's, everything else side by side."""
    valid = again.stages.loc[again.stages["valid"].astype(bool), "stage"]
    messages, stages = (
        _chosen(getattr(first, name), getattr(again, name), valid.tolist()) for name in ("messages", "stages")
    )
    windows, began = stage_windows(messages).set_index("stage"), messages["t_planned"].min()
    for column, instant in (("start_s", "start"), ("end_s", "end")):
        stages[column] = stages["stage"].map((windows[instant] - began).dt.total_seconds())
    both = {name: _after(getattr(first, name), getattr(again, name)) for name in _SIDE_BY_SIDE}
    counts = count_words(both["executions"])
    everything = _after(first.messages, again.messages)
    succeeded = set(everything.loc[everything["status"] == "SUCCEEDED", "lab_id"])
    expected = bodies.expected_word_counts(message for message in sent if message.lab_id in succeeded)
    return replace(
        first,
        **both,
        messages=messages,
        stages=stages,
        saturation=find_saturation(messages, stages),
        reconciliation=together(first.reconciliation, again.reconciliation),
        words=compare_words(counts, expected),
        word_counts=counts,
        statistics=text_statistics(both["executions"]),
        state_times=state_durations(both["states"], messages),
        drained=first.drained and again.drained,
        interrupted=first.interrupted or again.interrupted,
    )


_SIDE_BY_SIDE = ("sends", "received", "executions", "states")


def _chosen(first: pd.DataFrame, again: pd.DataFrame, stages: Sequence[int]) -> pd.DataFrame:
    kept, new = first[~first["stage"].isin(stages)], again[again["stage"].isin(stages)]
    return _after(kept, new).sort_values("stage", kind="stable", ignore_index=True)


def _after(first: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    """Rows of both. An empty table would spoil the types of the other's columns."""
    filled = [table for table in (first, again) if len(table)] or [first]
    return pd.concat(filled, ignore_index=True)
