"""What learners make in the exercises, under names of its own, so that the lab itself stays as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial

from lab.stack import logs, mapping, queues, roles, sources, state_machine, waiting
from lab.stack.names import Names

FUNCTIONS = ("longest-word", "watcher", "stream-reader")
ROLES = ("watcher", "rules", "objects", "pipe", "stream-reader")
STATE_MACHINES = (
    "waiting-state",
    "own-workflow",
    # of notebook 08
    "express",
    "express-slow",
    "standard",
    "standard-slow",
    "standard-rest",
    "approval",
    "approval-express",
    # of notebook 09
    "objects",
    "pipe",
)
QUEUES = ("invoices", "invoices.fifo", "pipe", "undelivered", "unread")
_GONE_DEADLINE_S = 120.0


def name(names: Names, exercise: str) -> str:
    """What the function, role, state machine or queue of an exercise is called."""
    return f"{names.prefix}-exercise-{exercise}"


def delete(names: Names) -> None:
    """Delete all that the exercises made; what is not there is fine."""
    functions, log_client = (names.target.client(service) for service in ("lambda", "logs"))
    for uuid in _mappings(names):
        mapping.delete_mapping(names, uuid)
    for kind, source in sources.named(names.target, name(names, "")):
        sources.delete(names.target, kind, source)
    for exercise in STATE_MACHINES:
        state_machine.delete_machine(names, state_machine_arn(names, exercise))
    waiting.until(
        lambda: not _state_machines(names), what="the exercises' state machines to go", deadline_s=_GONE_DEADLINE_S
    )
    for exercise in FUNCTIONS:
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            functions.delete_function(FunctionName=name(names, exercise))
    for exercise in ROLES:
        roles.delete_role(names, name(names, exercise))
    for exercise in QUEUES:
        if (url := queues.find(names, name(names, exercise))) is not None:
            names.target.client("sqs").delete_queue(QueueUrl=url)
    for group in _log_groups(names):
        with contextlib.suppress(log_client.exceptions.ResourceNotFoundException):
            log_client.delete_log_group(logGroupName=group)


def survivors(names: Names) -> list[str]:
    """Resources of the exercises that exist, in words."""
    return [
        *(f"event source mapping {uuid}" for uuid in _mappings(names)),
        *(f"{kind} {source}" for kind, source in sources.named(names.target, name(names, ""))),
        *(f"state machine {machine}" for machine in _state_machines(names)),
        *(f"function {function}" for function in _functions(names)),
        *(f"role {role}" for role in _roles(names)),
        *(f"queue {name(names, one)}" for one in QUEUES if queues.find(names, name(names, one)) is not None),
        *(f"log group {group}" for group in _log_groups(names)),
    ]


def _mappings(names: Names) -> list[str]:
    """UUIDs of the mappings to functions of the exercises, disabled ones included."""
    return [entry["UUID"] for function in _functions(names) for entry in mapping.of_function(names, function)]


def _state_machines(names: Names) -> list[str]:
    states = names.target.client("stepfunctions")
    return _existing(
        {
            name(names, exercise): partial(
                states.describe_state_machine, stateMachineArn=state_machine_arn(names, exercise)
            )
            for exercise in STATE_MACHINES
        },
        states.exceptions.StateMachineDoesNotExist,
    )


def _functions(names: Names) -> list[str]:
    client = names.target.client("lambda")
    deployed = [name(names, exercise) for exercise in FUNCTIONS]
    return _existing(
        {function: partial(client.get_function_configuration, FunctionName=function) for function in deployed},
        client.exceptions.ResourceNotFoundException,
    )


def _roles(names: Names) -> list[str]:
    iam = names.target.client("iam")
    looks = {name(names, exercise): partial(iam.get_role, RoleName=name(names, exercise)) for exercise in ROLES}
    return _existing(looks, iam.exceptions.NoSuchEntityException)


def _existing(looks: Mapping[str, Callable[[], object]], absent: type[Exception]) -> list[str]:
    """Those whose look does not raise ``absent``."""
    found = []
    for what, look in looks.items():
        with contextlib.suppress(absent):
            look()
            found.append(what)
    return found


def _log_groups(names: Names) -> list[str]:
    wanted = [f"/aws/vendedlogs/states/{name(names, exercise)}" for exercise in STATE_MACHINES]
    return logs.present(names, [*wanted, *(f"/aws/lambda/{name(names, exercise)}" for exercise in FUNCTIONS)])


def state_machine_arn(names: Names, exercise: str) -> str:
    return f"{names.state_machine_arn.rsplit(':', 1)[0]}:{name(names, exercise)}"
