"""A ramp: send a plan of rates, follow every message to its end, and work out what happened."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from lab import live, stack
from lab.analysis.clocks import Clocks, compare_clocks, voided, why_void, without_unknown
from lab.analysis.latency import join_messages, stage_table, state_durations
from lab.analysis.reconcile import Reconciliation, reconcile
from lab.analysis.saturation import Saturation, find_saturation
from lab.analysis.words import WordComparison, compare_words, count_words, text_statistics
from lab.clock import UNKNOWN, Break, Difference, Steadiness
from lab.load import Plan, Sender, parse_rates, staircase
from lab.load import messages as bodies
from lab.observe import Mine
from lab.session import guard
from lab.session.follow import Follower
from lab.session.lifecycle import Say
from lab.session.watch import PATIENCE_S, Watch
from lab.stack import Names
from lab.target import Target

_WORDS_PER_MESSAGE = 100

TABLES = ("sends", "received", "executions", "states", "messages", "stages")


@dataclass(frozen=True)
class RampOptions:
    """What is sent, and how.

    Attributes:
        rates: messages per second of each stage, separated by commas.
        seconds: how long each stage lasts.
        poisson: random instead of even spacing.
        seed: of texts and spacing.
        text_file: a learner's text to cut into the messages, repeated when it is too short; else made-up text.
        budget_usd: what the ramp may cost on AWS; default is ``LAB_BUDGET_USD``, else 1.
    """

    rates: str = "2,4,8"
    seconds: float = 10.0
    poisson: bool = False
    seed: int = 1
    text_file: Path | None = None
    budget_usd: float | None = None

    def plan(self) -> Plan:
        """When each message is due.

        Raises:
            PlanError: a rate or the length makes no sense.
        """
        stages = staircase(parse_rates(self.rates), self.seconds)
        return Plan(stages, spacing="poisson" if self.poisson else "even", seed=self.seed)

    def messages(self, count: int, run_id: str) -> list[bodies.Message]:
        """The messages of the run, all made before any is sent.

        Raises:
            MessageError: the text file cannot be used.
        """
        if self.text_file is None:
            return list(bodies.generate(count, seed=self.seed, run_id=run_id))
        pieces = bodies.from_text(self.text_file, words_per_message=_WORDS_PER_MESSAGE)
        texts = [piece.text or "" for piece in pieces]
        repeated = itertools.islice(itertools.cycle(texts), count)
        return [bodies.text_message(bodies.lab_id_of(run_id, number), text) for number, text in enumerate(repeated)]


@dataclass(frozen=True)
class RampResult:
    """What a ramp measured. The tables are those of ARCHITECTURE.md, "The tables".

    Attributes:
        run_id: what every ``lab_id`` of the run begins with.
        stages: one row a stage; the columns of ``stages`` in summary.json and more.
        drained: whether every message had come to an end when the run was analysed.
        interrupted: whether it was stopped early, while it sent or while what was sent was followed.
        words: the words that came out against those that went in, of the messages that succeeded.
        clocks: how far this machine's clock is from the service's; latencies are corrected for it.
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


def ramp(
    target: Target,
    options: RampOptions | None = None,
    *,
    folder: Path | None = None,
    interactive: bool | None = None,
    say: Say = lambda text: None,
) -> RampResult:
    """Send the plan, wait until every message has come to an end, and analyse; shows its progress meanwhile.

    Args:
        target: a lab that is up.
        options: what is sent.
        folder: where the ledger goes: written ahead, so that a killed run leaves an account.
        interactive: a chart that updates in place (True), a progress bar (False), or what fits (None).
        say: gets sentences for the user.

    Raises:
        LabError: the options make no sense, or the lab is not up. Nothing was sent then.
    """
    options = options or RampOptions()
    options = replace(options, rates=guard.fit(target, options.rates, say))
    plan = options.plan()
    run_id = bodies.new_run_id()
    to_send = options.messages(len(plan), run_id)
    return run_plan(
        target, plan, to_send, folder=folder, interactive=interactive, budget_usd=options.budget_usd, say=say
    )


def run_plan(
    target: Target,
    plan: Plan,
    to_send: Sequence[bodies.Message],
    *,
    sender: Sender | None = None,
    folder: Path | None = None,
    interactive: bool | None = None,
    budget_usd: float | None = None,
    say: Say = lambda text: None,
) -> RampResult:
    """Send given messages as planned, wait until every one has come to an end, and analyse; see :func:`ramp`.

    Args:
        target: a lab that is up.
        plan: when each message is due.
        to_send: the messages, as many as the plan sends or more; also broken ones.
        sender: who sends; by default one that keeps to the plan as well as it can.
        folder, interactive, say: as for :func:`ramp`.
        budget_usd: what it may cost on AWS; default is ``LAB_BUDGET_USD``, else 1.

    Raises:
        BudgetError: on AWS it would cost more than the budget.
        LabError: too few messages, two with one ``lab_id``, or the lab is not up. Nothing was sent then.
    """
    guard.check_budget(target, to_send, budget_usd, say)
    run_id = to_send[0].lab_id.rpartition("-")[0] if to_send else ""
    queue_url = stack.describe(target)["queue_url"]
    watch = Watch(Names(target))
    # The sender counts every attempt itself.
    sender = Sender(target.client("sqs", attempts=1), queue_url) if sender is None else sender
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)

    with Steadiness() as steadiness, live.view(len(plan), interactive=interactive) as update:
        with Follower(watch, plan, update, run_id, target.clock) as follower:
            sent = sender.send(
                plan,
                to_send,
                on_progress=follower.sent,
                ledger_path=folder / "ledger.jsonl" if folder else None,
            )
        dates = target.clock.difference
        followed = True
        if sent.interrupted:
            say("Stopped: nothing more is sent; what is on its way is followed to its end (Ctrl-C ends that too).")
        try:
            drained = watch.until_drained(
                int((sent.sends["outcome"] == "acked").sum()),
                patience_s=PATIENCE_S[target.kind],
                mine=_of(sent.sends),
                on_progress=lambda progress: follower.draining(),
            )
        except KeyboardInterrupt:
            drained = followed = False
    executions, states, received = watch.tables()
    result = analyse(
        run_id,
        to_send,
        sent.sends,
        sent.stages,
        executions,
        states,
        received,
        dead_letters=_since(watch.dead_letters(), watch.since_ms),
        undrained=watch.queued(),
        # What was not followed to its end is on its way, not lost.
        queued=None if followed else sent.sends[sent.sends["outcome"] == "acked"],
        drained=drained,
        interrupted=sent.interrupted or not followed,
        dates=dates,
        breaks=steadiness.breaks,
        same_machine=target.kind == "embedded",
    )
    if sentence := result.clocks.sentence():
        say(sentence)
    return result


def _of(sends: pd.DataFrame) -> Mine:
    """Whether an execution belongs to one of these messages: by its ``lab_id``, or by its name where it has none."""
    lab_ids, message_ids = set(sends["lab_id"]), set(sends["message_id"].dropna())
    return lambda name, lab_id: lab_id in lab_ids or (lab_id is None and name in message_ids)


def _since(dead_letters: pd.DataFrame, since_ms: int) -> pd.DataFrame:
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
    dead_letters: pd.DataFrame,
    undrained: int,
    queued: pd.DataFrame | None = None,
    drained: bool,
    interrupted: bool,
    dates: Difference = UNKNOWN,
    breaks: Sequence[Break] = (),
    same_machine: bool = False,
) -> RampResult:
    """Work out what happened from the raw tables. Pure: touches no service."""
    clocks = compare_clocks(sends, received, dates=dates, breaks=breaks, same_machine=same_machine)
    messages = join_messages(sends, received, executions, clocks.ahead_s)
    void = why_void(messages, clocks)
    messages = without_unknown(messages, void)
    stages = voided(stage_table(messages, sender_stages), void)
    counts = count_words(executions)
    succeeded = set(messages.loc[messages["status"] == "SUCCEEDED", "lab_id"])
    expected: Counter[str] = bodies.expected_word_counts(
        message for message in sent_messages if message.lab_id in succeeded
    )
    return RampResult(
        run_id=run_id,
        sends=sends,
        received=received,
        executions=executions,
        states=states,
        messages=messages,
        stages=stages,
        saturation=find_saturation(messages, stages),
        reconciliation=reconcile(sends, executions, received, dead_letters, queued, undrained=undrained),
        words=compare_words(counts, expected),
        drained=drained,
        interrupted=interrupted,
        word_counts=counts,
        statistics=text_statistics(executions),
        state_times=state_durations(states, messages),
        clocks=clocks,
    )


def tables_of(result: RampResult) -> Iterator[tuple[str, pd.DataFrame]]:
    """The raw rows of a run, by name."""
    for name in TABLES:
        yield name, getattr(result, name)


def save_tables(result: RampResult, folder: Path) -> None:
    """Write every table as CSV, which pandas reads back (times with ``parse_dates``)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables_of(result):
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "reconciliation.json").write_text(json.dumps(result.reconciliation.as_dict(), indent=2) + "\n", "utf-8")
