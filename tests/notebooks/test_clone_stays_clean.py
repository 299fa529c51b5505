"""Somebody takes the course, saves each notebook, keeps a run and exports a template: git sees nothing of it, so a pull
works. Only the notebooks that write files are taken here; of all others `test_exercises` sees that they write none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import paths
from tests.ports import free_port

DEADLINE_S = 1200
WRITE_FILES = ("01", "03", "12", "99")  # the first makes what the others need, the last ends it
# In a process of its own, whose lab is the clone's: the learner's solved notebooks, saved with their outputs.
COURSE = """
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from lab import paths
from lab.emulator import launcher
from lab.workshop import working_copy
assert paths.PROJECT == Path(sys.argv[1]), paths.PROJECT
copy = paths.working_copy()
working_copy.update(copy)
notebooks = sorted((copy / "notebooks" / "solutions").glob("*.ipynb"))
notebooks = [file for file in notebooks if file.stem[:2] in sys.argv[3:]]
launcher.start("workshop", port=int(sys.argv[2]), owned=True)
try:
    for file in notebooks:
        notebook = nbformat.read(file, as_version=4)
        resources = {"metadata": {"path": str(file.parent)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
        nbformat.write(notebook, file)
        print(file.stem, flush=True)
finally:
    launcher.stop("workshop")
"""


def git(*arguments: str, folder: Path) -> list[str]:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_clone_is_clean_after_the_course(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--no-hardlinks", str(paths.PROJECT), str(clone), folder=tmp_path)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    done = subprocess.run(
        [sys.executable, "-c", COURSE, str(clone), str(free_port()), *WRITE_FILES],
        cwd=clone,
        env=variables | {"PYTHONPATH": str(clone), "LAB_TARGET": "embedded", "JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert [line[:2] for line in done.stdout.splitlines()] == list(WRITE_FILES)
    assert git("status", "--porcelain", folder=clone) == []
    ignored = git("status", "--porcelain", "--ignored", folder=clone)
    assert {line for line in ignored if "__pycache__" not in line} == {"!! .lab/", "!! my-workshop/"}
