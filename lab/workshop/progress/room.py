"""Where a room stands: the files of its learners, read and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.errors import UsageError
from lab.workshop.progress.course import Check, of_another_version
from lab.workshop.progress.exported import Exported, ForeignFileError, read
from lab.workshop.progress.standing import Standing, standings

# What this command itself writes into the folder.
PAGE, TABLE = "room.html", "room.csv"


class NoProgressFilesError(UsageError):
    """There is nothing to collect."""


@dataclass(frozen=True)
class Room:
    """The learners of a room.

    Attributes:
        learners: the newest file of each, sorted by name and id.
        skipped: files that do not count, and why.
        strange: keys of exercises and questions that this version of the course does not have.
    """

    checks: Sequence[Check]
    learners: Sequence[Exported]
    skipped: Sequence[tuple[Path, str]]
    strange: Sequence[str]

    def by_check(self) -> pd.DataFrame:
        """One row a check: ``check``, ``title``, ``quiz`` (else it is an exercise); ``passed``, ``not_yet``,
        ``not_begun`` and ``recipe`` (who asked how it is done) count learners; ``tries`` and ``hints`` are means of
        those who have begun, NaN for nobody.
        """
        each = [standings(learner.record, self.checks) for learner in self.learners]
        return pd.DataFrame(
            [_row(check, [one[place] for one in each]) for place, check in enumerate(self.checks)],
            columns=["check", "title", "quiz", "passed", "not_yet", "not_begun", "recipe", "tries", "hints"],
        )

    def by_learner(self) -> pd.DataFrame:
        """One row a learner: ``learner`` (the name, or the id), ``exported``, a column a notebook: ``2/3``."""
        rows = []
        for learner in self.learners:
            row = {"learner": learner.name or learner.learner, "exported": learner.exported}
            for number in dict.fromkeys(check.notebook for check in self.checks):
                own = standings(learner.record, [check for check in self.checks if check.notebook == number])
                row[number] = f"{sum(one.passed for one in own)}/{len(own)}"
            rows.append(row)
        return pd.DataFrame(rows)

    def by_question(self) -> pd.DataFrame:
        """One row a question of a quiz: ``question``, ``answered``, ``at_once`` and ``right`` (learners)."""
        rows = []
        for key in (key for check in self.checks for key in check.questions):
            entries = [entry for each in self.learners if (entry := each.record["quizzes"].get(key))]
            right = [entry for entry in entries if entry["verdict"] == "right"]
            at_once = sum(entry["tries"] == 1 for entry in right)
            rows.append((key, len(entries), at_once, len(right)))
        return pd.DataFrame(rows, columns=["question", "answered", "at_once", "right"])


def _row(check: Check, found: Sequence[Standing]) -> tuple[object, ...]:
    begun = [one for one in found if one.begun]
    passed = sum(one.passed for one in found)
    means = [sum(values) / len(begun) if begun else float("nan") for values in _tries_and_hints(begun)]
    asked = sum(one.recipe for one in found)
    return (check.key, check.title, check.is_quiz, passed, len(begun) - passed, len(found) - len(begun), asked, *means)


def _tries_and_hints(begun: Sequence[Standing]) -> tuple[list[int], list[int]]:
    return [one.tries for one in begun], [one.hints for one in begun]


def collect(folder: Path, checks: Sequence[Check]) -> Room:
    """Read the files of a room, in ``folder`` and the folders in it.

    Of two files of one learner the one that was exported later counts. What is no such file is left out and named.

    Raises:
        NoProgressFilesError: there is no such folder, or no learner's file in it.
    """
    if not folder.is_dir():
        raise NoProgressFilesError(
            f"There is no folder {folder}.",
            next_step="lab progress --collect FOLDER, with the folder that holds the learners' files",
        )
    newest: dict[str, tuple[Exported, Path]] = {}
    skipped: list[tuple[Path, str]] = []
    for file in _files(folder):
        try:
            found = read(file)
        except ForeignFileError as error:
            skipped.append((file, str(error)))
            continue
        before = newest.get(found.learner)
        if before is not None and before[0].exported >= found.exported:
            skipped.append((file, f"{before[1].name} is newer, of the same learner"))
            continue
        if before is not None:
            skipped.append((before[1], f"{file.name} is newer, of the same learner"))
        newest[found.learner] = (found, file)
    if not newest:
        raise NoProgressFilesError(
            f"There is no learner's progress in {folder}" + (f": {_in_words(skipped)}." if skipped else "."),
            cause="each learner makes one file, and hands it to you.",
            next_step="lab progress --export, typed by each learner; then this command again",
        )
    learners = sorted((found for found, _ in newest.values()), key=lambda one: (not one.name, one.name, one.learner))
    keys = {key for one in learners for part in ("checks", "quizzes") for key in one.record[part]}
    return Room(checks, learners, sorted(skipped), of_another_version(keys, checks))


def _files(folder: Path) -> list[Path]:
    """All that somebody may have put there; hidden files are those of a program."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.relative_to(folder).as_posix() not in (PAGE, TABLE)
    ]


def _in_words(skipped: Sequence[tuple[Path, str]]) -> str:
    named = [f"{file.name} ({why})" for file, why in skipped[:3]]
    return ", ".join(named) + (f" and {len(skipped) - 3} more" if len(skipped) > 3 else "")
