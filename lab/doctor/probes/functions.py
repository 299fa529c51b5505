"""Functions: their answers, their errors, their concurrency, and the mapping that invokes one."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from botocore.exceptions import ClientError

from lab.doctor.probes.place import DEADLINE_S, DiffersError, Place
from lab.load import messages
from lab.stack import Settings, functions, mapping, queues, waiting
from lab.stack.names import FUNCTIONS, START_FUNCTION


def functions_run(place: Place) -> str:
    for folder in FUNCTIONS:
        functions.ensure(place.names, Settings(function_timeout_s=1), folder)
    answer = _invoke(place, "base64_decoder", messages.SAMPLE_BODY)
    if json.loads(answer["Payload"].read()).get("output") != messages.SAMPLE_TEXT:
        raise DiffersError("base64_decoder does not give the sample's text")
    return "five functions, base64_decoder gives the right text"


def errors_by_name(place: Place) -> str:
    answer = _invoke(place, "base64_decoder", messages.broken("bad_base64").body)
    name = json.loads(answer["Payload"].read()).get("errorType")
    if not answer.get("FunctionError") or name != "InvalidBase64Error":
        raise DiffersError(f"a failing function is told as {name}")
    return "by the name of the Python class"


def _invoke(place: Place, folder: str, event: str) -> Any:
    return place.client("lambda").invoke(FunctionName=place.names.function(folder), Payload=event)


def reserved_concurrency(place: Place) -> str:
    client, name = place.client("lambda"), place.names.function("string_cleaner")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        client.invoke(FunctionName=name, Payload=b'{"input": "a"}')
    except ClientError as error:
        if waiting.error_code(error) != "TooManyRequestsException":
            raise DiffersError(f"refused with {waiting.error_code(error)}") from error
        return "TooManyRequestsException over the reserved concurrency"
    finally:
        client.delete_function_concurrency(FunctionName=name)
    raise DiffersError("a function with a concurrency of 0 is invoked")


def event_source_mapping(place: Place) -> str:
    mapping.ensure(place.names, Settings())
    client, group = place.client("logs"), place.names.function_log_group(START_FUNCTION)
    sent = place.client("sqs").send_message(QueueUrl=place.queue_url, MessageBody=messages.SAMPLE_BODY)["MessageId"]

    def arrived() -> list[dict[str, Any]]:
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            events = client.filter_log_events(logGroupName=group, startTime=place.recently())["events"]
            return [event for event in events if sent in event["message"] and event["message"].startswith("{")]
        return []

    (event, *_) = waiting.until(arrived, what="start_execution to receive a message", deadline_s=DEADLINE_S)
    told = json.loads(event["message"])
    if told.get("error"):
        raise DiffersError(f"start_execution failed: {told['error']['name']}")
    if not told.get("sent_ms") or not told.get("first_received_ms"):
        raise DiffersError("records do not say when they were sent and received")
    if "eventId" not in event:
        raise DiffersError("a message started an execution, but the log's events have no id")
    return "a message started an execution"


def partial_batch_failures(place: Place) -> str:
    sqs = place.client("sqs")
    bad = messages.broken("not_json").body
    sqs.send_message_batch(
        QueueUrl=place.queue_url,
        Entries=[{"Id": "1", "MessageBody": bad}, {"Id": "2", "MessageBody": messages.SAMPLE_BODY}],
    )
    dead = queues.url(place.names, place.names.dead_letter_queue)

    def bodies() -> list[str]:
        taken = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in taken]

    found = waiting.until(bodies, what="the bad message in the dead-letter queue", deadline_s=2 * DEADLINE_S)
    if found != [bad]:
        raise DiffersError("not the bad message alone was dead-lettered")
    return "the bad message of a batch alone ends in the dead-letter queue"
