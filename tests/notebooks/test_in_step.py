"""Every committed notebook is what its source makes, executed from the top, and tells nothing of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import nbformat
import pytest

from lab import paths
from tests.notebooks import authoring
from tests.notebooks.authoring import Edition

EDITIONS = authoring.editions()
COLUMNS = 79  # as notebooks/source/ruff.toml has it
AWS = ("https://docs.aws.amazon.com/", "https://aws.amazon.com/")


def test_there_are_notebooks() -> None:
    assert {"00_start_here", "01_provision", "02_first_message", "99_clean_up"} <= {e.source.stem for e in EDITIONS}


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_notebook_is_in_step_with_its_source(edition: Edition) -> None:
    found = authoring.complaints(edition)
    assert not found, f"{edition.name} is out of step:\n  " + "\n  ".join(found) + "\nNext: make notebooks"


def test_nbval_runs_every_cell_of_the_solved_editions_and_none_of_the_learners() -> None:
    command = [sys.executable, "-m", "pytest", "notebooks", "--collect-only", "-q", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    listed = subprocess.run(
        command, cwd=paths.PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    collected = Counter(re.findall(r"^(notebooks/.*\.ipynb)::", listed.stdout, re.MULTILINE))
    cells = {
        edition.name: sum(cell.cell_type == "code" for cell in nbformat.read(edition.path, as_version=4).cells)
        for edition in EDITIONS
        if edition.solved and edition.path.exists()
    }
    assert collected == cells, listed.stdout[-600:]


def test_every_notebook_has_a_source() -> None:
    known = {edition.path for edition in EDITIONS}
    strangers = [path for folder in ("", "solutions") for path in (paths.NOTEBOOKS / folder).glob("*.ipynb")]
    assert [path.name for path in strangers if path not in known] == []


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_notebook_has_the_shape_of_a_lesson(edition: Edition) -> None:
    text = "\n".join(cell.source for cell in authoring.build(edition).cells if cell.cell_type == "markdown")
    parts = ["**Time:**", "## Vocabulary", "## Predict", "## Run", "## Read the result", "## Your turn", "## Recap"]
    places = [text.find(part) for part in [*parts, "## Roads not taken"]]
    assert -1 not in places, f"{edition.name} lacks a part of {parts}"
    assert places == sorted(places), f"{edition.name} has its parts in another order"


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_no_line_of_code_is_wider_than_a_page(edition: Edition) -> None:
    """At 800 pixels; ruff breaks expressions, but no text."""
    cells = [cell for cell in authoring.build(edition).cells if cell.cell_type == "code"]
    in_sight = [cell.source for cell in cells if not cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert [line for source in in_sight for line in source.splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_what_is_said_of_aws_has_its_source_in_aws_own_pages(edition: Edition) -> None:
    cells = [cell.source for cell in authoring.build(edition).cells if cell.cell_type == "markdown"]
    lesson = [source for source in cells if not source.startswith("## Quiz")]
    lists = [place for place, source in enumerate(lesson) if source.startswith("## Sources")]
    assert lists in ([], [len(lesson) - 1]), f"{edition.name}: the sources come last, before the quiz"
    for place in lists:
        addresses = re.findall(r"\]\((.+?)\)", lesson[place])
        assert len(addresses) >= lesson[place].count("\n- ") > 0, f"{edition.name}: a source without an address"
        assert [address for address in addresses if not address.startswith(AWS)] == []


def test_each_notebook_names_the_one_that_comes_next() -> None:
    sources = sorted(path for path in (paths.NOTEBOOKS / "source").glob("[0-9]*.py"))
    for source, following in pairwise(sources):
        told = re.findall(r"^# Next: `(\w+)`", source.read_text("utf-8"), re.MULTILINE)
        assert told == [following.stem], source.name
    assert "# Next:" not in sources[-1].read_text("utf-8")
