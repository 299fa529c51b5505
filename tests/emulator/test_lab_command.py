"""The ``lab`` command as a person types it, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests import documentation

LAB = Path(sys.executable).parent / "lab"

# Imported by every Python process of a lab: writes down each address that anybody connects to or asks the DNS for.
WITNESS = """
import os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "unix"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    with open(os.environ["WITNESS_FILE"], "a") as file:
        file.write(f"{event} {host}\\n")
sys.addaudithook(note)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs ``lab`` with a state folder of its own; ends whatever it left behind."""
    environment = {"LAB_STATE_DIR": str(tmp_path / "state folder")}

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAB, *arguments],
            env=os.environ | environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    yield run
    for record in (tmp_path / "state folder").glob("*/emulator.json"):
        run("down", "--name", record.parent.name)


def status_of(lab: Callable[..., subprocess.CompletedProcess[str]], name: str) -> dict[str, object]:
    return dict(json.loads(lab("status", "--json", "--name", name).stdout))


def processes_of(state: Path) -> list[psutil.Process]:
    """Every process that has this state folder in its environment or command line."""
    found = []
    for process in psutil.process_iter():
        try:
            belongs = str(state) in " ".join(process.cmdline()) or any(
                str(state) in value for value in process.environ().values()
            )
            if belongs and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_up_status_send_down(lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    up = lab("up", "--name", "a")
    assert up.returncode == 0, up.stderr
    assert "Next: lab send --name a" in up.stdout

    status = status_of(lab, "a")
    documentation.validate(status, "status")
    assert set(status) == {
        "schema_version",
        "endpoint_url",
        "region",
        "queue_url",
        "dead_letter_queue_url",
        "failing_on_purpose",
        "failure_queue_url",
        "state_machine_arn",
        "workflow",
        "log_group",
        "functions",
        "emulator_pid",
    }
    assert psutil.pid_exists(int(str(status["emulator_pid"])))

    sent = lab("send", "--name", "a")
    assert sent.returncode == 0, sent.stderr
    for fact in ("540", "Tokenize and count", "the 5"):
        assert fact in sent.stdout

    text = tmp_path / "my text.txt"
    text.write_text("Zażółć gęślą jaźń")
    assert "17" in lab("send", "--name", "a", "--file", str(text)).stdout

    down = lab("down", "--name", "a")
    assert down.returncode == 0, down.stderr
    assert "Nothing of the lab 'a' is left" in down.stdout
    assert processes_of(tmp_path / "state folder") == []


def test_two_labs_at_the_same_time(lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    environment = os.environ | {"LAB_STATE_DIR": str(tmp_path / "state folder")}
    both = [subprocess.Popen([LAB, "up", "--name", name], env=environment) for name in ("a", "b")]
    assert [process.wait(120) for process in both] == [0, 0]
    first, second = status_of(lab, "a"), status_of(lab, "b")
    assert first["endpoint_url"] != second["endpoint_url"]
    assert first["emulator_pid"] != second["emulator_pid"]
    assert lab("down", "--name", "a").returncode == 0
    assert lab("send", "--name", "b").returncode == 0


def test_a_killed_emulator_leaves_no_process_and_the_next_up_works(
    lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert lab("up", "--name", "a").returncode == 0
    assert lab("send", "--name", "a").returncode == 0
    os.kill(int(str(status_of(lab, "a")["emulator_pid"])), signal.SIGKILL)

    deadline = time.monotonic() + 20
    while processes_of(tmp_path / "state folder") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(tmp_path / "state folder") == []

    refused = lab("send", "--name", "a")
    assert refused.returncode == 3
    assert "The lab 'a' is not running." in refused.stderr
    assert lab("up", "--name", "a").returncode == 0
    assert lab("send", "--name", "a").returncode == 0


def test_three_starts_at_once_make_one_emulator_and_down_finds_it_without_its_folder(
    lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    state, name = tmp_path / "state folder", f"t-{uuid.uuid4().hex[:8]}"
    environment = os.environ | {"LAB_STATE_DIR": str(state)}
    three = [subprocess.Popen([LAB, "up", "--name", name], env=environment) for _ in range(3)]
    assert [process.wait(120) for process in three] == [0, 0, 0]
    emulators = [process for process in processes_of(state) if "localstack.runtime.main" in process.cmdline()]
    assert len(emulators) == 1

    refused = lab("demo", "--name", name, "--out", str(tmp_path / "out"))
    assert refused.returncode == 3
    assert f"The lab '{name}' is up" in refused.stderr
    assert emulators[0].is_running()

    elsewhere = lab("down", "--name", name, LAB_STATE_DIR=str(tmp_path / "other"))
    assert elsewhere.returncode == 3
    assert "is left" not in elsewhere.stdout
    assert f"LAB_STATE_DIR='{state}' lab down --name {name}" in elsewhere.stderr

    shutil.rmtree(state)
    assert lab("down", "--name", name).returncode == 0
    assert processes_of(state) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_demo_that_is_stopped_takes_its_emulator_down(number: signal.Signals, code: int, tmp_path: Path) -> None:
    state = tmp_path / "state folder"
    demo = subprocess.Popen(
        [LAB, "demo", "--out", str(tmp_path / "out")],
        env=os.environ | {"LAB_STATE_DIR": str(state)},
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal, also where the tests run with signals that are ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not list(state.glob("*/emulator/report.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    demo.send_signal(number)
    _, said = demo.communicate(timeout=60)
    assert demo.returncode == code
    assert "was taken down; nothing of it is left" in said
    assert processes_of(state) == []


def test_a_killed_demo_is_cleaned_up_by_the_next_lab(
    lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    state = tmp_path / "state folder"
    demo = subprocess.Popen(
        [LAB, "demo", "--out", str(tmp_path / "out")],
        env=os.environ | {"LAB_STATE_DIR": str(state)},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(state.glob("*/emulator/report.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    demo.kill()
    demo.wait()
    (left,) = state.glob("demo-*/emulator.json")
    left_pid = json.loads(left.read_text())["pid"]
    assert psutil.pid_exists(left_pid)

    up = lab("up", "--name", "a")
    assert up.returncode == 0
    assert "left by a killed run" in up.stdout
    assert not psutil.pid_exists(left_pid)
    assert lab("down", "--name", "a").returncode == 0
    assert processes_of(state) == []


def test_with_real_looking_credentials_nothing_but_loopback_is_ever_called(
    lab: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness" / "sitecustomize.py").write_text(WITNESS)
    credentials = tmp_path / "credentials"
    credentials.write_text("[work]\naws_access_key_id = AKIAREALLOOKINGKEY00\naws_secret_access_key = real\n")
    environment = {
        "PYTHONPATH": str(tmp_path / "witness"),
        "WITNESS_FILE": str(tmp_path / "connections"),
        "AWS_PROFILE": "work",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_ACCESS_KEY_ID": "AKIAREALLOOKINGKEY00",
        "AWS_SECRET_ACCESS_KEY": "real-looking-secret",
        "AWS_ENDPOINT_URL": "https://example.invalid",
        "HTTP_PROXY": "http://proxy.invalid:3128",
        "HTTPS_PROXY": "http://proxy.invalid:3128",
    }
    # The launcher passes nothing of Python's settings on; a test may ask for it.
    script = (
        "import os, sys\n"
        "from lab import session\n"
        "from lab.load import messages\n"
        "from lab.emulator import launcher\n"
        "from lab.target import resolve\n"
        "target = resolve(name='watched')\n"
        "launcher.start('watched', owned=True, extra_environment={\n"
        "    name: os.environ[name] for name in ('PYTHONPATH', 'WITNESS_FILE')})\n"
        "session.up(target)\n"
        "executions, _ = session.send(target, [messages.SAMPLE_BODY])\n"
        "assert list(executions['status']) == ['SUCCEEDED']\n"
        "assert session.down(target) == []\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment | {"LAB_STATE_DIR": str(tmp_path / "state folder")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = set((tmp_path / "connections").read_text().splitlines())
    hosts = {line.split(" ", 1)[1] for line in lines}
    assert "127.0.0.1" in hosts, "the witness saw nothing"
    assert hosts - {"unix"} <= {"127.0.0.1", "localhost", "::1"}, hosts


def test_send_before_up_is_one_sentence_and_the_next_command(
    lab: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    refused = lab("send", "--name", "never-started")
    assert refused.returncode == 3
    assert refused.stderr.splitlines() == [
        "The lab 'never-started' is not running.",
        "Next: lab up --name never-started",
    ]


def test_a_taken_port_is_one_sentence_and_the_way_out(lab: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        refused = lab("up", "--name", "a", LAB_PORT=str(port))
    assert refused.returncode == 3
    assert refused.stderr.splitlines()[0] == f"Port {port} is taken by another program."
    assert "Traceback" not in refused.stderr


def test_a_folder_that_cannot_be_written_is_one_sentence_and_the_way_out(
    lab: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    refused = lab("up", LAB_STATE_DIR="/dev/null/state")
    assert refused.returncode == 2
    assert "cannot write its state folder /dev/null/state" in refused.stderr
    assert "Next: LAB_STATE_DIR=" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("send", "--file", "no-such-file", "--name", "a"), "There is no file no-such-file.", 2),
        (("status", "--target", "cloud"), "There is no target 'cloud'.", 2),
        (("status", "--name", "Not A Name"), "cannot be the name of a lab", 2),
        (("ramp", "--rates", "fast"), "is not a number", 2),
        (("ramp", "--expect", "p99<500"), "needs a unit", 2),
        (("up", "--target", "localstack"), "does not answer", 3),
        (("ramp", "--target", "localstack"), "does not answer", 3),
    ],
)
def test_a_mistake_of_the_user_is_no_traceback(
    lab: Callable[..., subprocess.CompletedProcess[str]], arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    refused = lab(*arguments, LAB_ENDPOINT_URL="http://127.0.0.1:1")
    assert refused.returncode == code
    assert sentence in refused.stderr
    assert "Next: " in refused.stderr
    assert "Traceback" not in refused.stderr
