"""The process of an embedded LocalStack: the record that says which one is ours, and its end with all its workers.

A record in the lab's state folder (``emulator.json``) holds process and port.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus

import psutil

from lab import paths
from lab.errors import LabError

STOP_GRACE_S = 5.0
# Where the lab's runtime answers what it loaded.
REPORT_ADDRESS = "/_localstack/express-lab"


class EmulatorNotRunningError(LabError):
    """A command needs the embedded LocalStack and there is none for this lab."""


@dataclass(frozen=True)
class Emulator:
    """A running embedded LocalStack.

    Attributes:
        name: of its lab.
        pid: of the LocalStack process, which leads a process group of its own.
        port: on 127.0.0.1.
        process_started: seconds since the epoch, as psutil gives it; tells the process from a later one with its id.
        log_file: what LocalStack prints.
        owner_pid: the process that this emulator must not outlive (``lab demo``, a test); 0 when it runs until
            ``lab down``.
        owner_started: when the owner was started, as ``process_started``.
    """

    name: str
    pid: int
    port: int
    process_started: float
    log_file: str
    owner_pid: int = 0
    owner_started: float = 0.0

    @property
    def endpoint_url(self) -> str:
        """Where its AWS API answers."""
        return f"http://127.0.0.1:{self.port}"

    def process(self) -> psutil.Process | None:
        """The process, or None when it ended (a later process with the same id does not count)."""
        return same_process(self.pid, self.process_started)

    def orphaned(self) -> bool:
        """Whether it had an owner and that one ended."""
        return self.owner_pid != 0 and same_process(self.owner_pid, self.owner_started) is None

    def healthy(self, timeout_s: float = 2.0) -> bool:
        """Whether it answers."""
        return answers(self.port, timeout_s)


def find(name: str) -> Emulator | None:
    """The lab's emulator process when it is alive, answering or not."""
    try:
        record = json.loads((paths.state_root() / name / "emulator.json").read_text("utf-8"))
        emulator = Emulator(**record)
    except (OSError, ValueError, TypeError):
        return None
    return emulator if emulator.process() is not None else None


def require(name: str) -> Emulator:
    """The lab's emulator.

    Raises:
        EmulatorNotRunningError: there is none.
    """
    emulator = find(name)
    if emulator is None:
        suffix = "" if name == "workshop" else f" --name {name}"
        raise EmulatorNotRunningError(f"The lab '{name}' is not running.", next_step=f"lab up{suffix}")
    return emulator


def running() -> list[Emulator]:
    """Every emulator of this project that is alive."""
    return [emulator for name in paths.lab_names() if (emulator := find(name)) is not None]


def end(emulator: Emulator) -> None:
    """SIGTERM, a grace period, SIGKILL; then whatever is left of its process group and its children."""
    process = emulator.process()
    if process is None:
        return
    members = _family(process)
    process.terminate()
    try:
        process.wait(STOP_GRACE_S)
    except psutil.TimeoutExpired:
        members += _family(process)
    for member in members:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(members, timeout=STOP_GRACE_S)


def same_process(pid: int, started: float) -> psutil.Process | None:
    """The process ``pid`` if it was started at that time (as psutil gives it) and has not ended."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def answers(port: int, timeout_s: float) -> bool:
    """Whether a LocalStack answers at this port of 127.0.0.1."""
    return answer(port, timeout_s) == HTTPStatus.OK


def answer(port: int, timeout_s: float) -> int | None:
    """The HTTP status with which the port answers when asked for its health; None when nothing does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_localstack/health", timeout=timeout_s) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def executor_at(endpoint_url: str, timeout_s: float = 5.0) -> str | None:
    """The Lambda executor that a LocalStack with the lab's own runtime says it loaded; None from any other."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint_url.rstrip('/')}{REPORT_ADDRESS}", timeout=timeout_s) as response:
            return str(json.loads(response.read())["executor"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
