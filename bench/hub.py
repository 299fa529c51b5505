"""Several learners on one machine: what 1, 2, 4 and 8 labs at a time need, and whether one sees another.

Each learner has a home, a state folder and a lab's name of their own, as on a Jupyter server. All type `lab up`, then
all send the sample and a text that names them, then all open JupyterLab and run the first cell of a notebook.

    python -m bench.hub                  # about 4 minutes
    python -m bench.hub --quick          # 1 and 2 labs, into out/bench
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import jupyter_client
import psutil

from bench import machine, tables
from bench.options import Options, parser_for
from bench.processes import MIB, end_tree
from bench.workplace import workplace
from lab import observe, paths
from lab.load import messages

LABS = (1, 2, 4, 8)
QUICK_LABS = (1, 2)
IDLE_S = 5.0
DEADLINE_S = 300.0
FIRST_CELL = "import pandas as pd\nfrom lab import charts, stack, workshop\nfrom lab.workshop import self_checks"


class HubError(Exception):
    """A lab did not come up, lost a message, or saw another's."""


@dataclass
class Learner:
    """One of several: a lab's name, and folders that nobody else has."""

    number: int
    folder: Path
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"learner-{self.number}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "JUPYTER"))}
        return kept | {
            "HOME": str(self.folder),
            "LAB_NAME": self.name,
            "LAB_STATE_DIR": str(self.folder / "state"),
            "LAB_WORKSHOP_DIR": str(self.folder / "my-workshop"),
        }

    def starts(self, *words: str) -> subprocess.Popen[str]:
        """``lab`` with these words, in this learner's environment."""
        command = [str(Path(sys.executable).parent / "lab"), *words]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=self.environment, cwd=self.folder, **pipes)

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(
            service, endpoint_url=self.status["endpoint_url"], region_name=self.status["region"], **keys
        )


@dataclass(frozen=True)
class Measured:
    """One size: so many labs at a time. Times are the longest that a learner waited; memory is all labs' together."""

    labs: int
    up_s: float
    send_s: float
    down_s: float
    lab_mib: float
    jupyter_mib: float
    kernel_mib: float
    idle_cores: float

    @property
    def a_learner_mib(self) -> float:
        return (self.lab_mib + self.jupyter_mib + self.kernel_mib) / self.labs


def measure(count: int, folder: Path) -> Measured:
    """So many learners, from `lab up` to `lab down`.

    Raises:
        HubError: one of them did not get what they would have got alone.
    """
    learners = [Learner(number, folder / f"{count} labs" / f"home {number}") for number in range(1, count + 1)]
    for learner in learners:
        learner.folder.mkdir(parents=True)
    try:
        up_s = _all(learners, "up")
        for learner in learners:
            learner.status = json.loads(_said(learner, learner.starts("status", "--json")))
            (learner.folder / "mine.txt").write_text(f"{messages.SAMPLE_TEXT} {learner.name.replace('-', '')}", "utf-8")
        send_s = _all(learners, "send")
        _all(learners, "send", "--file", "mine.txt")
        for learner in learners:
            _check(learner, learners)
        labs = [psutil.Process(learner.status["emulator_pid"]) for learner in learners]
        lab_mib = _memory(labs)
        before = _cpu_s(labs)
        time.sleep(IDLE_S)
        idle_cores = (_cpu_s(labs) - before) / IDLE_S
        with ExitStack() as opened:
            servers = [psutil.Process(opened.enter_context(_jupyter(learner))) for learner in learners]
            kernels = [psutil.Process(opened.enter_context(_kernel(learner))) for learner in learners]
            jupyter_mib, kernel_mib = _memory(servers), _memory(kernels)
        down_s = _all(learners, "down")
    finally:
        for learner in learners:
            if pid := learner.status.get("emulator_pid"):
                end_tree(pid)
    return Measured(count, up_s, send_s, down_s, lab_mib, jupyter_mib, kernel_mib, idle_cores)


def _all(learners: Sequence[Learner], *words: str) -> float:
    """All type the same at the same time; seconds until the last has an answer."""
    began = time.monotonic()
    for learner, process in [(learner, learner.starts(*words)) for learner in learners]:
        _said(learner, process)
    return time.monotonic() - began


def _said(learner: Learner, process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=DEADLINE_S)
    if process.returncode:
        raise HubError(f"{learner.name}: {process.args!r} ended with {process.returncode}: {said}")
    return said


def _check(learner: Learner, learners: Sequence[Learner]) -> None:
    """Both messages of this learner succeeded, each once, nothing is left in the queue, and nobody else's came here."""
    log = observe.ExecutionLog()
    log.add(observe.LogReader(learner.client("logs"), learner.status["log_group"]).messages())
    executions, _ = log.tables()
    if list(executions["status"]) != ["SUCCEEDED"] * 2 or executions["name"].nunique() != 2:
        raise HubError(f"{learner.name}: of two messages came {executions[['name', 'status']].to_dict('records')}")
    seen = set(re.findall(r"learner\d+", " ".join(executions["output"])))
    if seen != {learner.name.replace("-", "")}:
        raise HubError(f"{learner.name} saw the messages of {sorted(seen)}")
    if left := observe.queue_depth(learner.client("sqs"), learner.status["queue_url"]).total:
        raise HubError(f"{learner.name}: {left} messages are left in the queue")
    if len({each.status["endpoint_url"] for each in learners}) != len(learners):
        raise HubError("Two learners have one address.")


def _family(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def _memory(roots: Sequence[psutil.Process]) -> float:
    """MiB of these processes and all that they started: PSS, where what several share counts once; on macOS USS."""
    sizes = [process.memory_full_info() for process in _family(roots)]
    return float(sum(getattr(size, "pss", size.uss) for size in sizes)) / MIB


def _cpu_s(roots: Sequence[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in _family(roots)))


@contextmanager
def _jupyter(learner: Learner) -> Iterator[int]:
    """JupyterLab as `lab notebook` starts it; the process id of the server."""
    process = learner.starts("notebook", "--no-browser")
    try:
        for line in process.stdout or ():
            if line.startswith("The workshop is open at"):
                break
        else:
            raise HubError(f"{learner.name}: JupyterLab did not start")
        (server,) = psutil.Process(process.pid).children()
        yield server.pid
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


@contextmanager
def _kernel(learner: Learner) -> Iterator[int]:
    """A kernel that has run the first cell of a notebook; its process id."""
    manager, client = jupyter_client.manager.start_new_kernel(
        kernel_name="python3",
        env=learner.environment | {"JUPYTER_PREFER_ENV_PATH": "1"},
        cwd=str(paths.PROJECT),
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = client.execute_interactive(FIRST_CELL, timeout=DEADLINE_S)
        if answer["content"]["status"] != "ok":
            raise HubError(f"{learner.name}: {answer['content']}")
        yield int(getattr(manager.provisioner, "pid", 0))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def table(found: Sequence[Measured]) -> str:
    times = ("all are up", "all samples back", "all are down")
    header = ["labs", *times, "a lab", "its JupyterLab", "its kernel", "all learners", "idle"]
    rows = [
        [
            str(each.labs),
            tables.seconds(each.up_s),
            tables.seconds(each.send_s),
            tables.seconds(each.down_s),
            tables.mebibytes(each.lab_mib / each.labs),
            tables.mebibytes(each.jupyter_mib / each.labs),
            tables.mebibytes(each.kernel_mib / each.labs),
            tables.mebibytes(each.a_learner_mib * each.labs),
            f"{each.idle_cores:.2f} cores",
        ]
        for each in found
    ]
    return tables.markdown_table(header, rows)


def run(chosen: Options) -> Path:
    """Measure all sizes and write ``hub.md``."""
    described = machine.describe()
    found = []
    with workplace() as folder:
        for count in QUICK_LABS if chosen.quick else LABS:
            found.append(measure(count, folder))
            chosen.say(f"   {found[-1]}")
    parts = [
        "Every learner's two messages succeeded, each once; nobody's log or queue held another's.",
        table(found),
        "Times are those of the learner who waits longest, while all type the same. Memory is PSS: what several "
        "processes share counts once. A lab is LocalStack with its Lambda workers after two messages; the kernel has "
        "imported what a notebook imports first; idle is the CPU of all labs while nobody does anything.",
    ]
    return tables.write(chosen.folder, "hub", "Several learners on one machine", described, parts)


if __name__ == "__main__":
    print(run(parser_for(__doc__)))
