"""Clones of the project on machines that differ, for the tests of the installer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
NO_INDEX = "http://127.0.0.1:9/simple"  # nobody listens there


def make_clone(folder: Path) -> Path:
    """What `make` needs of a clone."""
    folder.mkdir()
    shutil.copy(PROJECT / "Makefile", folder)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    shutil.copytree(PROJECT / "requirements", folder / "requirements")
    return folder


def run(clone: Path, *command: str, path: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in the clone, with a small environment and a package index that does not answer."""
    return subprocess.run(
        command,
        cwd=clone,
        env={
            "PATH": path or os.environ["PATH"],
            "HOME": str(clone),
            "PIP_RETRIES": "0",
            "PIP_INDEX_URL": NO_INDEX,
            "UV_DEFAULT_INDEX": NO_INDEX,
            "UV_HTTP_RETRIES": "0",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def make(clone: Path, *arguments: str, path: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(clone, "make", *arguments, path=path, **environment)


def install(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(clone, "sh", "requirements/install.sh", *(arguments or ("lab",)), **environment)


def fake_python(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    python = folder / name
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def tools(folder: Path, *more: str) -> str:
    """A PATH with what the installer needs and no Python."""
    folder.mkdir(exist_ok=True)
    for tool in ("make", "sh", "dirname", "basename", "rm", "cat", "tail", "uname", "head", "mkdir", "cksum", *more):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return str(folder)


def make_installed(clone: Path) -> Path:
    """A clone whose environment is up to date, with one package of one file."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=clone, check=True)
    (site,) = (clone / ".venv" / "lib").glob("python3*/site-packages")
    (site / "colour").mkdir()
    (site / "colour" / "red.py").touch()
    (site / "colour-1.0.dist-info").mkdir()
    (site / "colour-1.0.dist-info" / "RECORD").write_text("colour/red.py,,\ncolour-1.0.dist-info/RECORD,,\n")
    (clone / ".venv" / "place").write_text(f"{clone / '.venv'}\n")
    for step in ("lab", "dev", "site"):
        files = ("requirements/bootstrap.txt", f"requirements/{step}.txt", "pyproject.toml")
        content = b"".join((clone / file).read_bytes() for file in files)
        digest = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout
        (clone / ".venv" / f"{step}.installed").write_bytes(digest)
    return clone


def again(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command, with a Python that makes an environment in no time, but whose pip reaches nobody."""
    fake_python(
        folder.parent / "pythons",
        "python3.14",
        'case "$*" in *--version*) echo "Python 3.14.0" ;;'
        ' *-m\\ venv*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;'
        ' *-m\\ pip*) echo "Failed to establish a new connection" && exit 1 ;; esac',
    )
    command = command or ("sh", "requirements/install.sh", "lab")
    command = command or ("sh", "requirements/install.sh", "lab")
    return run(folder, *command, PATH=f"{folder.parent / 'pythons'}:{os.environ['PATH']}")


def made_anew(ended: subprocess.CompletedProcess[str]) -> str:
    """The sentence that says why, of a run that then found no package index."""
    assert ended.returncode != 0
    assert "Making .venv with Python 3." in ended.stdout
    assert "The package index could not be reached." in ended.stderr
    assert "check the network connection" in ended.stderr
    return ended.stdout.splitlines()[0]
