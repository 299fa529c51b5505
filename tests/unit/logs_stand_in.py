"""Events as AWS writes them, and log groups that hold what a test put there."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from lab.observe import (
    LogEvent,
)

ARN = "arn:aws:states:us-east-1:000000000000:express:machine:message-1:run-1"
STATES = ["Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count"]


def event(
    number: int, event_type: str, *, previous: int | None = None, at_ms: int = 0, arn: str = ARN, **details: Any
) -> str:
    """An event as AWS writes it; ``at_ms`` counts from 1764000000000."""
    return json.dumps(
        {
            "id": str(number),
            "type": event_type,
            "details": details,
            "redrive_count": "0",
            "previous_event_id": str(number - 1 if previous is None else previous),
            "event_timestamp": str(1_764_000_000_000 + at_ms),
            "execution_arn": arn,
        }
    )


def as_aws_writes_it(message: str) -> str:
    """The same event with AWS's timestamp, order of keys and extra key."""
    seen = json.loads(message)
    instant = datetime.fromisoformat(seen["event_timestamp"])
    keys = ("id", "type", "details", "previous_event_id", "event_timestamp", "execution_arn")
    milliseconds = str(round(instant.timestamp() * 1000))
    changed = {**seen, "event_timestamp": milliseconds, "redrive_count": "0"}
    return json.dumps({key: changed[key] for key in (*keys, "redrive_count") if key in changed}, ensure_ascii=False)


class FakeLogs:
    """FilterLogEvents over a list, with pages, start time and the errors that matter."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.fail_at_call: int | None = None

    def deliver(self, timestamp: int, *, late_ms: int = 0, message: str = "") -> str:
        event_id = f"event-{len(self.stored)}"
        self.stored.append(
            {
                "eventId": event_id,
                "logStreamName": "stream",
                "timestamp": timestamp,
                "ingestionTime": timestamp + late_ms,
                "message": message or event_id,
            }
        )
        return event_id

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        if self.fail_at_call == len(self.calls):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "FilterLogEvents")
        if request["logGroupName"] == "missing":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "FilterLogEvents")
        found = [each for each in self.stored if each["timestamp"] >= request.get("startTime", 0)]
        found.sort(key=lambda each: each["timestamp"])
        first = int(request.get("nextToken", 0))
        last = first + request["limit"]
        page: dict[str, Any] = {"events": found[first:last]}
        if last < len(found):
            page["nextToken"] = str(last)
        return page


def ids(events: list[LogEvent]) -> list[str]:
    return [each.event_id for each in events]
