"""The Express Workflow."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from lab.stack import documents, tags, waiting
from lab.stack.names import WORKFLOWS, Names, Settings

_GONE_DEADLINE_S = 120.0


def logging_configuration(names: Names, level: str = "ALL") -> dict[str, Any]:
    """Every event, with the data that states take and give. There is no other record of a single Express execution."""
    return {
        "level": level,
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": names.log_group_arn(names.log_group)}}],
    }


def parameters(names: Names, settings: Settings) -> dict[str, Any]:
    """The parameters of CreateStateMachine that UpdateStateMachine takes as well."""
    return {
        "definition": json.dumps(documents.definition(WORKFLOWS[settings.workflow], names.substitutions), indent=2),
        "roleArn": names.role_arn(names.workflow_role),
        "loggingConfiguration": logging_configuration(names, settings.log_level),
    }


def ensure(names: Names, settings: Settings) -> None:
    """Make the Express Workflow, or bring its definition, role and logging up to date."""
    states = names.target.client("stepfunctions")
    current = find(names)
    if current is None:
        waiting.through_propagation(
            lambda: states.create_state_machine(
                name=names.state_machine,
                type="EXPRESS",
                **parameters(names, settings),
                tags=tags.as_pairs(names.target.name, names.target.run, key="key", value="value"),
            )
        )
        return
    wanted = parameters(names, settings)
    if json.loads(current["definition"]) != json.loads(wanted["definition"]) or any(
        current.get(key) != wanted[key] for key in ("roleArn", "loggingConfiguration")
    ):
        waiting.through_propagation(
            lambda: states.update_state_machine(stateMachineArn=names.state_machine_arn, **wanted)
        )


def find(names: Names) -> dict[str, Any] | None:
    """What DescribeStateMachine says, or None when there is none or it is being deleted."""
    states = names.target.client("stepfunctions")
    try:
        found: dict[str, Any] = states.describe_state_machine(stateMachineArn=names.state_machine_arn)
    except states.exceptions.StateMachineDoesNotExist:
        return None
    return found if found.get("status") != "DELETING" else None


def workflow(names: Names, found: dict[str, Any]) -> str:
    """Which definition is deployed, by its name in ``WORKFLOWS``; ``changed`` for a definition of the learner's own."""
    deployed = json.loads(found["definition"])
    for name, file in WORKFLOWS.items():
        if deployed == documents.definition(file, names.substitutions):
            return name
    return "changed"


def delete(names: Names) -> None:
    """Delete the Express Workflow and wait until it is gone: while it goes it may still write logs."""
    delete_machine(names, names.state_machine_arn)
    waiting.until(
        lambda: not survivors(names), what=f"state machine {names.state_machine} to go", deadline_s=_GONE_DEADLINE_S
    )


def delete_machine(names: Names, arn: str) -> None:
    """Ask for the deletion of a state machine; one that is not there is fine.

    A Standard Workflow goes only when its executions have ended, and one that waits for a person may take a year: those
    that run are stopped.
    """
    states = names.target.client("stepfunctions")
    with contextlib.suppress(states.exceptions.StateMachineDoesNotExist):
        _stop_executions(states, arn)
        waiting.through_propagation(lambda: states.delete_state_machine(stateMachineArn=arn))


def _stop_executions(states: Any, arn: str) -> None:
    # Express Workflows keep no list of what runs, and end within five minutes.
    with contextlib.suppress(states.exceptions.StateMachineTypeNotSupported):
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn, statusFilter="RUNNING")
        for running in [execution["executionArn"] for page in pages for execution in page["executions"]]:
            with contextlib.suppress(states.exceptions.ExecutionDoesNotExist):
                states.stop_execution(executionArn=running)


def survivors(names: Names) -> list[str]:
    """The Express Workflow, if it exists in any form."""
    states = names.target.client("stepfunctions")
    try:
        states.describe_state_machine(stateMachineArn=names.state_machine_arn)
    except states.exceptions.StateMachineDoesNotExist:
        return []
    return [f"state machine {names.state_machine}"]
