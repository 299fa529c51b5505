"""The resilient workflow on the embedded emulator: what it tries again, and what it keeps when nothing helps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab import stack
from lab.load import messages
from lab.stack import Names, Settings, queues, roles
from tests.emulator.running import own_lab


@pytest.fixture(scope="module")
def names(state_folder: object) -> Iterator[Names]:
    with own_lab("failures-kept") as target:
        yield stack.provision(target, Settings(workflow="resilient", function_timeout_s=2))


def run(names: Names, body: str = messages.SAMPLE_BODY) -> tuple[str, str | None]:
    states = names.target.client("stepfunctions")
    ended = states.start_sync_execution(stateMachineArn=names.state_machine_arn, input=body)
    return ended["status"], ended.get("error")


def kept(names: Names) -> list[Any]:
    sqs, url = names.target.client("sqs"), queues.url(names, names.failure_queue)
    found: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def test_executions_that_lambda_refuses_for_a_while_all_succeed(names: Names) -> None:
    functions, throttled = names.target.client("lambda"), names.function("string_cleaner")
    functions.put_function_concurrency(FunctionName=throttled, ReservedConcurrentExecutions=0)
    try:
        with ThreadPoolExecutor(5) as pool:
            running = [pool.submit(run, names) for _ in range(5)]
            time.sleep(1)
            assert not any(one.done() for one in running)
            functions.delete_function_concurrency(FunctionName=throttled)
            assert [one.result() for one in running] == [("SUCCEEDED", None)] * 5
    finally:
        functions.delete_function_concurrency(FunctionName=throttled)
    assert kept(names) == []


def test_what_fails_for_good_is_kept_whole_and_fails_with_its_own_name(names: Names) -> None:
    body = {"input": "not base64 *", "lab_id": "x-1", "note": "grüße 😀"}
    assert run(names, json.dumps(body)) == ("FAILED", "InvalidBase64Error")
    (message,) = kept(names)
    assert message["input"] == body
    assert message["failure"]["Error"] == "InvalidBase64Error"
    assert "outside the base64 alphabet" in message["failure"]["Cause"]
    assert ":express:" in message["execution"]


def test_without_the_right_to_send_the_failure_keeps_its_name(names: Names) -> None:
    iam = names.target.client("iam")
    iam.delete_role_policy(RoleName=names.workflow_role, PolicyName=roles.KEEP_FAILURES)
    try:
        assert run(names, "{}") == ("FAILED", "MissingInputError")
        assert kept(names) == []
    finally:
        stack.provision(names.target, Settings(workflow="resilient", function_timeout_s=2))


def test_the_plain_workflow_keeps_nothing(names: Names) -> None:
    stack.provision(names.target)
    assert run(names, "{}") == ("FAILED", "MissingInputError")
    assert kept(names) == []
    assert stack.describe(names.target)["workflow"] == "plain"
