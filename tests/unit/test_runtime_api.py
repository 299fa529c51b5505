"""The Runtime API's HTTP, against hand-written bytes and against the pure-Python runtime client."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lab.emulator.runtime import runtime_api
from lab.emulator.runtime.runtime_api import Connection, ConnectionEndedError, Request

CLIENT_FILE = Path(runtime_api.__file__).parent / "process" / "pure_python" / "runtime_client.py"


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(ours, body_limit=100)
    yield connection, theirs
    connection.close()
    theirs.close()


def received(connection: Connection) -> Request:
    while True:
        request = connection.receive()
        if request is not None:
            return request


def test_request_without_a_body(ends: tuple[Connection, socket.socket]) -> None:
    connection, worker = ends
    worker.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nX-Thing:  a: b \r\n\r\n")
    request = received(connection)
    assert (request.method, request.path) == ("GET", runtime_api.NEXT_PATH)
    assert request.headers["x-thing"] == "a: b"
    assert request.body == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"POST /r HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello world",
        b"POST /r HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
        b"POST /r HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\nb\r\nhello world\r\n0\r\nTrailer: 1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_bodies_in_any_framing_and_any_pieces(wire: bytes, piece: int) -> None:
    for _ in range(2):  # the second request on the same bytes: nothing may be left over
        ours, theirs = socket.socketpair()
        connection = Connection(ours, body_limit=100)
        request = None
        for start in range(0, len(wire), piece):
            assert request is None
            theirs.sendall(wire[start : start + piece])
            request = connection.receive()
        assert request is not None
        assert request.body == b"hello world"
        assert request.body_size == 11
        theirs.sendall(b"GET /next HTTP/1.1\r\n\r\n")
        assert received(connection).path == "/next"
        connection.close()
        theirs.close()


def test_body_over_the_limit_is_counted_and_not_kept(ends: tuple[Connection, socket.socket]) -> None:
    connection, worker = ends
    worker.sendall(b"POST /r HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + b"x" * 101)
    request = received(connection)
    assert (request.body, request.body_size) == (b"", 101)


def test_expectation_is_answered(ends: tuple[Connection, socket.socket]) -> None:
    connection, worker = ends
    worker.sendall(b"POST /r HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert connection.receive() is None
    assert worker.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")
    worker.sendall(b"ok")
    assert received(connection).body == b"ok"


@pytest.mark.parametrize("wire", [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"])
def test_what_is_no_http_ends_the_connection(ends: tuple[Connection, socket.socket], wire: bytes) -> None:
    connection, worker = ends
    worker.sendall(wire)
    with pytest.raises(ConnectionEndedError, match="not HTTP"):
        received(connection)


def test_end_of_stream(ends: tuple[Connection, socket.socket]) -> None:
    connection, worker = ends
    worker.close()
    with pytest.raises(ConnectionEndedError):
        connection.receive()
    with pytest.raises(ConnectionEndedError):
        connection.answer(200, body=b"x" * 10_000_000)


# The stand-in for the compiled runtime client


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, Connection]]:
    """The pure-Python client, and the server's end of its connection."""
    specification = importlib.util.spec_from_file_location("pure_python_runtime_client", CLIENT_FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    ours, theirs = socket.socketpair()
    module._connection = theirs
    connection = Connection(ours, body_limit=1_000_000)
    yield module, connection
    connection.close()
    theirs.close()


def answered(connection: Connection, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> list:
    """Answers the next request in the background; the list holds the request once it came."""
    requests: list[Request] = []

    def serve() -> None:
        requests.append(received(connection))
        connection.answer(status, headers, body)

    threading.Thread(target=serve).start()
    return requests


def test_next_gives_the_event_and_what_describes_it(client: tuple[ModuleType, Connection]) -> None:
    module, connection = client
    headers = {
        "Lambda-Runtime-Aws-Request-Id": "id-1",
        "Lambda-Runtime-Deadline-Ms": "1700000000123",
        "Lambda-Runtime-Invoked-Function-Arn": "arn",
        "Lambda-Runtime-Trace-Id": "Root=1",
        "Content-Type": "application/json",
    }
    requests = answered(connection, 200, headers, b"x" * 500_000)
    body, described = module.next()
    assert body == b"x" * 500_000
    assert described["Lambda-Runtime-Deadline-Ms"] == 1700000000123
    assert described["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert described["Lambda-Runtime-Client-Context"] is None
    assert (requests[0].method, requests[0].path) == ("GET", runtime_api.NEXT_PATH)


def test_result_and_error_are_posted(client: tuple[ModuleType, Connection]) -> None:
    module, connection = client
    module.initialize_client("tester")
    requests = answered(connection, 202)
    module.post_invocation_result("id-1", '{"ü": 1}'.encode(), "application/json")
    assert requests[0].path.endswith("/invocation/id-1/response")
    assert requests[0].body == '{"ü": 1}'.encode()
    assert requests[0].headers["user-agent"] == "tester"
    requests = answered(connection, 202)
    module.post_error("id-2", '{"errorType": "E"}', '{"fault": 1}')
    assert requests[0].path.endswith("/invocation/id-2/error")
    assert requests[0].headers["lambda-runtime-function-xray-error-cause"] == '{"fault": 1}'


def test_refused_result_raises(client: tuple[ModuleType, Connection]) -> None:
    module, connection = client
    answered(connection, 413)
    with pytest.raises(RuntimeError, match="Failed to post invocation response"):
        module.post_invocation_result("id-1", b"{}", "application/json")


def test_lost_connection_raises(client: tuple[ModuleType, Connection]) -> None:
    module, connection = client
    connection.close()
    with pytest.raises(RuntimeError):
        module.next()


def test_pure_python_client_offers_what_the_compiled_one_offers(client: tuple[ModuleType, Connection]) -> None:
    names = {"initialize_client", "next", "post_invocation_result", "post_error"}
    assert names <= set(vars(client[0]))
