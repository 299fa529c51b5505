"""The checks of notebook 06: what they take for solved, and what not, beyond the stub and the solution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.workshop import self_checks
from lab.workshop.self_checks import failures

GOOD = {
    "ErrorEquals": ["Lambda.TooManyRequestsException"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 6,
    "MaxDelaySeconds": 8,
    "JitterStrategy": "FULL",
}


@pytest.fixture(autouse=True)
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))


def test_the_waits_of_a_retrier_are_those_of_the_states_language() -> None:
    assert failures._waits(GOOD) == [1, 2, 4, 8, 8, 8]
    assert failures._waits({"ErrorEquals": ["x"]}) == [1, 2, 4]
    assert failures._waits({"MaxAttempts": 0}) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ErrorEquals": ["States.ALL"]}, "when Lambda refuses"),
        ({"ErrorEquals": ["States.TaskFailed"]}, "broken message"),
        ({"BackoffRate": 1}, "waits grow"),
        ({"MaxDelaySeconds": 20}, "longer than ten"),
        ({"MaxAttempts": 3}, "15 to 60"),
        ({"MaxAttempts": 12}, "15 to 60"),
        ({"JitterStrategy": "NONE"}, "random length"),
    ],
)
def test_a_retrier_with_one_fault_is_told_which(
    change: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_retrier(GOOD | change, ["SUCCEEDED"] * 3)
    printed = capsys.readouterr().out
    assert sentence in next(line for line in printed.split("Not yet: ")[1:])


def test_a_right_retrier_whose_executions_failed_is_not_solved(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_retrier(GOOD, ["SUCCEEDED", "FAILED", "SUCCEEDED"])
    assert "Not yet: all three executions succeeded" in capsys.readouterr().out


def test_an_effect_that_is_remembered_before_it_took_place_is_not_right(capsys: pytest.CaptureFixture[str]) -> None:
    def too_early(name: str, done: set[str], effect: Any) -> None:
        if name not in done:
            done.add(name)
            effect(name)

    self_checks.exercise_once(too_early)
    assert "Not yet: an effect that fails the first time" in capsys.readouterr().out


def test_a_mended_body_keeps_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    def forgets(body: str) -> str:
        return json.dumps({"input": json.loads(body)["input"].replace("-", "+").replace("_", "/")})

    self_checks.exercise_mended(forgets)
    assert "is solved" not in capsys.readouterr().out


def test_a_batch_that_comes_back_whole_is_not_right(capsys: pytest.CaptureFixture[str]) -> None:
    def all_or_nothing(event: dict[str, Any], context: object) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    self_checks.exercise_batch(all_or_nothing)
    assert "Not yet: of three records" in capsys.readouterr().out


def test_a_catcher_of_all_in_front_catches_all(capsys: pytest.CaptureFixture[str]) -> None:
    named = {"ErrorEquals": list(failures.OF_THE_MESSAGE), "Next": failures.FAIL}
    everything = {"ErrorEquals": ["States.ALL"], "Next": failures.KEEP}
    self_checks.exercise_catchers([everything, named], 0)
    assert "is solved" not in capsys.readouterr().out
    self_checks.exercise_catchers([named, everything], 1)
    assert "is solved" not in capsys.readouterr().out
    self_checks.exercise_catchers([named, everything], 0)
    assert "is solved" in capsys.readouterr().out
