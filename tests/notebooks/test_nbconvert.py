"""The notebooks need neither nbval nor a certain working directory: plain ``jupyter nbconvert --execute`` runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from lab import paths

# 99 right after 01, with none in between. nbval runs all of them.
NOTEBOOKS = ("01_provision", "99_clean_up")
DEADLINE_S = 300


def test_nbconvert_executes_the_notebooks_from_any_folder(tmp_path: Path, lab_environment: dict[str, str]) -> None:
    for name in NOTEBOOKS:
        shutil.copy(paths.NOTEBOOKS / f"{name}.ipynb", tmp_path)
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", "executed"]
    done = subprocess.run(
        [*command, *(f"{name}.ipynb" for name in NOTEBOOKS)],
        cwd=tmp_path,
        env=os.environ | lab_environment | {"JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    last = nbformat.read(tmp_path / "executed" / f"{NOTEBOOKS[-1]}.ipynb", as_version=4)
    printed = [output.get("text", "") for cell in last.cells for output in cell.get("outputs", [])]
    assert any(text == "Right: nothing of this lab is left\n" for text in printed)
