"""Bring a lab up, look at it, send it a message, and take it down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lab import stack
from lab.emulator import launcher, processes
from lab.errors import LabError
from lab.session.watch import Watch
from lab.stack import Names, Settings, quotas
from lab.target import Target

Say = Callable[[str], None]

# Without any change for so long, a message is not going to arrive. AWS may deliver logs late.
PATIENCE_S = {"embedded": 30.0, "localstack": 60.0, "aws": 120.0}


class UnfinishedMessageError(LabError):
    """A message that was sent has not come to an end."""


class MessageFileError(LabError):
    """The file with a message cannot be read."""


@dataclass(frozen=True)
class Timing:
    """How long the parts of ``up`` took, in seconds. ``start_s`` is 0 when the emulator ran already."""

    start_s: float
    provision_s: float


def up(
    target: Target, settings: Settings | None = None, *, owned: bool = False, say: Say = lambda text: None
) -> Timing:
    """Start the emulator if the target is embedded, then provision. Safe to repeat.

    Args:
        target: where.
        settings: what a learner may turn.
        owned: whether the emulator belongs to this process; see ``launcher.start``.
        say: gets the name of each resource as it becomes ready, and whole sentences that a user should read.

    Raises:
        LabError: the emulator or the resources could not be brought up; says what to do.
    """
    began = time.perf_counter()
    if target.kind == "embedded":
        launcher.start(target.name, owned=owned, say=say)
    started = time.perf_counter()
    stack.provision(target, quotas.fitted(target, settings or Settings()), say=say)
    return Timing(started - began, time.perf_counter() - started)


def down(target: Target, *, say: Say = lambda text: None) -> list[str]:
    """Destroy the resources, then end the emulator if the target is embedded.

    Returns:
        What survived, in words; empty when nothing did.
    """
    if target.kind != "embedded":
        return stack.destroy(target, say=say)
    emulator = processes.find(target.name)
    survivors: list[str] = []
    try:
        if emulator is not None and emulator.healthy():
            survivors = stack.destroy(target, say=say)
    finally:
        # The resources live in the emulator's memory: they end with it, whatever happened above.
        if launcher.stop(target.name):
            say("emulator")
    return survivors


def status(target: Target) -> dict[str, Any]:
    """What there is; the keys are those of ``lab status --json``.

    Raises:
        LabError: the emulator is not running, or a resource is missing.
    """
    found = stack.describe(target)
    emulator = processes.find(target.name) if target.kind == "embedded" else None
    return found | {"emulator_pid": emulator.pid if emulator else None}


def read_message_file(file: Path) -> str:
    """The text of a file that a learner wants to send as one message.

    Raises:
        MessageFileError: it is missing, or not UTF-8.
    """
    try:
        return file.read_text("utf-8")
    except FileNotFoundError as error:
        raise MessageFileError(
            f"There is no file {file}.", next_step="lab send --file with a file that exists"
        ) from error
    except UnicodeDecodeError as error:
        raise MessageFileError(
            f"{file} is not UTF-8 text.",
            cause=f"byte {error.start} cannot be read as UTF-8.",
            next_step=f"iconv -t utf-8 {file} > text.txt, then: lab send --file text.txt",
        ) from error
    except OSError as error:
        raise MessageFileError(f"{file} cannot be read ({error.strerror}).", next_step="lab send") from error


def send(target: Target, bodies: Sequence[str], *, say: Say = lambda text: None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Send each body as one message, wait until their executions have ended, and return these.

    Returns:
        ``executions`` and ``states`` of these messages (columns: ARCHITECTURE.md, "The tables").

    Raises:
        LabError: the lab is not up.
        UnfinishedMessageError: a message's execution was not seen to end.
    """
    names = Names(target)
    queue_url = stack.describe(target)["queue_url"]
    watch = Watch(names)
    sqs = target.client("sqs")
    message_ids = [sqs.send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"] for body in bodies]
    say(f"sent {len(message_ids)} message{'s' if len(message_ids) != 1 else ''}")
    watch.until_drained(len(message_ids), patience_s=PATIENCE_S[target.kind], pause_s=0.05)
    executions, states, received = watch.tables()
    executions = executions[executions["name"].isin(message_ids)].reset_index(drop=True)
    states = states[states["execution_arn"].isin(executions["execution_arn"])].reset_index(drop=True)
    unfinished = set(message_ids) - set(executions.loc[executions["finished"].notna(), "name"])
    if unfinished:
        raise _unfinished(unfinished, received, watch.queued(), target)
    return executions, states


def _unfinished(message_ids: set[str], received: pd.DataFrame, queued: int, target: Target) -> UnfinishedMessageError:
    """Say where the messages are: never lost without a word."""
    refused = received[received["message_id"].isin(message_ids) & received["error"].notna()]
    if len(refused):
        return UnfinishedMessageError(
            f"start_execution refused the message: {refused['error'].iloc[-1]}. It stays in the queue and moves to the "
            "dead-letter queue after its last delivery.",
            next_step="lab status, which shows both queues",
        )
    return UnfinishedMessageError(
        f"{len(message_ids)} of the messages did not come to an end; {queued} are still in the queue.",
        cause="the event source mapping is disabled, or the emulator is very busy.",
        next_step=f"lab up{stack.options(target)}, which mends what is missing; then send again",
    )
