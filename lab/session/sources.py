"""The same texts through one source of events after the other, as planned, and followed to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from lab import observe
from lab.analysis import sources as analysis
from lab.analysis.latency import join_messages
from lab.load import Plan, Sender, Stage
from lab.load.messages import Message, generate
from lab.load.through import Put, Through
from lab.session.ramp import of_these, run_plan
from lab.session.watch import PATIENCE_S
from lab.stack import Names

QUEUE = "SQS queue"
_PAUSE_S = 0.25
_WAKING = 20


@dataclass(frozen=True)
class Round:
    """What went through one source.

    Attributes:
        sent: the messages.
        sends, executions, messages: tables as ARCHITECTURE.md describes them.
        void: why its latencies do not count; empty when they do.
    """

    sent: Sequence[Message]
    sends: pd.DataFrame
    executions: pd.DataFrame
    messages: pd.DataFrame
    void: str = ""

    def ends(self) -> dict[str, int]:
        """How many messages ended with each status; ``no end seen`` where the log told of none."""
        counts = self.messages["status"].fillna("no end seen").value_counts()
        return {str(status): int(count) for status, count in counts.items()}


class Sources:
    """Several sources beside each other, each with the same texts at the same rate.

    Args:
        names: the lab's resources.
        texts: gives the messages: the same texts at each call, with a ``lab_id`` of their own.
        rate: messages a second.
    """

    def __init__(self, names: Names, texts: Callable[[], Sequence[Message]], *, rate: float) -> None:
        self.names = names
        self.rounds: dict[str, Round] = {}
        self._texts = texts
        self._rate = rate
        self._ahead_s = 0.0

    def wake(self) -> None:
        """Send twenty texts that do not count through the queue, so that every function is warm."""
        few = list(generate(_WAKING, seed=0))
        run_plan(self.names.target, Plan([Stage(_WAKING, 1.0)]), few)

    def through_queue(self) -> Round:
        """The way of the other notebooks, for comparison; what it tells of the clocks serves the others, too."""
        texts = self._texts()
        result = run_plan(self.names.target, self._plan(texts), texts)
        ahead_s = result.clocks.whole.ahead_s
        self._ahead_s = 0.0 if ahead_s != ahead_s else ahead_s  # NaN where the clocks told nothing
        return self._keep(
            QUEUE,
            Round(texts, result.sends, result.executions, result.messages, _why_void(result.stages, "invalid_reason")),
        )

    def through(self, source: str, put: Put, *, log_group: str | None = None, patience_s: float | None = None) -> Round:
        """Send the texts with ``put``, then read the log until each has ended.

        Args:
            source: what it is called in tables and charts.
            put: takes up to ten bodies, makes the call, and tells which were refused.
            log_group: of the state machine that the source starts; default is the lab's own.
            patience_s: give up when nothing has changed for so many seconds; what has not ended is lost, or late.
        """
        texts, target = self._texts(), self.names.target
        reader = observe.LogReader(
            target.client("logs"), log_group or self.names.log_group, since_ms=target.earliest_now_ms() - 100
        )
        sent = Sender(Through(put), "").send(self._plan(texts), texts)
        mine, log = of_these(sent.sends), observe.ExecutionLog()
        wanted = int((sent.sends["outcome"] == "acked").sum())
        patience_s = PATIENCE_S[target.kind] if patience_s is None else patience_s
        lull = observe.Lull(reader)
        while True:
            log.add(reader.messages())
            seen = log.count(mine)
            if seen[1] >= wanted and not log.incomplete(mine):
                break
            if lull.with_known(seen) > patience_s:
                break
            time.sleep(_PAUSE_S)
        executions, _ = log.tables()
        executions = executions[executions["lab_id"].isin(sent.sends["lab_id"])].reset_index(drop=True)
        nothing = observe.ReceivedLog().table()
        messages = join_messages(sent.sends, nothing, executions, {0: self._ahead_s})
        return self._keep(source, Round(texts, sent.sends, executions, messages, _why_void(sent.stages, "reason")))

    def table(self) -> pd.DataFrame:
        """One row a message of all rounds, see :func:`lab.analysis.sources.side_by_side`."""
        return analysis.side_by_side(
            {source: one.messages for source, one in self.rounds.items()},
            {source: one.void for source, one in self.rounds.items() if one.void},
        )

    def words(self) -> pd.DataFrame:
        """How often each word came out, one column a source, void rounds included: lag changes no word."""
        return analysis.words_by_source({source: one.executions for source, one in self.rounds.items()})

    def _plan(self, texts: Sequence[Message]) -> Plan:
        return Plan([Stage(self._rate, len(texts) / self._rate)])

    def _keep(self, source: str, one: Round) -> Round:
        self.rounds[source] = one
        return one


def _why_void(stages: pd.DataFrame, column: str) -> str:
    void = stages[~stages["valid"].astype(bool)]
    return "; ".join(void[column].dropna().unique())
