"""A ramp with a learner's own bodies to a queue of their own, with or without a state machine to follow."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from lab import live
from lab.analysis.linking import Linked, link
from lab.analysis.words import compare_words
from lab.clock import Steadiness
from lab.load import Progress, Sender
from lab.load import messages as bodies
from lab.observe import LogGroupMissingError, queue_depth
from lab.session import guard
from lab.session.lifecycle import Say
from lab.session.machines import Machine, find_machine, group_missing
from lab.session.options import RampOptions
from lab.session.outcome import RampResult, analyse, since
from lab.session.own_queue import OwnQueue, find_queue
from lab.session.pulse import Pulse
from lab.session.started import LEDGER
from lab.session.watch import Places, Watch
from lab.stack import Names
from lab.target import Target

# Without any change for so long, nothing more is going to happen.
_PATIENCE_S = {"embedded": 5.0, "localstack": 5.0, "aws": 60.0}
_HIDDEN_TIMES = 1.5
_PAUSE_S = 0.25
_UNKNOWABLE = "taken from the queue by its consumer; what became of it cannot be known without --state-machine"
_UNLINKED = "taken from the queue by its consumer; no execution was seen that carries it"
_HELD = "taken from the queue by its consumer, or one of the {} that it still holds"


@dataclass(frozen=True)
class OwnBodies:
    """What is sent, and where to.

    Attributes:
        queue_url: of a standard queue of the target.
        file: in JSON Lines, one body a line.
        state_machine: ARN of the workflow that the messages reach; None for one that is not followed.
    """

    queue_url: str
    file: Path
    state_machine: str | None = None


def ramp_own_bodies(
    target: Target,
    own: OwnBodies,
    options: RampOptions | None = None,
    *,
    folder: Path | None = None,
    run_id: str | None = None,
    interactive: bool | None = None,
    say: Say = lambda text: None,
) -> RampResult:
    """Send the lines of a file to a queue at the planned rates, and account for each as far as can be known.

    A message is known by its SQS message id. It is followed into the state machine by the execution's name, by the id
    in the execution's input, or by an input that is the body. Without a state machine only the queues tell: what is not
    in them any more was taken by the queue's consumer.

    Raises:
        BodiesFileError: a line cannot be sent; each is named. Nothing was sent.
        QueueUrlError: the queue is not of this target.
        LabError: the state machine is not there, or its log does not tell; the budget.
    """
    options = options or RampOptions()
    queue = find_queue(target, own.queue_url)
    machine = find_machine(target, own.state_machine) if own.state_machine else None
    lines = bodies.read_bodies(own.file, most_bytes=queue.most_bytes)
    plan = options.plan()
    to_send = bodies.as_messages(lines, len(plan), run_id or bodies.new_run_id())
    if len(lines) != len(plan):
        say(
            f"The plan sends {len(plan)} messages, the file has {len(lines)} bodies: "
            + ("it begins again at its first line." if len(lines) < len(plan) else "the rest is not sent.")
        )
    long = sum(len(line.encode("utf-8", "surrogatepass")) > bodies.MAX_BODY_BYTES for line in lines)
    if long:
        say(
            f"{long} bodies have more than the {bodies.MAX_BODY_BYTES:,} bytes that an execution takes as its input: a "
            "consumer that hands them on whole will be refused."
        )
    guard.check_budget(target, to_send, options.budget_usd, say)
    if not target.is_emulator:
        say(
            f"Sending to {queue.url} (account {target.account}, region {target.region}). What its consumer costs is "
            "not in the estimate."
        )
    places = Places(queue.url, queue.dead_letter_url, machine.log_group if machine else None, None)
    try:
        watch = Watch(Names(target), places=places)
    except LogGroupMissingError:
        assert machine is not None
        raise group_missing(target, machine) from None
    ledger = _room_for_ledger(folder) if folder else None
    sender = Sender(target.client("sqs", attempts=1), queue.url)
    with (
        Steadiness() as steadiness,
        Pulse(target, say) as pulse,
        live.view(len(plan), interactive=interactive) as update,
    ):

        def sent_so_far(progress: Progress) -> None:
            update(sent=progress.sent, finished=0, backlog=0)

        sent = sender.send(
            plan,
            to_send,
            on_progress=sent_so_far,
            ledger_path=ledger,
            stop=pulse.gone,
        )
        acked = int((sent.sends["outcome"] == "acked").sum())
        try:
            followed = True
            _until_settled(watch, acked, target, queue, pulse, update)
        except KeyboardInterrupt:
            followed = False
        undrained = 0 if pulse.gone.is_set() else watch.queued()
        dead = since(watch.dead_letters(), watch.since_ms) if not pulse.gone.is_set() else None
    executions, states, received = watch.tables()
    linked = _linked(sent.sends, [message.body for message in to_send], executions, machine)
    result = analyse(
        to_send[0].lab_id.rpartition("-")[0],
        to_send,
        sent.sends,
        sent.stages,
        linked.executions,
        states[states["execution_arn"].isin(linked.executions["execution_arn"])].reset_index(drop=True),
        received,
        dead_letters=dead,
        undrained=undrained,
        drained=undrained == 0,
        interrupted=sent.interrupted or not followed or pulse.gone.is_set(),
        interrupted_by=pulse.sentence,
        cut_off=pulse.gone.is_set(),
        dates=target.clock.difference,
        breaks=steadiness.breaks,
        same_machine=target.kind == "embedded",
        most_receives=watch.most_receives(),
    )
    for sentence in _sentences(linked, machine, result):
        say(sentence)
    if any(message.text is None for message in to_send):
        # Of bodies of another shape nobody knows which words they should give.
        result = replace(result, words=compare_words(result.word_counts.head(0), {}))
    return replace(_without_claims(result, machine), plan=plan, options=options)


def _room_for_ledger(folder: Path) -> Path:
    """Where the sender's account goes; that of an earlier run in this folder is moved out of the way.

    There is no `run.json` beside it: `lab ramp --resume` would look for the messages in the lab's own logs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / LEDGER).exists():
        (folder / LEDGER).replace(folder / "ledger-earlier.jsonl")
    return folder / LEDGER


def _until_settled(
    watch: Watch, expected: int, target: Target, queue: OwnQueue, pulse: Pulse, update: live.Update
) -> None:
    """Read on until the queue is empty and every message's execution has ended, or nothing changes any more."""
    last, changed = None, time.monotonic()
    sqs, patience_s = target.client("sqs"), _PATIENCE_S[target.kind]
    # What a consumer refused is hidden so long, and comes again then.
    longest_s = max(patience_s, _HIDDEN_TIMES * queue.hidden_s)
    while not pulse.gone.is_set():
        look = watch.look()
        update(sent=expected, finished=look.finished, backlog=look.queued)
        if look.queued == 0 and look.finished == look.started >= expected > 0:
            return
        if (now := (look.started, look.finished, look.queued)) != last:
            last, changed = now, time.monotonic()
        elif time.monotonic() - changed > (longest_s if queue_depth(sqs, queue.url).in_flight else patience_s):
            return
        time.sleep(_PAUSE_S)


def _linked(sends: pd.DataFrame, texts: list[str], executions: pd.DataFrame, machine: Machine | None) -> Linked:
    if machine is None:
        return Linked(executions.head(0), {}, 0, 0)
    own = executions["execution_arn"].map(lambda arn: arn.split(":")[6:7] == [machine.name]).astype(bool)
    return link(sends, texts, executions[own].reset_index(drop=True))


def _sentences(linked: Linked, machine: Machine | None, result: RampResult) -> list[str]:
    if machine is None:
        return ["No state machine was given: what a consumer did with what it took cannot be known."]
    lines = [f"Linked with an execution: {count} because {way}." for way, count in linked.ways.items()]
    if linked.alike:
        lines.append(f"{linked.alike} of them have the same body as others: how many ended is known, not which.")
    if linked.strangers:
        lines.append(f"{linked.strangers} executions of {machine.name} carry none of these messages.")
    if not machine.has_data:
        lines.append("Inputs are not in the log, so executions are known by their name alone.")
    return lines


def _without_claims(result: RampResult, machine: Machine | None) -> RampResult:
    """Nothing is called lost that a consumer may have taken: of that the lab can prove nothing."""
    account, told = result.account.copy(), result.reconciliation
    gone = account["fate"].isin(["lost", "lost_or_queued"])
    if not told.lost:
        return result
    if told.undrained >= len(told.lost):
        reconciliation = replace(told, still_queued=_ids(told.still_queued, told.lost), lost=(), undrained=0)
    else:
        reconciliation = replace(told, unobserved=_ids(told.unobserved, told.lost), lost=(), undrained=0)
        what = _HELD.format(told.undrained) if told.undrained else _UNLINKED if machine else _UNKNOWABLE
        account.loc[gone, ["fate", "what"]] = ["unobserved", what]
    return replace(result, account=account, reconciliation=reconciliation)


def _ids(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({each for one in lists for each in one}))
