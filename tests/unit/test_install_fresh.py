"""What fresh machines and long-used ones do to the installer: line ends, Pythons of others, networks, moved folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.installing import PROJECT, again, fake_python, install, made_anew, make, run

GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "core.autocrlf=true")


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here: the project came as an archive")
def test_a_clone_that_git_gave_windows_line_ends_still_installs(installed: Path) -> None:
    """As git for Windows does by default, also for folders that WSL sees."""
    shutil.copy(PROJECT / ".gitattributes", installed)
    for command in (("init", "-q"), ("add", "Makefile", "requirements", "pyproject.toml", ".gitattributes")):
        run(installed, *GIT, *command).check_returncode()
    run(installed, *GIT, "commit", "-qm", "a clone").check_returncode()
    theirs = installed.with_name("theirs")
    run(installed, *GIT, "clone", "-q", str(installed), str(theirs)).check_returncode()
    assert b"\r" not in (theirs / "requirements" / "install.sh").read_bytes()
    (theirs / ".venv").symlink_to(installed / ".venv")
    ended = make(theirs, "install")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("variable", ["PYTHONHOME", "PYTHONPATH", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONUSERBASE"])
def test_what_a_shell_sets_for_another_python_does_not_reach_the_lab(installed: Path, variable: str) -> None:
    fake_python(installed / ".venv" / "bin", "lab", "env")
    ended = make(installed, "demo", **{variable: "/nonexistent", "LAB_NAME": "mine"})
    assert ended.returncode == 0, ended.stderr
    assert "LAB_NAME=mine" in ended.stdout
    assert variable not in ended.stdout


def test_a_moved_folder_is_made_anew_without_the_network(installed: Path) -> None:
    """With the uv that is there, and what uv's cache holds."""
    pinned = re.match(r"uv==(\S+)", (installed / "requirements" / "bootstrap.txt").read_text())
    assert pinned is not None
    offline = 'case "$*" in *--version) echo "uv {} (x86_64)" ;; *--offline*) echo "$@" >>../calls ;; *) exit 1 ;; esac'
    fake_python(installed / ".venv" / "bin", "uv", offline.format(pinned[1]))
    moved = installed.rename(installed.with_name("moved"))
    ended = again(moved)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("This folder was moved or copied. Its packages are installed anew.")
    assert "-r requirements/lab.txt" in (moved.parent / "calls").read_text()
    (moved / ".venv" / "bin" / "uv").write_text(f"#!/bin/sh\n{offline.format('0.0.1')}\n")
    back = moved.rename(installed)
    made_anew(again(back))  # another uv than the lock's is not kept: pip is asked, and reaches nobody


def test_an_environment_of_another_user_is_not_a_bare_error(installed: Path) -> None:
    moved = installed.rename(installed.with_name("moved"))
    commands = fake_python(moved.parent / "commands", "rm", 'echo "rm: Permission denied" >&2; exit 1').parent
    ended = run(moved, "sh", "requirements/install.sh", "lab", PATH=f"{commands}:{os.environ['PATH']}")
    assert ended.returncode == 1
    assert "it belongs to another user" in ended.stderr
    assert "Next: sudo rm -rf .venv" in ended.stderr
    assert "rm: " not in ended.stderr


def test_a_base_python_too_old_even_to_look_is_noticed(installed: Path) -> None:
    (python,) = {path.resolve() for path in [installed / ".venv" / "bin" / "python"]}
    assert python.exists()
    (installed / ".venv" / "bin" / "python").unlink()
    fake_python(installed / ".venv" / "bin", "python", 'echo "SyntaxError: invalid syntax" >&2; exit 1')
    assert made_anew(again(installed)).startswith("The Python that .venv was made with is gone.")


@pytest.mark.parametrize(
    ("of_uv", "of_pip", "cause"),
    [
        # The name of a package is not a cause.
        ("Failed to download `pyopenssl==26.3.0`: dns error", "Could not reach pyopenssl: timed out", "not be reached"),
        # uv knows nothing of pip's proxy; what counts is what pip met there.
        ("dns error", "No matching distribution found for typer==0.0.0", "lacks a package of the lock"),
        ("dns error", "SSLError(CertificateError, 'certificate verify failed')", "certificate is not trusted"),
        # Where pip says nothing that is known, uv's word counts.
        ("No space left on device (os error 28)", "Killed", "disk is full"),
    ],
)
def test_the_cause_is_read_from_the_last_resort_and_never_from_a_name(
    installed: Path, of_uv: str, of_pip: str, cause: str
) -> None:
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", f"echo '{of_uv}'; exit 1".replace("'", '"'))
    real = (installed / ".venv" / "bin" / "python").resolve()
    for python in (installed / ".venv" / "bin").glob("python*"):
        python.unlink()
    said = of_pip.replace("'", "")
    fake_python(
        installed / ".venv" / "bin", "python", f'case "$*" in *pip*) echo "{said}"; exit 1 ;; esac; exec {real} "$@"'
    )
    ended = install(installed)
    assert ended.returncode == 1
    assert cause in ended.stderr


def test_a_network_that_goes_down_half_way_is_gone_on_from(installed: Path) -> None:
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    half = 'case "$*" in *--editable*) [ -e ../up ] || { echo "connection reset by peer"; exit 1; } ;; esac'
    fake_python(installed / ".venv" / "bin", "uv", f'echo "$@" >>../calls; {half}')
    ended = install(installed)
    assert ended.returncode == 1
    assert "The package index could not be reached." in ended.stderr
    assert "what is here already is kept" in ended.stderr
    assert not (installed / ".venv" / "lab.installed").exists()
    (installed.parent / "up").touch()
    ended = install(installed)
    assert ended.returncode == 0
    assert "Making .venv" not in ended.stdout, "the environment that is there is used"
    assert install(installed).stdout == ""


def test_the_kernel_has_the_name_that_the_notebooks_speak_of(installed: Path) -> None:
    kernel = installed / ".venv" / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{\n "argv": ["python"],\n "display_name": "Python 3 (ipykernel)",\n "language": "python"\n}\n')
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", "exit 0")
    assert install(installed).returncode == 0
    assert '"display_name": "Express Lab",' in kernel.read_text()
    assert '"argv": ["python"],' in kernel.read_text()


def test_the_command_of_a_folder_that_moved_or_was_copied_runs_the_code_beside_it(installed: Path) -> None:
    (site,) = (installed / ".venv" / "lib").glob("python3*/site-packages")
    (site / "_editable_impl_express_lab.pth").write_text(str(installed))
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", "exit 0")
    assert install(installed).returncode == 0
    (installed / "lab").mkdir()
    (installed / "lab" / "commands.py").write_text("def main():\n    import sys\n    print(__file__, *sys.argv[1:])\n")
    copy = installed.with_name("a copy")
    shutil.copytree(installed, copy, symlinks=True)
    moved = installed.rename(installed.with_name("moved away"))
    (moved.parent / "link").symlink_to(moved / ".venv" / "bin" / "lab")
    for command, folder in (
        (copy / ".venv" / "bin" / "lab", copy),
        (moved / ".venv" / "bin" / "lab", moved),
        (moved.parent / "link", moved),
    ):
        ended = run(folder, str(command), "up", "--name", "a b")
        assert ended.stdout == f"{folder / 'lab' / 'commands.py'} up --name a b\n", ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a disk of one's own needs Linux's tmpfs")
def test_a_full_disk_is_named(clone: Path) -> None:
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    disk = clone.parent / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size=4m tmpfs '{disk}'"
    if subprocess.run([*inside, mounted], capture_output=True, check=False).returncode:
        pytest.skip("no disk of one's own here")
    script = f"{mounted} && cp -R . '{disk}' && cd '{disk}' && sh requirements/install.sh lab '{sys.executable}'"
    ended = run(clone, *inside, script)
    assert ended.returncode == 1
    assert "the disk is full" in ended.stderr
