"""The HTTP of the Lambda Runtime API, as much of it as a worker's runtime client speaks.

A worker keeps one connection open and sends one request at a time, so a parser of a few lines over a plain socket does
the job at a fraction of a framework's cost. The API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "/2018-06-01/runtime"
NEXT_PATH = f"{PREFIX}/invocation/next"
INIT_ERROR_PATH = f"{PREFIX}/init/error"
RECEIVE_BYTES = 256 * 1024
MAXIMUM_HEADER_BYTES = 2 * 1024 * 1024  # the error header of a deep traceback may reach 1 MiB
END_OF_HEADERS = b"\r\n\r\n"
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 413: "Request Entity Too Large"}


class ConnectionEndedError(Exception):
    """The worker closed its connection, or sent what is no HTTP."""


@dataclass(slots=True)
class Request:
    """One request of the worker. A ``body`` over the limit is left empty; ``body_size`` is its true size."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    body_size: int = 0


class Connection:
    """One connection of a worker: bytes in, requests out.

    Args:
        connection: a connected socket; it is read only when it is known to be readable.
        body_limit: bodies of more bytes are counted but not kept.
    """

    def __init__(self, connection: socket.socket, *, body_limit: int) -> None:
        self.socket = connection
        self._body_limit = body_limit
        self._buffer = bytearray()
        self._request: Request | None = None
        self._body = bytearray()
        self._body_left = 0
        self._chunked = False
        self._in_trailer = False

    def receive(self) -> Request | None:
        """Reads what has arrived; returns the request when it is complete.

        Raises:
            ConnectionEndedError: at the end of the stream, or when the bytes are no HTTP.
        """
        try:
            received = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ConnectionEndedError(str(error)) from error
        if not received:
            raise ConnectionEndedError("end of stream")
        self._buffer += received
        try:
            return self._parse()
        except (ValueError, UnicodeDecodeError) as error:
            raise ConnectionEndedError(f"not HTTP: {error}") from error

    def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Sends a response and keeps the connection open.

        Raises:
            ConnectionEndedError: the worker is gone.
        """
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(body)}"]
        lines.extend(f"{name}: {value}" for name, value in (headers or {}).items())
        try:
            self.socket.sendall("\r\n".join(lines).encode() + END_OF_HEADERS + body)
        except OSError as error:
            raise ConnectionEndedError(str(error)) from error

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def _parse(self) -> Request | None:
        if self._request is None and not self._parse_headers():
            return None
        complete = self._parse_chunks() if self._chunked else self._parse_sized_body()
        if not complete:
            return None
        request = self._request
        assert request is not None
        request.body = bytes(self._body)
        self._request = None
        self._body = bytearray()
        return request

    def _parse_headers(self) -> bool:
        end = self._buffer.find(END_OF_HEADERS)
        if end < 0:
            if len(self._buffer) > MAXIMUM_HEADER_BYTES:
                raise ValueError("headers too long")
            return False
        head = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + len(END_OF_HEADERS)]
        request_line, *header_lines = head.split("\r\n")
        method, path, _version = request_line.split(" ", 2)
        request = Request(method, path)
        for line in header_lines:
            name, _, value = line.partition(":")
            request.headers[name.strip().lower()] = value.strip()
        self._request = request
        self._chunked = "chunked" in request.headers.get("transfer-encoding", "").lower()
        self._body_left = 0 if self._chunked else int(request.headers.get("content-length", "0"))
        self._in_trailer = False
        if request.headers.get("expect", "").lower() == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _parse_sized_body(self) -> bool:
        self._take_body()
        return self._body_left == 0

    def _parse_chunks(self) -> bool:
        while True:
            if self._body_left:
                self._take_body()
                if self._body_left:
                    return False
                # a chunk's data is followed by an empty line, which the size line below skips
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            if self._in_trailer:
                if not line:
                    return True
            elif line:
                self._body_left = int(line.split(b";")[0], 16)
                self._in_trailer = self._body_left == 0

    def _take_body(self) -> None:
        assert self._request is not None
        taken = self._buffer[: self._body_left]
        del self._buffer[: len(taken)]
        self._body_left -= len(taken)
        self._request.body_size += len(taken)
        if self._request.body_size <= self._body_limit:
            self._body += taken
        else:
            self._body = bytearray()
