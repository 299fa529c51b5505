"""What a run has measured, and how its raw tables become that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lab.analysis import account
from lab.analysis.clocks import Clocks, compare_clocks, voided, why_void, without_unknown
from lab.analysis.expectations import Verdict
from lab.analysis.latency import join_messages, stage_table, state_durations
from lab.analysis.reconcile import Reconciliation, reconcile
from lab.analysis.saturation import Saturation, find_saturation
from lab.analysis.tails import with_tails
from lab.analysis.words import WordComparison, compare_words, count_words, text_statistics
from lab.clock import UNKNOWN, Break, Difference
from lab.faults import table_of
from lab.load import Plan
from lab.load import messages as bodies
from lab.session.options import RampOptions


@dataclass(frozen=True)
class RampResult:
    """What a ramp measured. The tables are those of ARCHITECTURE.md, "The tables".

    Attributes:
        run_id: what every ``lab_id`` of the run begins with.
        stages: one row a stage; the columns of ``stages`` in summary.json and more.
        drained: whether every message had come to an end when the run was analysed.
        interrupted: whether it was stopped early, while it sent or while what was sent was followed.
        interrupted_by: by what, in a sentence; empty for Ctrl-C.
        words: the words that came out against those that went in, of the messages that succeeded.
        clocks: how far this machine's clock is from the service's; latencies are corrected for it.
        faults: which message was hit by which fault on purpose; empty in a run without.
        tries: of a search every stage that was sent, see :func:`lab.session.find`; else empty.
        verdicts: what came of the expectations, where there were any.
        plan, options: what was to be sent, and what it was made of; None where nobody told.
    """

    run_id: str
    sends: pd.DataFrame
    received: pd.DataFrame
    executions: pd.DataFrame
    states: pd.DataFrame
    messages: pd.DataFrame
    stages: pd.DataFrame
    saturation: Saturation
    reconciliation: Reconciliation
    words: WordComparison
    drained: bool
    interrupted: bool
    word_counts: pd.DataFrame = field(repr=False)
    statistics: pd.DataFrame = field(repr=False)
    state_times: pd.DataFrame = field(repr=False)
    clocks: Clocks = field(default_factory=Clocks, repr=False)
    faults: pd.DataFrame = field(default_factory=lambda: table_of(()), repr=False)
    account: pd.DataFrame = field(default_factory=account.empty, repr=False)
    interrupted_by: str = ""
    tries: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    verdicts: tuple[Verdict, ...] = ()
    plan: Plan | None = None
    options: RampOptions | None = None


def since(dead_letters: pd.DataFrame, since_ms: int) -> pd.DataFrame:
    """Without what an earlier run left in the dead-letter queue, which keeps it for days."""
    return dead_letters[~(dead_letters["sent"] < pd.Timestamp(since_ms, unit="ms", tz="UTC"))]


def analyse(
    run_id: str,
    sent_messages: Sequence[bodies.Message],
    sends: pd.DataFrame,
    sender_stages: pd.DataFrame | None,
    executions: pd.DataFrame,
    states: pd.DataFrame,
    received: pd.DataFrame,
    *,
    dead_letters: pd.DataFrame | None,
    undrained: int,
    queued: pd.DataFrame | None = None,
    drained: bool,
    interrupted: bool,
    interrupted_by: str = "",
    cut_off: bool = False,
    dates: Difference = UNKNOWN,
    breaks: Sequence[Break] = (),
    same_machine: bool = False,
    most_receives: int | None = None,
) -> RampResult:
    """Work out what happened from the raw tables. Pure: touches no service."""
    clocks = compare_clocks(sends, received, dates=dates, breaks=breaks, same_machine=same_machine)
    messages = join_messages(sends, received, executions, clocks.ahead_s)
    void = why_void(messages, clocks)
    messages = without_unknown(messages, void)
    stages = with_tails(voided(stage_table(messages, sender_stages), void), messages)
    counts = count_words(executions)
    succeeded = set(messages.loc[messages["status"] == "SUCCEEDED", "lab_id"])
    expected: Counter[str] = bodies.expected_word_counts(
        message for message in sent_messages if message.lab_id in succeeded
    )
    reconciliation = reconcile(sends, executions, received, dead_letters, queued, undrained=undrained, cut_off=cut_off)
    return RampResult(
        run_id=run_id,
        sends=sends,
        received=received,
        executions=executions,
        states=states,
        messages=messages,
        stages=stages,
        saturation=find_saturation(messages, stages),
        reconciliation=reconciliation,
        words=compare_words(counts, expected),
        drained=drained,
        interrupted=interrupted,
        interrupted_by=interrupted_by,
        word_counts=counts,
        statistics=text_statistics(executions),
        state_times=state_durations(states, messages),
        clocks=clocks,
        account=account.account_of(
            reconciliation, sends, executions, states, received, dead_letters, most_receives=most_receives
        ),
    )
