"""Bring a lab up, look at it, and take it down."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab import signals, stack
from lab.emulator import launcher, locks, processes
from lab.errors import UnavailableError
from lab.faults import left_in
from lab.observe import QueueDepth, queue_depth
from lab.session import quotas
from lab.signals import StoppedError
from lab.stack import Names, Settings
from lab.target import Target

Say = Callable[[str], None]

# Of docs/schemas/status.schema.json: it changes when a key goes or means something else, not when one is added.
SCHEMA_VERSION = 1


class OtherStateFolderError(UnavailableError):
    """The lab is not here: it runs under another state folder."""


@dataclass(frozen=True)
class Timing:
    """How long the parts of ``up`` took, in seconds. ``start_s`` is 0 when the emulator ran already."""

    start_s: float
    provision_s: float


def up(
    target: Target,
    settings: Settings | None = None,
    *,
    owned: bool = False,
    new: bool = False,
    say: Say = lambda text: None,
) -> Timing:
    """Start the emulator if the target is embedded, then provision. Safe to repeat.

    Args:
        target: where.
        settings: what a learner may turn.
        owned: see ``launcher.start``.
        new: whether nothing of a lab of this name may be there yet.
        say: gets the name of each resource as it becomes ready, and whole sentences that a user should read.

    Raises:
        LabError: the emulator or the resources could not be brought up; says what to do.
        LabRunningError: ``new``, and there is one.
    """
    began = time.perf_counter()
    if target.kind == "embedded":
        threading.Thread(target=target.prepare, daemon=True).start()  # while this process only waits
        launcher.start(target.name, owned=owned, new=new, say=say)
    elif new and (there := stack.survivors(target)):
        raise launcher.LabRunningError(
            f"A lab '{target.name}' is there on target '{target.kind}' ({there[0]}), and a new one was asked for.",
            next_step="the same command without --name, or with another name",
        )
    started = time.perf_counter()
    # Two that make the same thing at the same time disturb each other: the second one finds it made.
    with locks.changing(target.name, say, what=target.kind + " resources"):
        stack.provision(target, quotas.fitted(target, settings or Settings()), say=say)
    return Timing(started - began, time.perf_counter() - started)


def stopped(target: Target) -> StoppedError:
    """What :func:`up` left when it was stopped; half an emulator is none."""
    if target.kind == "embedded" and processes.find(target.name) is None:
        return StoppedError("Stopped. The emulator has ended; nothing is left.", next_step=f"lab up{target.options}")
    where = "" if target.kind == "aws" else "the emulator runs, and "
    return StoppedError(
        f"Stopped. Of the lab '{target.name}' {where}some resources may be there.",
        next_step=f"lab down{target.options}, which removes them; or lab up{target.options}, which makes the others",
    )


def down(target: Target, *, say: Say = lambda text: None) -> list[str]:
    """Destroy the resources, then end the emulator if the target is embedded.

    Returns:
        What survived, in words; empty when nothing did.

    Raises:
        OtherStateFolderError: embedded, and there is none here but one of this name under another state folder.
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
        with signals.held_off():
            ended = launcher.stop(target.name)
    if ended:
        say("emulator")
    else:
        _check_elsewhere(target)
    return survivors


def _check_elsewhere(target: Target) -> None:
    for emulator in processes.elsewhere(target.name):
        raise OtherStateFolderError(
            f"The lab '{target.name}' (process {emulator.pid}) runs under another state folder, {emulator.mark.state}.",
            cause="LAB_STATE_DIR was changed while it was up.",
            next_step=f"LAB_STATE_DIR={shlex.quote(emulator.mark.state)} lab down{target.options}",
        )


def status(target: Target) -> dict[str, Any]:
    """What there is; the keys are those of ``lab status --json``.

    Raises:
        LabError: the emulator is not running, or a resource is missing.
    """
    found = stack.describe(target)
    emulator = processes.find(target.name) if target.kind == "embedded" else None
    return {
        "schema_version": SCHEMA_VERSION,
        **found,
        "emulator_pid": emulator.pid if emulator else None,
        "failing_on_purpose": left_in(Names(target)),
    }


def queue_depths(target: Target, found: dict[str, Any]) -> dict[str, QueueDepth]:
    """How many messages each queue of ``status`` holds, by its key there."""
    sqs = target.client("sqs")
    keys = ("queue_url", "dead_letter_queue_url", "failure_queue_url")
    return {key: queue_depth(sqs, found[key]) for key in keys if found[key]}
