"""A ramp whose sender was killed, followed to its end: nothing more is sent, and nothing is invented.

What was sent is read from the ledger, which the sender wrote ahead; what became of it, from the logs and queues. A
call that was under way when the sender was killed has no answer: its messages are named so, or recovered where seen.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pandas as pd
from botocore.exceptions import BotoCoreError

from lab import observe
from lab.errors import LabError
from lab.load import messages as bodies
from lab.load import read_ledger
from lab.runs import NoSuchRunError
from lab.session import started
from lab.session.lifecycle import Say
from lab.session.options import RampOptions
from lab.session.outcome import RampResult, analyse
from lab.session.ramp import of_these
from lab.session.watch import PATIENCE_S, Watch
from lab.stack import Names
from lab.target import Target, explain

# The log group of a lab that was made anew is younger than the run.
_YOUNGER_MS = 2_000


def resume(target: Target, run: started.Started, *, say: Say = lambda text: None) -> RampResult:
    """Follow what is still on its way, and analyse; the sends are those of the ledger.

    Args:
        target: the lab in which the run was begun.
        run: see :func:`lab.session.started.find`.
        say: gets sentences for the user.

    Raises:
        NoSuchRunError: it was stopped before it sent anything.
        LedgerError: the ledger is none.
    """
    sends = _sends(run, target)
    counts = Counter(sends["outcome"])
    left = len(sends) - counts["dropped"]
    told = f"The sender was stopped after {left} of {len(sends)} messages had left it."
    say(f"{told} {counts['acked']} of them were acknowledged, {counts['unknown']} have no known answer.")
    executions, states = observe.parse_execution_events([])
    received = observe.parse_received([])
    dead_letters: pd.DataFrame | None = None
    undrained, most_receives, drained, cut_off = 0, None, False, ""
    try:
        cut_off = _why_cut_off(target, run)
        if not cut_off:
            watch = Watch(Names(target), since_ms=run.since_ms)
            dead_letters = watch.dead_letters()
            mine = of_these(sends)
            drained = watch.until_drained(
                counts["acked"] - _count(dead_letters, mine),
                patience_s=PATIENCE_S[target.kind],
                mine=mine,
                each_once=True,
            )
            executions, states, received = watch.tables()
            dead_letters, undrained = watch.dead_letters(), watch.queued()
            most_receives = watch.most_receives()
    except (LabError, BotoCoreError) as error:
        known = explain(error)
        if known is None:
            raise
        cut_off = known.what
    if cut_off:
        say(f"{cut_off} So this tells what the ledger knows: what was sent, not what became of it.")
    return analyse(
        run.run_id,
        _messages(run, sends, executions),
        sends,
        _stages(sends),
        executions,
        states,
        received,
        dead_letters=dead_letters,
        undrained=undrained,
        drained=drained,
        interrupted=True,
        interrupted_by=f"{told} {cut_off}".strip(),
        cut_off=bool(cut_off),
        most_receives=most_receives,
    )


def _sends(run: started.Started, target: Target) -> pd.DataFrame:
    sends = read_ledger(run.ledger) if run.ledger.exists() else pd.DataFrame({"t_planned": []})
    if sends["t_planned"].notna().any():
        return sends
    raise NoSuchRunError(
        f"The run {run.run_id} was stopped before its first message was due: it sent nothing.",
        next_step=f"lab ramp{target.options}",
    )


def _stages(sends: pd.DataFrame) -> pd.DataFrame:
    """Which stages count: those of which every message was acknowledged. The sender's own verdict died with it."""
    whole = sends.assign(whole=sends["outcome"] == "acked").groupby("stage")["whole"].all()
    return pd.DataFrame({"stage": whole.index, "valid": whole.to_numpy(), "reason": "the sender was stopped in it"})


def _why_cut_off(target: Target, run: started.Started) -> str:
    """Why nothing of the run can be seen any more; empty when it can."""
    group = Names(target).log_group
    found = target.client("logs").describe_log_groups(logGroupNamePrefix=group).get("logGroups", [])
    made_ms = next((entry["creationTime"] for entry in found if entry["logGroupName"] == group), None)
    if made_ms is None:
        return f"The lab '{target.name}' is not up: its logs are gone."
    if made_ms > run.since_ms + _YOUNGER_MS:
        return f"The lab '{target.name}' was made anew since: the messages and logs of the run are gone."
    return ""


def _count(dead_letters: pd.DataFrame, mine: Callable[[str | None, str | None], bool]) -> int:
    return sum(map(mine, dead_letters["message_id"], dead_letters["lab_id"]))


def _messages(run: started.Started, sends: pd.DataFrame, executions: pd.DataFrame) -> list[bodies.Message]:
    """The messages of the run, made again from its options; else those of which the log holds the input."""
    given = {name.name: run.options[name.name] for name in fields(RampOptions) if name.name in run.options}
    text_file = Path(given["text_file"]) if given.get("text_file") else None
    if given and (text_file is None or started.digest(text_file) == run.text_digest):
        made = RampOptions(**(given | {"text_file": text_file})).messages(len(sends), run.run_id)
        if [message.lab_id for message in made] == list(sends["lab_id"]):
            return made
    return [message for body in executions["input"].dropna() if (message := _message_of(body)) is not None]


def _message_of(body: str) -> bodies.Message | None:
    try:
        document = json.loads(body)
        return bodies.text_message(document["lab_id"], base64.b64decode(document["input"]).decode("utf-8"))
    except (ValueError, KeyError, TypeError, binascii.Error, LabError):
        return None
