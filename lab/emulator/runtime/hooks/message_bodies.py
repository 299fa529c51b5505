"""Delivers the body of a message to the function exactly as it was sent.

Replaces ``json`` in LocalStack's ``sqs_poller``, and ``SqsPoller.filter_events``.

Wrong: LocalStack reads each body as JSON, in case the mapping has filters, and writes it anew. A body that is itself a
JSON string arrives without its quotes; all others arrive with other spaces and escapes, and a body of 262,144 bytes
is too long when it arrives. A body that Python refuses to read, because it is nested 60,000 deep or holds a number of
5,000 digits, fails its whole batch: five deliveries later nine good messages are dead letters.

The same to see: Lambda hands over what SQS gave it. Filters see the body as data where it is JSON and as text where it
is not, as before, in a copy; a body that no filter can read matches none, and is nobody else's loss.
"""

from __future__ import annotations

import contextlib
import json
import logging
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

LOG = logging.getLogger(__name__)


class _BodiesStayText:
    """Stands for ``json`` in the poller, which uses it for bodies alone."""

    JSONDecodeError = json.JSONDecodeError

    @staticmethod
    def loads(text: str) -> str:
        return text

    @staticmethod
    def dumps(body: str) -> str:
        return body


def for_filters(event: dict[str, Any]) -> dict[str, Any]:
    """An event whose body is data, where it can be read as such."""
    # More digits than Python reads are a ValueError, more levels a RecursionError.
    with contextlib.suppress(ValueError, RecursionError):
        return event | {"body": json.loads(event["body"])}
    return event


def _patch(module: ModuleType) -> None:
    poller = module.SqsPoller

    def matches(self: Any, event: dict[str, Any]) -> bool:
        try:
            return bool(super(poller, self).filter_events([for_filters(event)]))
        except (TypeError, ValueError, RecursionError) as error:
            LOG.warning("No filter could read message %s, so it matches none: %r", event["messageId"], error)
            return False

    def filter_events(self: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [event for event in events if matches(self, event)] if self.filter_patterns else events

    replace(poller, "filter_events", lambda original: filter_events)
    replace(module, "json", lambda original: _BodiesStayText)


PATCHES = {"localstack.services.lambda_.event_source_mapping.pollers.sqs_poller": _patch}
