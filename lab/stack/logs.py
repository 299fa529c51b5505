"""The log groups: one for execution events, one for each function."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import partial

from lab.stack import tags, waiting
from lab.stack.names import FUNCTIONS, Names

# Logs are what costs most here on AWS; a forgotten group empties itself.
RETENTION_DAYS = 7


def wanted(names: Names) -> list[str]:
    """The lab's log groups. The functions' own are made here too, so that their roles need not create any."""
    return [names.log_group, *(names.function_log_group(folder) for folder in FUNCTIONS)]


def ensure(names: Names, log_group: str) -> None:
    """Make a log group, or set its retention when it exists."""
    logs = names.target.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        wanted_tags = tags.as_mapping(names.target.name, names.target.run)
        waiting.through_propagation(lambda: logs.create_log_group(logGroupName=log_group, tags=wanted_tags))
    waiting.through_propagation(
        lambda: logs.put_retention_policy(logGroupName=log_group, retentionInDays=RETENTION_DAYS)
    )


def delete(names: Names) -> None:
    """Delete the lab's log groups."""
    logs = names.target.client("logs")
    for log_group in wanted(names):
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            waiting.through_propagation(partial(logs.delete_log_group, logGroupName=log_group))


def existing(names: Names) -> list[str]:
    """The lab's log groups that exist."""
    return present(names, wanted(names))


def present(names: Names, log_groups: Iterable[str]) -> list[str]:
    """Those of ``log_groups`` that exist, in their order."""
    logs = names.target.client("logs")
    found = []
    for log_group in log_groups:
        groups = logs.describe_log_groups(logGroupNamePrefix=log_group)["logGroups"]
        if any(group["logGroupName"] == log_group for group in groups):
            found.append(log_group)
    return found


def survivors(names: Names) -> list[str]:
    """Log groups of this lab that exist, in words."""
    return [f"log group {log_group}" for log_group in existing(names)]
