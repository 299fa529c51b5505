"""A machine that has no network: a clone, a folder of wheels, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import paths

IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec"]
TAKES_THE_LAB = """
ip link set lo up
ip -oneline link
make install PYTHON="$1" WHEELS="$2"
.venv/bin/lab up
.venv/bin/lab send
.venv/bin/lab down
"""
MINUTES_S = 600


def no_network() -> str:
    """Why no such machine can be made here; empty when it can."""
    if not sys.platform.startswith("linux") or not all(map(shutil.which, ("unshare", "ip", "git", "make"))):
        return "needs Linux with unshare, ip, git and make"
    tried = subprocess.run([*IN_NAMESPACE, "ip link set lo up"], capture_output=True, text=True)
    return f"no network namespace can be made here: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels for this machine: the project's own where it is whole, else one that is made now."""
    own = paths.PROJECT / "wheels"
    check = [sys.executable, str(paths.PROJECT / "requirements" / "wheel_folder.py"), str(own), "lab"]
    if subprocess.run(check, capture_output=True).returncode == 0:
        return own
    made = tmp_path_factory.mktemp("a stick") / "wheels"
    nothing = tmp_path_factory.mktemp("probe")
    asks = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--retries", "1", "tailer"]
    if subprocess.run([*asks, "--dest", str(nothing)], capture_output=True).returncode:
        pytest.skip("no package index answers, and the project has no folder of wheels")
    fill = [sys.executable, str(paths.PROJECT / "requirements" / "wheels.py"), str(made)]
    ended = subprocess.run(fill, capture_output=True, text=True, timeout=MINUTES_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return made


@pytest.mark.slow
@pytest.mark.skipif(no_network() != "", reason=no_network())
def test_the_lab_is_installed_and_runs_from_a_folder_of_wheels(tmp_path: Path, wheels: Path) -> None:
    clone = tmp_path / "a room" / "the lab"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(paths.PROJECT), str(clone)], check=True)
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [*IN_NAMESPACE, TAKES_THE_LAB, "sh", sys.executable, str(wheels)],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=MINUTES_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    interfaces = [line for line in done.stdout.splitlines() if re.match(r"\d+: ", line)]
    assert [line.split(":")[1] for line in interfaces] == [" lo"], "there is a way out"
    assert "Installing the lab's packages into .venv" in done.stdout
    assert "Nothing of the lab 'workshop' is left" in done.stdout
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert changed.stdout == ""
