"""Where one learner stands: check by check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lab import paths
from lab.workshop import learning
from lab.workshop.progress.course import Check, checks_of_the_course


@dataclass(frozen=True)
class Standing:
    """What a learner has done of one check.

    Attributes:
        passed: an exercise that was solved; a quiz of which each question was answered rightly.
        tries: runs of the check up to the first that passed; of a quiz all answers that were given.
        hints: hints that were shown, 0 to 2; a quiz has none.
        recipe: whether the learner asked how it is done.
        right: questions of a quiz that were answered rightly, at the first try or later.
    """

    check: Check
    passed: bool
    tries: int
    hints: int = 0
    recipe: bool = False
    right: int = 0

    @property
    def begun(self) -> bool:
        """Whether anything was tried or asked for."""
        return self.passed or self.tries > 0 or self.hints > 0

    @property
    def state(self) -> str:
        """``passed``, ``not yet`` or ``not begun``."""
        return "passed" if self.passed else "not yet" if self.begun else "not begun"


def standings(record: Mapping[str, Any], checks: Iterable[Check]) -> list[Standing]:
    """One for each check, in its order.

    Args:
        record: ``checks`` and ``quizzes`` as docs/schemas/learning.schema.json has them.
    """
    return [_of_quiz(record, check) if check.is_quiz else _of_exercise(record, check) for check in checks]


def own_standings(lab: str) -> list[Standing]:
    """Where the learner of a lab on this machine stands."""
    known = lab in paths.lab_names()  # to ask leaves no folder behind
    return standings(learning.read(lab) if known else learning.new(), checks_of_the_course())


def _of_exercise(record: Mapping[str, Any], check: Check) -> Standing:
    entry = record["checks"].get(check.key)
    if entry is None:
        return Standing(check, passed=False, tries=0)
    return Standing(check, entry["verdict"] == "solved", entry["tries"], entry["hints"], entry["recipe"])


def _of_quiz(record: Mapping[str, Any], check: Check) -> Standing:
    entries = [record["quizzes"][key] for key in check.questions if key in record["quizzes"]]
    right = sum(entry["verdict"] == "right" for entry in entries)
    tries = sum(entry["tries"] for entry in entries)
    return Standing(check, right == len(check.questions), tries, right=right)


def as_dict(lab: str, found: Iterable[Standing]) -> dict[str, Any]:
    """What ``lab progress --json`` prints; docs/schemas/progress.schema.json says its form."""
    notebooks = [
        {"notebook": name, "checks": [_row(each) for each in own]}
        for name, own in groupby(found, key=lambda each: each.check.name)
    ]
    return {"schema_version": 1, "lab": lab, "notebooks": notebooks}


def _row(one: Standing) -> dict[str, Any]:
    row: dict[str, Any] = {"check": one.check.key, "state": one.state, "passed": one.passed, "tries": one.tries}
    if one.check.is_quiz:
        return {**row, "right": one.right, "questions": len(one.check.questions)}
    return {**row, "hints": one.hints, "recipe": one.recipe}
