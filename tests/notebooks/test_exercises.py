"""Exercises: each fails as the learner gets it, with a hint and without the answer, and is solved by the solution."""

from __future__ import annotations

import ast
import json
import math
import re
import textwrap
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import pandas as pd
import pytest

from lab import paths, stack, workshop
from lab.analysis.aws_rules import Rules
from lab.load import Plan, Stage
from lab.workshop import hint, self_checks
from lab.workshop.learning import FILE
from lab.workshop.slowness import SlowRun
from tests.notebooks import authoring, execute
from tests.notebooks.authoring import Edition
from tests.notebooks.test_clone_stays_clean import git

CHECK = re.compile(r"self_checks\.(exercise_\w+)\(")
LEARNERS = [edition for edition in authoring.editions() if not edition.solved]
# What tells something: a call or a sum, rather than a name.
TELLING = (ast.Call, ast.BinOp, ast.Subscript, ast.Compare, ast.IfExp, ast.ListComp, ast.GeneratorExp, ast.Dict)


def source_cells(edition: Edition) -> list[str]:
    """The code cells of a source, solutions and stubs and all."""
    return [c.source for c in jupytext.read(edition.source, fmt="py:percent").cells if c.cell_type == "code"]


def solution_of(cell: str) -> str:
    """The lines between the marks."""
    kept, inside = [], False
    for line in cell.split("\n"):
        if line.strip() in (authoring.BEGIN, authoring.INSTEAD, authoring.END):
            inside = line.strip() == authoring.BEGIN
        elif inside:
            kept.append(line)
    return textwrap.dedent("\n".join(kept))


def bare(text: str) -> str:
    """Without what formatting changes."""
    return re.sub(r"\s+", "", text).replace("'", '"').casefold()


def answers_in(solution: str) -> set[str]:
    """Every part of a solution that would give it away."""
    try:
        tree: ast.AST = ast.parse(solution)
    except SyntaxError:
        tree = ast.parse("{" + solution + "}")
    found = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, TELLING)}
    found |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {bare(text) for text in found if len(bare(text)) >= 5}


def exercises(edition: Edition) -> list[tuple[str, str, str]]:
    """Name of a check, the cell with what is to be solved, and the cell of the check."""
    found, stub = [], ""
    for cell in source_cells(edition):
        if authoring.BEGIN in cell and "workshop.predict" not in cell:
            stub = cell
        if match := CHECK.search(cell):
            found.append((match[1], stub, cell))
    return found


def test_each_check_of_an_exercise_is_in_a_notebook() -> None:
    called = {name for edition in LEARNERS for name, _, _ in exercises(edition)}
    assert called == {name for name in self_checks.__all__ if name.startswith("exercise_")}
    assert len(called) >= 14


def test_each_prediction_is_taken_up_again_later_and_the_learners_has_dots_for_it() -> None:
    predicted: list[str] = []
    compared: list[str] = []
    for edition in LEARNERS:
        for cell in source_cells(edition):
            in_solution = re.findall(
                r'workshop\.predict\(\s*"([^"]+)", (?!\.\.\.)', authoring.choose(cell, solved=True, where="x")
            )
            stub = re.findall(
                r'workshop\.predict\(\s*"([^"]+)", \.\.\.\)', authoring.choose(cell, solved=False, where="x")
            )
            assert in_solution == stub, edition.name
            predicted += stub
            answered = re.findall(r'workshop\.compare\(\s*"([^"]+)"', cell)
            assert set(answered) <= set(predicted), edition.name
            compared += answered
    assert sorted(predicted) == sorted(compared)
    assert len(predicted) > 20


NAMES = SimpleNamespace(
    queue="express-lab-x-messages",
    dead_letter_queue="express-lab-x-dead-letters",
    queue_arn=lambda name: f"arn:aws:sqs:us-east-1:000000000000:{name}",
)
SENT = [f"run-{number:06d}" for number in range(300)]


def as_the_lab_answers_in_07() -> dict[str, Any]:
    """What the cells between an exercise and its check have measured, when it is solved."""
    parts = pd.DataFrame({"state": ["Tokenize and count", "in the queue"], "duration_s": [0.3, 0.01]})
    return {
        "stack": stack,
        "batches": 2,
        "logged": ["InvalidBase64Error"],
        "slowed": SlowRun(SimpleNamespace(), parts, "tokenizer_counter"),  # type: ignore[arg-type]
        "tried": {"usd_per_million": 5.0, "why": ""},
        "usual_usd": 20.0,
    }


def without_a_lab() -> list[tuple[str, str, str]]:
    """The exercises that can be done without one: their check takes a function, or a policy."""
    needs_a_lab = {"exercise_deployed", "exercise_counted_words", "exercise_waiting_state", "exercise_smaller_batches"}
    needs_a_lab |= {"exercise_pattern", "exercise_undelivered", "exercise_poisoned"}
    return [one for edition in LEARNERS for one in exercises(edition) if one[0] not in needs_a_lab]


@pytest.mark.parametrize(("name", "stub", "check"), without_a_lab(), ids=lambda text: text[:30] if text else "")
def test_the_stub_fails_with_a_hint_that_tells_no_answer_and_the_solution_passes(
    name: str,
    stub: str,
    check: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    room: dict[str, Any] = {"self_checks": self_checks, "names": NAMES, "math": math, "Counter": Counter}
    room |= {"json": json, "statuses": ["SUCCEEDED"] * 3, "kept": 0}  # as the lab answers when 06.2 and 06.4 are solved
    room |= {"asked": "f", "answered": ["RUNNING", "SUCCEEDED"]}  # of 08.3, as the lab answers when it is solved
    room |= as_the_lab_answers_in_07()
    room |= {
        "Plan": Plan,
        "Stage": Stage,
        "Rules": Rules,
        "result": SimpleNamespace(reconciliation=SimpleNamespace(sent=SENT)),
    }

    def printed(*, solved: bool) -> str:
        exec(authoring.choose(stub, solved=solved, where=name), room)
        exec(check, room)
        return capsys.readouterr().out

    unsolved = authoring.choose(stub, solved=False, where=name)
    first = printed(solved=False)
    told = [part for part in answers_in(solution_of(stub)) if part in bare(first) and part not in bare(unsolved)]
    assert told == [], first
    key = re.search(r'workshop\.hint\("([^"]+)"\)', first)
    assert key is not None
    exercise = self_checks.EXERCISES[key[1]]
    assert bare(exercise.hints[0]) in bare(first)
    second = printed(solved=False)
    assert bare(exercise.hints[1]) in bare(second)
    assert bare(exercise.recipe) not in bare(second)
    assert [part for part in answers_in(solution_of(stub)) if part in bare(second) and part not in bare(unsolved)] == []
    hint(key[1])
    assert capsys.readouterr().out.startswith("How it is done:\n")
    assert printed(solved=True).endswith("is solved.\n")


@pytest.mark.parametrize("edition", LEARNERS, ids=lambda edition: edition.name)
def test_the_learners_edition_runs_to_its_end_and_its_checks_give_first_hints(
    edition: Edition, lab_environment: dict[str, str]
) -> None:
    (Path(lab_environment["LAB_STATE_DIR"]) / lab_environment["LAB_NAME"] / FILE).unlink(missing_ok=True)
    before = git("status", "--porcelain", folder=paths.PROJECT)
    with execute.in_environment(lab_environment):
        execute.prepare(edition.path)
        notebook = execute.execute(edition)  # any cell that fails ends it
    assert git("status", "--porcelain", folder=paths.PROJECT) == before, "it leaves files in the project"
    wanted = exercises(edition)
    seen = "".join(cell.source for cell in notebook.cells)
    checks = [cell for cell in notebook.cells if cell.cell_type == "code" and CHECK.search(cell.source)]
    assert len(checks) == len(wanted)
    for cell, (name, stub, _) in zip(checks, wanted, strict=True):
        printed = "".join(authoring.output_texts(cell))
        assert "Not yet: " in printed, name
        assert "  hint: " in printed, name
        assert "is solved" not in printed, name
        told = [part for part in answers_in(solution_of(stub)) if part in bare(printed) and part not in bare(seen)]
        assert told == [], printed


def test_the_table_after_exercise_05_2_says_that_it_is_not_right_yet_until_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (edition,) = (edition for edition in LEARNERS if edition.source.stem.startswith("05"))
    (stub,) = (stub for name, stub, _ in exercises(edition) if name == "exercise_coverage")
    (table,) = (cell for cell in source_cells(edition) if "coverage(counted" in cell)
    story = {f"w{rank}": 60 // rank + 1 for rank in range(1, 300)}
    room: dict[str, Any] = {"pd": pd, "went_in": story, "chapter_in": story, "workshop": workshop}
    printed = {}
    for solved in (False, True):
        exec(authoring.choose(stub, solved=solved, where="05"), room)
        exec(table, room)
        printed[solved] = " ".join(capsys.readouterr().out.split())
    assert "not right before exercise 2 is solved" in printed[False]
    assert printed[True] == ""


def test_an_answer_that_is_printed_would_be_found() -> None:
    stub = (
        "# BEGIN SOLUTION\nx = sorted(values)[math.ceil(share * len(values)) - 1]\n# INSTEAD\n# x = 0\n# END SOLUTION"
    )
    told = "Not yet: p50\n  look at: take math.ceil(share\n    * len(values)) of them"
    assert any(part in bare(told) for part in answers_in(solution_of(stub)))
