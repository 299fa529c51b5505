"""Starts and stops the embedded LocalStack of a lab.

One LocalStack process a lab name, in a process group of its own, bound to 127.0.0.1. Nothing of LocalStack is imported
here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

from lab import paths, signals, variables
from lab.emulator import failing, locks
from lab.emulator.environment import EXECUTOR_CLASS, FILESYSTEM, REPORT, environment
from lab.emulator.health import answer
from lab.emulator.ports import choose_port, listening_addresses, port_taken
from lab.emulator.processes import MARK, Emulator, Mark, all_of, end, everyone, find, write_record
from lab.errors import UnavailableError

START_DEADLINE_S = 90.0


class EmulatorError(UnavailableError):
    """The embedded LocalStack could not be started, or is not what the lab needs."""


class LabRunningError(UnavailableError):
    """A lab of this name is up, where a new one is wanted."""


def start(
    name: str,
    *,
    port: int | None = None,
    owned: bool = False,
    new: bool = False,
    say: Callable[[str], None] = lambda text: None,
    extra_environment: Mapping[str, str] | None = None,
    deadline_s: float = START_DEADLINE_S,
) -> Emulator:
    """Return the lab's emulator, starting it when it is not running. One command at a time does.

    Args:
        name: the lab's name.
        port: a port to insist on; default is ``LAB_PORT``, else 4566, else any free one.
        owned: whether it ends with the last process that uses it, this one or another that was started so; a later
            ``start`` of any lab ends it if they were killed before they could. One that runs already and is not owned
            stays so.
        new: whether it must not run yet.
        say: called with one sentence whenever there is something that a user should know.
        extra_environment: more variables for the emulator, for tests and benchmarks.
        deadline_s: how long it may take to answer, in seconds.

    Raises:
        PortTakenError: the port asked for is in use.
        EmulatorError: it died, did not answer in time, or lacks the lab's Lambda executor.
        LabRunningError: ``new``, and it runs.
    """
    folder = paths.state_folder(name)
    _end_orphans(say)
    with locks.changing(name, say):
        existing = find(name)
        if existing is not None:
            if new:
                raise LabRunningError(
                    f"The lab '{name}' is up (process {existing.pid}), and a new one was asked for.",
                    next_step="the same command without --name, or with another name",
                )
            if existing.healthy() and (folder / "emulator" / "tmp").is_dir():
                write_record(existing)
                if existing.mark.owned:
                    locks.use(existing.mark.token)
                    if not owned:
                        say(f"The emulator of lab '{name}' belongs to a lab notebook that runs, and ends with it.")
                return existing
            why = "has lost its folder" if existing.healthy() else "no longer answers"
            say(f"The emulator of lab '{name}' (process {existing.pid}) {why}; it is replaced.")
            _stop(name)
        return _start(name, folder, port, say, extra_environment or {}, deadline_s, owned=owned)


def _start(
    name: str,
    folder: Path,
    port: int | None,
    say: Callable[[str], None],
    extra_environment: Mapping[str, str],
    deadline_s: float,
    *,
    owned: bool,
) -> Emulator:
    wanted = port or variables.value("LAB_PORT")
    deadline = time.monotonic() + deadline_s
    for attempt in range(3):
        chosen = choose_port(wanted, say, avoid_usual=attempt > 0)
        emulator = _launch(name, folder, chosen, extra_environment, owned=owned)
        try:
            if _wait_until_ready(emulator, folder, deadline):
                _check_executor(emulator, folder)
                return emulator
        except BaseException:
            with signals.held_off():  # half an emulator is of no use to anybody
                end(emulator)
                _tidy(folder)
            raise
        # Another program took the port between our look and LocalStack's bind.
        end(emulator)
        if wanted is not None:
            raise port_taken(wanted)
    raise EmulatorError(
        "LocalStack found no port to listen on, three times.",
        next_step=f"lab up --name {name}",
    )


def stop(name: str) -> bool:
    """End the lab's emulator and all its workers. Returns whether there was one."""
    with locks.changing(name):
        return _stop(name)


def leave(name: str) -> bool:
    """This process no longer uses the lab's emulator; end it if it is owned and nobody else uses it.

    Returns whether it has ended.
    """
    with locks.changing(name):
        emulator = find(name)
        if emulator is None:
            return True
        return emulator.mark.owned and locks.leave(emulator.mark.token) and _stop(name)


def _stop(name: str) -> bool:
    emulators = all_of(name)
    for emulator in emulators:
        end(emulator)
    _tidy(paths.state_root() / name)
    return bool(emulators)


def _tidy(folder: Path) -> None:
    (folder / "emulator.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "emulator", ignore_errors=True)


def _launch(name: str, folder: Path, port: int, extra_environment: Mapping[str, str], *, owned: bool) -> Emulator:
    data = folder / "emulator"
    shutil.rmtree(data, ignore_errors=True)  # an emulator starts empty; the record of runs is kept elsewhere
    # LocalStack is started in a folder with nothing in it, so that no file of a user can shadow a module.
    working_folder = data / "cwd"
    for needed in (working_folder, data / "tmp", data / FILESYSTEM):
        needed.mkdir(parents=True)
    log_file = folder / "emulator.log"
    mark = Mark(
        token=secrets.token_hex(8),
        name=name,
        port=port,
        log_file=str(log_file),
        state=str(paths.real_state_root()),
        project=os.path.realpath(paths.PROJECT),
        owned=owned,
    )
    if owned:
        locks.use(mark.token)  # before the process is there: nobody may take it for an orphan
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            cwd=working_folder,
            env=environment(data, port, {**extra_environment, MARK: json.dumps(asdict(mark))}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(process.pid, mark)
    write_record(emulator)
    return emulator


def _wait_until_ready(emulator: Emulator, folder: Path, deadline: float) -> bool:
    """True once it answers on its port; False when another program holds the port."""
    watch = failing.Watch(emulator.log_file)
    while True:
        process = emulator.process()
        if process is None:
            if "address already in use" in failing.last_lines(emulator.log_file).lower():
                return False
            raise EmulatorError(
                f"LocalStack ended while it was starting. The last lines of its log, {emulator.log_file}:\n"
                f"{failing.last_lines(emulator.log_file)}",
                cause=failing.last_error(emulator.log_file) or "a broken installation, or no memory left.",
                next_step="make clean && make demo",
            )
        status = answer(emulator.port, 1.0)
        if status == HTTPStatus.OK:
            addresses = listening_addresses(process, emulator.port)
            if addresses is not None and addresses - {"127.0.0.1"}:
                end(emulator)
                raise EmulatorError(
                    f"LocalStack listened on {', '.join(sorted(addresses))} and was stopped: the lab's emulator is for "
                    "this machine only.",
                    cause="the lab's own package is not installed beside LocalStack.",
                    next_step="make clean && make demo",
                )
            return addresses is None or bool(addresses)
        if watch.failing(status):
            what = "fails at each request" if status else "failed while it was starting"
            error = EmulatorError(
                f"LocalStack {what}. The last lines of its log, {emulator.log_file}:\n"
                f"{failing.last_lines(emulator.log_file)}",
                cause=failing.last_error(emulator.log_file) or f"it answers with HTTP status {status}.",
                next_step=f"lab doctor --name {emulator.name}",
            )
            end(emulator)  # which writes to the log
            raise error
        if time.monotonic() > deadline:
            end(emulator)
            raise EmulatorError(
                f"LocalStack did not answer in time. Its log is {emulator.log_file}.",
                cause=failing.last_error(emulator.log_file) or "the machine is very busy.",
                next_step=f"lab up --name {emulator.name}",
            )
        time.sleep(0.05)


def _check_executor(emulator: Emulator, folder: Path) -> None:
    """LocalStack falls back to Docker without a word when the executor is unknown: look which one it loaded."""
    report = folder / "emulator" / REPORT
    deadline = time.monotonic() + 5.0
    while not report.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        loaded = json.loads(report.read_text("utf-8")).get("executor")
    except (OSError, ValueError):
        loaded = None
    if loaded != EXECUTOR_CLASS:
        end(emulator)
        raise EmulatorError(
            f"LocalStack loaded the Lambda executor {loaded!r} where the lab needs {EXECUTOR_CLASS!r}.",
            cause="the lab's own package is not installed beside LocalStack.",
            next_step="make clean && make demo",
        )


def _end_orphans(say: Callable[[str], None]) -> None:
    """End what killed runs of this project left, also under another state folder."""
    project = os.path.realpath(paths.PROJECT)
    for emulator in everyone():
        if emulator.mark.project == project and emulator.orphaned():
            say(
                f"The emulator of lab '{emulator.name}' (process {emulator.pid}) was left by a killed run; it is ended."
            )
            end(emulator)
            _tidy(Path(emulator.mark.state) / emulator.name)
