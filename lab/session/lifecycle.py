"""Bring a lab up, look at it, and take it down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab import stack
from lab.emulator import launcher, processes
from lab.observe import QueueDepth, queue_depth
from lab.session import quotas
from lab.stack import Settings
from lab.target import Target

Say = Callable[[str], None]

# Of docs/schemas/status.schema.json: it changes when a key goes or means something else, not when one is added.
SCHEMA_VERSION = 1


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
    return {"schema_version": SCHEMA_VERSION, **found, "emulator_pid": emulator.pid if emulator else None}


def queue_depths(target: Target, found: dict[str, Any]) -> dict[str, QueueDepth]:
    """How many messages each queue of ``status`` holds, by its key there."""
    sqs = target.client("sqs")
    return {key: queue_depth(sqs, found[key]) for key in ("queue_url", "dead_letter_queue_url")}
