"""The event source mapping: polls the queue and invokes ``start_execution`` with batches of messages."""

from __future__ import annotations

import contextlib
from typing import Any

from lab.stack import tags, waiting
from lab.stack.names import START_FUNCTION, Names, Settings

_STATE_DEADLINE_S = 120.0


def ensure(names: Names, settings: Settings) -> None:
    """Make the mapping, or bring it up to date; return when it is enabled (or disabled, if the settings say so)."""
    client = names.target.client("lambda")
    changeable: dict[str, Any] = {
        "BatchSize": settings.batch_size,
        "MaximumBatchingWindowInSeconds": settings.batching_window_s,
        # Our function never raises: it returns the ids of the messages that failed. Without this setting Lambda does
        # not read them, takes every batch for a success, and deletes all its messages; the bad ones would be lost.
        # (Had the function raised, all of them would come back.)
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "Enabled": settings.mapping_enabled,
    }
    if settings.mapping_concurrency is not None:
        changeable["ScalingConfig"] = {"MaximumConcurrency": settings.mapping_concurrency}
    current = find(names)
    if current is None:
        waiting.through_propagation(
            lambda: client.create_event_source_mapping(
                EventSourceArn=names.queue_arn(names.queue),
                FunctionName=names.function(START_FUNCTION),
                **changeable,
                Tags=tags.as_mapping(names.target.name, names.target.run),
            )
        )
    elif (
        current["BatchSize"] != settings.batch_size
        or (current.get("MaximumBatchingWindowInSeconds") or 0) != settings.batching_window_s
        or current.get("FunctionResponseTypes") != changeable["FunctionResponseTypes"]
        or (current.get("ScalingConfig") or {}) != changeable.get("ScalingConfig", {})
        or (current["State"] == "Enabled") != settings.mapping_enabled
    ):
        unlimited: dict[str, Any] = {"ScalingConfig": {}} if current.get("ScalingConfig") else {}
        # Refused while the mapping is still being made or changed.
        waiting.through_propagation(
            lambda: client.update_event_source_mapping(UUID=current["UUID"], **unlimited | changeable)
        )
    wait_for_state(names, "Enabled" if settings.mapping_enabled else "Disabled")


def set_enabled(names: Names, enabled: bool) -> None:
    """Let the mapping poll, or make it stop; return when it does so."""
    current = find(names)
    if current is not None and (current["State"] == "Enabled") != enabled:
        client = names.target.client("lambda")
        waiting.through_propagation(lambda: client.update_event_source_mapping(UUID=current["UUID"], Enabled=enabled))
        wait_for_state(names, "Enabled" if enabled else "Disabled")


def wait_for_state(names: Names, state: str) -> None:
    """Return when the mapping is in ``state``."""

    def reached() -> bool:
        found = find(names)
        return found is not None and found["State"] == state

    waiting.until(reached, what=f"the event source mapping to be {state}", deadline_s=_STATE_DEADLINE_S)


def find(names: Names) -> dict[str, Any] | None:
    """The mapping, or None."""
    found = _list(names)
    return found[0] if found else None


def delete(names: Names) -> None:
    """Delete the mapping and wait until it no longer polls."""
    if names.target.is_emulator:
        # LocalStack never finishes deleting a mapping that is disabled: its poller, which would do so, has ended. One
        # that refuses to enable it, because its queue hides messages too short, has the lab's hooks and needs no help.
        with contextlib.suppress(names.target.client("lambda").exceptions.InvalidParameterValueException):
            set_enabled(names, True)
    for entry in _list(names):
        delete_mapping(names, entry["UUID"])
    waiting.until(lambda: not _list(names), what="the event source mapping to go", deadline_s=_STATE_DEADLINE_S)


def delete_mapping(names: Names, uuid: str) -> None:
    """Delete one mapping and wait until it is gone; one that is not there is fine."""
    client = names.target.client("lambda")

    def accepted() -> bool:
        with contextlib.suppress(client.exceptions.ResourceInUseException):  # it is still being made or changed
            client.delete_event_source_mapping(UUID=uuid)
            return True
        return False

    def gone() -> bool:
        client.get_event_source_mapping(UUID=uuid)
        return False

    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        waiting.until(accepted, what="the event source mapping to be deleted", deadline_s=_STATE_DEADLINE_S)
        waiting.until(gone, what="the event source mapping to go", deadline_s=_STATE_DEADLINE_S)


def survivors(names: Names) -> list[str]:
    """Mappings of this lab that exist."""
    return [f"event source mapping {entry['UUID']}" for entry in _list(names)]


def _list(names: Names) -> list[dict[str, Any]]:
    return of_function(names, names.function(START_FUNCTION), EventSourceArn=names.queue_arn(names.queue))


def of_function(names: Names, function: str, **only: str) -> list[dict[str, Any]]:
    """The mappings to a function; those of one source with its ``EventSourceArn``."""
    client = names.target.client("lambda")
    try:
        pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function, **only)
        return [entry for page in pages for entry in page["EventSourceMappings"] if _is_there(names, entry)]
    except client.exceptions.ResourceNotFoundException:
        return []


def _is_there(names: Names, entry: dict[str, Any]) -> bool:
    """False for what is listed as being deleted and is gone when asked for: LocalStack may list it for ever."""
    client = names.target.client("lambda")
    if entry["State"] != "Deleting":
        return True
    try:
        client.get_event_source_mapping(UUID=entry["UUID"])
    except client.exceptions.ResourceNotFoundException:
        return False
    return True
