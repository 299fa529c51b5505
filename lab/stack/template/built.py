"""Reads what is deployed: every setting of it that a template can say."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lab.errors import LabError
from lab.stack import functions, mapping, queues, roles, state_machine
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, START_FUNCTION, Names

_DOWNLOAD_TIMEOUT_S = 60.0


class NotExportableError(LabError):
    """Something is deployed that one template cannot say."""


@dataclass(frozen=True)
class Function:
    """One deployed function.

    Attributes:
        code: the text of its one file.
        configuration: what GetFunctionConfiguration says.
        reserved: its reserved concurrency; None when it has none.
    """

    code: str
    configuration: dict[str, Any]
    reserved: int | None


@dataclass(frozen=True)
class Built:
    """What a learner built, as it is deployed now.

    Attributes:
        names: of the lab that it was read from.
        machine: what DescribeStateMachine says.
        functions: by their folder in ``lambdas/``; of the four only those that the definition names.
        policies: of each role by its name, the policy documents by their name.
        mapping: what GetEventSourceMapping says.
        queues: attributes by the queue's name; the failure queue only where the workflow uses it.
        retention_days: of the log group of execution events; None when it keeps everything.
    """

    names: Names
    machine: dict[str, Any]
    functions: dict[str, Function]
    policies: dict[str, dict[str, dict[str, Any]]]
    mapping: dict[str, Any]
    queues: dict[str, dict[str, str]]
    retention_days: int | None

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The definition, as deployed."""
        document: dict[str, Any] = json.loads(self.machine["definition"])
        return document


def read(names: Names) -> Built:
    """Look at every resource of a lab that is complete.

    Raises:
        NotExportableError: a function has several files, is no text, or could not be loaded.
    """
    found, polling = state_machine.find(names), mapping.find(names)
    assert found is not None  # callers look at `missing` first
    assert polling is not None
    policies = {role.name: _policies(names, role.name) for role in roles.wanted(names)}
    kept = [names.queue, names.dead_letter_queue]
    if names.failure_queue in found["definition"] or names.failure_queue in str(policies):
        kept.append(names.failure_queue)
    used = [folder for folder in PIPELINE_FUNCTIONS if _is_named(names, folder, found["definition"])]
    return Built(
        names=names,
        machine=found,
        functions={folder: _function(names, folder) for folder in FUNCTIONS if folder in (*used, START_FUNCTION)},
        policies=policies,
        mapping=polling,
        queues={queue: _attributes(names, url) for queue in kept if (url := queues.find(names, queue)) is not None},
        retention_days=_retention_days(names),
    )


def _is_named(names: Names, folder: str, definition: str) -> bool:
    return f'"{names.function(folder)}"' in definition or names.function_arn(folder) in definition


def _function(names: Names, folder: str) -> Function:
    found = names.target.client("lambda").get_function(FunctionName=names.function(folder))
    return Function(
        code=_code(names, folder, found["Code"]["Location"]),
        configuration=found["Configuration"],
        reserved=(found.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
    )


def _code(names: Names, folder: str, location: str) -> str:
    """The one file of a function, from where the service keeps it."""
    try:
        with zipfile.ZipFile(io.BytesIO(_download(names, location))) as archive:
            entries = [entry for entry in archive.namelist() if not entry.endswith("/")]
            only = entries == [f"{functions.HANDLER.partition('.')[0]}.py"]
            return archive.read(entries[0]).decode("utf-8") if only else _refuse_files(names, folder, entries)
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise NotExportableError(
            f"The code of function {names.function(folder)} could not be read: {error}.",
            next_step=f"lab export{names.target.options}, once more",
        ) from error


def _refuse_files(names: Names, folder: str, entries: list[str]) -> str:
    raise NotExportableError(
        f"The function {names.function(folder)} has {len(entries)} files ({', '.join(sorted(entries)[:3])}): "
        "a template holds functions of one file, handler.py.",
        cause="a fault is put in on purpose, or you deployed a package of your own.",
        next_step=f"lab up{names.target.options}, which deploys lambdas/{folder}; then lab export",
    )


def _download(names: Names, location: str) -> bytes:
    opener = urllib.request.build_opener()
    if names.target.is_emulator:
        # It is asked where it answers to us, by whatever name it calls itself, and never through a proxy.
        here = urlsplit(names.target.endpoint_url or "")
        location = urlunsplit(urlsplit(location)._replace(scheme=here.scheme, netloc=here.netloc))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(location, timeout=_DOWNLOAD_TIMEOUT_S) as answer:
        content: bytes = answer.read()
    return content


def _policies(names: Names, role: str) -> dict[str, dict[str, Any]]:
    iam = names.target.client("iam")
    return {
        policy: iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for policy in sorted(iam.list_role_policies(RoleName=role)["PolicyNames"])
    }


def _attributes(names: Names, url: str) -> dict[str, str]:
    found = names.target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: dict[str, str] = found["Attributes"]
    return attributes


def _retention_days(names: Names) -> int | None:
    groups = names.target.client("logs").describe_log_groups(logGroupNamePrefix=names.log_group)["logGroups"]
    return next((group.get("retentionInDays") for group in groups if group["logGroupName"] == names.log_group), None)
