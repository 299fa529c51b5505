"""Between the queue and the workflow: start one execution for each message.

The event source mapping polls the queue and hands over a batch of records. This function answers with the records
that failed; those alone become visible in the queue again, and after some tries they move to the dead-letter queue.
It prints one JSON line a record, from which the lab reads how long the message waited in the queue.
"""

import json
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

# What StartExecution takes, in bytes of UTF-8. A queue takes more (1 MiB on AWS), so a message can be too long for us.
MAX_INPUT_BYTES = 262_144
# JSON itself has no such limits. But every program from here to the last function reads the body, and has limits.
MAX_DEPTH = 100
MAX_DIGITS = 300
PARALLEL_STARTS = 10

# Made once, while the function starts, and reused by every invocation. Each thread needs a connection of its own.
step_functions = boto3.client("stepfunctions", config=Config(max_pool_connections=PARALLEL_STARTS))
threads = ThreadPoolExecutor(max_workers=PARALLEL_STARTS)


class InvalidMessageError(Exception):
    """The body is not a JSON object."""


class EncodedTwiceError(InvalidMessageError):
    """The body is a JSON string that holds JSON: its sender called json.dumps() twice."""


class InvalidNumberError(InvalidMessageError):
    """The body holds NaN, Infinity, or a number with more digits than any program on its way reads."""


class NestedTooDeepError(InvalidMessageError):
    """The body has lists in lists, or objects in objects, deeper than the programs on its way can follow."""


class MessageTooLargeError(Exception):
    """The body is longer than the input of an execution may be."""


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    failures = []
    # The calls run side by side; the lines are printed here, one after the other, so that they cannot mix.
    for result in threads.map(start, event["Records"]):
        print(json.dumps(result), flush=True)
        if result["error"]:
            failures.append({"itemIdentifier": result["message_id"]})
    return {"batchItemFailures": failures}


def start(record: dict[str, Any]) -> dict[str, Any]:
    """Start the execution of one record and say how that ended.

    It raises no error, whatever the body is: the other records of the batch must go on.
    """
    result: dict[str, Any] = {
        "message_id": record["messageId"],
        "lab_id": None,
        "sent_ms": milliseconds(record, "SentTimestamp"),
        "first_received_ms": milliseconds(record, "ApproximateFirstReceiveTimestamp"),
        "started_at_ms": None,
        "execution_arn": None,
        "error": None,
    }
    try:
        body = record["body"]
        lab_id = read_object(body).get("lab_id")
        result["lab_id"] = lab_id if isinstance(lab_id, str) else None
        if len(body.encode("utf-8")) > MAX_INPUT_BYTES:
            raise MessageTooLargeError(f"the body is over {MAX_INPUT_BYTES} bytes")
        # The name does not stop a second start, but it shows which executions belong to one message.
        answer = step_functions.start_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=record["messageId"], input=body
        )
        result["execution_arn"] = answer["executionArn"]
        result["started_at_ms"] = time.time_ns() // 1_000_000
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this record, it is this record's failure only
        result["error"] = {"name": type(error).__name__, "message": str(error)}
    return result


def read_object(body: str) -> dict[str, Any]:
    """The body as data, when everybody on its way can read it."""
    try:
        document = json.loads(body, parse_int=number, parse_float=number, parse_constant=number)
        depth = depth_of(document)
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # fails for half a character, such as "\ud83d"
    except RecursionError:
        raise NestedTooDeepError("the body is nested too deep to be read") from None
    except ValueError as error:
        raise InvalidMessageError(f"the body is not JSON: {error}") from error
    if depth > MAX_DEPTH:
        raise NestedTooDeepError(f"the body is nested {depth} deep; {MAX_DEPTH} is the most")
    if isinstance(document, str) and document.lstrip().startswith("{"):
        raise EncodedTwiceError("the body is a JSON string that holds JSON; encode it once")
    if not isinstance(document, dict):
        raise InvalidMessageError("the body is JSON, but not an object")
    return document


def number(text: str) -> float:
    """A number of the body. Python would also read what is no JSON, and as many digits as there are."""
    if len(text) > MAX_DIGITS or not math.isfinite(float(text)):
        raise InvalidNumberError(f"the body holds the number {text[:20]}, which not every program can read")
    return float(text)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth_of, inner)) if inner else 0


def milliseconds(record: dict[str, Any], attribute: str) -> int | None:
    """An instant that SQS wrote down, in milliseconds since 1970; None where it is absent, as in a hand-made event."""
    value = record.get("attributes", {}).get(attribute)
    return int(value) if value is not None else None
