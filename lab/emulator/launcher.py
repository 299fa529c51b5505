"""Starts, finds and stops the embedded LocalStack of a lab.

One LocalStack process a lab name, in a process group of its own, bound to 127.0.0.1. A record in the lab's state
folder (``emulator.json``) says which process and port are ours. Nothing of LocalStack is imported here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lab import paths
from lab.errors import LabError

USUAL_PORT = 4566
EXECUTOR = "worker_pool"
# The class behind it, as the emulator itself reports it.
EXECUTOR_CLASS = "WorkerPoolExecutor"
START_DEADLINE_S = 90.0
STOP_GRACE_S = 5.0

# The services of the workshop. LocalStack loads each on first use; all others are refused.
SERVICES = "cloudwatch,events,iam,lambda,logs,resourcegroupstaggingapi,s3,sqs,stepfunctions,sts"

# What the emulator may see of the caller's environment: enough to run Python, nothing of AWS, no proxies.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# The switches of lab.emulator.runtime.
_PASSED_ON_PREFIXES = ("LAB_HOOKS", "LAB_WORKERS", "LAB_PURE_PYTHON")


class EmulatorError(LabError):
    """The embedded LocalStack could not be started, or is not what the lab needs."""


class EmulatorNotRunningError(LabError):
    """A command needs the embedded LocalStack and there is none for this lab."""


class PortTakenError(LabError):
    """A port that was asked for by name is in use."""


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
        return _same_process(self.pid, self.process_started)

    def orphaned(self) -> bool:
        """Whether it had an owner and that one ended."""
        return self.owner_pid != 0 and _same_process(self.owner_pid, self.owner_started) is None

    def healthy(self, timeout_s: float = 2.0) -> bool:
        """Whether it answers."""
        return _answers(self.port, timeout_s)


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
    wanted = port or int(os.environ.get("LAB_PORT") or 0) or None
    deadline = time.monotonic() + deadline_s
    for attempt in range(3):
        chosen = _choose_port(wanted, say, avoid_usual=attempt > 0)
        emulator = _launch(name, folder, chosen, extra_environment or {}, owned=owned)
        if _wait_until_ready(emulator, folder, deadline):
            _check_executor(emulator, folder)
            return emulator
        # Another program took the port between our look and LocalStack's bind.
        _end(emulator)
        if wanted is not None:
            raise _port_taken(wanted)
    raise EmulatorError(
        "LocalStack found no port to listen on, three times.",
        next_step=f"lab up --name {name}",
    )


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


def stop(name: str) -> bool:
    """End the lab's emulator and all its workers. Returns whether there was one."""
    emulator = find(name)
    if emulator is not None:
        _end(emulator)
    record = paths.state_root() / name / "emulator.json"
    record.unlink(missing_ok=True)
    shutil.rmtree(record.parent / "emulator", ignore_errors=True)
    return emulator is not None


def running() -> list[Emulator]:
    """Every emulator of this project that is alive."""
    return [emulator for name in paths.lab_names() if (emulator := find(name)) is not None]


def port_owner(port: int) -> str:
    """Who listens on a loopback port, in words; empty when it is free."""
    if _port_free(port):
        return ""
    for emulator in running():
        if emulator.port == port:
            return f"the lab '{emulator.name}' (process {emulator.pid})"
    if _answers(port, 1.0):
        return "another LocalStack"
    return "another program"


def _launch(name: str, folder: Path, port: int, extra_environment: Mapping[str, str], *, owned: bool) -> Emulator:
    data = folder / "emulator"
    shutil.rmtree(data, ignore_errors=True)  # an emulator starts empty; the record of runs is kept elsewhere
    # LocalStack is started in a folder with nothing in it, so that no file of a user can shadow a module.
    working_folder = data / "cwd"
    for needed in (working_folder, data / "tmp"):
        needed.mkdir(parents=True)
    log_file = folder / "emulator.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            cwd=working_folder,
            env=_environment(data, port, folder, extra_environment),
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


def _environment(data: Path, port: int, folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    passed = {
        key: value for key, value in os.environ.items() if key in _PASSED_ON or key.startswith(_PASSED_ON_PREFIXES)
    }
    return passed | {
        # Also where plux keeps its cache of entry points, which must not outlive an installation.
        "HOME": str(data / "cwd"),
        # LocalStack unpacks functions there, and leaves them when it is killed.
        "TMPDIR": str(data / "tmp"),
        "FILESYSTEM_ROOT": str(data / "filesystem"),
        "LOCALSTACK_VOLUME_DIR": str(data / "volume"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "SERVICES": SERVICES,
        # Queue URLs that a person can read: http://127.0.0.1:4566/queue/us-east-1/000000000000/name
        "SQS_ENDPOINT_STRATEGY": "path",
        "STRICT_SERVICE_LOADING": "1",
        "EAGER_SERVICE_LOADING": "0",
        "PERSISTENCE": "0",
        "LAMBDA_RUNTIME_EXECUTOR": EXECUTOR,
        # The mapping polls at once after a batch and comes back quickly from an idle spell.
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
        # Nobody reads these metrics, and a thread would publish them every minute.
        "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
        # Nothing leaves this machine: no version check, no usage report, no certificate, no DNS server.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "ACTIVATE_PRO": "0",
        "DNS_ADDRESS": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LS_LOG": "warning",
        "PYTHONUNBUFFERED": "1",
        "LAB_EMULATOR_REPORT": str(folder / "emulator" / "report.json"),
        **extra,
    }


def _wait_until_ready(emulator: Emulator, folder: Path, deadline: float) -> bool:
    """True once it answers on its port; False when another program holds the port."""
    while True:
        process = emulator.process()
        if process is None:
            last_lines = _tail(emulator.log_file)
            if "address already in use" in last_lines.lower():
                return False
            raise EmulatorError(
                f"LocalStack ended while it was starting. The last lines of its log, {emulator.log_file}:\n"
                f"{last_lines}",
                cause="a broken installation, or no memory left.",
                next_step="make clean && make demo",
            )
        if _answers(emulator.port, 1.0):
            addresses = _addresses(process, emulator.port)
            if addresses is not None and addresses - {"127.0.0.1"}:
                _end(emulator)
                raise EmulatorError(
                    f"LocalStack listened on {', '.join(sorted(addresses))} and was stopped: the lab's emulator is for "
                    "this machine only.",
                    cause="the lab's own package is not installed beside LocalStack.",
                    next_step="make clean && make demo",
                )
            return addresses is None or bool(addresses)
        if time.monotonic() > deadline:
            _end(emulator)
            raise EmulatorError(
                f"LocalStack did not answer in time. Its log is {emulator.log_file}.",
                cause="the machine is very busy.",
                next_step=f"lab up --name {emulator.name}",
            )
        time.sleep(0.05)


def _check_executor(emulator: Emulator, folder: Path) -> None:
    """LocalStack falls back to Docker without a word when the executor is unknown: look which one it loaded."""
    report = folder / "emulator" / "report.json"
    deadline = time.monotonic() + 5.0
    while not report.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        loaded = json.loads(report.read_text("utf-8")).get("executor")
    except (OSError, ValueError):
        loaded = None
    if loaded != EXECUTOR_CLASS:
        _end(emulator)
        raise EmulatorError(
            f"LocalStack loaded the Lambda executor {loaded!r} where the lab needs {EXECUTOR_CLASS!r}.",
            cause="the lab's own package is not installed beside LocalStack.",
            next_step="make clean && make demo",
        )


def _end(emulator: Emulator) -> None:
    """SIGTERM, a grace period, SIGKILL; then whatever is left of its process group and its children."""
    process = emulator.process()
    if process is None:
        return
    family = _family(process)
    process.terminate()
    try:
        process.wait(STOP_GRACE_S)
    except psutil.TimeoutExpired:
        family += _family(process)
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=STOP_GRACE_S)


def _end_orphans(say: Callable[[str], None]) -> None:
    for emulator in running():
        if emulator.orphaned():
            say(
                f"The emulator of lab '{emulator.name}' (process {emulator.pid}) was left by a killed run; it is ended."
            )
            stop(emulator.name)


def _same_process(pid: int, started: float) -> psutil.Process | None:
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


def _choose_port(wanted: int | None, say: Callable[[str], None], *, avoid_usual: bool) -> int:
    if wanted is not None:
        if not _port_free(wanted):
            raise _port_taken(wanted)
        return wanted
    if not avoid_usual and _port_free(USUAL_PORT):
        return USUAL_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    say(f"Port {USUAL_PORT} is taken by {port_owner(USUAL_PORT) or 'another program'}; this lab uses port {port}.")
    return port


def _port_taken(port: int) -> PortTakenError:
    return PortTakenError(
        f"Port {port} is taken by {port_owner(port) or 'another program'}.",
        next_step="unset LAB_PORT, and the lab chooses a free one: lab up",
    )


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            # LocalStack in Docker or another one may listen on all addresses; binding both ways finds either.
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _answers(port: int, timeout_s: float) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_localstack/health", timeout=timeout_s) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _addresses(process: psutil.Process, port: int) -> set[str] | None:
    """The addresses on which the process listens at a port; None where the system does not tell."""
    try:
        connections = process.net_connections(kind="tcp")
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return None
    return {entry.laddr.ip for entry in connections if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port}


def _tail(log_file: str, lines: int = 8) -> str:
    try:
        text = Path(log_file).read_text("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
