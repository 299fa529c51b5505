"""The emulators that carry the pipeline, behind one face: start, provision, send, see what ended, stop.

All of them get the same resources from the same code (``lab.stack``), the same functions and the same definition.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bench import processes
from lab import observe, paths, stack
from lab.emulator import launcher
from lab.errors import LabError
from lab.session import Watch
from lab.stack import queues
from lab.target import Target

EVENTS_OF_AN_EXECUTION = 22
MINISTACK = "ministack==1.5.33"
# MiniStack pins botocore; Lambda offers boto3 to every function, and start_execution uses it.
BOTO3_FOR_MINISTACK = "boto3==1.43.106"
# Without any change for so long, what is missing is not going to come: LocalStack without the hooks loses log events.
PATIENCE_S = 20.0
START_DEADLINE_S = 60.0


class PeerError(LabError):
    """The emulator that the lab is compared with could not be installed or started."""


class HooksError(LabError):
    """LocalStack does not run with the hooks that were asked for."""


class System(ABC):
    """One emulator.

    Attributes:
        name: of the lab on it.
        label: its row in the tables.
        burst: messages of one burst: as many as it can carry in reasonable time.
    """

    target: Target
    pid: int

    def __init__(self, name: str, label: str, burst: int) -> None:
        self.name = name
        self.label = label
        self.burst = burst

    @abstractmethod
    def start(self) -> None:
        """Start it empty; sets ``target`` and ``pid``."""

    @abstractmethod
    def stop(self) -> None:
        """End it and all that it started; safe to repeat."""

    @abstractmethod
    def executions(self) -> pd.DataFrame:
        """The executions so far: ``name``, ``lab_id``, ``execution_arn``, ``started``, ``finished``, ``status``."""

    @abstractmethod
    def started(self) -> set[str]:
        """Message ids whose execution was started, as the emulator itself tells."""

    @abstractmethod
    def fully_logged(self) -> set[str]:
        """Message ids whose execution has all 22 events in the log group."""

    @abstractmethod
    def wait(self, count: int, *, pause_s: float = 1.0) -> bool:
        """Wait until ``count`` executions in all have ended; False when nothing changed for a while before that."""

    def provision(self) -> None:
        """Make all resources."""
        self.names = stack.provision(self.target)
        self.queue_url = queues.url(self.names, self.names.queue)
        self.sqs = self.target.client("sqs")

    @contextmanager
    def running(self) -> Iterator[System]:
        """Started while the block lasts."""
        try:
            self.start()
            yield self
        finally:
            self.stop()


class EmbeddedLocalStack(System):
    """LocalStack as the lab starts it.

    Args:
        hooks: whether the lab's hooks are on.
    """

    def __init__(self, name: str, label: str, burst: int, *, hooks: bool) -> None:
        super().__init__(name, label, burst)
        self._hooks = "on" if hooks else "off"

    def start(self) -> None:
        emulator = launcher.start(
            self.name,
            port=processes.free_port(),
            owned=True,
            extra_environment={"LAB_HOOKS": self._hooks, "LAB_HOOKS_OFF": ""},
        )
        self.pid = emulator.pid
        self.target = Target("embedded", self.name)
        # A hook that stands aside does so without a word: the figures would belong to something else.
        report = json.loads((paths.state_folder(self.name) / "emulator" / "report.json").read_text("utf-8"))
        wrong = {name: state for name, state in report["hooks"].items() if state != self._hooks}
        if wrong or not report["hooks"]:
            raise HooksError(f"Hooks that are not {self._hooks}: {wrong or 'all of them'}.", next_step="make test")

    def provision(self) -> None:
        super().provision()
        self.watch = Watch(self.names)

    def stop(self) -> None:
        launcher.stop(self.name)

    def wait(self, count: int, *, pause_s: float = 1.0) -> bool:
        return self.watch.until_drained(count, patience_s=PATIENCE_S, pause_s=pause_s)

    def executions(self) -> pd.DataFrame:
        return self.watch.tables()[0]

    def started(self) -> set[str]:
        received = self.watch.tables()[2]
        return set(received.loc[received["execution_arn"].notna(), "message_id"]) | set(self.executions()["name"])

    def fully_logged(self) -> set[str]:
        executions = self.executions()
        return set(executions.loc[executions["events"] == EVENTS_OF_AN_EXECUTION, "name"])


class MiniStack(System):
    """MiniStack from PyPI, in an environment of its own.

    It keeps no execution events in CloudWatch Logs. Unlike AWS it lists Express executions, so they are counted there.

    Args:
        folder: where the environment and its temporary files go.
    """

    def __init__(self, name: str, label: str, burst: int, folder: Path) -> None:
        super().__init__(name, label, burst)
        self._folder = folder
        self._python = install(folder / "environment")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port = processes.free_port()
        scratch = self._folder / "scratch"
        scratch.mkdir(exist_ok=True)
        with (self._folder / "ministack.log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", "ministack.app"],
                cwd=scratch,
                env={
                    "PATH": f"{Path(self._python).parent}:/usr/local/bin:/usr/bin:/bin",
                    "HOME": str(scratch),
                    "TMPDIR": str(scratch),
                    "LANG": "C.UTF-8",
                    "GATEWAY_PORT": str(port),
                    "BIND_HOST": "127.0.0.1",
                    "LOG_LEVEL": "WARNING",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        deadline = time.monotonic() + START_DEADLINE_S
        while not _answers(f"http://127.0.0.1:{port}/_ministack/health"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PeerError("MiniStack did not start.", next_step=f"read {self._folder}/ministack.log")
            time.sleep(0.05)
        self.target = Target("localstack", self.name, endpoint_url=f"http://127.0.0.1:{port}")

    def stop(self) -> None:
        if self._process is not None:
            processes.end_tree(self._process.pid)
            self._process.wait()
            self._process = None
            shutil.rmtree(self._folder / "scratch", ignore_errors=True)

    def wait(self, count: int, *, pause_s: float = 1.0) -> bool:
        last, changed = (0, 0), time.monotonic()
        while True:
            found = self._listed()
            ended = sum(entry["status"] != "RUNNING" for entry in found)
            if ended >= count:
                return True
            if (len(found), ended) != last:
                last, changed = (len(found), ended), time.monotonic()
            elif time.monotonic() - changed > PATIENCE_S:
                return False
            time.sleep(pause_s)

    def executions(self) -> pd.DataFrame:
        found = self._listed()
        table = pd.DataFrame(
            {
                "execution_arn": [entry["executionArn"] for entry in found],
                "name": [entry["name"] for entry in found],
                "lab_id": [None] * len(found),
                "started": [entry["startDate"] for entry in found],
                "finished": [entry.get("stopDate") for entry in found],
                "status": [entry["status"] for entry in found],
            },
        ).astype({"lab_id": object})
        for column in ("started", "finished"):
            table[column] = pd.to_datetime(table[column], utc=True).astype("datetime64[ns, UTC]")
        return table

    def started(self) -> set[str]:
        return {entry["name"] for entry in self._listed()}

    def fully_logged(self) -> set[str]:
        log = observe.ExecutionLog()
        log.add(observe.LogReader(self.target.client("logs"), self.names.log_group).messages())
        executions, _ = log.tables()
        return set(executions.loc[executions["events"] == EVENTS_OF_AN_EXECUTION, "name"])

    def _listed(self) -> list[dict[str, Any]]:
        pages = self.target.client("stepfunctions").get_paginator("list_executions")
        return [
            entry
            for page in pages.paginate(stateMachineArn=self.names.state_machine_arn)
            for entry in page["executions"]
        ]


def install(environment: Path, say: Callable[[str], None] = print) -> str:
    """Make an environment with MiniStack in it, unless it is there; return its Python.

    Raises:
        PeerError: PyPI cannot be reached, or the package cannot be installed.
    """
    python = environment / "bin" / "python"
    if python.exists():
        return str(python)
    say(f"Installing {MINISTACK} into an environment of its own ...")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    packages = [MINISTACK, BOTO3_FOR_MINISTACK]
    if uv:
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *packages],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", *packages],
        ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(environment, ignore_errors=True)
            raise PeerError(
                f"MiniStack could not be installed:\n{done.stderr.strip()}",
                next_step="check the network connection, or run the other benchmarks",
            )
    return str(python)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0) as response:
            return bool(response.status == 200)
    except OSError:
        return False
