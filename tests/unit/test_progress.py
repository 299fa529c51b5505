"""Where a learner stands, as the command shows it and as the file for the instructor says it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from lab import paths, workshop
from lab.commands import app
from lab.workshop import learning, progress, self_checks
from lab.workshop.progress import exported
from lab.workshop.quizzes import QUIZZES
from tests import documentation


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to type in, and somebody new."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAB_NAME", "class")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(learning, "_kept_in_memory", {})
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["progress", *arguments])


def rows(*arguments: str) -> dict[str, dict[str, Any]]:
    """What ``--json`` says, by check."""
    told = json.loads(lab("--json", *arguments).stdout)
    documentation.validate(told, "progress")
    return {row["check"]: row for each in told["notebooks"] for row in each["checks"]}


def wrong(_values: list[float], _share: float) -> float:
    return 0.0


def try_some() -> None:
    """04.1 is tried twice, 05.2 solved at the first try, of 03.2 one asks for all that is told."""
    self_checks.exercise_percentile(wrong)
    self_checks.exercise_percentile(wrong)
    self_checks.exercise_coverage(lambda counts, ranks: sum(sorted(counts.values())[::-1][:ranks]) / 10)
    for _ in range(3):
        workshop.hint("03.2")
    workshop.predict("who I am", "a name that nobody should read")


def test_the_checks_are_those_of_the_notebooks_and_of_the_code() -> None:
    checks = progress.checks_of_the_course()
    assert {check.key for check in checks if not check.is_quiz} == set(self_checks.EXERCISES)
    numbers = [check.notebook for check in checks]
    assert numbers == sorted(numbers)
    assert {check.name for check in checks} <= {file.stem for file in paths.NOTEBOOKS.glob("*.ipynb")}
    quizzes = [check for check in checks if check.is_quiz]
    there = {file.stem[:2] for file in paths.NOTEBOOKS.glob("*.ipynb")}
    assert [check.notebook for check in quizzes] == sorted(set(QUIZZES) & there)


def test_a_notebook_that_comes_later_is_in_the_list_at_its_place(tmp_path: Path) -> None:
    for name in ("05_words", "04_latency", "11_new"):
        (tmp_path / f"{name}.ipynb").touch()
    found = [check.key for check in progress.checks_of_the_course(tmp_path) if not check.is_quiz]
    assert found[:5] == ["04.1", "04.2", "04.3", "05.1", "05.2"]
    assert not any(key.startswith("03") for key in found)


def test_json_says_what_was_tried_and_what_was_not() -> None:
    assert {row["state"] for row in rows().values()} == {"not begun"}
    try_some()
    now = rows()
    assert now["04.1"] == {
        **{"check": "04.1", "state": "not yet", "passed": False},
        **{"tries": 2, "hints": 2, "recipe": False},
    }
    assert now["05.2"]["state"] == "passed"
    assert now["03.2"] == {**now["03.2"], "state": "not yet", "tries": 0, "hints": 2, "recipe": True}
    assert now["02.1"]["state"] == "not begun"


def test_the_table_says_the_same_and_what_comes_next() -> None:
    try_some()
    lines = lab().stdout.splitlines()
    (percentile,) = (number for number, line in enumerate(lines) if line.startswith("04_latency"))
    assert lines[percentile].split() == ["04_latency", "Exercise", "1", "not", "yet", "2", "2"]
    assert any(re.fullmatch(r" +Exercise 2 +passed +1 +0 *", line) for line in lines)
    assert any(re.fullmatch(r" +Exercise 2 +not yet +0 +2, and how *", line) for line in lines)
    assert lines[-2] == f"1 of {len(progress.checks_of_the_course())} passed."
    first = progress.checks_of_the_course()[0]
    assert lines[-1] == f"Next: {first.title} of {first.name}"


def test_to_look_at_a_lab_that_was_never_there_leaves_nothing(tmp_path: Path) -> None:
    assert set(rows("--name", "nobody")["04.1"].values()) >= {"not begun"}
    assert not (tmp_path / "state").exists()


def test_another_lab_has_another_learner() -> None:
    try_some()
    assert rows("--name", "other")["05.2"]["state"] == "not begun"
    assert rows("--name", "class")["05.2"]["state"] == "passed"


# The file for the instructor


def test_the_file_holds_what_was_tried_and_nothing_that_tells_who_or_where(here: Path) -> None:
    try_some()
    result = lab("--export")
    (file,) = here.iterdir()
    told = json.loads(file.read_text("utf-8"))
    documentation.validate(told, "progress-export")
    assert file.name == f"progress-{told['learner']}.json"
    assert f"Your progress is in {file.name}. It was sent to nobody." in result.stdout
    assert told["name"] is None
    assert told["checks"] == learning.read()["checks"]
    text = file.read_text("utf-8")
    for private in ("a name that nobody", str(here), str(Path.home()), os.uname().nodename, "class", str(os.getpid())):
        assert private not in text, private


def test_a_name_is_in_it_when_it_is_given(here: Path) -> None:
    lab("--export", "mine.json", "--learner", "  Ada \n L. ")
    assert json.loads((here / "mine.json").read_text("utf-8"))["name"] == "Ada L."


def test_each_file_of_one_learner_has_the_same_id_and_another_learner_has_another(here: Path) -> None:
    for name, options in (("a", []), ("b", []), ("c", ["--name", "other"])):
        lab("--export", f"{name}.json", *options)
    one, again, other = (json.loads((here / f"{name}.json").read_text("utf-8")) for name in "abc")
    assert one["learner"] == again["learner"] != other["learner"]
    assert one["exported"] < again["exported"]
    documentation.validate(learning.read(), "learning")


def test_an_export_of_nothing_says_so() -> None:
    assert "in the lab 'class' no check was tried" in " ".join(lab("--export").stdout.split())
    try_some()
    assert "no check was tried" not in lab("--export").stdout


def test_another_file_of_that_name_is_left_alone(here: Path) -> None:
    (here / "thesis.txt").write_text("years of work")
    with pytest.raises(progress.NotExportedError, match="it is no progress file"):
        progress.export(here / "thesis.txt")
    assert (here / "thesis.txt").read_text() == "years of work"
    with pytest.raises(progress.NotExportedError, match="cannot be written"):
        progress.export(here / "nowhere" / "mine.json")


@pytest.mark.parametrize(
    "arguments",
    [("mine.json",), ("--learner", "Ada"), ("--export", "--json"), ("--collect", ".", "--export")],
)
def test_what_does_not_go_together_is_refused_and_nothing_is_written(here: Path, arguments: tuple[str, ...]) -> None:
    assert lab(*arguments).exit_code == 2
    assert list(here.iterdir()) == []


# What is read again is what the schema says

GOOD = {
    "kind": "express-lab progress",
    "schema_version": 1,
    "learner": "0123456789ab",
    "name": "Ada",
    "exported": "2026-03-01T09:30:00.000000+00:00",
    "checks": {"04.1": {"tries": 2, "hints": 1, "recipe": False, "verdict": "solved"}},
    "quizzes": {"04.q1": {"tries": 1, "verdict": "right"}},
}
CHECK, QUESTION = GOOD["checks"]["04.1"], GOOD["quizzes"]["04.q1"]  # type: ignore[index]
BAD_VALUES: tuple[Any, ...] = (None, "", "x" * 61, -1, 3, 1.5, True, [], {}, "2026", 10**7)
DAMAGED: list[dict[str, Any]] = [
    *({key: value for key, value in GOOD.items() if key != gone} for gone in GOOD),
    *({**GOOD, key: value} for key in GOOD for value in BAD_VALUES),
    {**GOOD, "machine": "mine"},
    *({**GOOD, "checks": {"04.1": {**CHECK, key: value}}} for key in CHECK for value in BAD_VALUES),  # type: ignore[dict-item]
    *({**GOOD, "quizzes": {"04.q1": {**QUESTION, key: value}}} for key in QUESTION for value in (*BAD_VALUES, 0)),  # type: ignore[dict-item]
    *({**GOOD, "checks": {key: CHECK}} for key in ("4.1", "04.1 deployed", "04.q1", "04.1/..", "")),
    *({**GOOD, "quizzes": {key: QUESTION}} for key in ("4.q1", "04.1", "04.q12", "")),
    {**GOOD, "checks": {"04.1": {**CHECK, "time": 1}}},  # type: ignore[dict-item]
]


@pytest.mark.parametrize("told", [GOOD, *DAMAGED], ids=lambda told: "")
def test_what_is_read_is_exactly_what_the_schema_allows(told: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(told))
    try:
        documentation.validate(told, "progress-export")
        # JSON Schema knows no instants without a checker of formats: whether it is one is read here alone.
        fits = told["exported"] == GOOD["exported"]
    except jsonschema.ValidationError:
        fits = False
    if fits:
        assert exported.read(file).learner == told["learner"]
    else:
        with pytest.raises(exported.ForeignFileError):
            exported.read(file)


def test_there_are_good_and_bad_ones_among_them() -> None:
    documentation.validate(GOOD, "progress-export")
    assert len(DAMAGED) > 100
