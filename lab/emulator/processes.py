"""The process of an embedded LocalStack: how it is known again, and its end with all its workers.

An emulator carries its own record, the mark, in its environment: a random token, the lab's name, and where its state
is. No clock, no process id that was given again and no folder that was removed makes another one of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import psutil

from lab import paths
from lab.emulator import locks
from lab.emulator.health import answers
from lab.errors import UnavailableError

STOP_GRACE_S = 5.0
BETWEEN_PROGRAMS_S = 0.2  # some milliseconds; more on a busy machine
MARK = "LAB_EMULATOR_MARK"


class EmulatorNotRunningError(UnavailableError):
    """A command needs the embedded LocalStack and there is none for this lab."""


@dataclass(frozen=True)
class Mark:
    """What an emulator's process says of itself.

    Attributes:
        token: random, its own.
        name: of its lab.
        port: on 127.0.0.1.
        log_file: what LocalStack prints.
        state: the state folder of all labs under which it was started, without links.
        project: the folder of the project that started it.
        owned: whether it ends with the last process that uses it (``lab demo``, ``lab notebook``, a test); otherwise it
            runs until ``lab down``.
    """

    token: str
    name: str
    port: int
    log_file: str
    state: str
    project: str
    owned: bool = False


@dataclass(frozen=True)
class Emulator:
    """A running embedded LocalStack: its mark, and the process that carries it.

    Attributes:
        pid: of the LocalStack process, which leads a process group and a session of its own.
    """

    pid: int
    mark: Mark

    @property
    def name(self) -> str:
        """The lab's."""
        return self.mark.name

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        return self.mark.port

    @property
    def log_file(self) -> str:
        """What LocalStack prints."""
        return self.mark.log_file

    @property
    def endpoint_url(self) -> str:
        """Where its AWS API answers."""
        return f"http://127.0.0.1:{self.port}"

    def process(self) -> psutil.Process | None:
        """The process, or None when it ended (a later process with the same id does not carry the token)."""
        mark = marks_of([self.pid]).get(self.pid)
        return psutil.Process(self.pid) if mark is not None and mark.token == self.mark.token else None

    def orphaned(self) -> bool:
        """Whether it ought to have ended with its users, and they have ended."""
        return self.mark.owned and locks.abandoned(self.mark.token)

    def healthy(self, timeout_s: float = 2.0) -> bool:
        """Whether it answers."""
        return answers(self.port, timeout_s)


class _BetweenProgramsError(Exception):
    """For a moment, while a program takes the place of another one, the system shows no environment at all."""


def _look_at(pid: int) -> Mark | None:
    try:
        process = psutil.Process(pid)
        environment = process.environ()
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not environment and process.exe():  # a thread of the kernel has neither
            raise _BetweenProgramsError
        text = environment.get(MARK)
        # What LocalStack starts may inherit the variable, but leads no session.
        return None if text is None or os.getsid(pid) != pid else Mark(**json.loads(text))
    except (psutil.Error, OSError, ValueError, TypeError):
        return None


def marks_of(pids: Iterable[int]) -> dict[int, Mark]:
    """The marks that living processes carry, by process id: those among them that are emulators of this user."""
    marks: dict[int, Mark] = {}
    deadline = time.monotonic() + BETWEEN_PROGRAMS_S
    while True:
        between = []
        for pid in pids:
            try:
                mark = _look_at(pid)
            except _BetweenProgramsError:
                between.append(pid)
                continue
            if mark is not None:
                marks[pid] = mark
        if not between or time.monotonic() > deadline:
            return marks
        pids = between
        time.sleep(0.01)


def everyone() -> list[Emulator]:
    """Every emulator of this user that is alive, of whatever project and state folder, by process id."""
    return [Emulator(pid, mark) for pid, mark in sorted(marks_of(psutil.pids()).items())]


def running() -> list[Emulator]:
    """Every emulator under the state folder of now that is alive."""
    return [emulator for emulator in everyone() if emulator.mark.state == str(paths.real_state_root())]


def all_of(name: str) -> list[Emulator]:
    """The lab's emulators: one, unless something went wrong."""
    return [emulator for emulator in running() if emulator.name == name]


def find(name: str) -> Emulator | None:
    """The lab's emulator when it is alive, answering or not."""
    recorded = _recorded(name)
    if recorded is not None:
        return recorded
    return next(iter(all_of(name)), None)


def elsewhere(name: str) -> list[Emulator]:
    """Emulators of a lab of this name and this project that were started under another state folder."""
    state, project = str(paths.real_state_root()), os.path.realpath(paths.PROJECT)
    return [
        emulator
        for emulator in everyone()
        if emulator.name == name and emulator.mark.project == project and emulator.mark.state != state
    ]


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


def write_record(emulator: Emulator) -> None:
    """Note where the emulator is, so that it is found without a look at every process; the mark says whether it is."""
    record = paths.state_folder(emulator.name) / "emulator.json"
    record.with_suffix(".new").write_text(json.dumps({"pid": emulator.pid, **asdict(emulator.mark)}), "utf-8")
    record.with_suffix(".new").replace(record)


def _recorded(name: str) -> Emulator | None:
    try:
        record = json.loads((paths.state_root() / name / "emulator.json").read_text("utf-8"))
        pid, token = int(record["pid"]), record["token"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    mark = marks_of([pid]).get(pid)
    return Emulator(pid, mark) if mark is not None and mark.token == token else None


def end(emulator: Emulator) -> None:
    """SIGTERM, a grace period, SIGKILL; then whatever is left of its process group and its children."""
    process = emulator.process()
    if process is not None:
        members = _family(process)
        try:
            process.terminate()
            process.wait(STOP_GRACE_S)
        except psutil.NoSuchProcess:
            pass  # somebody else ended it meanwhile
        except psutil.TimeoutExpired:
            members += _family(process)
        kill(members)
    locks.forget(emulator.mark.token)


def kill(members: Iterable[psutil.Process]) -> None:
    """SIGKILL to each that is left, and wait until they have ended."""
    members = list(members)
    for member in members:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(members, timeout=STOP_GRACE_S)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]
