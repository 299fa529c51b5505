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
import threading
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

DEFAULT_LIMIT = 10_000

# The name of a stream, and some of its events in the order in which they are read.
Lot = tuple[str, list[Any]]


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

    putting = threading.RLock()

    def make_put(put_log_events: Any) -> Any:
        @functools.wraps(put_log_events)
        def put(self: Any, log_events: Any) -> Any:
            with putting:  # who sorts while another adds would lose what the other added
                held = len(self.events)
                result = put_log_events(self, log_events)
                if 0 < held < len(self.events) and self.events[held].timestamp < self.events[held - 1].timestamp:
                    # Not in place: a list that is being sorted is empty to whoever reads it meanwhile.
                    self.events = sorted(self.events, key=_timestamp)
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
        lots: list[Lot] = []
        for stream in streams:
            events = stream.events  # another list may take its place meanwhile
            first, behind = bounds(events, start_time, end_time)
            lots.append((stream.log_stream_name, events[first:behind]))
        if filter_pattern:
            matches = module.get_pattern_matcher(filter_pattern)
            lots = [
                (name, [event for event in events if matches(filter_pattern, _filter_dictionary(event, name))])
                for name, events in lots
            ]
        if interleaved and len(lots) > 1:
            single = [(name, [event]) for name, events in lots for event in events]
            lots = sorted(single, key=lambda lot: _timestamp(lot[1][0]))
        page, more = page_after(lots, next_token, log_group_name, limit or DEFAULT_LIMIT)
        token = f"{log_group_name}@{page[-1]['logStreamName']}@{page[-1]['eventId']}" if more else None
        searched = [{"logStreamName": stream.log_stream_name, "searchedCompletely": True} for stream in streams]
        return page, token, searched

    def make_enrich(enrich: Any) -> Any:
        def enrich_headers_only(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
            return enrich(headers, "")[0], body

        return staticmethod(enrich_headers_only)

    replace(LogsResponse, "_enrich_response", make_enrich)
    replace(LogStream, "put_log_events", make_put)
    replace(LogStream, "get_log_events", lambda original: get_log_events)
    replace(LogGroup, "filter_log_events", lambda original: filter_log_events)
    replace(module, "copy", lambda original: _CopiesNoEvents())


def _filter_dictionary(event: Any, stream_name: str) -> dict[str, Any]:
    return {**event.to_filter_dict(), "logStreamName": stream_name}


def page_after(lots: list[Lot], token: str | None, group_name: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to ``limit`` events after the one that a token names, as dictionaries, and whether more come after them.

    A token that is not valid gives no events, as on AWS.
    """
    found = (0, 0) if token is None else _position_after(lots, token, group_name)
    if found is None:
        return [], False
    number, index = found
    page: list[dict[str, Any]] = []
    while number < len(lots):
        name, events = lots[number]
        taken = events[index : index + limit - len(page)]
        page.extend(_filter_dictionary(event, name) for event in taken)
        index += len(taken)
        if index < len(events):
            return page, True
        number, index = number + 1, 0
    return page, False


def _position_after(lots: list[Lot], token: str, group_name: str) -> tuple[int, int] | None:
    """Number of the lot, and index in it, after the event that a token names; ``None`` when the token is not valid."""
    group, _, rest = token.partition("@")
    stream_name, _, event_id = rest.partition("@")
    if group != group_name or not event_id.isdecimal():
        return None
    wanted = int(event_id)
    for number, (name, events) in enumerate(lots):
        if name == stream_name:
            for index, event in enumerate(events):
                if event.event_id == wanted:
                    return number, index + 1
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
