"""The account: who asks, what it may do at once, and its resources by tag."""

from __future__ import annotations

from lab.doctor.probes.place import DiffersError, Place


def identity(place: Place) -> str:
    return f"account {place.names.target.account}"


def account_settings(place: Place) -> str:
    limit = place.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    return f"Lambda concurrency {limit}"


def resources_by_tag(place: Place) -> str:
    found = place.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "express-lab:name", "Values": [place.names.target.name]}]
    )["ResourceTagMappingList"]
    if not any(entry["ResourceARN"].endswith(place.names.queue) for entry in found):
        raise DiffersError(f"{len(found)} resources found by their tag, the queue not among them")
    return f"{len(found)} resources found by their tag"
