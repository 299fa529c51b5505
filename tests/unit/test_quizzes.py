"""Quizzes: one right choice each, a reason for each choice, no key to be read; and what becomes of answers."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import jupytext
import pytest

from lab import paths, workshop
from lab.workshop import learning, progress
from lab.workshop.quizzes import QUIZZES, Choice, NoSuchQuizError, Question, Quiz, QuizPage, find
from lab.workshop.quizzes.questions import FOLDER, read
from tests import documentation

FILES = sorted(FOLDER.glob("*.toml"))
SOURCES = {file.stem[:2]: file for file in sorted(paths.NOTEBOOKS.glob("source/[0-9]*.py"))}
QUESTIONS = [question for quiz in QUIZZES.values() for question in quiz.questions]


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody new will be remembered."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LAB_NAME", "class")
    monkeypatch.setattr(learning, "_kept_in_memory", {})
    return tmp_path / "class" / "learning.json"


# The files


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_as_the_schema_says_and_its_ids_are_of_its_notebook(file: Path) -> None:
    written = tomllib.loads(file.read_text("utf-8"))
    documentation.validate(written, "quiz")
    keys = [question["id"] for question in written["question"]]
    assert len(set(keys)) == len(keys)
    assert {key[:2] for key in keys} == {file.stem}
    assert max(len(line) for line in file.read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("wrong", ["two are right", "none is right", "no reason", "two choices", "another key"])
def test_the_schema_refuses_a_quiz_that_is_not_whole(wrong: str) -> None:
    written = deepcopy(tomllib.loads(FILES[0].read_text("utf-8")))
    choices: list[dict[str, Any]] = written["question"][0]["choice"]
    if wrong == "two are right":
        for choice in choices[:2]:
            choice["right"] = True
        choices[2].pop("right", None)
    elif wrong == "none is right":
        for choice in choices:
            choice.pop("right", None)
    elif wrong == "no reason":
        del choices[0]["why"]
    elif wrong == "two choices":
        choices[:] = [choice for choice in choices if "right" in choice] + choices[:1]
    else:
        choices[0]["answer"] = True
    with pytest.raises(jsonschema.ValidationError):
        documentation.validate(written, "quiz")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_one_choice_is_right_and_each_has_a_text_and_a_reason_of_its_own(question: Question) -> None:
    assert sum(choice.right for choice in question.choices) == 1
    for part in ("text", "why"):
        assert len({getattr(choice, part).strip() for choice in question.choices}) == len(question.choices)


def test_the_right_one_is_not_known_by_its_place_or_its_length() -> None:
    places = Counter([choice.right for choice in question.choices].index(True) for question in QUESTIONS)
    assert max(places.values()) < len(QUESTIONS) / 2
    longest = [max(question.choices, key=lambda choice: len(choice.text)).right for question in QUESTIONS]
    assert sum(longest) < len(QUESTIONS) * 0.75


def test_a_quiz_is_for_each_notebook_but_the_last() -> None:
    assert set(SOURCES) - set(QUIZZES) == {"99"}
    assert [file.stem for file in FILES] == list(QUIZZES)


@pytest.mark.parametrize("number", [number for number in SOURCES if number in QUIZZES])
def test_a_notebook_ends_with_its_quiz_and_the_solved_one_has_all_right(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SOURCES[number].read_text("utf-8")
    assert "workshop.quiz(" in source, "copy the last three cells of another notebook, and its row in docs/instructor"
    *_, shown, answered = [
        cell.source for cell in jupytext.read(SOURCES[number], fmt="py:percent").cells if cell.cell_type == "code"
    ]
    assert shown.split("\n")[-1] == f'workshop.quiz("{number}")'
    solution, stub = answered.removeprefix("# BEGIN SOLUTION\n").split("# INSTEAD\n")
    exec(solution, {"workshop": workshop})
    count = len(QUIZZES[number].questions)
    assert f"{count} of {count} questions are answered rightly." in capsys.readouterr().out
    dots = f'workshop.answer_quiz("{number}", {", ".join(["..."] * count)})'
    assert stub == f"# {dots}\n# END SOLUTION"
    exec(dots, {"workshop": workshop})
    printed = capsys.readouterr().out
    assert printed.count("Open: ") == count


# What is shown


@pytest.mark.parametrize("quiz", QUIZZES.values(), ids=lambda quiz: quiz.notebook)
def test_the_page_has_each_question_as_a_list_and_no_key_to_be_read(quiz: Quiz) -> None:
    shown = QuizPage(quiz)
    for text in (shown._repr_html_(), repr(shown)):
        bare = " ".join(re.sub(r"<code>|</code>|`", "", text).split())
        for question in quiz.questions:
            assert " ".join(question.ask.replace("`", "").split())[:40].replace("&", "&amp;") in bare
            for choice in question.choices:
                assert choice.why.replace("`", "")[:30] not in bare
        assert "right = true" not in text
    told = json.loads(base64.b64decode(re.findall(r'data-told="([^"]+)"', shown._repr_html_())[0]))
    assert [right for right, _ in told] == [
        [choice.right for choice in question.choices].index(True) for question in quiz.questions
    ]


def test_the_page_is_the_same_each_time_and_asks_nobody_else() -> None:
    page = workshop.quiz("02")._repr_html_()
    assert page == workshop.quiz("02")._repr_html_()
    assert not re.search(r"https?:|src=|@import|fetch\(", page)


def test_what_a_question_says_is_text_and_never_a_tag() -> None:
    ugly = Question("02.q1", "Is `a < b` <b>so</b>?", (Choice("<i>Yes</i>.", "<script>x</script>", True),))
    page = QuizPage(Quiz("02", (ugly,)))._repr_html_()
    assert "<code>a &lt; b</code> &lt;b&gt;so&lt;/b&gt;?" in page
    assert "<i>" not in page
    assert page.count("<script>") == 1
    told = base64.b64decode(re.findall(r'data-told="([^"]+)"', page)[0]).decode()
    assert "&lt;script&gt;" in told


# What becomes of answers


def right_letters(notebook: str) -> list[str]:
    return [
        next(letter for letter in question.letters if question.choice(letter).right)
        for question in find(notebook).questions
    ]


def wrong_letter(question: Question) -> str:
    return next(letter for letter in question.letters if not question.choice(letter).right)


def test_each_letter_is_a_try_up_to_the_first_that_is_right(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two, three, _ = find("02").questions
    right = right_letters("02")
    workshop.answer_quiz("02", right[0].upper(), f" {wrong_letter(two)}, {right[1]}", wrong_letter(three))
    printed = " ".join(capsys.readouterr().out.split())
    record = json.loads(file.read_text("utf-8"))
    documentation.validate(record, "learning")
    assert record["quizzes"] == {
        one.key: {"tries": 1, "verdict": "right"},
        two.key: {"tries": 2, "verdict": "right"},
        three.key: {"tries": 1, "verdict": "not yet"},
    }
    for question, letter, verdict in ((one, right[0], "Right"), (three, wrong_letter(three), "Not this")):
        told = question.choice(letter).why.replace("`", "")
        assert f"{question.number} {letter} {verdict}: {told}" in printed
    assert "Open: question 4" in printed
    assert printed.endswith("2 of 4 questions are answered rightly.")


def test_what_was_right_once_stays_so(file: Path) -> None:
    right = right_letters("04")
    for answer in (right[0], wrong_letter(find("04").questions[0]), right[0]):
        workshop.answer_quiz("04", answer)
    assert json.loads(file.read_text("utf-8"))["quizzes"] == {"04.q1": {"tries": 1, "verdict": "right"}}


@pytest.mark.parametrize("answer", ["", "z", "a z", 7, None, ...])
def test_what_is_no_letter_is_no_try(answer: Any, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.answer_quiz("02", answer)
    assert capsys.readouterr().out.startswith("Open: question 1: ")
    assert not file.exists() or json.loads(file.read_text("utf-8"))["quizzes"] == {}


def test_one_answer_too_many_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    workshop.answer_quiz("02", *"aaaaa")
    assert capsys.readouterr().out.startswith("Note: 4 questions, and 5 answers")


def test_a_notebook_without_a_quiz_names_those_that_have_one() -> None:
    for ask in (workshop.quiz, workshop.answer_quiz):
        with pytest.raises(NoSuchQuizError, match="'99'") as caught:
            ask("99")
        assert "02" in caught.value.next_step


def test_a_quiz_is_passed_when_each_question_was_answered_rightly() -> None:
    def standing() -> progress.Standing:
        return next(one for one in progress.own_standings("class") if one.check.key == "02 quiz")

    assert standing().state == "not begun"
    workshop.answer_quiz("02", *right_letters("02")[:-1])
    assert (standing().state, standing().right) == ("not yet", 3)
    workshop.answer_quiz("02", *right_letters("02"))
    assert (standing().state, standing().tries) == ("passed", 4)


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "77.toml").write_text(FILES[0].read_text("utf-8"), "utf-8")
    copied = read(tmp_path / "77.toml")
    assert (copied.notebook, copied.questions) == ("77", QUIZZES[FILES[0].stem].questions)
