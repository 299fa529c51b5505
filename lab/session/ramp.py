"""A ramp: send a plan of rates, follow every message to its end, and work out what happened."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lab import messages as bodies
from lab import stack
from lab.analysis.latency import join_messages, stage_table, state_durations
from lab.analysis.reconcile import Reconciliation, reconcile
from lab.analysis.saturation import Saturation, find_saturation
from lab.analysis.words import WordComparison, compare_words, count_words, text_statistics
from lab.sender import Plan, Sender, parse_rates, staircase
from lab.session.lifecycle import PATIENCE_S, Say
from lab.session.watch import Progress, Watch
from lab.stack import Names
from lab.target import Target

# How often the logs are read while messages are being sent. Reading costs the emulator, which shares this machine.
_LOOK_EVERY_S = 1.0
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
    """

    rates: str = "2,4,8"
    seconds: float = 10.0
    poisson: bool = False
    seed: int = 1
    text_file: Path | None = None

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
        words: the words that came out against those that went in, of the messages that succeeded.
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


@dataclass(frozen=True)
class RampProgress:
    """Where a ramp is: messages planned, sent, finished, and in the system."""

    planned: int
    sent: int
    finished: int
    backlog: int
    phase: str


def ramp(
    target: Target,
    options: RampOptions | None = None,
    *,
    folder: Path | None = None,
    on_progress: Callable[[RampProgress], None] = lambda progress: None,
    say: Say = lambda text: None,
) -> RampResult:
    """Send the plan, wait until every message has come to an end, and analyse.

    Args:
        target: a lab that is up.
        options: what is sent.
        folder: where the ledger goes: written ahead, so that a killed run leaves an account.
        on_progress: called about once a second.
        say: gets sentences for the user.

    Raises:
        LabError: the options make no sense, or the lab is not up. Nothing was sent then.
    """
    options = options or RampOptions()
    plan = options.plan()
    run_id = bodies.new_run_id()
    to_send = options.messages(len(plan), run_id)
    queue_url = stack.describe(target)["queue_url"]
    watch = Watch(Names(target))
    sender = Sender(target.client("sqs"), queue_url)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)

    with _looking(watch, plan, on_progress) as sent_so_far:
        sent = sender.send(
            plan,
            to_send,
            on_progress=sent_so_far,
            ledger_path=folder / "ledger.jsonl" if folder else None,
        )
    if sent.interrupted:
        say("Stopped: no more messages are sent; those on their way are followed to their end. Ctrl-C again to skip.")
    drained = _drain(watch, target, len(plan), sent.sends, on_progress)
    executions, states, received = watch.tables()
    return analyse(
        run_id,
        to_send,
        sent.sends,
        sent.stages,
        executions,
        states,
        received,
        dead_letters=watch.dead_letters(),
        undrained=watch.queued(),
        drained=drained,
        interrupted=sent.interrupted,
    )


def analyse(
    run_id: str,
    sent_messages: list[bodies.Message],
    sends: pd.DataFrame,
    sender_stages: pd.DataFrame,
    executions: pd.DataFrame,
    states: pd.DataFrame,
    received: pd.DataFrame,
    *,
    dead_letters: pd.DataFrame,
    undrained: int,
    drained: bool,
    interrupted: bool,
) -> RampResult:
    """Work out what happened from the raw tables. Pure: touches no service."""
    messages = join_messages(sends, received, executions)
    stages = stage_table(messages, sender_stages)
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
        reconciliation=reconcile(sends, executions, received, dead_letters, undrained=undrained),
        words=compare_words(counts, expected),
        drained=drained,
        interrupted=interrupted,
        word_counts=counts,
        statistics=text_statistics(executions),
        state_times=state_durations(states, messages),
    )


class _looking:  # noqa: N801 - reads as a verb where it is used
    """Reads the logs in the background while messages are being sent.

    The context's value is the function that the sender tells its progress.
    """

    def __init__(self, watch: Watch, plan: Plan, on_progress: Callable[[RampProgress], None]) -> None:
        self._watch = watch
        self._planned = len(plan)
        self._on_progress = on_progress
        self._finished = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="log-reader", daemon=True)
        self.error: Exception | None = None

    def __enter__(self) -> Callable[[Any], None]:
        self._thread.start()
        return self._sent

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self._finished = self._watch.look().finished
            except Exception as error:  # noqa: BLE001 - the drain looks again and raises what lasts
                self.error = error

    def _sent(self, progress: Any) -> None:
        self._on_progress(
            RampProgress(self._planned, progress.sent, self._finished, progress.sent - self._finished, "sending")
        )


def _drain(
    watch: Watch,
    target: Target,
    planned: int,
    sends: pd.DataFrame,
    on_progress: Callable[[RampProgress], None],
) -> bool:
    arrived = int(sends["outcome"].isin(["acked", "unknown"]).sum())

    def tell(progress: Progress) -> None:
        on_progress(RampProgress(planned, arrived, progress.finished, max(arrived - progress.finished, 0), "draining"))

    expected = int((sends["outcome"] == "acked").sum())
    try:
        return watch.until_drained(expected, patience_s=PATIENCE_S[target.kind], on_progress=tell)
    except KeyboardInterrupt:
        return False


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
