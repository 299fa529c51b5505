"""`start_execution`, which turns messages into executions, and the state machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from lab import paths
from lab.observe import LogEvent, parse_received

STATE_MACHINE_ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:text-processing"


class FakeStepFunctions:
    """Answers as StartExecution does; refuses the names it was told to refuse."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.refuse: dict[str, Exception] = {}
        self.wait_for: threading.Barrier | None = None

    def start_execution(self, **arguments: str) -> dict[str, str]:
        if self.wait_for is not None:
            self.wait_for.wait(timeout=10)
        self.calls.append(arguments)
        if arguments["name"] in self.refuse:
            raise self.refuse[arguments["name"]]
        return {"executionArn": f"arn:aws:states:::express:text-processing:{arguments['name']}:1"}


@pytest.fixture
def trigger(load_handler: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STATE_MACHINE_ARN", STATE_MACHINE_ARN)
    module = load_handler("start_execution")
    module.step_functions = FakeStepFunctions()  # type: ignore[attr-defined]
    yield module
    module.threads.shutdown()


def printed_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_trigger_starts_an_execution_named_after_the_message(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("sqs_one_record")
    record = event["Records"][0]

    assert trigger.lambda_handler(event, None) == {"batchItemFailures": []}

    assert trigger.step_functions.calls == [
        {"stateMachineArn": STATE_MACHINE_ARN, "name": record["messageId"], "input": record["body"]}
    ]
    (line,) = printed_lines(capsys)
    assert line.pop("started_at_ms") > 1_700_000_000_000
    assert line == {
        "message_id": record["messageId"],
        "lab_id": None,
        "sent_ms": 1764000000123,
        "first_received_ms": 1764000000456,
        "execution_arn": f"arn:aws:states:::express:text-processing:{record['messageId']}:1",
        "error": None,
    }


def test_bad_records_fail_alone(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("sqs_mixed_batch")
    ids = [record["messageId"] for record in event["Records"]]
    trigger.step_functions.refuse[ids[4]] = RuntimeError("connection lost")

    answer = trigger.lambda_handler(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": ids[position]} for position in (1, 2, 4)]}
    # The body with "input": null is an object, so it starts; the decoder is the one to refuse it.
    assert sorted(call["name"] for call in trigger.step_functions.calls) == [ids[0], ids[3], ids[4]]
    lines = printed_lines(capsys)
    assert [line["message_id"] for line in lines] == ids
    assert [line["lab_id"] for line in lines] == ["run-000000", None, None, "run-000003", "run-000004"]
    names = [line["error"] and line["error"]["name"] for line in lines]
    assert names == [None, "InvalidMessageError", "InvalidMessageError", None, "RuntimeError"]
    assert lines[4]["error"]["message"] == "connection lost"
    assert [line["started_at_ms"] is None for line in lines] == [False, True, True, False, True]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"lab_id": "x", "input": ""}', None),
        ("", "InvalidMessageError"),
        ("null", "InvalidMessageError"),
        ('"text"', "InvalidMessageError"),
        ("17", "InvalidMessageError"),
        ('{"input": "SGkh"', "InvalidMessageError"),
        ("[" * 100_000, "NestedTooDeepError"),
        ('{"input": "", "x": ' + "[" * 60_000 + "]" * 60_000 + "}", "NestedTooDeepError"),
        ('{"input": "", "x": ' + "[" * 900 + "]" * 900 + "}", "NestedTooDeepError"),
        ('{"lab_id": ' + "[" * 900 + "]" * 900 + "}", "NestedTooDeepError"),
        ('{"input": "", "x": ' + "[" * 99 + "]" * 99 + "}", None),
        ('{"input": "\ud800"}', "InvalidMessageError"),
        ('{"input": "", "x": "\\ud800"}', "InvalidMessageError"),
        ('{"input": "", "x": NaN}', "InvalidNumberError"),
        ('{"input": "", "x": [-Infinity]}', "InvalidNumberError"),
        ('{"input": "", "x": 1e400}', "InvalidNumberError"),
        ('{"input": "", "x": ' + "1" * 5_000 + "}", "InvalidNumberError"),
        ('{"input": "", "x": [0, -1.5e-7, 12345678901234567890]}', None),
        (json.dumps(json.dumps({"input": ""})), "EncodedTwiceError"),
        ('{"lab_id": 5, "input": ""}', None),
        (json.dumps({"input": "A" * 262_144}), "MessageTooLargeError"),
    ],
    ids=(
        "good empty null string number cut-off only-brackets 60000-deep 900-deep deep-lab-id 99-deep surrogate "
        "half-a-character nan infinity 1e400 5000-digits numbers encoded-twice number-for-lab-id too-large"
    ).split(),
)
def test_every_kind_of_body(
    trigger: ModuleType,
    load_event: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    body: str,
    error: str | None,
) -> None:
    event = load_event("sqs_one_record")
    event["Records"][0]["body"] = body
    failures = trigger.lambda_handler(event, None)["batchItemFailures"]
    (line,) = printed_lines(capsys)
    assert (line["error"] and line["error"]["name"]) == error
    assert len(failures) == (error is not None)
    assert len(trigger.step_functions.calls) == (error is None)
    assert line["lab_id"] is None or isinstance(line["lab_id"], str)


def test_nobody_is_taken_along(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = load_event("sqs_one_record")["Records"]
    bad = ['{"lab_id": ' + "[" * 900 + "]" * 900 + "}", '{"x": ' + "1" * 5_000 + "}", '{"x": NaN}', "[" * 60_000]
    batch = [{**record, "messageId": f"id-{place}"} for place in range(10)]
    for place, body in enumerate(bad):
        batch[place]["body"] = body
    answer = trigger.lambda_handler({"Records": batch}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"id-{place}"} for place in range(len(bad))]}
    assert len(trigger.step_functions.calls) == 10 - len(bad)
    # As the lab reads it: with a parser that takes JSON and nothing else.
    received = parse_received(LogEvent("", "s", 1, 1, line) for line in capsys.readouterr().out.splitlines())
    assert len(received) == 10
    assert received["error"].notna().sum() == len(bad)


def test_the_limit_counts_utf_8_bytes_and_is_exact(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]]
) -> None:
    event = load_event("sqs_one_record")
    frame = len('{"input": ""}')
    event["Records"][0]["body"] = '{"input": "' + "é" * ((262_144 - frame) // 2) + "A" * ((262_144 - frame) % 2) + '"}'
    assert trigger.lambda_handler(event, None) == {"batchItemFailures": []}
    event["Records"][0]["body"] += " "
    assert len(trigger.lambda_handler(event, None)["batchItemFailures"]) == 1


def test_too_large_message_still_tells_its_lab_id(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("sqs_one_record")
    event["Records"][0]["body"] = json.dumps({"lab_id": "run-000009", "input": "A" * 300_000})
    trigger.lambda_handler(event, None)
    assert printed_lines(capsys)[0]["lab_id"] == "run-000009"


def test_executions_of_a_batch_start_in_parallel(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]]
) -> None:
    (record,) = load_event("sqs_one_record")["Records"]
    batch = [{**record, "messageId": f"{record['messageId'][:-2]}{number:02d}"} for number in range(10)]
    # The barrier opens only once all ten calls are under way at the same time.
    trigger.step_functions.wait_for = threading.Barrier(10)
    assert trigger.lambda_handler({"Records": batch}, None) == {"batchItemFailures": []}


def test_event_without_sqs_timestamps_works(
    trigger: ModuleType, load_event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("sqs_one_record")
    del event["Records"][0]["attributes"]
    assert trigger.lambda_handler(event, None) == {"batchItemFailures": []}
    (line,) = printed_lines(capsys)
    assert line["sent_ms"] is None
    assert line["first_received_ms"] is None


def test_state_machine_is_the_four_states_of_the_sample() -> None:
    definition = json.loads((paths.STATE_MACHINES / "text_processing.asl.json").read_text(encoding="utf-8"))
    order = []
    name = definition["StartAt"]
    while name is not None:
        state = definition["States"][name]
        assert state["Type"] == "Task"
        assert state["Resource"] == "arn:${Partition}:states:::lambda:invoke"
        assert state["OutputPath"] == "$.Payload"
        assert state["Parameters"]["Payload.$"] == "$"
        order.append((name, state["Parameters"]["FunctionName"]))
        name = state.get("Next")
    assert order == [
        ("Decode base64 string", "${Base64DecoderFunction}"),
        ("Generate statistics", "${StatsGeneratorFunction}"),
        ("Remove special characters", "${StringCleanerFunction}"),
        ("Tokenize and count", "${TokenizerCounterFunction}"),
    ]
    assert len(definition["States"]) == 4
    assert definition["States"][order[-1][0]]["End"] is True
