"""What there is to pass in the course: the exercises and the quiz of each notebook, in the order of the notebooks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.workshop.quizzes import QUIZZES
from lab.workshop.self_checks import EXERCISES


@dataclass(frozen=True)
class Check:
    """One exercise, or the quiz of a notebook.

    Attributes:
        key: ``02.1``, or ``02 quiz``.
        notebook: its number.
        name: the notebook's file, without its ending.
        title: ``Exercise 1`` or ``Quiz``.
        questions: the keys of the quiz's questions; none for an exercise.
    """

    key: str
    notebook: str
    name: str
    title: str
    questions: tuple[str, ...] = ()

    @property
    def is_quiz(self) -> bool:
        """Whether it is the quiz of a notebook."""
        return bool(self.questions)


def checks_of_the_course(notebooks: Path = paths.NOTEBOOKS) -> list[Check]:
    """Every check, notebook by notebook: the exercises by their number, then the quiz.

    Notebooks, exercises and quizzes are those that are there; a quiz without a notebook is left out.
    """
    checks: list[Check] = []
    for file in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")):
        number = file.stem[:2]
        own = sorted((key for key in EXERCISES if key.startswith(f"{number}.")), key=_place)
        checks += [Check(key, number, file.stem, EXERCISES[key].title) for key in own]
        if number in QUIZZES:
            keys = tuple(question.key for question in QUIZZES[number].questions)
            checks.append(Check(f"{number} quiz", number, file.stem, "Quiz", keys))
    return checks


def of_another_version(keys: Collection[str], checks: Collection[Check]) -> list[str]:
    """Those of the ``keys`` of exercises and questions that this course does not have, sorted."""
    known = {check.key for check in checks} | {key for check in checks for key in check.questions}
    return sorted(set(keys) - known)


def _place(key: str) -> tuple[int, str]:
    number, _, part = key.partition(".")[2].partition(" ")
    return int(number), part
