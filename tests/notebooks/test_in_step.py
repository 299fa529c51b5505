"""Every committed notebook is what its source makes, executed from the top, and tells nothing of the machine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import nbformat
import pytest

from lab import paths
from tests.notebooks import authoring
from tests.notebooks.authoring import Edition

EDITIONS = authoring.editions()
AWS = ("https://docs.aws.amazon.com/", "https://aws.amazon.com/")


def test_there_are_notebooks() -> None:
    assert {"00_start_here", "01_provision", "02_first_message", "99_clean_up"} <= {e.source.stem for e in EDITIONS}


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_notebook_is_in_step_with_its_source(edition: Edition) -> None:
    found = authoring.complaints(edition)
    assert not found, f"{edition.name} is out of step:\n  " + "\n  ".join(found) + "\nNext: make notebooks"


def test_nbval_runs_every_cell_of_the_solved_editions_and_none_of_the_learners() -> None:
    command = [sys.executable, "-m", "pytest", "notebooks", "--collect-only", "-q", "-p", "no:cacheprovider"]
    listed = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, check=False, timeout=120)
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
def test_what_is_said_of_aws_has_its_source_in_aws_own_pages(edition: Edition) -> None:
    cells = [cell.source for cell in authoring.build(edition).cells if cell.cell_type == "markdown"]
    lists = [place for place, source in enumerate(cells) if source.startswith("## Sources")]
    assert lists in ([], [len(cells) - 1]), f"{edition.name}: the sources come last"
    for place in lists:
        addresses = re.findall(r"\]\((.+?)\)", cells[place])
        assert len(addresses) >= cells[place].count("\n- ") > 0, f"{edition.name}: a source without an address"
        assert [address for address in addresses if not address.startswith(AWS)] == []
