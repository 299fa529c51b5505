"""Other sources of events, which notebook 09 makes and takes away: rules, pipes, streams, tables and buckets.

They are found by the beginning of their names, on an emulator as on AWS. An emulator loads a service when it is first
called, so there the services that nobody has used are not asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab.stack import waiting
from lab.target import Target

# In the order of deletion: what starts work first. Each with boto3's name of its service.
KINDS = {"pipe": "pipes", "rule": "events", "stream": "kinesis", "table": "dynamodb", "bucket": "s3"}
_GONE_DEADLINE_S = 180.0
_GONE = ("NotFoundException", "NoSuchBucket")
# The service, as an ARN names it, and how the ARN's last part begins → kind.
_KIND_OF_ARN = {
    ("pipes", "pipe/"): "pipe",
    ("events", "rule/"): "rule",
    ("kinesis", "stream/"): "stream",
    ("dynamodb", "table/"): "table",
    ("s3", ""): "bucket",
}


def bucket_name(prefix: str, account: str) -> str:
    """Buckets share their names with everybody else's, so this one has the account's in it: 63 characters at most."""
    return f"{prefix}-exercise-{account}"


def named(target: Target, prefix: str) -> Iterator[tuple[str, str]]:
    """(kind, name) of everything whose name begins with ``prefix``."""
    asked = target.loaded_services(set(KINDS.values()))
    for kind, service in KINDS.items():
        if service in asked:
            client = target.client(service)
            yield from ((kind, name) for name in _LISTS[kind](client, prefix) if name.startswith(prefix))


def delete(target: Target, kind: str, name: str) -> None:
    """Delete one and wait until it is gone; one that is not there is fine."""
    client = target.client(KINDS[kind])
    try:
        waiting.through_propagation(lambda: _DELETES[kind](client, name))
    except ClientError as error:
        if not waiting.error_code(error).endswith(_GONE):
            raise
    waiting.until(lambda: not is_there(target, kind, name), what=f"{kind} {name} to go", deadline_s=_GONE_DEADLINE_S)


def is_there(target: Target, kind: str, name: str) -> bool:
    """Whether it exists, also while it is being deleted."""
    return name in _LISTS[kind](target.client(KINDS[kind]), name)


def of_arn(service: str, resource: str) -> tuple[str, str] | None:
    """Kind and name of what an ARN means, by its service and its last part; None for other kinds of things."""
    for (of, begin), kind in _KIND_OF_ARN.items():
        if service == of and resource.startswith(begin):
            return kind, resource.removeprefix(begin).split("/")[0]
    return None


def _pages(client: Any, call: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
    return iter(client.get_paginator(call).paginate(**arguments))


def _names(call: str, key: str, *, prefix_as: str = "", name: str = "Name") -> Callable[[Any, str], Iterator[str]]:
    """A listing call; ``name`` is empty where it gives bare names."""

    def listed(client: Any, prefix: str) -> Iterator[str]:
        for page in _pages(client, call, **({prefix_as: prefix} if prefix_as else {})):
            yield from (entry[name] if name else entry for entry in page.get(key) or ())

    return listed


_LISTS: dict[str, Callable[[Any, str], Iterator[str]]] = {
    "pipe": _names("list_pipes", "Pipes", prefix_as="NamePrefix"),
    "rule": _names("list_rules", "Rules", prefix_as="NamePrefix"),
    "stream": _names("list_streams", "StreamNames", name=""),
    "table": _names("list_tables", "TableNames", name=""),
    "bucket": _names("list_buckets", "Buckets"),
}


def _delete_rule(events: Any, name: str) -> None:
    targets = [entry["Id"] for entry in events.list_targets_by_rule(Rule=name)["Targets"]]
    if targets:  # a rule that has targets cannot be deleted
        events.remove_targets(Rule=name, Ids=targets)
    events.delete_rule(Name=name)


def _delete_stream(kinesis: Any, name: str) -> None:
    with contextlib.suppress(kinesis.exceptions.ResourceInUseException):  # it is on its way already
        kinesis.delete_stream(StreamName=name)


def _delete_table(dynamodb: Any, name: str) -> None:
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.delete_table(TableName=name)


def _delete_bucket(s3: Any, name: str) -> None:
    for page in _pages(s3, "list_objects_v2", Bucket=name):  # only an empty bucket can be deleted
        if objects := [{"Key": entry["Key"]} for entry in page.get("Contents", ())]:
            s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=name)


_DELETES: dict[str, Callable[[Any, str], Any]] = {
    "pipe": lambda pipes, name: pipes.delete_pipe(Name=name),
    "rule": _delete_rule,
    "stream": _delete_stream,
    "table": _delete_table,
    "bucket": _delete_bucket,
}
