"""Whether `lab up`, run again, would change anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab import stack
from lab.stack import functions, logs, mapping, queues, roles, state_machine
from lab.stack.names import FUNCTIONS
from lab.target import Target
from lab.workshop.self_checks.outcomes import short


def settings(target: Target) -> dict[str, Any]:
    """Every setting of the lab that ``lab up`` cares about: name of a resource → what AWS says of it."""
    names = stack.Names(target)
    sqs, iam, log_client = (target.client(service) for service in ("sqs", "iam", "logs"))
    found: dict[str, Any] = {}
    for queue in (names.queue, names.dead_letter_queue):
        attributes = sqs.get_queue_attributes(QueueUrl=queues.find(names, queue), AttributeNames=["All"])["Attributes"]
        found[f"queue {queue}"] = {
            key: _parsed(attributes.get(key))
            for key in ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
        }
    for role in roles.wanted(names):
        found[f"role {role.name}"] = {
            "trust": iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"],
            **{
                policy: iam.get_role_policy(RoleName=role.name, PolicyName=policy)["PolicyDocument"]
                for policy in sorted(iam.list_role_policies(RoleName=role.name)["PolicyNames"])
            },
        }
    for group in logs.wanted(names):
        described = log_client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        found[f"log group {group}"] = [one.get("retentionInDays") for one in described if one["logGroupName"] == group]
    for folder in FUNCTIONS:
        function = functions.find(names, folder) or {}
        found[f"function {names.function(folder)}"] = {
            **_picked(function, ("Runtime", "Handler", "Role", "Timeout", "MemorySize", "CodeSha256")),
            # A function without variables has an empty environment, or none.
            "Environment": (function.get("Environment") or {}).get("Variables") or {},
        }
    machine = _picked(state_machine.find(names), ("type", "definition", "roleArn", "loggingConfiguration"))
    found[f"state machine {names.state_machine}"] = {key: _parsed(value) for key, value in machine.items()}
    keys = ("BatchSize", "MaximumBatchingWindowInSeconds", "ScalingConfig", "FunctionResponseTypes", "State")
    found["event source mapping"] = _picked(mapping.find(names), keys)
    return found


def changed_by_lab_up(target: Target) -> list[str]:
    """Run what ``lab up`` runs, and list the resources whose settings it changed or that it had to make."""
    lacking = stack.missing(target)
    if lacking:
        stack.provision(target)
        return [f"{what}: was missing" for what in lacking]
    before = settings(target)
    stack.provision(target)
    after = settings(target)
    return [f"{what}: {_first_change(before[what], after[what])}" for what in after if before[what] != after[what]]


def _parsed(value: Any) -> Any:
    """JSON texts as data, so that their spaces do not matter."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _picked(found: Mapping[str, Any] | None, keys: Iterable[str]) -> dict[str, Any]:
    return {key: (found or {}).get(key) for key in keys}


def _first_change(before: Any, after: Any) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in after:
            if before.get(key) != after[key]:
                return f"{key} was {short(before.get(key))}, now {short(after[key])}"
    return f"was {short(before)}, now {short(after)}"
