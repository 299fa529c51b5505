"""Reads a log group without going through all of its events each time.

Replaces ``get_log_events`` of moto's ``LogStream``, ``filter_log_events`` of its ``LogGroup``, ``_enrich_response``
of its ``LogsResponse``, and the deep copies that ``localstack.services.logs.provider`` makes to describe groups.

Slow: every page of events filters and sorts the whole stream and builds a dictionary of each event, of which it then
returns some; with the 220,000 events of 10,000 messages half a second a page, in which LocalStack does little else.
DescribeLogGroups copies every event of every group, twice. And in each answer, megabytes of JSON, moto looks with a
regular expression for the request id of an XML answer.

The same to see: the same pages with the same tokens. Streams are kept in the order of time in which they are read
(events of the same time in order of arrival, as before), so that a page can be found by bisection.
"""

from __future__ import annotations

import bisect
import copy
import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

DEFAULT_LIMIT = 10_000


def _timestamp(event: Any) -> int:
    return int(event.timestamp)


def bounds(events: list[Any], start_time: int | None, end_time: int | None) -> tuple[int, int]:
    """First index, and the index after the last, of the events from start to end time (inclusive; 0 and None: open)."""
    first = bisect.bisect_left(events, start_time, key=_timestamp) if start_time else 0
    behind = bisect.bisect_right(events, end_time, key=_timestamp) if end_time else len(events)
    return first, max(first, behind)


def page_bounds(
    count: int, limit: int, direction: str | None, index: int, *, from_head: bool
) -> tuple[int, int, int, int]:
    """Which events make a page, and which positions its tokens name, numbered as moto numbers them.

    Args:
        count: events there are.
        limit: most events of a page.
        direction: ``f`` (after ``index``), ``b`` (before ``index``) or ``None``: no token.
        index: the position that the token names.
        from_head: without a token, whether to begin with the oldest event.

    Returns:
        Index of the first event, index behind the last, positions of the backward and the forward token.
    """
    last = count - 1
    if direction == "f":
        start, end = index + 1, index + limit
    elif direction == "b":
        start, end = index - limit, index - 1
    elif from_head:
        start, end = 0, limit - 1
    else:
        start, end = last - limit + 1, last
    if start > last and start >= 0:
        return 0, 0, last, last
    start, end = max(start, 0), min(end, last)
    if end < 0:
        return 0, 0, 0, 0
    return start, end + 1, start, end


def _patch(module: ModuleType) -> None:
    from moto.logs.exceptions import InvalidParameterException
    from moto.logs.models import LogGroup, LogStream
    from moto.logs.responses import LogsResponse

    def make_put(put_log_events: Any) -> Any:
        @functools.wraps(put_log_events)
        def put(self: Any, log_events: Any) -> Any:
            held = len(self.events)
            result = put_log_events(self, log_events)
            if 0 < held < len(self.events) and self.events[held].timestamp < self.events[held - 1].timestamp:
                self.events.sort(key=_timestamp)
            return result

        return put

    def get_log_events(
        self: Any, start_time: Any, end_time: Any, limit: Any, next_token: str | None, start_from_head: Any
    ) -> tuple[list[dict[str, Any]], str, str]:
        direction, index = None, 0
        if next_token is not None:
            try:
                direction, index = next_token[0], int(next_token[2:])
            except (IndexError, ValueError):
                direction = ""
            if direction not in {"f", "b"}:
                raise InvalidParameterException("The specified nextToken is invalid.")
        events = self.events
        first, behind = bounds(events, start_time, end_time)
        start, stop, backward, forward = page_bounds(
            behind - first, limit or DEFAULT_LIMIT, direction, index, from_head=bool(start_from_head)
        )
        found = [event.to_response_dict() for event in events[first + start : first + stop]]
        return found, f"b/{backward:056d}", f"f/{forward:056d}"

    def filter_log_events(
        self: Any,
        log_group_name: str,
        log_stream_names: Any,
        start_time: Any,
        end_time: Any,
        limit: Any,
        next_token: str | None,
        filter_pattern: Any,
        interleaved: Any,
    ) -> tuple[list[dict[str, Any]], str | None, list[dict[str, Any]]]:
        streams = [
            stream for name, stream in list(self.streams.items()) if not log_stream_names or name in log_stream_names
        ]
        found: list[tuple[Any, str]] = []
        for stream in streams:
            first, behind = bounds(stream.events, start_time, end_time)
            found.extend((event, stream.log_stream_name) for event in stream.events[first:behind])
        if filter_pattern:
            matches = module.get_pattern_matcher(filter_pattern)
            found = [item for item in found if matches(filter_pattern, _filter_dictionary(item))]
        if interleaved and len(streams) > 1:
            found.sort(key=lambda item: _timestamp(item[0]))
        start = 0
        if next_token:
            position = _position_after(found, next_token, log_group_name)
            if position is None:
                found = []  # as AWS does with a token it does not know
            else:
                start = position
        end = min(start + (limit or DEFAULT_LIMIT), len(found))
        page = found[start:end]
        token = None
        if page and end < len(found):
            event, stream_name = page[-1]
            token = f"{log_group_name}@{stream_name}@{event.event_id}"
        searched = [{"logStreamName": stream.log_stream_name, "searchedCompletely": True} for stream in streams]
        return [_filter_dictionary(item) for item in page], token, searched

    def make_enrich(enrich: Any) -> Any:
        def enrich_headers_only(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
            return enrich(headers, "")[0], body

        return staticmethod(enrich_headers_only)

    replace(LogsResponse, "_enrich_response", make_enrich)
    replace(LogStream, "put_log_events", make_put)
    replace(LogStream, "get_log_events", lambda original: get_log_events)
    replace(LogGroup, "filter_log_events", lambda original: filter_log_events)
    replace(module, "copy", lambda original: _CopiesNoEvents())


def _filter_dictionary(item: tuple[Any, str]) -> dict[str, Any]:
    event, stream_name = item
    return {**event.to_filter_dict(), "logStreamName": stream_name}


def _position_after(found: list[tuple[Any, str]], token: str, group_name: str) -> int | None:
    """The index after the event that a token names, or ``None`` when the token is not valid."""
    parts = token.split("@")
    if len(parts) != 3 or parts[0] != group_name:
        return None
    for index, (event, stream_name) in enumerate(found):
        if str(event.event_id) == parts[2] and stream_name == parts[1]:
            return index + 1
    return None


class _CopiesNoEvents:
    """``copy`` for a module that only reads what it copied; groups and streams are copied as a list of references."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        from moto.logs.models import LogGroup, LogStream

        if isinstance(value, dict) and any(isinstance(member, LogGroup | LogStream) for member in value.values()):
            return dict(value)
        return copy.deepcopy(value)


PATCHES = {"localstack.services.logs.provider": _patch}
