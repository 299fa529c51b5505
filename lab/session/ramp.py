"""A ramp: send a plan of rates, follow every message to its end, and work out what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lab import live, stack
from lab.clock import Steadiness
from lab.faults import Faults, check_none_left, injected
from lab.load import Plan, Sender
from lab.load import messages as bodies
from lab.observe import Mine
from lab.session import guard, started
from lab.session.follow import Follower
from lab.session.lifecycle import Say
from lab.session.options import RampOptions
from lab.session.outcome import RampResult, analyse, since
from lab.session.pulse import Pulse
from lab.session.watch import PATIENCE_S, Watch
from lab.stack import Names
from lab.target import Target


def ramp(
    target: Target,
    options: RampOptions | None = None,
    *,
    faults: Faults | None = None,
    folder: Path | None = None,
    run_id: str | None = None,
    interactive: bool | None = None,
    say: Say = lambda text: None,
) -> RampResult:
    """Send the plan, wait until every message has come to an end, and analyse; shows its progress meanwhile.

    Args:
        target: a lab that is up.
        options: what is sent.
        folder: where the ledger goes: written ahead, so that a killed run leaves an account (`lab ramp --resume`).
        run_id: what every ``lab_id`` begins with; a new one by default.
        faults: what goes wrong on purpose.
        interactive: a chart that updates in place (True), a progress bar (False), or what fits (None).
        say: gets sentences for the user.

    Raises:
        LabError: the options make no sense, or the lab is not up. Nothing was sent then.
    """
    options = options or RampOptions()
    options = replace(options, rates=guard.fit(target, options.rates, say))
    plan = options.plan()
    to_send = options.messages(len(plan), run_id or bodies.new_run_id())
    result = run_plan(
        *(target, plan, to_send),
        faults=faults,
        folder=folder,
        interactive=interactive,
        budget_usd=options.budget_usd,
        say=say,
        options=options,
    )
    return replace(result, options=options)


def run_plan(
    target: Target,
    plan: Plan,
    to_send: Sequence[bodies.Message],
    *,
    sender: Sender | None = None,
    faults: Faults | None = None,
    folder: Path | None = None,
    interactive: bool | None = None,
    budget_usd: float | None = None,
    patience_s: float | None = None,
    view: live.View = live.view,
    say: Say = lambda text: None,
    options: RampOptions | None = None,
) -> RampResult:
    """Send given messages as planned, wait until every one has come to an end, and analyse; see :func:`ramp`.

    Args:
        target: a lab that is up.
        plan: when each message is due.
        to_send: the messages, as many as the plan sends or more; also broken ones.
        sender: who sends; by default one that keeps to the plan as well as it can. One of your own loses no answers.
        faults: what goes wrong on purpose while it lasts; ``result.faults`` says which message was hit by what.
        folder, interactive, say: as for :func:`ramp`.
        budget_usd: what it may cost on AWS; default is ``LAB_BUDGET_USD``, else 1.
        options: of which the messages can be made again, when the run has to be followed to its end later.
        patience_s: without any change for so long, messages that have not come to an end are not waited for; default
            is ``PATIENCE_S`` of the target.
        view: shows how far it is.

    Raises:
        BudgetError: on AWS it would cost more than the budget.
        LabError: too few messages, two with one ``lab_id``, or the lab is not up. Nothing was sent then.
    """
    guard.check_budget(target, to_send, budget_usd, say)
    showing = partial(view, interactive=interactive)
    if faults is None:
        check_none_left(Names(target))
        return _run(target, plan, to_send, sender, folder, showing, patience_s, say, options)
    with injected(target, faults, to_send[: len(plan)], say) as injection:
        queue_url = stack.describe(target)["queue_url"]
        sender = sender or Sender(injection.sending_with(target.client("sqs", attempts=1)), queue_url)
        result = _run(
            target, plan, injection.messages, sender, folder, showing, patience_s, say, options, with_faults=True
        )
        return replace(result, faults=injection.table())


def _run(
    target: Target,
    plan: Plan,
    to_send: Sequence[bodies.Message],
    sender: Sender | None,
    folder: Path | None,
    showing: Callable[[int], AbstractContextManager[live.Update]],
    patience_s: float | None,
    say: Say,
    options: RampOptions | None,
    *,
    with_faults: bool = False,
) -> RampResult:
    run_id = to_send[0].lab_id.rpartition("-")[0] if to_send else ""
    queue_url = stack.describe(target)["queue_url"]
    watch = Watch(Names(target))
    # The sender counts every attempt itself.
    sender = Sender(target.client("sqs", attempts=1), queue_url) if sender is None else sender
    if folder is not None:
        started.begin(folder, target, run_id, watch.since_ms, options)

    with (
        Steadiness() as steadiness,
        Pulse(target, say) as pulse,
        showing(len(plan)) as update,
    ):
        with Follower(watch, plan, update, run_id, target.clock) as follower:
            sent = sender.send(
                plan,
                to_send,
                on_progress=follower.sent,
                ledger_path=folder / started.LEDGER if folder else None,
                stop=pulse.gone,
            )
        dates = target.clock.difference
        followed = True
        if sent.interrupted and not pulse.gone.is_set():
            say("Stopped: nothing more is sent; what is on its way is followed to its end (Ctrl-C ends that too).")
        try:
            drained = not pulse.gone.is_set() and watch.until_drained(
                int((sent.sends["outcome"] == "acked").sum()),
                patience_s=PATIENCE_S[target.kind] if patience_s is None else patience_s,
                mine=of_these(sent.sends),
                each_once=True,
                for_redeliveries=with_faults,
                on_progress=lambda progress: follower.draining(),
            )
        except KeyboardInterrupt:
            drained = followed = False
        except Exception:
            if not pulse.lost():
                raise
            drained = False
        queues = _seen_in_queues(watch, pulse)
    executions, states, received = watch.tables()
    result = analyse(
        run_id,
        to_send,
        sent.sends,
        sent.stages,
        executions,
        states,
        received,
        **queues,
        # What was not followed to its end is on its way, not lost.
        queued=None if followed else sent.sends[sent.sends["outcome"] == "acked"],
        drained=drained,
        interrupted=sent.interrupted or not followed or pulse.gone.is_set(),
        interrupted_by=pulse.sentence,
        cut_off=pulse.gone.is_set(),
        dates=dates,
        breaks=steadiness.breaks,
        same_machine=target.kind == "embedded",
    )
    if sentence := result.clocks.sentence():
        say(sentence)
    return replace(result, plan=plan)


def of_these(sends: pd.DataFrame) -> Mine:
    """Whether an execution belongs to one of these messages: by its ``lab_id``, or by its name where it has none."""
    lab_ids, message_ids = set(sends["lab_id"]), set(sends["message_id"].dropna())
    return lambda name, lab_id: lab_id in lab_ids or (lab_id is None and name in message_ids)


def _seen_in_queues(watch: Watch, pulse: Pulse) -> dict[str, Any]:
    """What the queues hold at the end; nothing when they are gone."""
    try:
        if not pulse.gone.is_set():
            return {
                "dead_letters": since(watch.dead_letters(), watch.since_ms),
                "undrained": watch.queued(),
                "most_receives": watch.most_receives(),
            }
    except Exception:
        if not pulse.lost():
            raise
    return {"dead_letters": None, "undrained": 0}
