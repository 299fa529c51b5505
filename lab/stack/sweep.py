"""What earlier runs of a lab left behind on AWS: found by name and by tag, so that no crash and no lost state folder
leaves anything that costs.

By name, each service is asked for all it has, and the names that this lab could have made are picked. By tag, the
Resource Groups Tagging API is asked; it knows no roles, and lists deleted things for a while, so every answer is
looked at again where it lives. On an emulator nothing is looked for: it forgets all when it ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lab.stack import exported, mapping, queues, roles, sources, state_machine, tags, waiting
from lab.stack.names import FUNCTIONS, Names
from lab.target import Target
from lab.target import runs as lab_runs

_GONE_DEADLINE_S = 120.0
# In the order of deletion: what starts work, what does it, and the log groups last.
_KINDS = ("event source mapping", *sources.KINDS, "state machine", "function", "queue", "role", "log group")
_GONE = ("ResourceNotFoundException", "StateMachineDoesNotExist", "NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True)
class Leftover:
    """A resource that a run of the lab made: its kind, what it is deleted by, and the run."""

    kind: str
    id: str
    run: str

    def __str__(self) -> str:
        shown = self.id.rsplit("/" if self.kind == "queue" else ":", 1)[-1]
        return f"{self.kind} {shown}"


def runs(target: Target) -> list[str]:
    """The runs of this lab that exist in some part, and the present one; on an emulator the only one there is."""
    if target.is_emulator:
        return [""]
    return sorted({target.run, *(found.run for found in by_name(target))})


def by_name(target: Target) -> list[Leftover]:
    """Every resource whose name a run of this lab could have made, in the order in which they are to be deleted."""
    found = [
        Leftover(kind, id_, match["run"])
        for kind, name, id_ in _everything(target)
        if (match := _pattern(target.name).fullmatch(name))
    ]
    return sorted(found, key=lambda leftover: _KINDS.index(leftover.kind))


def by_tag(target: Target) -> list[str]:
    """ARNs that carry this lab's tag, and that exist."""
    pages = (
        target.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(TagFilters=[{"Key": tags.NAME_KEY, "Values": [target.name]}])
    )
    arns = [entry["ResourceARN"] for page in pages for entry in page["ResourceTagMappingList"]]
    return [arn for arn in arns if _exists(target, arn)]


def survivors(target: Target) -> list[str]:
    """What is left of any run, in words; empty on an emulator."""
    if target.is_emulator:
        return []
    named = by_name(target)
    # What has both is told once, by its name.
    named_ends = tuple(re.split(r"[:/]", leftover.id)[-1] for leftover in named)
    tagged = [arn for arn in by_tag(target) if not arn.removesuffix(":*").endswith(named_ends or ("\n",))]
    return [str(leftover) for leftover in named] + [f"{arn} (found by its tag)" for arn in tagged]


def delete_others(target: Target) -> None:
    """Delete what is left of all runs, one by one: things of names that the lab's own modules do not know."""
    if target.is_emulator:
        return
    names = Names(target)
    left = by_name(target)
    for leftover in left:
        _delete(names, leftover)
    machines = [leftover.id for leftover in left if leftover.kind == "state machine"]
    waiting.until(
        lambda: not any(_exists(target, arn) for arn in machines),
        what="state machines to go",
        deadline_s=_GONE_DEADLINE_S,
    )


def _pattern(lab_name: str) -> re.Pattern[str]:
    # The beginning of lab 'a' is also that of lab 'a-b': only names that the lab makes are its own.
    own = ["messages", "dead-letters", "failures", "text-processing", "workflow", "functions"]
    own += [folder.replace("_", "-") for folder in FUNCTIONS]
    prefix = rf"(/aws/lambda/|/aws/vendedlogs/states/)?express-lab-{re.escape(lab_name)}"
    return re.compile(rf"{prefix}-(?P<run>{lab_runs.PATTERN})-({'|'.join(own)}|exercise-.+|cfn-.+)")


def _everything(target: Target) -> Iterator[tuple[str, str, str]]:
    """(kind, name, what it is deleted by) of all that may be this lab's; the services are asked, nothing is guessed."""
    prefix = f"express-lab-{target.name}-"
    functions, states = target.client("lambda"), target.client("stepfunctions")
    for entry in _pages(functions, "list_event_source_mappings", "EventSourceMappings"):
        # One that is being deleted may have lost its function.
        yield "event source mapping", (entry.get("FunctionArn") or "").rsplit(":", 1)[-1], entry["UUID"]
    for kind, name in sources.named(target, prefix):
        yield kind, name, name
    for entry in _pages(states, "list_state_machines", "stateMachines"):
        yield "state machine", entry["name"], entry["stateMachineArn"]
    for entry in _pages(functions, "list_functions", "Functions"):
        yield "function", entry["FunctionName"], entry["FunctionName"]
    for url in _pages(target.client("sqs"), "list_queues", "QueueUrls", QueueNamePrefix=prefix):
        yield "queue", url.rsplit("/", 1)[-1], url
    for entry in _pages(target.client("iam"), "list_roles", "Roles"):
        yield "role", entry["RoleName"], entry["RoleName"]
    for place in ("/aws/lambda/", "/aws/vendedlogs/states/"):
        logs = target.client("logs")
        for entry in _pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=place + prefix):
            yield "log group", entry["logGroupName"], entry["logGroupName"]


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page.get(key) or ()


def _delete(names: Names, leftover: Leftover) -> None:
    target = names.target
    if leftover.kind in sources.KINDS:
        sources.delete(target, leftover.kind, leftover.id)
        return
    calls: dict[str, Callable[[], Any]] = {
        "event source mapping": lambda: mapping.delete_mapping(names, leftover.id),
        "state machine": lambda: state_machine.delete_machine(names, leftover.id),
        "function": lambda: target.client("lambda").delete_function(FunctionName=leftover.id),
        "queue": lambda: target.client("sqs").delete_queue(QueueUrl=leftover.id),
        "role": lambda: roles.delete_role(names, leftover.id),
        "log group": lambda: target.client("logs").delete_log_group(logGroupName=leftover.id),
    }
    try:
        waiting.through_propagation(calls[leftover.kind])
    except ClientError as error:
        if not waiting.error_code(error).endswith(_GONE):
            raise


def _exists(target: Target, arn: str) -> bool:
    """Whether the service that the ARN names has it; True for a kind that the lab does not make."""
    _, _, service, _, _, resource = arn.split(":", 5)
    name = resource.split(":", 1)[-1]
    if service == "logs":
        group = name.removesuffix(":*")
        found = target.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return any(entry["logGroupName"] == group for entry in found)
    if service == "sqs":
        return queues.find(Names(target), resource) is not None
    if source := sources.of_arn(service, resource):
        return sources.is_there(target, *source)
    if service == "cloudformation":
        return exported.find_stack(target, arn) is not None
    if service == "cloudwatch":
        return bool(target.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])
    functions = target.client("lambda")
    looks: dict[tuple[str, str], Callable[[], Any]] = {
        ("states", "stateMachine"): lambda: target.client("stepfunctions").describe_state_machine(stateMachineArn=arn),
        ("lambda", "function"): lambda: functions.get_function_configuration(FunctionName=name),
        ("lambda", "event-source-mapping"): lambda: functions.get_event_source_mapping(UUID=name),
    }
    look = looks.get((service, resource.split(":", 1)[0]))
    if look is None:
        return True
    try:
        look()
    except ClientError as error:
        if waiting.error_code(error).endswith(_GONE):
            return False
        raise
    return True
