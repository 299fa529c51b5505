"""Several runs as one: each stage once, as it counts, and an account of every message that was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import pandas as pd

from lab.analysis import account
from lab.analysis.latency import stage_windows, state_durations
from lab.analysis.reconcile import together
from lab.analysis.saturation import find_saturation
from lab.analysis.words import compare_words, count_words, text_statistics
from lab.load import messages as bodies
from lab.session.outcome import RampResult

_SIDE_BY_SIDE = ("sends", "received", "executions", "states")
_BY_STAGE = ("sends", "messages", "stages")


def renumbered(result: RampResult, numbers: Mapping[int, int]) -> RampResult:
    """The result with other numbers for its stages: the new one of each."""
    tables = {name: getattr(result, name) for name in _BY_STAGE}
    return replace(result, **{name: table.assign(stage=table["stage"].map(numbers)) for name, table in tables.items()})


def joined(
    runs: Sequence[RampResult], messages: pd.DataFrame, stages: pd.DataFrame, sent: Sequence[bodies.Message]
) -> RampResult:
    """Several runs as one, each begun when the one before had drained.

    Args:
        runs: in the order in which they were sent.
        messages, stages: the rows of the stages that count, each with a number of its own.
        sent: the messages of all runs.
    """
    tables = {name: after(getattr(run, name) for run in runs) for name in _SIDE_BY_SIDE}
    counts = count_words(tables["executions"])
    reconciliation = reduce(together, (run.reconciliation for run in runs))
    # Also of the messages whose stage does not count: their words came out too.
    succeeded = set(reconciliation.succeeded)
    expected = bodies.expected_word_counts(message for message in sent if message.lab_id in succeeded)
    return replace(
        runs[0],
        **tables,
        messages=messages,
        stages=timed(stages, messages),
        saturation=find_saturation(messages, stages),
        reconciliation=reconciliation,
        account=reduce(account.together, (run.account for run in runs)),
        interrupted_by=next((run.interrupted_by for run in runs if run.interrupted_by), ""),
        words=compare_words(counts, expected),
        word_counts=counts,
        statistics=text_statistics(tables["executions"]),
        state_times=state_durations(tables["states"], messages),
        drained=all(run.drained for run in runs),
        interrupted=any(run.interrupted for run in runs),
    )


def timed(stages: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """The stages with their times since the first planned message of all of them."""
    windows, began = stage_windows(messages).set_index("stage"), messages["t_planned"].min()
    times = {
        column: stages["stage"].map((windows[instant] - began).dt.total_seconds())
        for column, instant in (("start_s", "start"), ("end_s", "end"))
    }
    return stages.assign(**times)


def after(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all, one table after the other. An empty one would spoil the types of the others' columns."""
    given = list(tables)
    return pd.concat([table for table in given if len(table)] or given[:1], ignore_index=True)
