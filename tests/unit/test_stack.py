"""Names, documents, packages and waiting: what provisioning is made of, without any AWS."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lab import paths
from lab.stack import documents, functions, lifecycle, queues, waiting
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, Names, Settings
from lab.target import Target


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(
        target, "_identity", lambda: {"Account": "123456789012", "Arn": "arn:aws-cn:iam::123456789012:root"}
    )
    return Names(target)


def test_arns_carry_partition_region_and_account_of_the_caller(names: Names) -> None:
    assert names.queue_arn(names.queue) == "arn:aws-cn:sqs:us-east-1:123456789012:express-lab-a-messages"
    assert names.role_arn("r") == "arn:aws-cn:iam::123456789012:role/r"


@pytest.mark.parametrize(
    ("call", "code", "message", "there"),
    [
        ("CreateStream", "ResourceInUseException", "my-stream", True),  # moto says no more
        ("CreateTable", "ResourceInUseException", "Table already exists: t", True),
        ("CreatePipe", "ConflictException", "Pipe p already exists.", True),
        ("DeleteEventSourceMapping", "ResourceInUseException", "it is being changed", False),
        ("CreateFunction", "ConflictException", "an update is in progress", False),
    ],
)
def test_what_is_there_already_is_told_from_what_is_busy(call: str, code: str, message: str, there: bool) -> None:
    error = ClientError({"Error": {"Code": code, "Message": message}}, call)
    assert waiting.is_there_already(error) is there
    assert waiting._passes(error) is not there


def test_no_name_is_longer_than_aws_allows() -> None:
    names = Names(Target("embedded", "x" * 24))
    deployed = [names.function(folder) for folder in FUNCTIONS]
    roles = [names.workflow_role, names.functions_role, names.start_role]
    assert max(map(len, deployed + roles)) <= 64
    assert max(len(names.queue), len(names.dead_letter_queue), len(names.state_machine)) <= 80


def test_every_policy_is_complete_json_once_the_names_are_in(names: Names) -> None:
    files = sorted(documents.POLICIES.glob("*.json"))
    assert len(files) >= 6
    for file in files:
        text = documents.policy(file.stem, names.substitutions | {"Service": "lambda.amazonaws.com"})
        assert "${" not in text
        assert json.loads(text)["Version"] == "2012-10-17"


def test_the_workflow_may_invoke_exactly_its_four_functions(names: Names) -> None:
    (statement,) = json.loads(documents.policy("invoke_functions", names.substitutions))["Statement"]
    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert statement["Resource"] == [names.function_arn(folder) for folder in PIPELINE_FUNCTIONS]


def test_the_log_delivery_policy_is_the_samples_eight_actions(names: Names) -> None:
    (statement,) = json.loads(documents.policy("deliver_logs", names.substitutions))["Statement"]
    assert set(statement["Action"]) == {
        f"logs:{action}"
        for action in (
            "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries PutResourcePolicy "
            "DescribeResourcePolicies DescribeLogGroups"
        ).split()
    }


def test_the_definition_is_the_samples_four_states_in_order(names: Names) -> None:
    definition = documents.definition("text_processing", names.substitutions)
    order, state = [], definition["StartAt"]
    while state:
        order.append(state)
        task = definition["States"][state]
        assert task["Type"] == "Task"
        assert task["Resource"] == "arn:aws-cn:states:::lambda:invoke"
        assert task["OutputPath"] == "$.Payload"
        assert task["Parameters"]["Payload.$"] == "$"
        state = task.get("Next")
    assert order == ["Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count"]
    assert [definition["States"][state]["Parameters"]["FunctionName"] for state in order] == [
        names.function(folder) for folder in PIPELINE_FUNCTIONS
    ]


def test_a_placeholder_without_a_value_is_an_error_and_not_deployed_as_text() -> None:
    with pytest.raises(KeyError, match="Nobody"):
        documents.fill('{"a": "${Nobody}", "b.$": "$.c"}', {})


def test_a_package_holds_the_file_that_learners_read_and_is_the_same_every_time() -> None:
    folder = paths.LAMBDAS / "base64_decoder"
    archive = functions.package(folder)
    assert archive == functions.package(folder)
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        assert content.namelist() == ["handler.py"]
        assert content.read("handler.py") == (folder / "handler.py").read_bytes()


def test_a_changed_handler_changes_the_package(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("a = 1")
    before = functions.package(tmp_path)
    (tmp_path / "handler.py").write_text("a = 2")
    assert functions.package(tmp_path) != before


def test_visibility_is_six_times_the_function_timeout() -> None:
    assert Settings(function_timeout_s=7).visibility_timeout_s == 42


def test_the_queues_keep_what_the_guide_of_lambda_advises() -> None:
    """Six times the timeout for attempts while the function is throttled, five receives, dead letters kept longer."""
    settings = Settings()
    assert settings.visibility_timeout_s >= 6 * settings.function_timeout_s
    assert settings.max_receive_count >= 5
    # The days of a dead letter count from when it was first sent; the queue before keeps messages for four.
    assert queues.FOURTEEN_DAYS_S > 4 * 24 * 3600


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_until_returns_what_the_probe_gives_at_last() -> None:
    clock, answers = Clock(), iter([None, None, "here"])
    result = waiting.until(lambda: next(answers), what="it", deadline_s=10, sleep=clock.sleep, clock=clock)
    assert result == "here"


def test_until_gives_up_at_its_deadline_and_says_on_what() -> None:
    clock = Clock()
    with pytest.raises(waiting.WaitingTooLongError, match="Waited 10 s in vain: the queue"):
        waiting.until(lambda: None, what="the queue", deadline_s=10, sleep=clock.sleep, clock=clock)
    assert 10 <= clock.now <= 13


def refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "InvalidParameterValueException", "Message": message}}, "CreateFunction")


def test_a_role_that_iam_has_not_spread_yet_is_waited_for() -> None:
    clock, answers = Clock(), iter([refusal("The role cannot be assumed by Lambda."), "made"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    assert waiting.through_propagation(call, sleep=clock.sleep, clock=clock) == "made"
    assert clock.now > 0


def test_propagation_is_not_waited_for_longer_than_its_deadline() -> None:
    clock = Clock()

    def call() -> str:
        raise refusal("not authorized to access the Log Destination")

    with pytest.raises(ClientError):
        waiting.through_propagation(call, sleep=clock.sleep, clock=clock)
    assert clock.now >= waiting.PROPAGATION_DEADLINE_S


def test_any_other_refusal_is_raised_at_once() -> None:
    clock = Clock()

    def call() -> str:
        raise refusal("the handler is too long")

    with pytest.raises(ClientError):
        waiting.through_propagation(call, sleep=clock.sleep, clock=clock)
    assert clock.now == 0


def test_what_is_left_of_the_exercises_is_told_and_the_run_is_not_over(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    left = ["state machine express-lab-a-exercise-standard"]
    monkeypatch.setattr(lifecycle, "_destroy_run", lambda *_: None)
    monkeypatch.setattr(lifecycle, "survivors", lambda _: [])
    monkeypatch.setattr(lifecycle.exercises, "survivors", lambda _: list(left))
    monkeypatch.setattr(names.target, "end_run", lambda: ended.append(True))
    assert lifecycle.destroy(names.target) == left
    assert not ended
    left.clear()
    assert lifecycle.destroy(names.target) == []
    assert ended
