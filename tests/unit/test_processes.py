"""Which process is a lab's emulator, who uses it, and that one command at a time starts or ends it."""

from __future__ import annotations

import importlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from lab import paths
from lab.emulator import launcher, locks, processes
from lab.emulator.processes import Mark
from lab.session import lifecycle
from lab.target import Target


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LAB_PORT", raising=False)
    return tmp_path


def stand_in(name: str, *, state: Path | None = None, owned: bool = False) -> tuple[subprocess.Popen[bytes], Mark]:
    """A process that carries the mark of an emulator, and does nothing."""
    mark = Mark(
        token=secrets.token_hex(8),
        name=name,
        port=1,
        log_file="log",
        state=os.path.realpath(state or paths.state_root()),
        project=os.path.realpath(paths.PROJECT),
        owned=owned,
    )
    environment = {"PATH": os.defpath, processes.MARK: json.dumps(asdict(mark))}
    return subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True), mark


@pytest.fixture
def emulator() -> Iterator[subprocess.Popen[bytes]]:
    process, _ = stand_in("a")
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def left_by_a_killed_run() -> Iterator[subprocess.Popen[bytes]]:
    process, mark = stand_in("left", owned=True)
    # The user's process opens the file and is gone again: nothing holds the lock.
    locks._users(mark.token).touch()
    yield process
    process.kill()
    process.wait()
    locks.forget(mark.token)


def test_an_emulator_is_found_by_what_it_carries_whatever_became_of_its_folder(
    emulator: subprocess.Popen[bytes], state: Path
) -> None:
    found = processes.find("a")
    assert found is not None
    assert found.pid == emulator.pid
    assert launcher.stop("a") is True
    assert emulator.poll() is not None
    assert processes.find("a") is None
    assert launcher.stop("a") is False


def test_a_clock_that_was_set_makes_no_other_emulator_of_it(
    emulator: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 5)
    assert launcher.stop("a") is True
    assert emulator.poll() is not None


def test_two_emulators_of_one_lab_both_end(emulator: subprocess.Popen[bytes]) -> None:
    second, _ = stand_in("a")
    assert launcher.stop("a") is True
    assert emulator.wait(5) is not None
    assert second.wait(5) is not None


def test_a_process_that_took_over_the_id_is_never_ours(state: Path) -> None:
    # This very process stands for the stranger: were it taken for the emulator, stop() would kill the test.
    (paths.state_folder("a") / "emulator.json").write_text(json.dumps({"pid": os.getpid(), "token": "t"}))
    assert processes.find("a") is None
    assert launcher.stop("a") is False


def test_another_emulator_that_took_over_the_id_is_not_the_one_that_was_known(
    emulator: subprocess.Popen[bytes],
) -> None:
    found = processes.find("a")
    assert found is not None
    earlier = replace(found, mark=replace(found.mark, token="another"))
    assert found.process() is not None
    assert earlier.process() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "null"])
def test_a_damaged_record_hides_no_running_lab(content: str, emulator: subprocess.Popen[bytes]) -> None:
    (paths.state_folder("a") / "emulator.json").write_text(content)
    found = processes.find("a")
    assert found is not None
    assert found.pid == emulator.pid


def test_down_names_the_state_folder_under_which_the_lab_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"t-{secrets.token_hex(4)}"  # no other test of this project has one of that name up
    emulator, _ = stand_in(name)
    try:
        monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "another one"))
        with pytest.raises(lifecycle.OtherStateFolderError) as caught:
            lifecycle.down(Target("embedded", name))
        assert f"process {emulator.pid}" in caught.value.what
        assert caught.value.next_step == f"LAB_STATE_DIR={tmp_path} lab down --name {name}"
        assert emulator.poll() is None
        assert lifecycle.down(Target("embedded", f"{name}-other")) == []
    finally:
        emulator.kill()
        emulator.wait()


def test_a_new_lab_is_not_made_of_one_that_is_up(emulator: subprocess.Popen[bytes], tmp_path: Path) -> None:
    demo = importlib.import_module("lab.session.demo")  # the package has a function of that name
    with pytest.raises(launcher.LabRunningError, match=f"The lab 'a' is up \\(process {emulator.pid}\\)"):
        demo.demo(Target("embedded", "a"), tmp_path / "out")
    assert emulator.poll() is None


def test_an_emulator_that_another_command_ends_in_the_same_moment_has_ended(
    emulator: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = processes.find("a")
    assert found is not None
    original = psutil.Process.terminate

    def end_twice(process: psutil.Process) -> None:
        process.kill()
        emulator.wait()
        original(process)

    monkeypatch.setattr(psutil.Process, "terminate", end_twice)
    processes.end(found)
    assert emulator.poll() is not None


def test_an_emulator_is_found_in_the_moment_in_which_the_system_shows_no_environment(
    emulator: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = psutil.Process.environ
    looks = 0

    def environ(process: psutil.Process) -> dict[str, str]:
        nonlocal looks
        looks += process.pid == emulator.pid
        return {} if process.pid == emulator.pid and looks < 3 else original(process)

    monkeypatch.setattr(psutil.Process, "environ", environ)
    assert [found.pid for found in processes.all_of("a")] == [emulator.pid]
    looks = 0
    found = processes.find("a")
    assert found is not None
    looks = 0
    assert found.process() is not None


def test_an_emulator_whose_owner_was_killed_is_ended_by_the_next_start(
    left_by_a_killed_run: subprocess.Popen[bytes],
) -> None:
    said: list[str] = []
    launcher._end_orphans(said.append)
    assert left_by_a_killed_run.wait(5) is not None
    assert "left by a killed run" in said[0]


def test_an_emulator_that_belongs_to_nobody_or_is_used_runs_on(emulator: subprocess.Popen[bytes]) -> None:
    used, mark = stand_in("used", owned=True)
    locks.use(mark.token)
    try:
        launcher._end_orphans(lambda text: None)
        assert emulator.poll() is None
        assert used.poll() is None
        assert launcher.leave("a") is False
        assert launcher.leave("used") is True  # the last one
        assert used.wait(5) is not None
    finally:
        used.kill()
        locks.forget(mark.token)


ANOTHER_USER = "import sys; from lab.emulator import locks; locks.use(sys.argv[1]); print('', flush=True); input()"


def test_the_first_of_two_users_leaves_the_emulator_to_the_second() -> None:
    shared, mark = stand_in("shared", owned=True)
    locks.use(mark.token)
    command = [sys.executable, "-c", ANOTHER_USER, mark.token]
    with subprocess.Popen(command, cwd=paths.PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            assert launcher.leave("shared") is False
            assert shared.poll() is None
            assert not locks.abandoned(mark.token)
            other.kill()
            other.wait()
            assert locks.abandoned(mark.token)
        finally:
            other.kill()
            shared.kill()
            shared.wait()
            locks.forget(mark.token)


@pytest.mark.parametrize(("owned", "told"), [(False, 1), (True, 0)])
def test_an_up_beside_a_notebook_is_told_that_the_emulator_ends_with_it(
    owned: bool, told: int, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, mark = stand_in("theirs", owned=True)
    (state / "theirs" / "emulator" / "tmp").mkdir(parents=True)
    monkeypatch.setattr(processes.Emulator, "healthy", lambda emulator: True)
    said: list[str] = []
    try:
        assert launcher.start("theirs", owned=owned, say=said.append).pid == theirs.pid
        assert sum("ends with it" in line for line in said) == told
    finally:
        theirs.kill()
        theirs.wait()
        locks.forget(mark.token)


HOLDS = "import sys; from lab.emulator import locks\nwith locks.changing('a'): print('', flush=True); input()"


def test_a_second_start_waits_for_the_first_also_where_the_state_folder_is_removed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_TELL_AFTER_S", 0.0)
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, cwd=paths.PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        shutil.rmtree(state)
        said: list[str] = []

        def say(text: str) -> None:
            said.append(text)
            other.kill()  # a lock ends with its holder

        with locks.changing("a", say):
            assert said == ["Another command is changing the lab 'a'; waiting for it."]
            assert other.wait(5) is not None
