"""Starts and stops the embedded LocalStack of a lab.

One LocalStack process a lab name, in a process group of its own, bound to 127.0.0.1. Nothing of LocalStack is imported
here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

import psutil

from lab import paths, variables
from lab.emulator import failing
from lab.emulator.environment import EXECUTOR_CLASS, FILESYSTEM, REPORT, environment
from lab.emulator.ports import choose_port, listening_addresses, port_taken
from lab.emulator.processes import Emulator, answer, end, find, running
from lab.errors import LabError

START_DEADLINE_S = 90.0


class EmulatorError(LabError):
    """The embedded LocalStack could not be started, or is not what the lab needs."""


def start(
    name: str,
    *,
    port: int | None = None,
    owned: bool = False,
    say: Callable[[str], None] = lambda text: None,
    extra_environment: Mapping[str, str] | None = None,
    deadline_s: float = START_DEADLINE_S,
) -> Emulator:
    """Return the lab's emulator, starting it when it is not running.

    Args:
        name: the lab's name.
        port: a port to insist on; default is ``LAB_PORT``, else 4566, else any free one.
        owned: whether it belongs to this process, so that a later ``start`` of any lab ends it if this process was
            killed before it could.
        say: called with one sentence whenever there is something that a user should know.
        extra_environment: more variables for the emulator, for tests and benchmarks.
        deadline_s: how long it may take to answer, in seconds.

    Raises:
        PortTakenError: the port asked for is in use.
        EmulatorError: it died, did not answer in time, or lacks the lab's Lambda executor.
    """
    _end_orphans(say)
    existing = find(name)
    if existing is not None:
        if existing.healthy():
            return existing
        say(f"The emulator of lab '{name}' (process {existing.pid}) no longer answers; it is replaced.")
        stop(name)
    folder = paths.state_folder(name)
    wanted = port or variables.value("LAB_PORT")
    deadline = time.monotonic() + deadline_s
    for attempt in range(3):
        chosen = choose_port(wanted, say, avoid_usual=attempt > 0)
        emulator = _launch(name, folder, chosen, extra_environment or {}, owned=owned)
        if _wait_until_ready(emulator, folder, deadline):
            _check_executor(emulator, folder)
            return emulator
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
    record = paths.state_root() / name / "emulator.json"
    data = record.parent / "emulator"
    emulator = find(name)
    if emulator is not None:
        end(emulator)
    record.unlink(missing_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    return emulator is not None


def _launch(name: str, folder: Path, port: int, extra_environment: Mapping[str, str], *, owned: bool) -> Emulator:
    data = folder / "emulator"
    shutil.rmtree(data, ignore_errors=True)  # an emulator starts empty; the record of runs is kept elsewhere
    # LocalStack is started in a folder with nothing in it, so that no file of a user can shadow a module.
    working_folder = data / "cwd"
    for needed in (working_folder, data / "tmp", data / FILESYSTEM):
        needed.mkdir(parents=True)
    log_file = folder / "emulator.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            cwd=working_folder,
            env=environment(data, port, extra_environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(
        name=name,
        pid=process.pid,
        port=port,
        process_started=psutil.Process(process.pid).create_time(),
        log_file=str(log_file),
        owner_pid=os.getpid() if owned else 0,
        owner_started=psutil.Process().create_time() if owned else 0.0,
    )
    # Written at once: whoever kills us while we wait leaves a record that `lab down` can follow.
    record = folder / "emulator.json"
    record.with_suffix(".new").write_text(json.dumps(asdict(emulator)), "utf-8")
    record.with_suffix(".new").replace(record)
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
    for emulator in running():
        if emulator.orphaned():
            say(
                f"The emulator of lab '{emulator.name}' (process {emulator.pid}) was left by a killed run; it is ended."
            )
            stop(emulator.name)
