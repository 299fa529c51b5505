"""The learner's copy: made, kept up to date where nobody edited it, never lost; `lab reset` gives the first state."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import paths
from lab.commands import app
from lab.workshop import working_copy

FIRST, SECOND = "notebooks/01_first.ipynb", "notebooks/02_second.ipynb"


def write(file: Path, *sources: str, outputs: Any = (), count: int | None = None) -> None:
    """A notebook of code cells."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        {"cell_type": "code", "source": [text], "outputs": list(outputs), "execution_count": count, "metadata": {}}
        for text in sources
    ]
    file.write_text(json.dumps({"cells": cells, "metadata": {}}))


def sources(file: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(file.read_text())["cells"]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in (FIRST, SECOND, "notebooks/solutions/01_first.ipynb"):
        write(folder / name, "version 1")
    for name in ("notebooks/texts/story.txt", "lambdas/one/handler.py", "statemachine/one.asl.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("version 1")
    for name in (
        "notebooks/source/01_first.py",
        "notebooks/example-run/stages.csv",
        "lambdas/one/__pycache__/x.pyc",
        "notebooks/.ipynb_checkpoints/x.ipynb",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for learners")
    return folder


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """A copy that was just made."""
    working_copy.update(tmp_path / "copy", project=project)
    return tmp_path / "copy"


def test_the_copy_has_what_a_learner_opens_and_nothing_else(copy: Path) -> None:
    found = {file.relative_to(copy).as_posix() for file in copy.rglob("*") if file.is_file()}
    assert found == {
        ".express-lab.json",
        FIRST,
        SECOND,
        "notebooks/solutions/01_first.ipynb",
        "notebooks/texts/story.txt",
        "lambdas/one/handler.py",
        "statemachine/one.asl.json",
    }


def test_nothing_is_written_when_nothing_is_new(project: Path, copy: Path) -> None:
    assert working_copy.update(copy, project=project) == []


def test_a_new_version_reaches_what_was_not_edited_and_what_was_edited_is_kept_and_named(
    project: Path, copy: Path
) -> None:
    write(copy / SECOND, "my own work")
    for name in (FIRST, SECOND):
        write(project / name, "version 2")
    (project / "lambdas/one/handler.py").write_text("version 2")
    write(project / "notebooks/03_third.ipynb", "version 1")
    said: list[str] = []
    written = working_copy.update(copy, said.append, project=project)
    assert {name.as_posix() for name in written} == {FIRST, "notebooks/03_third.ipynb", "lambdas/one/handler.py"}
    assert (sources(copy / FIRST), sources(copy / SECOND)) == (["version 2"], ["my own work"])
    assert said == [f"{SECOND} has a newer version; yours, which you edited, is kept. Next: lab reset 02"]


def test_a_notebook_that_was_merely_run_follows_and_its_outputs_are_put_aside(project: Path, copy: Path) -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["measured"]}]
    write(copy / FIRST, "version 1", outputs=outputs, count=1)
    assert working_copy.update(copy, project=project) == []  # nothing new: it stays as it was run
    assert "measured" in (copy / FIRST).read_text()
    write(project / FIRST, "version 2")
    working_copy.update(copy, project=project)
    assert sources(copy / FIRST) == ["version 2"]
    assert "measured" in (copy / "notebooks/01_first_mine_1.ipynb").read_text()


def test_a_notebook_that_is_no_notebook_any_more_is_the_learners(project: Path, copy: Path) -> None:
    (copy / FIRST).write_text("<<<<<<< mine")
    write(project / FIRST, "version 2")
    working_copy.update(copy, project=project)
    assert (copy / FIRST).read_text() == "<<<<<<< mine"


def test_a_copy_of_an_earlier_lab_without_a_record_loses_nothing(project: Path, copy: Path) -> None:
    (copy / ".express-lab.json").unlink()
    write(copy / SECOND, "my own work")
    write(project / SECOND, "version 2")
    working_copy.update(copy, project=project)
    assert sources(copy / SECOND) == ["my own work"]
    write(project / FIRST, "version 2")  # as it was when the record began anew
    working_copy.update(copy, project=project)
    assert sources(copy / FIRST) == ["version 2"]


def test_what_the_project_no_longer_has_goes_where_nobody_edited_it(project: Path, copy: Path) -> None:
    write(copy / SECOND, "my own work")
    for name in (FIRST, SECOND, "lambdas/one/handler.py"):
        (project / name).unlink()
    working_copy.update(copy, project=project)
    assert not (copy / FIRST).exists()
    assert not (copy / "lambdas/one/handler.py").exists()
    assert sources(copy / SECOND) == ["my own work"]


def test_functions_can_be_read_and_not_edited_since_the_projects_are_deployed(project: Path, copy: Path) -> None:
    handler = copy / "lambdas/one/handler.py"
    assert handler.stat().st_mode & 0o222 == 0
    assert (copy / FIRST).stat().st_mode & 0o200
    handler.chmod(0o644)
    handler.write_text("mine")
    working_copy.update(copy, project=project)
    assert handler.read_text() == "version 1"


def test_a_file_that_nobody_may_write_can_be_edited_in_the_copy(project: Path, tmp_path: Path) -> None:
    (project / FIRST).chmod(0o444)
    working_copy.update(tmp_path / "other", project=project)
    assert (tmp_path / "other" / FIRST).stat().st_mode & 0o200


@pytest.mark.parametrize(
    "wanted", ["02", "02_second", "02_second.ipynb", "notebooks/02_second.ipynb", "./notebooks/02"]
)
def test_reset_gives_the_first_state_back_and_keeps_the_old_beside_it(wanted: str, project: Path, copy: Path) -> None:
    for number in (1, 2):
        write(copy / SECOND, f"try {number}")
        restored, kept = working_copy.reset(wanted, copy, project)
        assert (restored, kept) == (copy / SECOND, copy / f"notebooks/02_second_mine_{number}.ipynb")
        assert sources(copy / SECOND) == ["version 1"]
        assert kept is not None
        assert sources(kept) == [f"try {number}"]


def test_reset_of_a_solution_leaves_the_learners_alone(project: Path, copy: Path) -> None:
    write(copy / FIRST, "mine")
    write(copy / "notebooks/solutions/01_first.ipynb", "mine")
    working_copy.reset("solutions/01", copy, project)
    assert sources(copy / "notebooks/solutions/01_first.ipynb") == ["version 1"]
    assert sources(copy / FIRST) == ["mine"]


def test_reset_of_what_was_not_touched_keeps_nothing(project: Path, copy: Path) -> None:
    assert working_copy.reset("01", copy, project) == (copy / FIRST, None)


@pytest.mark.parametrize("wanted", ["", "0", "77", "solutions/02", "../01", "/etc/passwd"])
def test_a_notebook_that_is_not_there_is_told_with_those_that_are(wanted: str, project: Path, copy: Path) -> None:
    with pytest.raises(working_copy.WorkingCopyError) as caught:
        working_copy.reset(wanted, copy, project)
    assert "02, solutions/01" in caught.value.next_step


def test_a_folder_that_cannot_be_written_is_told_with_a_way_out(project: Path) -> None:
    with pytest.raises(working_copy.WorkingCopyError, match="cannot be written") as caught:
        working_copy.update(Path("/proc/my-workshop"), project=project)
    assert caught.value.next_step.startswith("LAB_WORKSHOP_DIR=")


def test_the_command_resets_the_copy_that_the_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_WORKSHOP_DIR", str(tmp_path / "mine"))
    working_copy.update(tmp_path / "mine")
    mine = tmp_path / "mine" / "notebooks" / "99_clean_up.ipynb"
    write(mine, "mine")
    ended = CliRunner().invoke(app, ["reset", "99"])
    assert ended.exit_code == 0
    assert "Yours is kept beside it: 99_clean_up_mine_1.ipynb" in " ".join(ended.output.split())
    assert mine.read_bytes() == (paths.NOTEBOOKS / "99_clean_up.ipynb").read_bytes()


def test_the_usual_copy_is_in_the_project_and_git_does_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_WORKSHOP_DIR", raising=False)
    assert paths.working_copy() == paths.PROJECT / "my-workshop"
    assert "my-workshop/" in (paths.PROJECT / ".gitignore").read_text().split()
    if (paths.PROJECT / ".git").exists() and os.access("/usr/bin/git", os.X_OK):
        ignored = subprocess.run(["git", "check-ignore", "-q", "my-workshop/x"], cwd=paths.PROJECT, check=False)
        assert ignored.returncode == 0
