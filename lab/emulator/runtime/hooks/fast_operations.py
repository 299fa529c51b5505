"""The calls that `fast_lane` serves: from the parameters of a request to the method of the running service.

They run on the reactor's thread, so none of them may wait for LocalStack's own API, which that thread serves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.emulator.runtime import actions, authorization
from lab.emulator.runtime.actions import Place
from lab.emulator.runtime.hooks import status_events

# Of each call, the parameters that are known here, with their types.
START_EXECUTION = {"stateMachineArn": str, "name": str, "input": str}
MESSAGE = {"MessageBody": str, "DelaySeconds": int, "MessageGroupId": str, "MessageDeduplicationId": str}
SEND_MESSAGE = {"QueueUrl": str, **MESSAGE}
SEND_MESSAGE_BATCH = {"QueueUrl": str, "Entries": list}
ENTRY = {"Id": str, **MESSAGE}
GET_QUEUE_ATTRIBUTES = {"QueueUrl": str, "AttributeNames": list}


class NotHereError(Exception):
    """This call takes the ordinary way."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be made: what is known of its caller, the call itself, and what the JSON of its result says."""

    context: Any
    make: Callable[[], Any]
    answer: Callable[[Any], dict[str, Any]] = dict


def _known(parameters: Any, types: Mapping[str, type], needed: tuple[str, ...]) -> dict[str, Any]:
    if type(parameters) is not dict or not all(name in parameters for name in needed):
        raise NotHereError
    for name, value in parameters.items():
        if type(value) is not types.get(name):  # True is an int for Python, and for no service
            raise NotHereError
    return parameters


def _provider(service: str) -> Any:
    from localstack.services.plugins import SERVICE_PLUGINS

    if not SERVICE_PLUGINS.is_running(service):
        raise NotHereError
    provider = getattr(SERVICE_PLUGINS.get_service(service), "_provider", None)
    if provider is None:
        raise NotHereError
    return provider


def _context(service: str, operation: str, headers: Mapping[bytes, bytes], parameters: Mapping[str, Any]) -> Any:
    """What is known of the caller, when nobody forbids the call; a refusal is worded on the ordinary way."""
    from localstack.utils.strings import long_uid

    authorization_header = headers.get(b"authorization", b"").partition(b",")[0]
    trace = headers.get(b"x-amzn-trace-id", b"") if service == "sqs" else b""
    context = _make_context(service, operation, authorization_header, trace)
    access_key_id = authorization_header.partition(b"Credential=")[2].partition(b"/")[0].decode("latin-1")
    caller = authorization.caller_of(access_key_id)
    if caller is not None:
        place = Place(context.partition, context.region, context.account_id)
        if not authorization.permitted(caller.role_arn, *actions.permission(service, operation, parameters, place)):
            raise NotHereError
    context.request_id = long_uid()
    return context


@functools.lru_cache(maxsize=256)
def _make_context(service: str, operation: str, credential: bytes, trace: bytes) -> Any:
    """What LocalStack's own handlers make of the caller's credential: its account, its region."""
    from localstack.aws import handlers
    from localstack.aws.api import RequestContext
    from localstack.aws.spec import load_service
    from localstack.http import Request, Response

    if b"Credential=" not in credential:
        raise NotHereError
    request = Request(headers={"Authorization": credential.decode("latin-1")})
    if trace:
        request.headers["X-Amzn-Trace-Id"] = trace.decode("latin-1")
    context = RequestContext(request)
    for handler in (handlers.add_region_from_header, handlers.rewrite_region, handlers.add_account_id):
        handler(None, context, Response())
    context.service = load_service(service)
    context.operation = context.service.operation_model(operation)
    context.protocol = context.service.protocol
    return context


def _start_execution(headers: Mapping[bytes, bytes], parameters: Any) -> Call:
    known = _known(parameters, START_EXECUTION, ("stateMachineArn",))
    context = _context("stepfunctions", "StartExecution", headers, known)
    # An event of its status is a request of LocalStack to itself.
    if not status_events.in_place or status_events.publishes(
        context.account_id, context.region, known["stateMachineArn"]
    ):
        raise NotHereError
    start = functools.partial(
        _provider("stepfunctions").start_execution,
        context,
        state_machine_arn=known["stateMachineArn"],
        name=known.get("name"),
        input=known.get("input"),
    )
    return Call(context, start, _started)


def _started(result: Mapping[str, Any]) -> dict[str, Any]:
    return {"executionArn": result["executionArn"], "startDate": result["startDate"].timestamp()}


def _message(known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message_body": known["MessageBody"],
        "delay_seconds": known.get("DelaySeconds"),
        "message_group_id": known.get("MessageGroupId"),
        "message_deduplication_id": known.get("MessageDeduplicationId"),
    }


def _send_message(headers: Mapping[bytes, bytes], parameters: Any) -> Call:
    known = _known(parameters, SEND_MESSAGE, ("QueueUrl", "MessageBody"))
    context = _context("sqs", "SendMessage", headers, known)
    send = _provider("sqs").send_message
    return Call(context, functools.partial(send, context, queue_url=known["QueueUrl"], **_message(known)))


def _send_message_batch(headers: Mapping[bytes, bytes], parameters: Any) -> Call:
    known = _known(parameters, SEND_MESSAGE_BATCH, ("QueueUrl", "Entries"))
    for entry in known["Entries"]:
        _known(entry, ENTRY, ("Id", "MessageBody"))
    context = _context("sqs", "SendMessageBatch", headers, known)
    send = _provider("sqs").send_message_batch
    return Call(
        context,
        functools.partial(send, context, queue_url=known["QueueUrl"], entries=known["Entries"]),
        _without_what_is_none,
    )


def _without_what_is_none(result: Mapping[str, list[dict[str, Any]] | None]) -> dict[str, Any]:
    return {
        name: [{key: value for key, value in entry.items() if value is not None} for entry in entries]
        for name, entries in result.items()
        if entries is not None
    }


def _get_queue_attributes(headers: Mapping[bytes, bytes], parameters: Any) -> Call:
    known = _known(parameters, GET_QUEUE_ATTRIBUTES, ("QueueUrl",))
    names = known.get("AttributeNames", [])
    if not all(type(name) is str for name in names):
        raise NotHereError
    context = _context("sqs", "GetQueueAttributes", headers, known)
    get = _provider("sqs").get_queue_attributes
    return Call(context, functools.partial(get, context, queue_url=known["QueueUrl"], attribute_names=names or None))


OPERATIONS: dict[bytes, Callable[[Mapping[bytes, bytes], Any], Call]] = {
    b"AWSStepFunctions.StartExecution": _start_execution,
    b"AmazonSQS.GetQueueAttributes": _get_queue_attributes,
    b"AmazonSQS.SendMessage": _send_message,
    b"AmazonSQS.SendMessageBatch": _send_message_batch,
}
