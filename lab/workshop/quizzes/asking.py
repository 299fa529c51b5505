"""A quiz on a page: what a notebook shows, and what becomes of the answers.

The page works without a kernel, a network or a pointer: a list of questions that any reader of notebooks shows, which a
script turns into a form where scripts run. A page cannot speak to the kernel in every place where notebooks are opened,
so an answer is kept by a call, ``answer_quiz``; the form says which.
"""

from __future__ import annotations

import base64
import html
import json
import re
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from lab.workshop import learning
from lab.workshop.page import filled
from lab.workshop.quizzes.questions import Question, Quiz, find

TEMPLATE = "quiz.html.jinja"


class QuizPage:
    """A quiz as Jupyter shows it: a form where scripts run, elsewhere the questions as a list."""

    def __init__(self, quiz: Quiz) -> None:
        """Show ``quiz``."""
        self.quiz = quiz

    def _repr_html_(self) -> str:
        return _template().render(quiz=self.quiz, told=_veiled(self.quiz), formatted=_formatted)

    def __repr__(self) -> str:
        lines: list[str] = []
        for question in self.quiz.questions:
            lines.append(filled(_plain(question.ask), f"{question.number}. "))
            lines += [
                filled(_plain(choice.text), f"   {letter}) ")
                for letter, choice in zip(question.letters, question.choices, strict=True)
            ]
        return "\n".join(lines)


def quiz(notebook: str) -> QuizPage:
    """The quiz of a notebook, to be looked at; :func:`answer_quiz` takes the answers.

    Args:
        notebook: its number, such as ``"02"``.

    Raises:
        NoSuchQuizError: it has none.
    """
    return QuizPage(find(notebook))


def answer_quiz(notebook: str, *answers: Any) -> None:
    """Say of each answer whether it is right, and why; and keep that, on this machine alone.

    Args:
        notebook: its number, such as ``"02"``.
        answers: a letter for each question, in their order; several letters are several tries, the last one last. With
            ``...`` in its place a question is left open.

    Raises:
        NoSuchQuizError: the notebook has no quiz.
    """
    questions = find(notebook).questions
    if len(answers) > len(questions):
        _print(filled(f"{len(questions)} questions, and {len(answers)} answers: the last ones are left out", "Note: "))
    lines = []
    for number, question in enumerate(questions):
        given = answers[number] if number < len(answers) else ...
        lines.append(_judged(question, given))
    record = learning.read()["quizzes"]
    right = sum(record.get(question.key, {}).get("verdict") == "right" for question in questions)
    _print(*lines, f"{right} of {len(questions)} questions are answered rightly.")


def _judged(question: Question, given: Any) -> str:
    """What is said of the answer to one question; each letter that it has counts as a try."""
    if given is ... or given is None:
        return filled(f"question {question.number}: write a letter in place of ...", "Open: ")
    letters = re.sub(r"[\s,]", "", str(given)).lower()
    if not letters or set(letters) - set(question.letters):
        offered = ", ".join(question.letters)
        return filled(f"question {question.number}: {given!r} is none of its letters, {offered}", "Open: ")
    for letter in letters:
        learning.change(partial(_count, key=question.key, right=question.choice(letter).right))
    last = question.choice(letters[-1])
    return filled(_plain(last.why), f"{question.number} {letters[-1]} {'Right' if last.right else 'Not this'}: ")


def _count(record: dict[str, Any], *, key: str, right: bool) -> None:
    """Count a try; what was answered rightly once stays so, and its tries are counted no more."""
    entry = record["quizzes"].setdefault(key, {"tries": 0, "verdict": "not yet"})
    if entry["verdict"] != "right":
        entry["tries"] += 1
        entry["verdict"] = "right" if right else "not yet"


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template(
        TEMPLATE
    )


def _veiled(quiz: Quiz) -> str:
    """What the form's script says of each choice, and which is right: not to be read by chance in the page's source."""
    told = [
        [
            [choice.right for choice in question.choices].index(True),
            [_formatted(choice.why) for choice in question.choices],
        ]
        for question in quiz.questions
    ]
    return base64.b64encode(json.dumps(told, ensure_ascii=False).encode("utf-8")).decode("ascii")


def _formatted(text: str) -> Markup:
    """As HTML: what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False)))


def _plain(text: str) -> str:
    return text.replace("`", "")


def _print(*lines: str) -> None:
    print("\n".join(lines))  # noqa: T201 - the notebook's own output
