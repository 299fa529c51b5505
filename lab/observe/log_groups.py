"""Reads log groups page by page, each event once, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from lab.errors import UnavailableError


class LogGroupMissingError(UnavailableError):
    """The log group is not there: the lab was not provisioned, or was taken down meanwhile."""


class LogEvent(NamedTuple):
    """One log event as CloudWatch Logs returns it; times in epoch milliseconds."""

    event_id: str
    stream: str
    timestamp_ms: int
    ingestion_ms: int
    message: str


class LogReader:
    """Reads a log group and goes on, at the next read, where the last one stopped.

    FilterLogEvents filters by the time of the event, not of its arrival, so an event that is delivered late lies
    behind what was read already. Every event says how late it came (ingestion time − timestamp): a read starts twice
    the lateness lately seen, and `overlap_s` more, before the newest arrival, and drops what it has returned before.
    Later ones than that are found after `rewind`. (A longer overlap would be safer, and cost more in the process that
    also runs the workflow.)

    Args:
        client: a boto3 client of the service `logs`.
        log_group: name of the group.
        since_ms: where the first read starts, epoch milliseconds; 0 for everything.
        overlap_s: seconds that each read goes back at least.
        page_size: most events a call. AWS returns at most 10,000, or 1 MB; a page may be empty and still have a token.
        missing_ok: a group that does not exist yet reads as empty (that of a function which never ran).
    """

    _most_lateness_ms = 120_000  # a clock that is wrong must not make every read start from the beginning

    def __init__(
        self,
        client: Any,
        log_group: str,
        *,
        since_ms: int = 0,
        overlap_s: float = 1.0,
        page_size: int = 10_000,
        missing_ok: bool = False,
    ) -> None:
        self._client = client
        self.log_group = log_group
        self._overlap_ms = round(overlap_s * 1000)
        self._page_size = page_size
        self._missing_ok = missing_ok
        self._since_ms = since_ms
        self._newest_ms = 0
        self._lateness_ms = 0
        self._returned: dict[str, int] = {}
        self.position_ms = since_ms
        """Where the next read starts; as `since_ms` of another reader it resumes this one."""

    def read(self) -> list[LogEvent]:
        """Every event that came since the last read."""
        return list(chain.from_iterable(self.pages()))

    def messages(self) -> Iterator[str]:
        """The messages of every event that came since the last read, fetched page by page."""
        return (event.message for page in self.pages() for event in page)

    def pages(self) -> Iterator[list[LogEvent]]:
        """The same, a page at a time. The position moves on once the last page was taken.

        Raises:
            LogGroupMissingError: there is no such group, unless `missing_ok`.
        """
        request: dict[str, Any] = {"logGroupName": self.log_group, "limit": self._page_size}
        lateness_ms = 0
        if self.position_ms > 0:
            request["startTime"] = self.position_ms
        while True:
            try:
                page = self._client.filter_log_events(**request)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                if self._missing_ok:
                    return
                raise LogGroupMissingError(
                    f"There is no log group {self.log_group}.",
                    cause="The lab is not provisioned, or it was taken down meanwhile.",
                    next_step="lab up",
                ) from error
            fresh = [event for event in map(_log_event, page.get("events", ())) if event.event_id not in self._returned]
            for event in fresh:
                self._returned[event.event_id] = event.timestamp_ms
                self._newest_ms = max(self._newest_ms, event.ingestion_ms)
                lateness_ms = max(lateness_ms, event.ingestion_ms - event.timestamp_ms)
            yield fresh
            token = page.get("nextToken")
            # A token that does not change would be a page that repeats for ever.
            if not token or token == request.get("nextToken"):
                break
            request["nextToken"] = token
        self._move_on(lateness_ms)

    def _move_on(self, lateness_ms: int) -> None:
        # What was late once (a cold start) is forgotten by and by.
        self._lateness_ms = min(max(lateness_ms, self._lateness_ms // 2), self._most_lateness_ms)
        start = self._newest_ms - 2 * self._lateness_ms - self._overlap_ms
        self.position_ms = max(self.position_ms, start)
        self._returned = {key: when for key, when in self._returned.items() if when >= self.position_ms}

    def rewind(self, to_ms: int | None = None) -> None:
        """Start the next read over, from the beginning or from `to_ms`. Events that it has returned may come again."""
        self.position_ms = self._since_ms if to_ms is None else to_ms


def _log_event(event: dict[str, Any]) -> LogEvent:
    timestamp = event["timestamp"]
    return LogEvent(
        event["eventId"],
        event.get("logStreamName", ""),
        timestamp,
        event.get("ingestionTime", timestamp),
        event["message"],
    )
