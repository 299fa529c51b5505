"""Where `lab` refuses to run, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.commands import surroundings


def test_windows_itself_is_told_what_works() -> None:
    with pytest.raises(surroundings.UnsupportedSystemError) as refused:
        surroundings.check(system="nt")
    assert "WSL" in refused.value.render()
    assert "docker compose up" in refused.value.render()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The command of a copied project: its first line still names the Python of this environment."""
    command = tmp_path / "copy of lab" / ".venv" / "bin" / "lab"
    command.parent.mkdir(parents=True)
    (command.parents[1] / "pyvenv.cfg").touch()
    command.write_text("from lab.commands import main\nmain()\n")
    return command


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *command], env=os.environ | environment, capture_output=True, timeout=60, check=False
    )


def test_the_command_of_a_copy_does_not_run_the_code_of_the_first_folder(copied: Path) -> None:
    ended = run(copied, "version")
    assert ended.returncode == 1
    assert b"command of a copied folder" in ended.stderr
    assert f"cd '{copied.parents[2]}' && make demo".encode() in ended.stderr


def test_the_command_itself_and_a_link_to_it_run(tmp_path: Path) -> None:
    own = Path(sys.executable).with_name("lab")
    link = tmp_path / "lab"
    link.symlink_to(own)
    for command in (own, link):
        assert run(command, "version").stdout.startswith(b"express-lab ")
