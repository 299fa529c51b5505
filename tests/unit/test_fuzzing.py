"""Whatever is sent, and whatever a log holds: no error without a name, and no count that is wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.observe import LogEvent, parse_received
from lab.observe.executions import parse_execution_events
from lab.observe.invocations import parse_reports

NAMED_BY_START = {
    *("InvalidMessageError", "EncodedTwiceError", "InvalidNumberError", "NestedTooDeepError", "MessageTooLargeError")
}
NAMED_BY_STATES = {"MissingInputError", "InvalidBase64Error", "InvalidTextError"}
WORKFLOW = ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
encoded = st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode())
inputs = encoded | st.text(max_size=30) | documents
# As a body may be: with what the lab expects, in any form, and more.
objects = st.dictionaries(st.sampled_from(["input", "lab_id", "output", "stats", "x"]), inputs, max_size=5)
deep = st.integers(0, 3_000).flatmap(
    lambda depth: st.sampled_from([("[", "]"), ('{"a":', "}")]).map(
        lambda ends: ends[0] * depth + "1" + ends[1] * depth
    )
)
bodies = (
    st.text()
    | (objects | documents).map(json.dumps)
    | objects.map(lambda body: json.dumps(json.dumps(body)))
    | deep
    | st.tuples(objects.map(json.dumps), st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]])
    | st.sampled_from(
        ["NaN", '{"x": -Infinity}', '{"x": ' + "9" * 400 + "}", '"\\ud800"', '{"input": "' + "A" * 262_144 + '"}']
    )
)


@pytest.fixture(scope="module")
def handlers(load_handler: Callable[[str], ModuleType]) -> Iterator[dict[str, ModuleType]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:text-processing")
        loaded = {function: load_handler(function) for function in (*WORKFLOW, "start_execution")}
        yield loaded
        loaded["start_execution"].threads.shutdown()


class StepFunctions:
    """Takes what StartExecution takes; keeps it."""

    def __init__(self) -> None:
        self.inputs: dict[str, str] = {}

    def start_execution(self, **arguments: str) -> dict[str, str]:
        assert len(arguments["input"].encode("utf-8")) <= 262_144
        self.inputs[arguments["name"]] = arguments["input"]
        return {"executionArn": f"arn:aws:states:us-east-1:000000000000:express:machine:{arguments['name']}:1"}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def runs_through(handlers: dict[str, ModuleType], body: str) -> str | None:
    """The name of the error with which the first state refuses a body; None when all four states take it."""
    event = json.loads(body)
    for function in WORKFLOW:
        try:
            event = through_json(handlers[function].lambda_handler(event, None))
        except Exception as error:  # noqa: BLE001 - the kind of error is what is looked at
            assert function == "base64_decoder", "what the first state takes, the others do"
            return type(error).__name__
    text = base64.b64decode(json.loads(body)["input"]).decode()
    assert event["stats"]["text_length"] == len(text)
    return None


@settings(deadline=None)  # a busy machine is no fault of the code
@given(batch=st.lists(bodies, min_size=1, max_size=10))
def test_any_batch_of_bodies_ends_record_by_record_under_a_name(
    handlers: dict[str, ModuleType], batch: list[str]
) -> None:
    trigger, step_functions, printed = handlers["start_execution"], StepFunctions(), []
    trigger.step_functions = step_functions  # type: ignore[attr-defined]
    trigger.print = lambda line, flush: printed.append(line)  # type: ignore[attr-defined]
    records = [{"messageId": f"id-{number}", "body": body, "attributes": {}} for number, body in enumerate(batch)]

    answer = through_json(trigger.lambda_handler({"Records": records}, None))

    refused = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert refused | step_functions.inputs.keys() == {record["messageId"] for record in records}
    assert not refused & step_functions.inputs.keys()
    events = [LogEvent(str(number), "stream", number, number, line) for number, line in enumerate(printed)]
    received = parse_received(events)
    assert list(received["message_id"]) == [record["messageId"] for record in records]
    assert set(received.loc[received["error"].notna(), "message_id"]) == refused
    assert set(received["error"].dropna()) <= NAMED_BY_START
    for body in step_functions.inputs.values():
        assert runs_through(handlers, body) in {None, *NAMED_BY_STATES}


@settings(deadline=None)  # a busy machine is no fault of the code
@given(event=documents | objects)
def test_the_first_state_names_what_it_refuses(handlers: dict[str, ModuleType], event: Any) -> None:
    try:
        answer = handlers["base64_decoder"].lambda_handler(event, None)
    except Exception as error:  # noqa: BLE001 - the kind of error is what is looked at
        named = type(error).__name__
    else:
        named = None
        assert answer["output"] == base64.b64decode(event["input"]).decode()
    assert named in {None, *NAMED_BY_STATES}


# What a log may hold

ARN = "arn:aws:states:us-east-1:000000000000:express:machine:name:1"
numbers = st.integers() | st.floats() | st.integers(-3, 8).map(str) | st.just("9" * 30) | scalars
kinds = st.sampled_from(
    ["ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "TaskStateEntered", "TaskStateExited", "TaskFailed"]
)
events = st.fixed_dictionaries(
    {"execution_arn": st.just(ARN) | st.just("arn") | documents, "id": numbers, "type": kinds | documents},
    optional={
        "previous_event_id": numbers,
        "event_timestamp": numbers | st.datetimes().map(str),
        "details": st.dictionaries(st.sampled_from(["input", "output", "name", "error", "cause"]), documents)
        | documents,
    },
)


def as_logged(value: Any) -> str:
    return json.dumps(value)


@settings(deadline=None)  # a busy machine is no fault of the code
@given(
    lines=st.lists(events.map(as_logged) | st.text() | st.binary(max_size=40) | documents.map(as_logged), max_size=12)
)
@example(lines=[as_logged({"execution_arn": ARN, "id": 1, "type": "ExecutionStarted", "previous_event_id": 10**30})])
@example(lines=[as_logged({"execution_arn": 7, "id": 1, "type": "ExecutionStarted"})])
@example(lines=['{"execution_arn": "a", "id": 1e999, "type": "ExecutionStarted"}'])
@example(lines=[as_logged({"execution_arn": ARN, "id": 1, "type": "x", "previous_event_id": float("inf")})])
def test_any_line_is_an_event_or_passed_over(lines: list[str | bytes]) -> None:
    executions, states = parse_execution_events(lines)
    again, _ = parse_execution_events([*lines, *lines])
    assert again.equals(executions), "an event that comes twice counts once"
    assert executions["execution_arn"].is_unique
    assert set(executions["status"]) <= {"RUNNING", "SUCCEEDED", "FAILED"}
    assert set(states["execution_arn"]) <= set(executions["execution_arn"])


received_lines = st.dictionaries(
    st.sampled_from(
        ["message_id", "lab_id", "sent_ms", "first_received_ms", "started_at_ms", "execution_arn", "error"]
    ),
    st.just("id-1") | numbers | documents,
).map(as_logged)
reports = st.lists(
    st.sampled_from(
        ["REPORT RequestId: a", "\tDuration: ", "1.5", ".", "1.2.3", " ms", "\tMemory Size: ", " MB", "٣", "\t"]
    )
).map("".join)


@settings(deadline=None)  # a busy machine is no fault of the code
@given(lines=st.lists(received_lines | st.text() | reports, max_size=8))
@example(lines=["REPORT RequestId: a\tDuration: 1.2.3 ms\tMemory Size: . MB"])
@example(lines=["START RequestId: "])
def test_any_line_of_a_function_is_read_or_passed_over(lines: list[str]) -> None:
    logged = [LogEvent(str(number), "stream", number, number, line) for number, line in enumerate(lines)]
    received = parse_received(logged)
    assert received["message_id"].notna().all()
    assert len(received) <= len(lines)
    reported = parse_reports("string_cleaner", logged)
    assert reported["request_id"].is_unique
