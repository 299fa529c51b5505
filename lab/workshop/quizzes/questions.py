"""Quizzes as they lie in the files of this folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import UsageError

FOLDER = Path(__file__).parent
LETTERS = "abcdefgh"


class NoSuchQuizError(UsageError):
    """A quiz was asked for that no notebook has."""


@dataclass(frozen=True)
class Choice:
    """One of the answers that are offered, and why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """One question; ``key`` is notebook and number, ``02.q1``. One choice is right."""

    key: str
    ask: str
    choices: tuple[Choice, ...]

    @property
    def letters(self) -> str:
        """The letters of its choices: ``abcd``."""
        return LETTERS[: len(self.choices)]

    @property
    def number(self) -> int:
        """Its number in the notebook, from 1."""
        return int(self.key.partition(".q")[2])

    def choice(self, letter: str) -> Choice:
        """The choice with this letter."""
        return self.choices[self.letters.index(letter)]


@dataclass(frozen=True)
class Quiz:
    """All questions of one notebook."""

    notebook: str
    questions: tuple[Question, ...]


def read(file: Path) -> Quiz:
    """The quiz in a file."""
    return _quiz(file.stem, tomllib.loads(file.read_text("utf-8")))


def _quiz(notebook: str, written: Mapping[str, Any]) -> Quiz:
    return Quiz(
        notebook,
        tuple(
            Question(each["id"], each["ask"], tuple(Choice(**choice) for choice in each["choice"]))
            for each in written["question"]
        ),
    )


QUIZZES: dict[str, Quiz] = {file.stem: read(file) for file in sorted(FOLDER.glob("[0-9][0-9].toml"))}


def find(notebook: str) -> Quiz:
    """The quiz of a notebook.

    Args:
        notebook: its number, such as ``"02"``.

    Raises:
        NoSuchQuizError: it has none.
    """
    if notebook not in QUIZZES:
        first = next(iter(QUIZZES))
        raise NoSuchQuizError(
            f"There is no quiz for a notebook '{notebook}'.",
            next_step=f'workshop.quiz("{first}"), or another of {", ".join(QUIZZES)}',
        )
    return QUIZZES[notebook]
