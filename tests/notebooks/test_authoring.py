"""Learner's and solved notebooks come from one source, and what is out of step is found and named."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.notebooks import authoring, execute
from tests.notebooks.authoring import Edition

SOURCE = """# %% [markdown]
# # A lesson
#
# **Time:** 1 minute

# %%
from lab.workshop import self_checks

# %% tags=["nbval-ignore-output"]
print("now")

# %%
# BEGIN SOLUTION
answer = 42
# INSTEAD
# answer = 0  # your code here
# END SOLUTION
self_checks.answer("it", expected=answer, observed=answer)
"""


@pytest.fixture
def lesson(tmp_path: Path) -> list[Edition]:
    """Both editions of a small lesson, the solved one executed as it were."""
    (tmp_path / "source").mkdir()
    (tmp_path / "solutions").mkdir()
    (tmp_path / "source" / "03_lesson.py").write_text(SOURCE)
    editions = authoring.editions(tmp_path)
    for edition in editions:
        notebook = authoring.build(edition)
        if not edition.solved:
            nbformat.write(notebook, edition.path)
            continue
        for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="Right: it\n")]
        nbformat.write(notebook, edition.path)
    return editions


def changed(edition: Edition, change: object) -> list[str]:
    notebook = nbformat.read(edition.path, as_version=4)
    change([cell for cell in notebook.cells if cell.cell_type == "code"])  # type: ignore[operator]
    nbformat.write(notebook, edition.path)
    return authoring.complaints(edition)


def test_one_source_gives_the_learner_a_stub_and_the_solved_one_the_solution(lesson: list[Edition]) -> None:
    learner, solved = (nbformat.read(edition.path, as_version=4).cells[-1].source for edition in lesson)
    check = '\nself_checks.answer("it", expected=answer, observed=answer)'
    assert learner == "answer = 0  # your code here" + check
    assert solved == "answer = 42" + check
    assert [edition.name for edition in lesson] == ["notebooks/03_lesson.ipynb", "notebooks/solutions/03_lesson.ipynb"]


def test_without_a_stub_the_learner_gets_an_ellipsis() -> None:
    text = "def f():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION"
    assert authoring.choose(text, solved=False, where="x") == "def f():\n    ...  # your code here"


@pytest.mark.parametrize("text", ["# END SOLUTION", "# BEGIN SOLUTION\n1", "# INSTEAD", "# BEGIN SOLUTION\n" * 2])
def test_marks_that_do_not_pair_up_are_an_error(text: str) -> None:
    with pytest.raises(authoring.SourceError, match="03_lesson"):
        authoring.choose(text, solved=True, where="03_lesson.py")


def test_a_notebook_in_step_has_no_complaints(lesson: list[Edition]) -> None:
    assert [authoring.complaints(edition) for edition in lesson] == [[], []]


def test_a_changed_source_is_found(lesson: list[Edition]) -> None:
    source = lesson[0].source
    source.write_text(SOURCE.replace("42", "43"))
    assert authoring.complaints(lesson[0]) == []  # the learner's notebook does not show the solution
    assert "cells differ from 03_lesson.py: cell 5 is 'answer = 42" in authoring.complaints(lesson[1])[0]


def test_a_missing_notebook_is_found(lesson: list[Edition]) -> None:
    lesson[0].path.unlink()
    assert authoring.complaints(lesson[0]) == ["it does not exist"]


def test_a_cell_that_was_not_executed_is_found(lesson: list[Edition]) -> None:
    def strip(cells: list[nbformat.NotebookNode]) -> None:
        cells[3].execution_count, cells[3].outputs = None, []

    found = changed(lesson[1], strip)
    assert found[0].startswith("code cell 4 has the execution count None")
    assert found[1] == "code cell 4 shows something, but has no output"


def test_an_error_output_is_found(lesson: list[Edition]) -> None:
    def fail(cells: list[nbformat.NotebookNode]) -> None:
        cells[1].outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])]

    assert changed(lesson[1], fail) == ["code cell 2 ended in KeyError"]


@pytest.mark.parametrize(
    "text", ["/home/somebody/lab/x.py", "http://127.0.0.1:4566/queue", "/tmp/tmp1/y", "ResponseMetadata"]
)
def test_what_tells_of_the_machine_is_found(lesson: list[Edition], text: str) -> None:
    def leak(cells: list[nbformat.NotebookNode]) -> None:
        cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"made {text}\n")]

    assert len(changed(lesson[1], leak)) == 1


def test_a_cell_that_varies_needs_a_check_near_it(lesson: list[Edition]) -> None:
    lesson[0].source.write_text(SOURCE.replace('self_checks.answer("it", expected=answer, observed=answer)', "answer"))
    notebook = authoring.build(lesson[0])
    assert authoring.unguarded(notebook) == [
        "code cell 3 is tagged nbval-ignore-output, and nothing checks what it shows"
    ]


def test_executing_anew_makes_no_noise_of_ids(lesson: list[Edition]) -> None:
    one, other = (f"sent 5f0c9f5e-0000-4000-8000-00000000000{number}\n" for number in (1, 2))

    def say(cells: list[nbformat.NotebookNode]) -> None:
        cells[-1].outputs[0].text = one

    changed(lesson[1], say)
    new = nbformat.read(lesson[1].path, as_version=4)
    new.cells[-1].outputs[0].text = other
    execute.keep_what_is_alike(new, lesson[1].path)
    assert new.cells[-1].outputs[0].text == one
    new.cells[-1].outputs[0].text = "something else\n"
    execute.keep_what_is_alike(new, lesson[1].path)
    assert new.cells[-1].outputs[0].text == "something else\n"


def test_a_result_has_the_number_of_its_cell_also_when_it_is_kept(lesson: list[Edition]) -> None:
    def give(cells: list[nbformat.NotebookNode]) -> None:
        data = {"text/plain": "42"}
        cells[-1].outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=7)]

    (complaint,) = changed(lesson[1], give)
    assert complaint.endswith("says [7]")
    new = nbformat.read(lesson[1].path, as_version=4)
    execute.keep_what_is_alike(new, lesson[1].path)
    nbformat.write(new, lesson[1].path)
    assert authoring.complaints(lesson[1]) == []


def test_a_learners_notebook_that_tells_what_comes_out_is_found(lesson: list[Edition]) -> None:
    def tell(cells: list[nbformat.NotebookNode]) -> None:
        cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
        cells[2].execution_count = 3

    assert changed(lesson[0], tell) == [
        f"code cell {number} has an output or an execution count: the learner's edition has none" for number in (2, 3)
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"image/png": "AAAA"}, "the picture of code cell 2 has no alternative text"),
        (
            {"image/png": "AAAA", "text/html": '<img alt="" src="x">'},
            "the picture of code cell 2 has no alternative text",
        ),
        ({"text/html": "<table><tr><td>1</td></tr></table>"}, "the table of code cell 2 has no headers"),
        ({"image/png": "AAAA", "text/html": '<img alt="The queue is empty" src="x">'}, None),
        ({"text/html": "<table><tr><th>n</th></tr><tr><td>1</td></tr></table>"}, None),
    ],
)
def test_pictures_have_a_text_and_tables_have_headers(
    lesson: list[Edition], data: dict[str, str], found: str | None
) -> None:
    def show(cells: list[nbformat.NotebookNode]) -> None:
        cells[1].outputs = [nbformat.v4.new_output("display_data", data=data)]

    assert changed(lesson[1], show) == ([found] if found else [])


def test_every_lesson_has_a_solved_edition_also_without_an_exercise(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "99_end.py").write_text("# %%\nprint(1)\n")
    assert [edition.solved for edition in authoring.editions(tmp_path)] == [False, True]


def test_an_exercise_that_is_not_solved_in_the_solved_edition_is_found(lesson: list[Edition]) -> None:
    def fail(cells: list[nbformat.NotebookNode]) -> None:
        cells[-1].outputs[0].text = "Right: one thing\nNot yet: another\n"

    assert changed(lesson[1], fail) == ["code cell 4 says that its exercise is not solved"]
