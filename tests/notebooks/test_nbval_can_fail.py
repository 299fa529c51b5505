"""nbval is no ornament: with one answer of one function changed, it is red, in the cells that show that answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from lab import paths, stack, target
from lab.stack import functions
from tests.notebooks import authoring, execute

CHANGED = "tokenizer_counter"
NEEDLE, REPLACEMENT = "word.lower() for word", "word for word"
DEADLINE_S = 300


@contextmanager
def changed_function(folder: Path) -> Iterator[None]:
    """Deploy a ``tokenizer_counter`` that no longer writes words in lower case; put the right one back."""
    names = stack.Names(target.resolve())
    text = (paths.LAMBDAS / CHANGED / "handler.py").read_text("utf-8")
    assert text.count(NEEDLE) == 1
    (folder / "handler.py").write_text(text.replace(NEEDLE, REPLACEMENT), "utf-8")
    client = names.target.client("lambda")
    client.update_function_code(FunctionName=names.function(CHANGED), ZipFile=functions.package(folder))
    client.get_waiter("function_updated_v2").wait(FunctionName=names.function(CHANGED))
    try:
        yield
    finally:
        stack.provision(names.target)


@pytest.fixture
def start_of_the_first_message(tmp_path: Path) -> Path:
    """A copy of notebook 02 up to the check of its words."""
    notebook = nbformat.read(paths.NOTEBOOKS / "solutions" / "02_first_message.ipynb", as_version=4)
    last = max(number for number, cell in enumerate(notebook.cells) if "expected=(100, 78)" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    nbformat.write(notebook, tmp_path / "first_message.ipynb")
    return tmp_path / "first_message.ipynb"


def run_nbval(notebook: Path, environment: dict[str, str]) -> tuple[set[str], str]:
    """First lines of the cells that failed, and all that nbval printed."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-v"]
    command += [f"--nbval-sanitize-with={authoring.SANITIZE_FILE}", "--color=no", f"--rootdir={notebook.parent}"]
    done = subprocess.run(
        [*command, notebook.name],
        cwd=notebook.parent,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    failed = {int(number) for number in re.findall(r"Cell (\d+) FAILED", done.stdout)}
    return {code[number].source.split("\n")[0] for number in failed}, done.stdout + done.stderr


def test_nbval_is_red_when_a_function_counts_differently(
    start_of_the_first_message: Path, lab_environment: dict[str, str], tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    with execute.in_environment(lab_environment):
        execute.prepare(start_of_the_first_message)
        with changed_function(changed):
            failed, printed = run_nbval(start_of_the_first_message, lab_environment)
    # The chart's words differ from the committed ones; the check of the counts raises; all else stays green.
    assert failed == {'charts.word_frequencies(output["word_counts"])', 'counts = output["word_counts"]'}, printed
    assert "Cell outputs differ" in printed
