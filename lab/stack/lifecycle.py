"""Provision, describe and destroy all resources of a lab, in the right order and in parallel where AWS allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from lab.errors import UnavailableError
from lab.stack import exercises, exported, functions, logs, mapping, queues, roles, state_machine, sweep
from lab.stack.names import FUNCTIONS, Names, Settings
from lab.target import Target

Say = Callable[[str], None]
Step = tuple[str, Callable[[], Any]]

_PARALLEL = 8


class StackMissingError(UnavailableError):
    """A command needs resources that are not there."""


def provision(target: Target, settings: Settings | None = None, *, say: Say = lambda text: None) -> Names:
    """Make every resource that is missing and bring the others up to date.

    It can be run again at any time, also after a run that was stopped half-way. ``say`` gets the name of each
    resource as it becomes ready.
    """
    settings = settings or Settings()
    names = Names(target)
    names.prefix  # noqa: B018 - account and run are asked once here, not by every thread at the same time
    _side_by_side(
        [
            ("queues", lambda: queues.ensure(names, settings)),
            *(
                (f"role {role.name}", lambda role=role: roles.ensure(names, role))
                for role in roles.wanted(names, settings)
            ),
            *((f"log group {group}", lambda group=group: logs.ensure(names, group)) for group in logs.wanted(names)),
        ],
        say,
    )
    _side_by_side(
        [
            ("state machine", lambda: state_machine.ensure(names, settings)),
            *(
                (f"function {names.function(folder)}", lambda folder=folder: functions.ensure(names, settings, folder))
                for folder in FUNCTIONS
            ),
        ],
        say,
    )
    _side_by_side([("event source mapping", lambda: mapping.ensure(names, settings))], say)
    return names


def missing(target: Target) -> list[str]:
    """Kinds of resources that are not there, in words; empty when the lab is complete."""
    names = Names(target)
    checks: list[tuple[str, Callable[[], Any]]] = [
        ("queue", lambda: queues.find(names, names.queue)),
        ("dead-letter queue", lambda: queues.find(names, names.dead_letter_queue)),
        ("state machine", lambda: state_machine.find(names)),
        ("failure queue", lambda: _workflow(names) != "resilient" or queues.find(names, names.failure_queue)),
        *((f"function {folder}", lambda folder=folder: functions.find(names, folder)) for folder in FUNCTIONS),
        ("event source mapping", lambda: mapping.find(names)),
        ("log group", lambda: names.log_group in logs.existing(names)),
    ]
    return [what for what, check in checks if not check()]


def describe(target: Target) -> dict[str, Any]:
    """What there is, as ``lab status --json`` prints it.

    Raises:
        StackMissingError: a resource is missing.
    """
    names = Names(target)
    lacking = missing(target)
    if lacking:
        raise StackMissingError(
            f"The lab '{target.name}' is not complete on target '{target.kind}': it lacks {', '.join(lacking)}.",
            cause="it was never provisioned, or only in part.",
            next_step=f"lab up{target.options}",
        )
    return {
        "endpoint_url": target.endpoint_url,
        "region": target.region,
        "queue_url": queues.find(names, names.queue),
        "dead_letter_queue_url": queues.find(names, names.dead_letter_queue),
        "failure_queue_url": queues.find(names, names.failure_queue),
        "workflow": _workflow(names),
        "state_machine_arn": names.state_machine_arn,
        "log_group": names.log_group,
        "functions": {folder: names.function(folder) for folder in FUNCTIONS},
    }


def _workflow(names: Names) -> str | None:
    found = state_machine.find(names)
    return None if found is None else state_machine.workflow(names, found)


def destroy(target: Target, *, say: Say = lambda text: None) -> list[str]:
    """Remove every resource and return what survived, in words; an empty list is the proof that nothing did.

    The order matters: first what starts new work (mapping, state machine), then what does the work, and the log
    groups last, since all others may still write to them. On AWS whatever earlier runs of this lab left behind goes
    as well.

    Raises:
        WaitingTooLongError: something that was deleted did not go; run it again.
    """
    for run in sweep.runs(target):
        _destroy_run(Names(target, run), say)
    sweep.delete_others(target)
    left = [*exercises.survivors(Names(target)), *survivors(target)]
    if not left:
        target.end_run()
    return left


def _destroy_run(names: Names, say: Say) -> None:
    if exported.find(names) is not None:
        _side_by_side([(f"stack {names.stack}", lambda: exported.delete(names))], say)
    _side_by_side([("event source mapping", lambda: mapping.delete(names))], say)
    _side_by_side([("state machine", lambda: state_machine.delete(names))], say)
    _side_by_side([("exercises", lambda: exercises.delete(names))], say)
    _side_by_side(
        [
            *(
                (f"function {names.function(folder)}", lambda folder=folder: functions.delete(names, folder))
                for folder in FUNCTIONS
            ),
            ("queues", lambda: queues.delete(names)),
        ],
        say,
    )
    _side_by_side([("roles", lambda: roles.delete(names))], say)
    _side_by_side([("log groups", lambda: logs.delete(names))], say)


def survivors(target: Target) -> list[str]:
    """Every resource of the lab that exists, in words; on AWS also those of earlier runs, by name and by tag."""
    names = Names(target)
    kinds = (exported, mapping, state_machine, exercises, functions, queues, roles, logs)
    found = [line for kind in kinds for line in kind.survivors(names)]
    return found + [line for line in sweep.survivors(target) if line not in found]


def _side_by_side(steps: Iterable[Step], say: Say) -> None:
    """Run the steps in parallel; the first failure is raised once the others have ended."""
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        running: dict[Future[Any], str] = {pool.submit(action): name for name, action in steps}
        failures = []
        for future in as_completed(running):
            error = future.exception()
            if error is None:
                say(running[future])
            else:
                failures.append(error)
        if failures:
            raise failures[0]
