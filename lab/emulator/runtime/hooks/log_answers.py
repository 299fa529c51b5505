"""Writes a page of FilterLogEvents or GetLogEvents as JSON once instead of twice.

Replaces the way through moto: ``LogsProvider`` answers both itself.

Slow: moto writes a page as JSON, botocore's parser reads it again, and LocalStack's serializer walks through the
service model to write the same JSON a second time. An event costs 20 µs that way and 6 µs this way (pages of 10,000
events of 1 KB), in a process that has messages to carry meanwhile.

The same to see: moto finds the page as before, and its members are written in the same form. Whatever is no plain page
in JSON (an error, an answer in CBOR) still goes the old way.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

_FILTER = ("logGroupName", "logStreamNames", "startTime", "endTime", "limit", "nextToken", "filterPattern")
_GET = ("logGroupName", "logGroupIdentifier", "logStreamName", "startTime", "endTime", "limit", "nextToken")


def _patch(module: ModuleType) -> None:
    from localstack.aws.protocol.serializer import create_serializer
    from moto.core.exceptions import RESTError, ServiceException

    def answer(context: Any, page: dict[str, Any]) -> Any:
        serializer = create_serializer(context.service, context.protocol)
        response = serializer.serialize_to_response({}, context.operation, context.request.headers, context.request_id)
        if "json" not in (response.content_type or ""):
            raise NotImplementedError
        page = {name: value for name, value in page.items() if value is not None}
        context.service_response = page
        response.set_response(json.dumps(page, ensure_ascii=False).encode())
        return response

    def backend_of(context: Any) -> Any:
        return module.get_moto_logs_backend(context.account_id, context.region)

    @module.handler("FilterLogEvents", expand=False)
    def filter_log_events(self: Any, context: Any, request: Any) -> Any:
        try:
            events, token, searched = backend_of(context).filter_log_events(
                *(request.get(name) for name in _FILTER), request.get("interleaved", False)
            )
        except (RESTError, ServiceException) as error:
            raise NotImplementedError from error
        return answer(context, {"events": events, "nextToken": token, "searchedLogStreams": searched})

    @module.handler("GetLogEvents", expand=False)
    def get_log_events(self: Any, context: Any, request: Any) -> Any:
        name, identifier, *others = (request.get(name) for name in _GET)
        try:
            events, backward, forward = backend_of(context).get_log_events(
                name, identifier, *others, request.get("startFromHead", False)
            )
        except (RESTError, ServiceException, module.CommonServiceException) as error:
            raise NotImplementedError from error
        return answer(context, {"events": events, "nextBackwardToken": backward, "nextForwardToken": forward})

    for page_of in (filter_log_events, get_log_events):
        assert page_of.__name__ not in vars(module.LogsProvider)
        setattr(module.LogsProvider, page_of.__name__, page_of)


PATCHES = {"localstack.services.logs.provider": _patch}
