"""A notebook that is opened with another Python than the lab's says so in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import authoring

NOTEBOOKS = [edition.path for edition in authoring.editions()]

# IPython in a Python that has nothing of the lab, not even its record.
WITHOUT_THE_LAB = """
import json, sys
from importlib import metadata
from IPython.core.interactiveshell import InteractiveShell
version = metadata.version
def elsewhere(name):
    if name == "express-lab":
        raise metadata.PackageNotFoundError(name)
    return version(name)
if "without" in sys.argv:
    metadata.version = elsewhere
    sys.modules["lab"] = None
shell = InteractiveShell.instance()
ended = shell.run_cell(json.load(sys.stdin)["cell"])
sys.exit(0 if ended.success else 1)
"""


def first_code_cell(notebook: Path) -> nbformat.NotebookNode:
    cells: list[nbformat.NotebookNode] = nbformat.read(notebook, as_version=4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


def run(cell: str, tmp_path: Path, *how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_LAB, *how],
        input=json.dumps({"cell": cell}),
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_with_another_kernel_the_first_cell_says_what_to_choose(tmp_path: Path) -> None:
    ended = run(first_code_cell(NOTEBOOKS[0]).source, tmp_path, "without")
    assert ended.returncode == 1
    printed = ended.stdout + ended.stderr
    assert "another Python than the lab's" in printed
    assert "Next: Kernel → Change Kernel → Express Lab" in printed
    assert "Traceback" not in printed


def test_with_the_labs_own_kernel_it_says_nothing(tmp_path: Path) -> None:
    ended = run(first_code_cell(NOTEBOOKS[0]).source, tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_notebook_begins_with_it_folded(notebook: Path) -> None:
    cell = first_code_cell(notebook)
    assert cell.source == authoring.RIGHT_KERNEL
    assert cell.metadata["jupyter"]["source_hidden"]
    assert cell.outputs == []
