"""A state machine of anybody's, and whether its log tells what `lab watch` asks of it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lab.errors import LabError, UnavailableError, UsageError
from lab.stack import waiting
from lab.target import Target

_SHOWN = 5


class StateMachineArnError(UsageError):
    """What was typed is no ARN of a state machine here."""


class NoStateMachineError(UnavailableError):
    """There is no such state machine."""


class NotLoggedError(LabError):
    """The log does not hold what was asked for."""


class LogGroupElsewhereError(UnavailableError):
    """The state machine logs to another account or region, or to a group that is not there."""


@dataclass(frozen=True)
class Machine:
    """A state machine whose log tells of every visit.

    Attributes:
        arn, name: of it.
        type: ``EXPRESS`` or ``STANDARD``.
        definition: in Amazon States Language.
        log_group: where its events go.
        has_data: whether inputs and outputs are in the log.
    """

    arn: str
    name: str
    type: str
    definition: dict[str, Any]
    log_group: str
    has_data: bool


def find_machine(target: Target, arn: str, *, log_all: bool = False) -> Machine:
    """The state machine of this ARN, where its log tells of every visit.

    Args:
        target: where it is.
        arn: of the state machine; may end in a version or an alias.
        log_all: set its logging to ALL with execution data first, where it is less; makes a log group if it has none.

    Raises:
        StateMachineArnError: it is no such ARN, or one of another account or region.
        NoStateMachineError: there is none.
        NotLoggedError: its level is below ALL.
        LogGroupElsewhereError: its log group cannot be read from here.
    """
    _check_arn(target, arn)
    found = _described(target, arn)
    name = arn.split(":")[6]
    logging = found.get("loggingConfiguration") or {}
    if log_all and (logging.get("level", "OFF") != "ALL" or not logging.get("includeExecutionData")):
        logging = _set_logging(target, arn, name, logging)
    group_arn = _group_arn(logging)
    level = logging.get("level", "OFF")
    if level != "ALL" or group_arn is None:
        raise NotLoggedError(_unknown(name, level, group_arn), next_step=_mend(target, arn))
    _, _, _, region, account, _, group = group_arn.split(":")[:7]
    if (region, account) != (target.region, target.account):
        raise LogGroupElsewhereError(
            f"The state machine {name} logs to {group} in account {account}, region {region}: it cannot be read from "
            f"account {target.account}, region {target.region}.",
            next_step="use credentials and a region that can read it, or a log group beside the state machine: "
            + _mend(target, arn),
        )
    return Machine(
        arn, name, found["type"], json.loads(found["definition"]), group, bool(logging.get("includeExecutionData"))
    )


def group_missing(target: Target, machine: Machine) -> LogGroupElsewhereError:
    """The error for a log group that was deleted."""
    return LogGroupElsewhereError(
        f"The state machine {machine.name} logs to {machine.log_group}, and there is no such log group.",
        cause="somebody deleted it; its events since then are gone.",
        next_step=f"aws logs create-log-group --log-group-name {machine.log_group}{_endpoint(target)}",
    )


def _check_arn(target: Target, arn: str) -> None:
    parts = arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "states" or parts[5] != "stateMachine" or not parts[6]:
        raise StateMachineArnError(
            f"'{arn}' is no ARN of a state machine.",
            cause="an ARN of an execution, or a name alone, was typed; it looks like "
            "arn:aws:states:REGION:ACCOUNT:stateMachine:NAME.",
            next_step=f"aws stepfunctions list-state-machines{_endpoint(target)}",
        )
    if (parts[3], parts[4]) != (target.region, target.account):
        raise StateMachineArnError(
            f"The state machine is in account {parts[4]}, region {parts[3]}; target '{target.kind}' is account "
            f"{target.account}, region {target.region}.",
            cause="it belongs to another target, or AWS_REGION says otherwise.",
            next_step=f"AWS_REGION={parts[3]} lab watch --target aws --state-machine {arn}",
        )


def _described(target: Target, arn: str) -> dict[str, Any]:
    states = target.client("stepfunctions")
    try:
        found: dict[str, Any] = states.describe_state_machine(stateMachineArn=arn)
    except ClientError as error:
        if waiting.error_code(error) not in ("StateMachineDoesNotExist", "InvalidArn"):
            raise
        there = [machine["stateMachineArn"] for machine in states.list_state_machines(maxResults=100)["stateMachines"]]
        known = f"there are: {', '.join(there[:_SHOWN])}" if there else "there is none at all"
        raise NoStateMachineError(
            f"There is no state machine {arn}.",
            cause=f"a slip of the pen, or it was deleted; {known}.",
            next_step=f"lab watch --state-machine {there[0] if there else 'ARN'}{target.options}",
        ) from None
    return found


def _group_arn(logging: dict[str, Any]) -> str | None:
    destinations = logging.get("destinations") or [{}]
    arn = (destinations[0].get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
    return arn if isinstance(arn, str) and arn.count(":") >= 6 else None


def _unknown(name: str, level: str, group_arn: str | None) -> str:
    if group_arn is None or level == "OFF":
        return (
            f"The state machine {name} logs nothing: how many executions there were, which states they visited and how "
            "long they took cannot be known, neither now nor later."
        )
    return (
        f"The state machine {name} logs at level {level}: only what failed is in its log. How many executions "
        "succeeded, which states were visited and how long they took cannot be known of those that ran so far."
    )


def _mend(target: Target, arn: str) -> str:
    return f"lab watch --state-machine {arn} --log-all{target.options}, which sets its level to ALL; then run it again"


def _endpoint(target: Target) -> str:
    return f" --endpoint-url {target.endpoint_url} --region {target.region}" if target.is_emulator else ""


def _set_logging(target: Target, arn: str, name: str, logging: dict[str, Any]) -> dict[str, Any]:
    group_arn = _group_arn(logging)
    if group_arn is None:
        group = f"/aws/vendedlogs/states/{name}"
        logs = target.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        group_arn = f"arn:{arn.split(':')[1]}:logs:{target.region}:{target.account}:log-group:{group}:*"
    wanted = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group_arn}}],
    }
    plain = ":".join(arn.split(":")[:7])
    target.client("stepfunctions").update_state_machine(stateMachineArn=plain, loggingConfiguration=wanted)
    return wanted
