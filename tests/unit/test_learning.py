"""Predictions come back beside their answers, hints come one after the other, and both are kept on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab import workshop
from lab.workshop import learning, self_checks
from lab.workshop.page import filled
from tests import documentation


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody new will be remembered."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LAB_NAME", "class")
    monkeypatch.setattr(learning, "_kept_in_memory", {})
    return tmp_path / "class" / "learning.json"


def wrong(_values: list[float], _share: float) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("prediction", "answer", "lines"),
    [
        (50, 412.34, ["  predicted: 50", "  answer:    412, 8.25 times your guess"]),
        (50, 10, ["  predicted: 50", "  answer:    10; your guess is 5 times that"]),
        (50, 52.0, ["  predicted: 50", "  answer:    52, nearly as you predicted"]),
        (40, 40, ["  predicted: 40", "  answer:    40, as you predicted"]),
        ("The roles ", "the roles", ["  predicted: The roles ", "  answer:    the roles, as you predicted"]),
        ("the queue", "the roles", ["  predicted: the queue", "  answer:    the roles"]),
        (0, 12, ["  predicted: 0", "  answer:    12"]),
        (20, "no limit", ["  predicted: 20", "  answer:    no limit"]),
        (..., 12, ["  predicted: nothing was written down", "  answer:    12"]),
    ],
)
def test_a_prediction_stands_beside_its_answer(
    prediction: Any, answer: Any, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.predict("it", prediction)
    capsys.readouterr()
    workshop.compare("it", answer)
    assert capsys.readouterr().out.splitlines() == ["it", *(line.rstrip() for line in lines)]


def test_dots_are_no_prediction_and_take_none_back(capsys: pytest.CaptureFixture[str]) -> None:
    workshop.predict("it", 7)
    workshop.predict("it", ...)
    assert capsys.readouterr().out.startswith("Noted: it: 7\nOpen: it: write your guess in place of ...")
    workshop.compare("it", 7)
    assert "  predicted: 7\n" in capsys.readouterr().out


def test_what_was_predicted_and_tried_is_in_a_file_of_the_form_that_is_documented(file: Path) -> None:
    workshop.predict("the slowest state", "the first")
    workshop.predict("its time in ms", 3.5)
    self_checks.exercise_percentile(wrong)
    self_checks.exercise_percentile(wrong)
    workshop.hint("04.1")
    workshop.hint("05.2")
    self_checks.exercise_percentile(
        lambda values, share: sorted(values)[max(-(-share * len(values) // 1), 1).__int__() - 1]
    )
    record = json.loads(file.read_text("utf-8"))
    documentation.validate(record, "learning")
    assert record == {
        "schema_version": 1,
        "predictions": {"the slowest state": "the first", "its time in ms": 3.5},
        "checks": {
            "04.1": {"tries": 3, "hints": 2, "recipe": True, "verdict": "solved"},
            "05.2": {"tries": 0, "hints": 1, "recipe": False, "verdict": "not yet"},
        },
        "quizzes": {},
    }


def test_hints_come_one_after_the_other_and_the_recipe_to_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    exercise = self_checks.EXERCISES["04.1"]
    printed = []
    for _ in range(3):
        self_checks.exercise_percentile(wrong)
        printed.append(" ".join(capsys.readouterr().out.split()))
    told = [[text in out for text in (*exercise.hints, exercise.recipe)] for out in printed]
    assert told == [[True, False, False], [False, True, False], [False, True, False]]
    workshop.hint("04.1")
    assert "    sorted(values)[math.ceil(share * len(values)) - 1]" in capsys.readouterr().out.splitlines()


def test_who_asks_before_trying_gets_the_first_hint_first(capsys: pytest.CaptureFixture[str]) -> None:
    for start in ("Hint 1: ", "Hint 2: ", "How it is done:", "How it is done:"):
        workshop.hint("03.2")
        assert capsys.readouterr().out.startswith(start)


def test_what_was_solved_once_stays_solved(file: Path) -> None:
    for function in (lambda counts, ranks: sum(sorted(counts.values())[::-1][:ranks]) / 10, wrong, wrong):
        self_checks.exercise_coverage(function)
    entry = json.loads(file.read_text("utf-8"))["checks"]["05.2"]
    assert (entry["tries"], entry["verdict"]) == (1, "solved")


def test_a_hint_for_no_exercise_names_those_that_there_are() -> None:
    with pytest.raises(self_checks.NoSuchExerciseError, match="no exercise '1'") as caught:
        workshop.hint("1")
    assert "01.2" in caught.value.next_step


def test_every_exercise_has_two_hints_and_a_recipe_that_differ() -> None:
    assert len(self_checks.EXERCISES) >= 14
    for exercise in self_checks.EXERCISES.values():
        assert len({*exercise.hints, exercise.recipe}) == 3
        assert exercise.title.startswith("Exercise ")


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"schema_version": 99}', ""),
        '{"schema_version": 1, "predictions": {}, "checks": []}',
        '{"schema_version": 1, "predictions": {}, "checks": {"04.1": {"tries": 1}}}',
    ],
)
def test_a_file_that_cannot_be_read_is_put_aside_and_never_deleted(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    workshop.predict("it", 1)
    assert json.loads(file.read_text("utf-8"))["predictions"] == {"it": 1}
    assert file.with_suffix(".unreadable.json").read_text() == text


def test_a_file_of_before_there_were_quizzes_is_still_read(file: Path) -> None:
    file.parent.mkdir()
    solved = {"tries": 2, "hints": 1, "recipe": False, "verdict": "solved"}
    old = {"schema_version": 1, "predictions": {"it": 2}, "checks": {"04.1": solved}}
    documentation.validate(old, "learning")
    file.write_text(json.dumps(old))
    workshop.predict("it", 1)
    assert json.loads(file.read_text("utf-8")) == {**old, "predictions": {"it": 1}, "quizzes": {}}


def test_where_nothing_can_be_written_the_lesson_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", "/proc/nowhere")
    workshop.predict("it", 4)
    self_checks.exercise_percentile(wrong)
    self_checks.exercise_percentile(wrong)
    workshop.compare("it", 8)
    printed = capsys.readouterr().out
    assert "  predicted: 4\n  answer:    8, 2 times your guess" in printed
    assert "shows how it is done" in printed


def test_a_long_arn_breaks_after_its_colons_or_not_at_all() -> None:
    arn = "arn:aws:states:us-east-1:000000000000:express:express-lab-workshop-text-processing:0a1b2c3d-4e5f-0a1b-2c3d"
    lines = filled(f"the execution is {arn}, in words", "  look at: ").splitlines()
    assert "".join(line.strip() for line in lines).replace(" ", "").count(arn) == 1
    assert lines[0].endswith("express:")
    name = "arn:aws:sqs:us-east-1:000000000000:short"
    assert filled(f"{'word ' * 10}{name}").splitlines()[-1].strip() == name
