"""`make demo` on a machine that cannot run it: one sentence and the next command, before anything is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of a clone, in a folder with a space in its path."""
    folder = tmp_path / "express lab"
    folder.mkdir()
    shutil.copy(PROJECT / "Makefile", folder)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    shutil.copytree(PROJECT / "requirements", folder / "requirements")
    return folder


def make(clone: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env={"PATH": path or os.environ["PATH"], "HOME": str(clone)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fake_python(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    python = folder / name
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


OLD = 'case "$1" in --version) echo "Python 3.8.18";; *) exit 1;; esac'
WITHOUT_VENV = (
    'case "$1" in --version) echo "Python 3.11.2";; -c) exit 0;; *) echo "ensurepip is missing" >&2; exit 1;; esac'
)


def test_a_python_that_is_too_old_is_named(clone: Path, tmp_path: Path) -> None:
    run = make(clone, "demo", f"PYTHON={fake_python(tmp_path, 'old-python', OLD)}")
    assert run.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in run.stderr
    assert "is Python 3.8.18" in run.stderr
    assert "Next: make demo PYTHON=" in run.stderr
    assert not (clone / ".venv").exists()


def test_a_machine_with_only_an_old_python_is_told_what_it_has(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    fake_python(tools, "python3", OLD)
    for tool in ("make", "sh", "dirname", "basename", "rm", "cat", "tail"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    run = make(clone, "demo", path=str(tools))
    assert run.returncode != 0
    assert "this machine has Python 3.8.18" in run.stderr
    assert "Next: install one" in run.stderr


def test_a_python_without_venv_is_told_the_package_to_install(clone: Path, tmp_path: Path) -> None:
    run = make(clone, "demo", f"PYTHON={fake_python(tmp_path, 'python3.11', WITHOUT_VENV)}")
    assert run.returncode != 0
    assert "Next: on Debian and Ubuntu: apt install python3.11-venv" in run.stderr
    assert not (clone / ".venv").exists()


def test_every_command_of_the_makefile_is_listed_by_help(clone: Path) -> None:
    listed = make(clone, "help").stdout
    for command in ("demo", "test", "lab", "check", "notebooks", "bench", "lock", "clean"):
        assert f"{command} " in listed
