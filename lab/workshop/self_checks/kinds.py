"""The exercises of notebook 08."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe

START_ONCE = Exercise(
    "08.1",
    hints=(
        "When is it no failure that Step Functions refuses? What you want is there already; say which one it is, as "
        "the first call did.",
        "The refusal is an exception of the client, and you have met its name above. The ARN of an execution follows "
        "from that of its state machine: compare the two, character by character.",
    ),
    recipe="Take the one refusal for a success, and no other:\n"
    "    try:\n"
    "        answer = client.start_execution(stateMachineArn=arn, name=name, input=body)\n"
    "    except client.exceptions.ExecutionAlreadyExists:\n"
    '        return arn.replace(":stateMachine:", ":execution:") + ":" + name\n'
    '    return answer["executionArn"]',
)
UNFINISHED = Exercise(
    "08.2",
    hints=(
        "What does the history say of a state when it begins? And which of them began last?",
        "Look for the events whose type says that a state was entered, whatever kind of state it is. The details of "
        "such an event have both things that you need.",
    ),
    recipe="The state that was entered last:\n"
    "    entered = [\n"
    '        event["stateEnteredEventDetails"]\n'
    "        for event in history\n"
    '        if event["type"].endswith("StateEntered")\n'
    "    ]\n"
    '    return entered[-1]["name"], entered[-1]["input"]',
)
APPROVAL = Exercise(
    "08.3",
    hints=(
        "Three things are missing: the ending of the resource that makes a task wait, the token, without which nobody "
        "could answer, and a time after which nobody waits any more.",
        "The token is in the context of the execution, whose paths begin with two dollar signs. And where does the "
        "answer go? Without a path of its own it takes the place of the text.",
    ),
    recipe="It waits for the token, hands it on, and keeps the text:\n"
    '    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",\n'
    '    "Parameters": {\n'
    '        "FunctionName": asked,\n'
    '        "Payload": {"output.$": "$.output", "token.$": "$$.Task.Token"},\n'
    "    },\n"
    '    "ResultPath": "$.approval",\n'
    '    "TimeoutSeconds": 7 * 24 * 3600,',
)
_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:orders"
_EXECUTION = _MACHINE.replace(":stateMachine:", ":execution:")
_WEEK_S = 7 * 24 * 3600


class ExecutionAlreadyExistsError(Exception):
    pass


class _ThrottledError(Exception):
    pass


class _Standard:
    """What StartExecution of a Standard Workflow does: a name counts once, and after its end it is refused."""

    class exceptions:  # noqa: N801 - as boto3 calls it
        ExecutionAlreadyExists = ExecutionAlreadyExistsError

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []
        self.ended = False
        self.busy = False

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803
        if self.busy:
            raise _ThrottledError
        known = dict(self.started)
        if name in known and (self.ended or known[name] != input):
            raise ExecutionAlreadyExistsError
        if name not in known:
            self.started.append((name, input))
        return {"executionArn": f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"}


def exercise_start_once(start_once: Callable[[Any, str, str, str], Any]) -> None:
    """08, exercise 1: a start of a Standard Workflow that can be repeated at any time."""

    def arns(*, ended: bool) -> tuple[list[Any], int]:
        client = _Standard()
        first = start_once(client, _MACHINE, "a", '{"input": "1"}')
        client.ended = ended
        found = [first, start_once(client, _MACHINE, "a", '{"input": "1"}')]
        return found, len(client.started)

    def throttled() -> str:
        client = _Standard()
        client.busy = True
        try:
            start_once(client, _MACHINE, "a", "{}")
        except _ThrottledError:
            return "the error reaches the caller"
        return "the error is swallowed"

    both = ([f"{_EXECUTION}:a"] * 2, 1)
    tell(
        START_ONCE,
        [
            observe("while the first one runs, the second call gives its ARN", both, lambda: arns(ended=False)),
            observe("when the first one has ended, the second call gives its ARN", both, lambda: arns(ended=True)),
            observe("another error is not taken for a success", "the error reaches the caller", throttled),
        ],
    )


def _entered(kind: str, name: str, given: str) -> dict[str, Any]:
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name, "input": given}}


def _left(kind: str, name: str) -> dict[str, Any]:
    return {"type": f"{kind}StateExited", "stateExitedEventDetails": {"name": name, "output": "{}"}}


def _history(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """A history from its start to its failure."""
    ends: list[dict[str, Any]] = [{"type": "ExecutionFailed", "executionFailedEventDetails": {"error": "X"}}]
    return [{"type": "ExecutionStarted"}, *events, *ends]


def exercise_unfinished(unfinished: Callable[[list[dict[str, Any]]], Any]) -> None:
    """08, exercise 2: where a failed execution stopped, and with which input."""
    failed = {"type": "TaskFailed", "taskFailedEventDetails": {"error": "X"}}
    cases = (
        (
            "of three states the second one failed",
            ("B", '{"n": 2}'),
            _history(_entered("Task", "A", '{"n": 1}'), _left("Task", "A"), _entered("Task", "B", '{"n": 2}'), failed),
        ),
        ("the very first one failed", ("A", "{}"), _history(_entered("Task", "A", "{}"), failed)),
        (
            "it was tried three times",
            ("A", '{"n": 1}'),
            _history(_entered("Task", "A", '{"n": 1}'), failed, failed, failed),
        ),
        (
            "a state that is no task failed",
            ("Which?", "[]"),
            _history(_entered("Task", "A", "{}"), _left("Task", "A"), _entered("Choice", "Which?", "[]")),
        ),
    )
    tell(
        UNFINISHED,
        [
            observe(what, expected, lambda history=history: tuple(unfinished(history)))  # type: ignore[misc]
            for what, expected, history in cases
        ],
    )


def exercise_approval(approval: Mapping[str, Any], statuses: Iterable[str]) -> None:
    """08, exercise 3: a state that waits for somebody's answer, keeps the text, and does not wait for ever."""

    def payload() -> Mapping[str, Any]:
        found = approval["Parameters"]["Payload"]
        assert isinstance(found, Mapping)
        return found

    def waits_s() -> bool:
        return 0 < int(approval.get("TimeoutSeconds", 0)) <= _WEEK_S

    tell(
        APPROVAL,
        [
            observe("the task waits for an answer", "waitForTaskToken", lambda: approval["Resource"].split(".")[-1]),
            observe("the function gets the token of the task", True, lambda: "$$.Task.Token" in payload().values()),
            observe("and the text that is to be approved", True, lambda: "$.output" in payload().values()),
            observe(
                "the answer gets a place of its own, beside the text",
                True,
                lambda: str(approval.get("ResultPath", "$")).startswith("$."),
            ),
            observe("nobody waits for longer than a week", True, waits_s),
            Outcome("the execution waited, and succeeded after the answer", ["RUNNING", "SUCCEEDED"], list(statuses)),
        ],
    )
