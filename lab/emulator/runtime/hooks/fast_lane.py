"""Serves the calls that come once a message straight from the connection to the service.

Replaces ``dataReceived`` of each connection that ``TwistedGateway`` accepts.

Slow: a request costs LocalStack some 2 ms of one core: a parser for any HTTP, a hand-over to another thread and back, a
chain of thirty handlers, and a parser and a serializer that read the service's model. Each message is two requests,
SendMessage and StartExecution.

The same to see: only a whole, plain request of an SDK takes this way, for one of the calls in `OPERATIONS`, with
headers and parameters that are known here. It reaches the same method of the same service, and the answer has the same
bytes. Whatever is unusual takes the ordinary way from its first byte, and so does a call that the service refuses:
nothing has happened then, and LocalStack words its own errors.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.fast_operations import OPERATIONS, NotHereError
from lab.emulator.runtime.hooks.replacing import replace

START = b"POST / HTTP/1.1\r\n"
END_OF_HEADERS = b"\r\n\r\n"
LARGEST_HEADERS = 16_384
LARGEST_REQUEST = 4 * 1_048_576
# What an SDK sends with these calls. Anything else may mean something.
KNOWN_HEADERS = frozenset(
    {
        b"accept-encoding",
        b"amz-sdk-invocation-id",
        b"amz-sdk-request",
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"user-agent",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-amz-target",
        b"x-amzn-query-mode",
        b"x-amzn-trace-id",
    }
)
INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the lane may serve: the call, its headers (names in lower case) and its body."""

    target: bytes
    headers: dict[bytes, bytes]
    body: bytes


def read(data: bytes) -> Request | str | None:
    """The request that ``data`` is; `INCOMPLETE` when more of it is to come, None when it takes the ordinary way."""
    end = data.find(END_OF_HEADERS)
    if end < 0:
        return INCOMPLETE if len(data) < LARGEST_HEADERS else None
    headers: dict[bytes, bytes] = {}
    for line in data[len(START) : end].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name not in KNOWN_HEADERS or name in headers:
            return None
        headers[name] = value.strip(b" \t")
    target = headers.get(b"x-amz-target", b"")
    length = headers.get(b"content-length", b"")
    if target not in OPERATIONS or not length.isdigit() or int(length) > LARGEST_REQUEST:
        return None
    missing = end + len(END_OF_HEADERS) + int(length) - len(data)
    if missing:
        return INCOMPLETE if missing > 0 else None
    return Request(target, headers, data[end + len(END_OF_HEADERS) :])


class Connection:
    """What arrives on one connection: served here, or handed to the protocol that it belongs to."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._ordinary_way = protocol.dataReceived
        self._held = b""

    def received(self, data: bytes) -> None:
        """Some bytes; called by the reactor, on its own thread."""
        if self._held:
            data, self._held = self._held + data, b""
        elif not (data.startswith(START) and self._between_requests()):
            self._ordinary_way(data)
            return
        request = read(data)
        if isinstance(request, str):
            self._held = data
            return
        answer = None if request is None else _answer(request)
        if answer is None:
            self._ordinary_way(data)
            return
        channel = self._protocol._channel
        channel.resetTimeout()
        channel.transport.write(answer)

    def _between_requests(self) -> bool:
        channel = self._protocol._channel
        return not channel.requests and not channel._handlingRequest and channel._HTTPChannel__first_line == 1


def _answer(request: Request) -> bytes | None:
    """The whole answer; None when the call must take the ordinary way."""
    from localstack import config
    from localstack.aws.api import ServiceException
    from twisted.web import http, server

    try:
        call = OPERATIONS[request.target](request.headers, json.loads(request.body))
        result = call.make()
    except (NotHereError, ServiceException, ValueError):
        return None  # nothing has happened yet
    # From here on it has: whatever goes wrong, the call must not be made again.
    body = json.dumps({name: value for name, value in call.answer(result).items() if value is not None}).encode()
    headers = [
        b"HTTP/1.1 200 OK",
        b"Server: " + server.version,
        b"Date: " + http.datetimeToString(),
        b"Content-Type: application/x-amz-json-1.0",
        b"Content-Length: %d" % len(body),
        b"x-amzn-requestid: " + call.context.request_id.encode(),
    ]
    if config.LOCALSTACK_RESPONSE_HEADER_ENABLED:
        headers.append(b"x-localstack: true")
    return b"\r\n".join(headers) + END_OF_HEADERS + body


def _patch(module: ModuleType) -> None:
    from twisted.web.http import HTTPChannel

    # What is asked of a channel; one that lacks it has no fast lane.
    assert HTTPChannel._HTTPChannel__first_line == 1  # type: ignore[attr-defined]
    assert callable(HTTPChannel.resetTimeout)

    def make(build_protocol: Any) -> Any:
        @functools.wraps(build_protocol)
        def build_with_a_fast_lane(self: Any, address: Any) -> Any:
            protocol = build_protocol(self, address)
            if isinstance(getattr(protocol, "_channel", None), HTTPChannel):
                protocol.dataReceived = Connection(protocol).received
            return protocol

        return build_with_a_fast_lane

    replace(module.TwistedGateway, "buildProtocol", make)


PATCHES = {"rolo.serving.twisted": _patch}
