"""Which requests the fast lane takes, and that it never makes a call twice."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.emulator.runtime import authorization
from lab.emulator.runtime.hooks import fast_lane, fast_operations, status_events
from lab.emulator.runtime.hooks.fast_lane import INCOMPLETE, Connection, Request, read
from lab.emulator.runtime.hooks.fast_operations import OPERATIONS, Call, NotHereError

SEND = b"AmazonSQS.SendMessage"
AUTHORIZATION = b"AWS4-HMAC-SHA256 Credential=test/20261126/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0"


def request(body: bytes = b"{}", target: bytes = SEND, *more: bytes, start: bytes = fast_lane.START) -> bytes:
    headers = [
        b"Host: 127.0.0.1:4566",
        b"X-Amz-Target: " + target,
        b"Authorization: " + AUTHORIZATION,
        b"Content-Length: %d" % len(body),
        *more,
    ]
    return start + b"\r\n".join(headers) + b"\r\n\r\n" + body


def test_a_whole_request_is_read() -> None:
    found = read(request(b'{"a": 1}'))
    assert isinstance(found, Request)
    assert (found.target, found.body) == (SEND, b'{"a": 1}')
    assert found.headers[b"authorization"] == AUTHORIZATION


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}", b"AmazonSQS.ReceiveMessage"),
        request(b"{}", SEND, b"Expect: 100-continue"),
        request(b"{}", SEND, b"X-LocalStack-Data: {}"),
        request(b"{}", SEND, b"Content-Encoding: gzip"),
        request(b"{}", SEND, b"Transfer-Encoding: chunked"),
        request(b"{}", SEND, b"Host: twice"),
        request(b"{}", SEND, b" folded: line"),
        request(b"{}", SEND, b"no colon"),
        request(b"{}") + b"POST",
        request(b"{}").replace(b"Content-Length: 2", b"Content-Length: -2"),
        request(b"{}").replace(b"Content-Length: 2", b"Content-Length: 999999999"),
        fast_lane.START + b"x" * fast_lane.LARGEST_HEADERS,
    ],
)
def test_whatever_is_unusual_takes_the_ordinary_way(data: bytes) -> None:
    assert read(data) is None


@given(st.integers(1, len(request(b'{"a": "b"}')) - 1))
def test_what_is_not_whole_is_waited_for(length: int) -> None:
    assert read(request(b'{"a": "b"}')[: max(length, len(fast_lane.START))]) == INCOMPLETE


class Protocol:
    """A connection as twisted has it, which notes what reaches it."""

    def __init__(self) -> None:
        self.ordinary: list[bytes] = []
        self.answers: list[bytes] = []
        self._channel = SimpleNamespace(
            requests=[],
            _handlingRequest=False,
            _HTTPChannel__first_line=1,
            resetTimeout=lambda: None,
            transport=SimpleNamespace(write=self.answers.append),
        )

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - twisted's name
        self.ordinary.append(data)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that were made; SendMessage answers with what it got."""
    calls: list[Any] = []

    def operation(headers: Any, parameters: Any) -> Call:
        if parameters.get("refuse") == "before":
            raise NotHereError

        def make() -> dict[str, Any]:
            if "refuse" in parameters:
                from localstack.aws.api import CommonServiceException

                raise CommonServiceException("Refused", "no")
            calls.append(parameters)
            return {"MessageId": "1", "none": None}

        def answer(result: dict[str, Any]) -> dict[str, Any]:
            if "spoil" in parameters:
                raise TypeError("an answer that nobody expected")
            return result

        return Call(SimpleNamespace(request_id="id"), make, answer)

    monkeypatch.setitem(OPERATIONS, SEND, operation)
    return calls


def test_the_answer_comes_from_the_lane_and_in_pieces_too(made: list[Any]) -> None:
    protocol = Protocol()
    connection = Connection(protocol)
    whole = request(b'{"n": 1}')
    for piece in (whole, whole[:30], whole[30:100], whole[100:]):
        connection.received(piece)
    assert protocol.ordinary == []
    assert made == [{"n": 1}, {"n": 1}]
    head, _, body = protocol.answers[1].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body) == {"MessageId": "1"}


@pytest.mark.parametrize("when", ["before", "by the service"])
def test_a_refusal_is_worded_on_the_ordinary_way(made: list[Any], when: str) -> None:
    protocol = Protocol()
    data = request(json.dumps({"refuse": when}).encode())
    Connection(protocol).received(data)
    assert (protocol.ordinary, protocol.answers, made) == ([data], [], [])


@pytest.mark.parametrize("body", [b"no json", b"\xff", b"["])
def test_a_body_that_is_no_json_takes_the_ordinary_way(made: list[Any], body: bytes) -> None:
    protocol = Protocol()
    Connection(protocol).received(request(body))
    assert (protocol.ordinary, made) == ([request(body)], [])


def test_what_was_done_is_never_done_again(made: list[Any]) -> None:
    protocol = Protocol()
    with pytest.raises(TypeError):
        Connection(protocol).received(request(b'{"spoil": 1}'))
    assert made == [{"spoil": 1}]
    assert protocol.ordinary == [], "the ordinary way would send the message a second time"


@pytest.mark.parametrize("busy", [{"requests": ["one"]}, {"_handlingRequest": True}, {"_HTTPChannel__first_line": 0}])
def test_in_the_middle_of_another_request_nothing_is_looked_at(made: list[Any], busy: dict[str, Any]) -> None:
    protocol = Protocol()
    vars(protocol._channel).update(busy)
    Connection(protocol).received(request())
    assert (protocol.ordinary, made) == ([request()], [])


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        (SEND, {}),
        (SEND, []),
        (SEND, {"QueueUrl": "q"}),
        (SEND, {"QueueUrl": "q", "MessageBody": 1}),
        (SEND, {"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": True}),
        (SEND, {"QueueUrl": "q", "MessageBody": "b", "MessageAttributes": {}}),
        (b"AmazonSQS.SendMessageBatch", {"QueueUrl": "q", "Entries": [{"Id": "1"}]}),
        (b"AmazonSQS.SendMessageBatch", {"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": "b", "x": 1}]}),
        (b"AmazonSQS.GetQueueAttributes", {"QueueUrl": "q", "AttributeNames": [1]}),
        (b"AWSStepFunctions.StartExecution", {"input": "{}"}),
        (b"AWSStepFunctions.StartExecution", {"stateMachineArn": "a", "traceHeader": "Root=1"}),
    ],
)
def test_only_known_parameters_of_the_right_type_are_taken(target: bytes, parameters: Any) -> None:
    with pytest.raises(NotHereError):
        OPERATIONS[target]({b"authorization": AUTHORIZATION}, parameters)


def test_an_execution_that_somebody_listens_to_takes_the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = SimpleNamespace(start_execution=lambda *_, **__: {})
    monkeypatch.setattr(fast_operations, "_provider", lambda service: provider)
    monkeypatch.setattr(status_events, "in_place", True)
    start = {"stateMachineArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:a"}
    headers = {b"authorization": AUTHORIZATION}
    monkeypatch.setattr(status_events, "publishes", lambda account, region, machine: False)
    call = OPERATIONS[b"AWSStepFunctions.StartExecution"](headers, start)
    assert (call.context.account_id, call.context.region) == ("000000000000", "eu-west-1")
    monkeypatch.setattr(status_events, "publishes", lambda account, region, machine: machine.endswith(":a"))
    with pytest.raises(NotHereError):
        OPERATIONS[b"AWSStepFunctions.StartExecution"](headers, start)


def test_a_role_that_may_not_takes_the_ordinary_way_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = SimpleNamespace(send_message=lambda *_, **__: {})
    monkeypatch.setattr(fast_operations, "_provider", lambda service: provider)
    asked: list[tuple[str, ...]] = []
    caller = authorization.Caller("arn:aws:iam::000000000000:role/r", "s")
    monkeypatch.setattr(authorization, "caller_of", lambda key: caller if key == "test" else None)
    monkeypatch.setattr(authorization, "permitted", lambda *question: bool(asked.append(question)))
    message = {"QueueUrl": "http://127.0.0.1:4566/queue/eu-west-1/000000000000/q", "MessageBody": "b"}
    with pytest.raises(NotHereError):
        OPERATIONS[SEND]({b"authorization": AUTHORIZATION}, message)
    assert asked == [(caller.role_arn, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:000000000000:q")]
