"""`make demo` on machines that differ: one sentence and the next command, or an environment that is made anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.doctor import preflight
from tests.unit.installing import NO_INDEX, again, fake_python, install, made_anew, make, run, tools

OLD = 'case "$1" in --version) echo "Python 3.8.18";; *) exit 1;; esac'
WITHOUT_VENV = (
    'case "$*" in *--version*) echo "Python 3.11.2" ;; *ensurepip*) exit 1 ;; *-c*) exit 0 ;;'
    ' *) echo "ensurepip is missing" >&2; exit 1 ;; esac'
)


def test_a_python_that_is_too_old_is_named(clone: Path, tmp_path: Path) -> None:
    ended = make(clone, "demo", f"PYTHON={fake_python(tmp_path, 'old-python', OLD)}")
    assert ended.returncode != 0
    assert "needs Python 3.11 to 3.14" in ended.stderr
    assert "is Python 3.8.18" in ended.stderr
    assert "Next: make demo, which finds one by itself" in ended.stderr
    assert not (clone / ".venv").exists()


def test_a_python_that_cannot_be_run_is_not_called_one(clone: Path, tmp_path: Path) -> None:
    broken = fake_python(tmp_path, "python3.12", 'echo "python3.12: command not found" >&2; exit 127')
    for python, why in ((str(broken), "python3.12: command not found"), ("/nonexistent/python3", "not found")):
        ended = make(clone, "demo", f"PYTHON={python}")
        assert f"{python} cannot be run (" in ended.stderr
        assert why in ended.stderr


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ('ID=debian\nVERSION_ID="13"', "sudo apt install python3 python3-venv"),
        ('ID=debian\nVERSION_ID="11"', "use Docker: docker compose up"),
        ('ID=ubuntu\nVERSION_ID="22.04"', "sudo apt install python3.11 python3.11-venv"),
        ('ID=ubuntu\nVERSION_ID="26.04"', "sudo apt install python3 python3-venv"),
        ("ID=fedora\nVERSION_ID=43", "sudo dnf install python3.13"),
        ("ID=arch", "sudo pacman -S python"),
        ("", "use Docker: docker compose up"),
    ],
)
def test_a_machine_without_a_fitting_python_is_told_what_to_type_on_that_system(
    clone: Path, tmp_path: Path, release: str, command: str
) -> None:
    path = tools(tmp_path / "bin")
    fake_python(tmp_path / "bin", "python3", OLD)
    (tmp_path / "os-release").write_text(release + "\n")
    ended = make(clone, "demo", path=path, OS_RELEASE=str(tmp_path / "os-release"))
    assert ended.returncode != 0
    assert "this machine has Python 3.8.18" in ended.stderr
    assert command in ended.stderr.splitlines()[1]


def test_the_range_is_that_of_the_package(clone: Path) -> None:
    text = (clone / "pyproject.toml").read_text("utf-8")
    oldest, newest = run(clone, "sh", "-c", '. requirements/python.sh; echo "$oldest $newest"').stdout.split()
    assert f'requires-python = ">=3.{oldest},<3.{int(newest) + 1}"' in text
    assert ((3, int(oldest)), (3, int(newest))) == preflight._SUPPORTED


def test_a_python_without_venv_is_told_the_package_to_install(clone: Path, tmp_path: Path) -> None:
    ended = make(clone, "demo", f"PYTHON={fake_python(tmp_path, 'python3.11', WITHOUT_VENV)}")
    assert ended.returncode != 0
    assert "Next: on Debian and Ubuntu: sudo apt install python3.11-venv" in ended.stderr
    assert not (clone / ".venv").exists()


def test_every_command_of_the_makefile_is_listed_by_help(clone: Path) -> None:
    listed = make(clone, "help").stdout
    for command in ("demo", "test", "lab", "check", "quick", "docs", "notebooks", "site", "bench", "lock", "clean"):
        assert f"{command} " in listed


# An environment that is there: the installer's own records around a Python without packages


def test_with_everything_there_nothing_is_done_and_nothing_said(installed: Path) -> None:
    for step in ("lab", "dev", "site"):
        ended = install(installed, step)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_copy_does_not_run_the_code_of_the_first_folder(installed: Path) -> None:
    copy = installed.with_name("second lab")
    shutil.copytree(installed, copy, symlinks=True)
    assert made_anew(again(copy)) == "This folder was moved or copied. Its packages are installed anew."
    assert install(installed).stdout == ""


def test_a_folder_that_was_renamed_is_noticed(installed: Path) -> None:
    moved = installed.rename(installed.with_name("renamed"))
    assert (
        made_anew(again(moved, "make", "demo")) == "This folder was moved or copied. Its packages are installed anew."
    )


def test_a_base_python_that_is_gone_is_noticed(installed: Path) -> None:
    for python in (installed / ".venv" / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/nonexistent/python3")
    assert made_anew(again(installed)).startswith("The Python that .venv was made with is gone.")


def test_a_base_python_of_another_version_is_noticed(installed: Path) -> None:
    (libraries,) = (installed / ".venv" / "lib").glob("python3*")
    libraries.rename(libraries.with_name("python3.10"))
    assert made_anew(again(installed)).startswith("The Python of .venv was replaced by Python 3.")


@pytest.mark.parametrize("lost", ["colour", "colour/red.py", "colour-1.0.dist-info/RECORD"])
def test_a_package_that_is_damaged_is_named(installed: Path, lost: str) -> None:
    (site,) = (installed / ".venv" / "lib").glob("python3*/site-packages")
    shutil.rmtree(site / lost) if (site / lost).is_dir() else (site / lost).unlink()
    assert made_anew(again(installed)).startswith("The package colour in .venv is damaged.")


def test_an_environment_that_was_not_finished_is_made_anew(installed: Path) -> None:
    (installed / ".venv" / "place").unlink()
    assert made_anew(again(installed)).startswith("The environment in .venv is not complete.")


def test_a_new_lock_is_installed_into_the_environment_that_is_there(installed: Path) -> None:
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", 'echo "$@" >>../uv-was-called; exit 0')
    ended = install(installed)
    assert ended.returncode == 0
    assert ended.stdout.startswith("Installing the lab's packages into .venv")
    calls = (installed.parent / "uv-was-called").read_text()
    assert "--require-hashes -r requirements/lab.txt" in calls
    assert "--editable ." in calls
    assert install(installed).stdout == ""


def test_an_environment_that_is_a_link_is_left_alone(installed: Path) -> None:
    linked = installed.with_name("linked")
    shutil.copytree(installed, linked, ignore=shutil.ignore_patterns(".venv"))
    (linked / ".venv").symlink_to(installed / ".venv")
    assert install(linked).returncode == 0, "another folder's environment, whole and of that folder, will do"
    (installed / ".venv" / "place").unlink()
    ended = install(linked)
    assert ".venv is a link, which is left alone." in ended.stderr
    assert (installed / ".venv" / "bin" / "python").exists()


# What a user's environment tells pip and Python to do elsewhere


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_USER": "1"},
        {"PIP_REQUIRE_VIRTUALENV": "1"},
        {"PIP_TARGET": "/nonexistent/target"},
        {"PIP_PREFIX": "/nonexistent/prefix"},
        {"PIP_DRY_RUN": "1"},
        {"PIP_NO_BINARY": ":all:"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONPATH": "/nonexistent"},
        {"UV_NO_BINARY": "1", "UV_SYSTEM_PYTHON": "1"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_that_send_packages_elsewhere_do_not_reach_pip(installed: Path, variables: dict[str, str]) -> None:
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", "env >>../seen; exit 0")
    ended = install(installed, **variables)
    assert ended.returncode == 0, ended.stderr
    seen = (installed.parent / "seen").read_text().splitlines()
    assert [f"{name}={value}" for name, value in variables.items() if f"{name}={value}" in seen] == []
    assert f"UV_DEFAULT_INDEX={NO_INDEX}" in seen, "where packages come from is the user's to say"


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("error: failed to write: Read-only file system (os error 30)", "A folder cannot be written"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "not the one that the lock names",
        ),
        ("error: invalid peer certificate: UnknownIssuer", "certificate is not trusted"),
        ("error: command 'gcc' failed: No such file or directory\nFailed building wheel for x", "no ready-made build"),
        ("ERROR: No matching distribution found for typer==0.29.2", "lacks a package of the lock"),
        ("error: dns error: failed to lookup address information", "could not be reached"),
        ("error: something that nobody has met yet", "see the last lines above"),
    ],
)
def test_the_cause_that_is_named_is_the_true_one(installed: Path, log: str, cause: str) -> None:
    (installed / "requirements" / "lab.txt").write_text("typer==0.0.0\n")
    fake_python(installed / ".venv" / "bin", "uv", f"cat <<'E'\n{log}\nE\nexit 1")
    ended = install(installed)
    assert ended.returncode != 0
    assert cause in ended.stderr
    assert log.splitlines()[-1] in ended.stderr
    assert install(installed).stdout.startswith("Installing the lab's packages"), "the next run goes on"


def test_a_folder_that_cannot_be_written_is_said(clone: Path) -> None:
    path = tools(clone.parent / "bin", "grep", "python3")
    (clone.parent / "bin" / "mkdir").unlink()
    fake_python(clone.parent / "bin", "mkdir", "exit 1")
    ended = install(clone, "lab", sys.executable, PATH=path)
    assert "This folder cannot be written" in ended.stderr


SLOW_VENV = (
    'case "$*" in *--version*) echo "Python 3.14.0" ;;'
    " *-m\\ venv*) echo begins >>venvs; sleep 1; echo ends >>venvs; exit 1 ;; esac"
)


def test_two_that_install_at_once_do_so_one_after_the_other(clone: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path / "pythons", "python3.14", SLOW_VENV)
    with ThreadPoolExecutor() as two:
        ended = list(two.map(lambda _: install(clone, "lab", str(python)), range(2)))
    assert (clone / "venvs").read_text().split() == ["begins", "ends"] * 2
    assert [one.returncode for one in ended] == [1, 1]
    assert sorted("Another make is installing into this folder" in one.stdout for one in ended) == [False, True]
    assert not (clone / ".installing").exists()


@pytest.mark.parametrize("holder", [None, "gone"])
def test_a_turn_whose_owner_was_killed_holds_nobody_up(clone: Path, tmp_path: Path, holder: str | None) -> None:
    (clone / ".installing").mkdir()
    if holder:
        killed = subprocess.Popen(["true"])
        killed.wait()
        (clone / ".installing" / "process").write_text(f"{killed.pid}\n")
    ended = install(clone, "lab", str(fake_python(tmp_path / "pythons", "python3.14", SLOW_VENV)))
    assert (clone / "venvs").read_text().split() == ["begins", "ends"]
    assert ("Another make" in ended.stdout) == (holder is None)  # it may just have begun: five seconds
    assert not (clone / ".installing").exists()


def test_with_everything_there_nobody_waits(installed: Path) -> None:
    (installed / ".installing").mkdir()
    (installed / ".installing" / "process").write_text(f"{os.getpid()}\n")
    assert (install(installed).stdout, (installed / ".installing" / "process").exists()) == ("", True)


def test_windows_itself_is_told_what_works(clone: Path) -> None:
    path = tools(clone.parent / "bin")
    (clone.parent / "bin" / "uname").unlink()
    fake_python(clone.parent / "bin", "uname", "echo MINGW64_NT-10.0")
    ended = install(clone, PATH=path)
    assert ended.returncode == 1
    assert "use WSL" in ended.stderr
    assert "docker compose up" in ended.stderr
