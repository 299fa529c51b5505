"""Folders of wheels: what `make wheels` puts in, and what `make demo WHEELS=folder` refuses to install from."""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.installing import PROJECT, fake_python, install, run

COLOUR, TAILER, UV = "colour-1.0-py3-none-any.whl", "tailer-0.4.1-py3-none-any.whl", "uv-1.0-py3-none-any.whl"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def wheel_folder(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PROJECT / "requirements"))
    return importlib.import_module("wheel_folder")


@pytest.fixture
def wheels(wheel_folder: ModuleType) -> ModuleType:
    return importlib.import_module("wheels")


@pytest.fixture
def here(wheel_folder: ModuleType) -> str:
    return "-".join(wheel_folder.this_machine())


@pytest.fixture
def folder(installed: Path, here: str) -> Path:
    """A folder with all wheels of a small lock, of which one was built; spaces and a comma in its path."""
    lock = (
        f"colour==1.0 \\\n    --hash=sha256:{digest(COLOUR)}\ntailer==0.4.1 \\\n    --hash=sha256:{digest('source')}\n"
    )
    (installed / "requirements" / "lab.txt").write_text(lock)
    bootstrap = f"uv==1.0 \\\n    --hash=sha256:{digest(UV)}\n"
    (installed / "requirements" / "bootstrap.txt").write_text(bootstrap)
    made = installed.parent / "a stick, mine"
    made.mkdir()
    for name in (COLOUR, TAILER, UV):
        (made / name).write_text(name)
    write_list(made, here, lock=digest(bootstrap + lock))
    return made


def write_list(folder: Path, machine: str, lock: str = "") -> Path:
    listed = folder / f"lab-{machine}.sha256"
    first = f"# lock {lock[:16]}" if lock else listed.read_text().splitlines()[0]
    listed.write_text(
        "\n".join([first, *(f"{digest(each.read_text())}  {each.name}" for each in folder.glob("*.whl"))])
    )
    return listed


def test_it_installs_from_the_folder_and_asks_no_network(installed: Path, folder: Path) -> None:
    fake_python(installed / ".venv" / "bin", "uv", 'echo "$@" >>../calls; exit 0')
    ended = install(installed, "lab", "", str(folder))
    assert ended.returncode == 0, ended.stderr
    packages, itself = (installed.parent / "calls").read_text().splitlines()
    for call in (packages, itself):
        assert "--offline --no-index --find-links .venv/wheels" in call
    assert "--require-hashes -r .venv/lab.wheels.txt" in packages
    assert (installed / ".venv" / "wheels").resolve() == folder.resolve()
    assert install(installed).stdout == "", "later it is there, with or without the folder"


def test_only_what_was_built_gets_a_hash_that_the_lock_does_not_name(installed: Path, folder: Path) -> None:
    fake_python(installed / ".venv" / "bin", "uv", "exit 0")
    install(installed, "lab", "", str(folder)).check_returncode()
    wanted = (installed / ".venv" / "lab.wheels.txt").read_text()
    assert f"tailer==0.4.1 \\\n    --hash=sha256:{digest(TAILER)} \\\n    --hash=sha256:{digest('source')}\n" in wanted
    assert f"colour==1.0 \\\n    --hash=sha256:{digest(COLOUR)}\ntailer" in wanted


def changed(folder: Path, here: str, how: str) -> Path:
    """The folder after something happened to it."""
    match how:
        case "gone":
            return folder.with_name("no such folder")
        case "empty":
            for each in folder.iterdir():
                each.unlink()
        case "another machine's":
            (folder / f"lab-{here}.sha256").rename(folder / "lab-macos-arm64-3.9.sha256")
        case "older":
            write_list(folder, here, lock=digest("another lock"))
        case "not whole":
            (folder / COLOUR).unlink()
        case "cut":
            (folder / COLOUR).write_text(COLOUR[:5])
        case "another package":
            (folder / COLOUR).write_text("something else")
            write_list(folder, here)
    return folder


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("gone", "There is no folder of wheels at "),
        ("empty", "is no folder of wheels: it has no list of them."),
        ("another machine's", "only for: macos-arm64-3.9."),
        ("older", "was made for another version of the lab."),
        ("not whole", f"is not whole: 1 of 3 wheels are missing, such as {COLOUR}."),
        ("cut", f"{COLOUR} in "),
        ("another package", "is not the one that the lock names."),
    ],
)
def test_a_folder_that_will_not_do_is_told_with_the_command_that_makes_one(
    installed: Path, folder: Path, here: str, how: str, says: str
) -> None:
    fake_python(installed / ".venv" / "bin", "uv", 'echo "$@" >>../calls; exit 0')
    ended = install(installed, "lab", "", str(changed(folder, here, how)))
    assert ended.returncode == 1
    what, next_step = ended.stderr.splitlines()
    assert says in what
    platform, _, python = here.rpartition("-")
    assert next_step.startswith("Next: ")
    assert f"on a machine with a network: make wheels PLATFORM={platform} PYTHON={python}, then copy" in next_step
    assert not (installed.parent / "calls").exists(), "nothing is installed, from anywhere"


def test_an_environment_that_is_there_is_not_removed_before_the_folder_is_known_to_do(
    installed: Path, folder: Path, here: str
) -> None:
    moved = installed.rename(installed.with_name("moved"))
    (folder / COLOUR).unlink()
    ended = install(moved, "lab", sys.executable, str(folder))
    assert "is not whole" in ended.stderr
    assert (moved / ".venv" / "bin" / "python").exists()


def test_the_newest_python_that_the_folder_has_wheels_for_is_taken(installed: Path, folder: Path) -> None:
    (installed / ".venv" / "place").unlink()
    for name, serves in (("python3.14", 3), ("python3.13", 0), ("python3.12", 0)):
        makes = f"*-m\\ venv*) echo {name} >../taken; exit 1 ;;"
        script = f'case "$*" in *wheel_folder.py*) exit {serves} ;; {makes} *) exit 0 ;; esac'
        fake_python(installed.parent / "pythons", name, script)
    install(installed, "lab", "", str(folder), PATH=f"{installed.parent / 'pythons'}:{os.environ['PATH']}")
    assert (installed.parent / "taken").read_text() == "python3.13\n"


def test_the_home_folder_is_known_by_its_sign(installed: Path, folder: Path) -> None:
    fake_python(installed / ".venv" / "bin", "uv", "exit 0")
    assert install(installed, "lab", "", f"~/{folder.name}", HOME=str(folder.parent)).returncode == 0


# What `make wheels` puts into a folder


def names(wheels: ModuleType, platform: str, python: str) -> list[set[str]]:
    lock = (PROJECT / "requirements" / "lab.txt").read_text("utf-8")
    return [{line.split("==")[0] for line in lines} for lines in wheels.pins(lock, wheels.Machine(platform, python))]


def test_the_markers_of_the_lock_are_read_for_the_machine_that_is_asked_for(wheels: ModuleType) -> None:
    (linux,), (mac,) = names(wheels, "linux-aarch64", "3.13"), names(wheels, "macos-arm64", "3.13")
    assert mac - linux == {"appnope"}
    assert {"localstack-core[base-runtime]", "numpy", "pexpect"} <= linux
    assert not linux & {"colorama", "pywin32", "pywinpty", "overrides"}


def test_a_marker_that_tells_the_third_number_of_a_python_gets_both_packages(wheels: ModuleType) -> None:
    newest, older = names(wheels, "linux-x86_64", "3.11")
    assert "soupsieve" in newest
    assert older == {"soupsieve"}
    assert "overrides" in newest


def test_the_pythons_are_those_that_the_lab_runs_on(wheels: ModuleType) -> None:
    oldest, newest = run(PROJECT, "sh", "-c", '. requirements/python.sh; echo "$oldest $newest"').stdout.split()
    assert list(wheels.pythons("all")) == [f"3.{minor}" for minor in range(int(oldest), int(newest) + 1)]
    assert list(wheels.pythons("python3.12, 3.13")) == ["3.12", "3.13"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--platform", "windows"), "on Windows the lab runs in WSL, which is linux-x86_64."),
        (("--platform", "freebsd"), "The lab has no wheels for 'freebsd'."),
        (("--python", "3.10"), "The lab does not run on Python '3.10'."),
    ],
)
def test_a_machine_that_the_lab_does_not_run_on_is_told(tmp_path: Path, arguments: tuple[str, str], says: str) -> None:
    script = str(PROJECT / "requirements" / "wheels.py")
    ended = subprocess.run([sys.executable, script, str(tmp_path / "w"), *arguments], capture_output=True, text=True)
    assert ended.returncode == 3
    assert says in ended.stderr
    assert "Next: " in ended.stderr
    assert not (tmp_path / "w").exists()


def filled(
    wheels: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, files: dict[str, str], built: str = TAILER
) -> None:
    """Fills the folder, where pip "downloads" these files and builds that one."""

    def pip(_: Path, command: str, *arguments: str, what: str) -> None:
        into = Path(arguments[arguments.index("--dest" if command == "download" else "--wheel-dir") + 1])
        into.mkdir(exist_ok=True)
        for name, text in (files if command == "download" else {built: "just built"}).items():
            (into / name).write_text(text)

    monkeypatch.setattr(wheels, "_pip", pip)
    wheels.fill(folder, wheels.Machine("macos-arm64", "3.13"), "lab")


def test_a_source_distribution_is_built_once_and_serves_all(
    wheels: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled(wheels, monkeypatch, tmp_path, {COLOUR: COLOUR, "tailer-0.4.1.tar.gz": "source"})
    assert {each.name for each in tmp_path.iterdir()} == {COLOUR, TAILER, "lab-macos-arm64-3.13.sha256"}
    (tmp_path / TAILER).write_text("built earlier")
    filled(wheels, monkeypatch, tmp_path, {COLOUR: COLOUR, "tailer-0.4.1.tar.gz": "source"})
    _, listed = wheels.wheel_folder.read_list(str(tmp_path / "lab-macos-arm64-3.13.sha256"))
    assert listed == {COLOUR: digest(COLOUR), TAILER: digest("built earlier")}


@pytest.mark.parametrize(
    ("source", "built"),
    [
        ("tailer-0.4.1.tar.gz", "tailer-0.4.1-cp313-cp313-linux_x86_64.whl"),
        ("scipy-1.18.1.tar.gz", "scipy-1.18.1-py3-none-any.whl"),
    ],
)
def test_what_would_serve_this_machine_alone_leaves_the_folder_as_it_was(
    wheels: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, built: str
) -> None:
    with pytest.raises(wheels.FolderError, match="has no wheel for macos-arm64"):
        filled(wheels, monkeypatch, tmp_path, {COLOUR: COLOUR, source: "source"}, built)
    assert list(tmp_path.iterdir()) == []
