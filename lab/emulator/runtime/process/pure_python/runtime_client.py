"""A stand-in for the compiled ``runtime_client`` of ``awslambdaric``, which has wheels for Linux only.

It offers the same four functions. A plain socket serves better than ``http.client`` here: that module loads ``ssl`` and
``email`` at every cold start, and the Runtime API needs one connection and one request at a time.
"""

from __future__ import annotations

import os
import socket

API = "/2018-06-01/runtime/invocation"
RECEIVE_BYTES = 256 * 1024

_user_agent = "aws-lambda-python"
_connection: socket.socket | None = None


def initialize_client(user_agent: str) -> None:
    """Remembers the name under which requests are made."""
    global _user_agent
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, object]]:
    """Waits for the next event: its bytes, and the headers that describe it (the deadline as a number).

    Raises:
        RuntimeError: the Runtime API gave no event.
    """
    status, headers, body = _exchange("GET", f"{API}/next", {}, b"")
    if status != 200:
        raise RuntimeError("Failed to get next")
    return body, {
        "Lambda-Runtime-Aws-Request-Id": headers.get("lambda-runtime-aws-request-id"),
        "Lambda-Runtime-Trace-Id": headers.get("lambda-runtime-trace-id") or None,
        "Lambda-Runtime-Invoked-Function-Arn": headers.get("lambda-runtime-invoked-function-arn"),
        "Lambda-Runtime-Deadline-Ms": int(headers.get("lambda-runtime-deadline-ms") or 0),
        "Lambda-Runtime-Client-Context": headers.get("lambda-runtime-client-context") or None,
        "Lambda-Runtime-Cognito-Identity": headers.get("lambda-runtime-cognito-identity") or None,
        "Lambda-Runtime-Aws-Tenant-Id": headers.get("lambda-runtime-aws-tenant-id") or None,
        "Content-Type": headers.get("content-type"),
    }


def post_invocation_result(
    invoke_id: str, result_data: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Reports what the handler returned.

    Raises:
        RuntimeError: the Runtime API refused it, for example because it is too large.
    """
    _post(f"{API}/{invoke_id}/response", {"Content-Type": content_type}, result_data, "invocation response")


def post_error(
    invoke_id: str, error_response_data: str | bytes, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Reports what the handler raised.

    Raises:
        RuntimeError: the Runtime API refused it.
    """
    body = error_response_data.encode() if isinstance(error_response_data, str) else error_response_data
    headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": "Unhandled"}
    if xray_fault:
        headers["Lambda-Runtime-Function-XRay-Error-Cause"] = xray_fault
    _post(f"{API}/{invoke_id}/error", headers, body, "invocation error")


def _post(path: str, headers: dict[str, str], body: bytes, what: str) -> None:
    status, _, _ = _exchange("POST", path, headers, body)
    if status != 202:
        raise RuntimeError(f"Failed to post {what}")


def _exchange(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request and its answer on the connection that stays open: status, headers in lower case, body."""
    global _connection
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address}", f"User-Agent: {_user_agent}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    try:
        if _connection is None:
            host, _, port = address.rpartition(":")
            _connection = socket.create_connection((host, int(port)))
            _connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _connection.sendall("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body)
        return _receive(_connection)
    except OSError as error:
        _connection = None
        raise RuntimeError(f"No answer from the Runtime API: {error}") from error


def _receive(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _some(connection)
    status_line, *header_lines = received[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in header_lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = received[end + 4 :]
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        body += _some(connection)
    return int(status_line.split(" ", 2)[1]), headers, bytes(body)


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(RECEIVE_BYTES)
    if not received:
        raise ConnectionError("the connection was closed")
    return received
