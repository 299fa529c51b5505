"""An answer of the fast lane has the bytes of the ordinary way, and the service has done the same."""

from __future__ import annotations

import json
import re
import socket
import uuid
from typing import Any

import pytest

from tests.emulator.running import LocalStack, deploy
from tests.emulator.scenarios import ACCOUNT, ECHO, Workflow, machine, task

# A header that the lane does not know: the request takes the ordinary way.
ORDINARY = "Accept: */*"
NO_QUEUE = f"http://localhost:4566/queue/us-east-1/{ACCOUNT}/no"
NO_MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:no"


def call(localstack: LocalStack, target: str, parameters: Any, *more: str) -> str:
    """The whole answer, without what differs by nature."""
    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    service = "sqs" if target.startswith("AmazonSQS") else "states"
    port = localstack.emulator.port
    headers = [
        "POST / HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"X-Amz-Target: {target}",
        "Content-Type: application/x-amz-json-1.0",
        f"Authorization: AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/{service}/aws4_request, Signature=0",
        f"Content-Length: {len(body)}",
        *more,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(headers).encode() + b"\r\n\r\n" + body)
        head = got = b""
        while not head:
            arrived = connection.recv(65536)
            assert arrived, "the connection was closed without an answer"
            got += arrived
            if b"\r\n\r\n" in got:
                head, _, got = got.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
        while len(got) < length:
            got += connection.recv(65536)
    text = (head + b"\n\n" + got).decode()
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "ID", text)
    text = re.sub(r"Date: [^\r\n]+", "Date: TIME", text)
    text = re.sub(r"(\"startDate\": |Timestamp\": )[^\r\n,}]+", r"\1TIME", text)
    return re.sub(r"Content-Length: \d+", "Content-Length: N", text)


def both_ways(localstack: LocalStack, target: str, parameters: Any) -> str:
    fast = call(localstack, target, parameters)
    assert fast == call(localstack, target, parameters, ORDINARY)
    return fast


@pytest.fixture(scope="module")
def queue(localstack: LocalStack) -> str:
    return str(localstack.client("sqs").create_queue(QueueName=f"lane-{uuid.uuid4().hex[:8]}")["QueueUrl"])


@pytest.mark.parametrize("text", ["plain", "ünï 漢字 \U0001f600", '{"a": [1, 2]}'])
def test_a_message(localstack: LocalStack, queue: str, text: str) -> None:
    answer = both_ways(localstack, "AmazonSQS.SendMessage", {"QueueUrl": queue, "MessageBody": text})
    assert answer.startswith("HTTP/1.1 200 OK")
    received = localstack.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == [text, text]
    for message in received:
        localstack.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_a_batch_of_which_a_part_fails(localstack: LocalStack, queue: str) -> None:
    good, bad = {"Id": "a", "MessageBody": "x", "DelaySeconds": 600}, {"Id": "b", "MessageBody": "\x01"}
    whole = both_ways(localstack, "AmazonSQS.SendMessageBatch", {"QueueUrl": queue, "Entries": [good]})
    assert "Failed" not in whole
    answer = both_ways(localstack, "AmazonSQS.SendMessageBatch", {"QueueUrl": queue, "Entries": [good, bad]})
    assert "InvalidMessageContents" in answer
    delayed = localstack.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert delayed["ApproximateNumberOfMessagesDelayed"] == "4", "each call was made once"


def test_attributes_of_a_queue(localstack: LocalStack, queue: str) -> None:
    for names in (["All"], ["QueueArn", "VisibilityTimeout"], []):
        both_ways(localstack, "AmazonSQS.GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": names})


def test_an_execution(localstack: LocalStack) -> None:
    workflow = Workflow(localstack, machine("One", One=task(deploy(localstack, ECHO).name)))
    start = {"stateMachineArn": workflow.arn, "name": "lane", "input": '{"ä": 1}'}
    assert "200 OK" in both_ways(localstack, "AWSStepFunctions.StartExecution", start)
    assert "200 OK" in both_ways(localstack, "AWSStepFunctions.StartExecution", {"stateMachineArn": workflow.arn})


@pytest.mark.parametrize(
    ("target", "parameters", "error"),
    [
        ("AmazonSQS.SendMessage", {"QueueUrl": NO_QUEUE, "MessageBody": "x"}, "NonExistentQueue"),
        ("AmazonSQS.SendMessage", {"QueueUrl": "QUEUE", "MessageBody": ""}, "MissingParameter"),
        ("AmazonSQS.SendMessage", {"QueueUrl": "QUEUE"}, "500 INTERNAL SERVER ERROR"),
        ("AmazonSQS.SendMessageBatch", {"QueueUrl": "QUEUE", "Entries": []}, "EmptyBatchRequest"),
        ("AmazonSQS.GetQueueAttributes", {"QueueUrl": "QUEUE", "AttributeNames": ["No"]}, "InvalidAttributeName"),
        ("AWSStepFunctions.StartExecution", {"stateMachineArn": NO_MACHINE}, "StateMachineDoesNotExist"),
        ("AWSStepFunctions.StartExecution", {"stateMachineArn": "no arn"}, "InvalidArn"),
        ("AWSStepFunctions.StartExecution", b"{no json", ""),
    ],
)  # fmt: skip
def test_errors_too(localstack: LocalStack, queue: str, target: str, parameters: Any, error: str) -> None:
    if isinstance(parameters, dict) and parameters.get("QueueUrl") == "QUEUE":
        parameters = parameters | {"QueueUrl": queue}
    answer = both_ways(localstack, target, parameters)
    assert not answer.startswith("HTTP/1.1 200"), answer
    assert error in answer
