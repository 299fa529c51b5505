"""The exercises as such: what is hinted at, and when; and how often each was tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.errors import UsageError
from lab.workshop import learning
from lab.workshop.page import filled
from lab.workshop.self_checks.outcomes import Outcome, labelled, short

EXERCISES: dict[str, Exercise] = {}


class NoSuchExerciseError(UsageError):
    """A hint was asked for that nobody has."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        key: notebook and number, ``01.2``; what ``workshop.hint`` takes.
        hints: the first after the first try that fails, the second from the next one on.
        recipe: how it is done; told to those alone who ask for it.
    """

    key: str
    hints: tuple[str, str]
    recipe: str

    def __post_init__(self) -> None:
        EXERCISES[self.key] = self

    @property
    def title(self) -> str:
        """What the notebook calls it: ``Exercise 2``; with its part in brackets where it has more than one."""
        number, _, part = self.key.partition(".")[2].partition(" ")
        return f"Exercise {number} ({part})" if part else f"Exercise {number}"


def tell(exercise: Exercise, outcomes: Iterable[Outcome]) -> bool:
    """Print what holds up to the first that does not, then a hint. Returns whether all hold.

    The expected value is in the sentence where it is an example; where it is the answer, nothing tells it.
    """
    for outcome in outcomes:
        if not outcome.holds:
            number = learning.change(lambda record: _tried(record, exercise.key, solved=False))
            lines = labelled([("yours", short(outcome.observed)), ("hint", exercise.hints[number - 1])])
            then = "gives the second hint" if number == 1 else "shows how it is done"
            _print(filled(outcome.sentence, "Not yet: "), *lines, f'  Stuck? workshop.hint("{exercise.key}") {then}.')
            return False
        _print(filled(outcome.sentence, "Right: "))
    learning.change(lambda record: _tried(record, exercise.key, solved=True))
    _print(f"{exercise.title} is solved.")
    return True


def hint(key: str) -> None:
    """Print the next hint of an exercise, and after the last one how it is done.

    Args:
        key: notebook and number of the exercise, such as ``"01.2"``.

    Raises:
        NoSuchExerciseError: there is no such exercise.
    """
    exercise = EXERCISES.get(key)
    if exercise is None:
        raise NoSuchExerciseError(
            f"There is no exercise '{key}'.",
            next_step=f'workshop.hint("{next(iter(EXERCISES))}"), or another of {", ".join(EXERCISES)}',
        )
    number = learning.change(lambda record: _asked(record, key))
    if number <= len(exercise.hints):
        _print(filled(exercise.hints[number - 1], f"Hint {number}: "))
    else:
        _print("How it is done:", *(line if line.startswith(" ") else filled(line) for line in _lines(exercise)))


def _lines(exercise: Exercise) -> list[str]:
    return exercise.recipe.split("\n")


def _entry(record: dict[str, Any], key: str) -> dict[str, Any]:
    entry: dict[str, Any] = record["checks"].setdefault(
        key, {"tries": 0, "hints": 0, "recipe": False, "verdict": "not yet"}
    )
    return entry


def _tried(record: dict[str, Any], key: str, *, solved: bool) -> int:
    """Count a try; returns which hint is due. What was solved once stays so, and its tries are counted no more."""
    entry = _entry(record, key)
    if entry["verdict"] != "solved":
        entry["tries"] += 1
        entry["verdict"] = "solved" if solved else "not yet"
    if solved:
        return 0
    entry["hints"] = min(entry["hints"] + 1, 2)
    return int(entry["hints"])


def _asked(record: dict[str, Any], key: str) -> int:
    """Count a hint that was asked for; returns its number, where 3 is the recipe."""
    entry = _entry(record, key)
    if entry["hints"] == 2:
        entry["recipe"] = True
        return 3
    entry["hints"] += 1
    return int(entry["hints"])


def _print(*lines: str) -> None:
    print("\n".join(lines))  # noqa: T201 - the notebook's own output
