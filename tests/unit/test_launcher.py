"""Starting and finding the emulator: ports, records of dead processes, and a LocalStack that does not start."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab import paths
from lab.emulator import failing, launcher, ports, processes
from lab.emulator.environment import environment
from lab.emulator.launcher import EmulatorError
from lab.emulator.ports import PortTakenError


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LAB_PORT", raising=False)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_named_with_the_way_out(taken_port: int) -> None:
    with pytest.raises(PortTakenError) as caught:
        launcher.start("a", port=taken_port)
    assert f"Port {taken_port} is taken by another program" in caught.value.render()
    assert "lab up" in caught.value.render()


def test_when_the_usual_port_is_taken_another_one_is_chosen_and_said(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "USUAL_PORT", taken_port)
    said: list[str] = []
    port = ports.choose_port(None, said.append, avoid_usual=False)
    assert port != taken_port
    assert f"Port {taken_port} is taken" in said[0]
    assert str(port) in said[0]


def test_a_localstack_that_ends_at_start_is_reported_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dying = tmp_path / "dying-python"
    dying.write_text("#!/bin/sh\necho 'no module named everything' >&2\nexit 3\n")
    dying.chmod(0o755)
    monkeypatch.setattr(launcher.sys, "executable", str(dying))
    with pytest.raises(EmulatorError) as caught:
        launcher.start("a")
    text = caught.value.render()
    assert "ended while it was starting" in text
    assert "no module named everything" in text
    assert "Next: " in text


ANSWERS_HEALTH = """
import http.server, os
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
port = int(os.environ["GATEWAY_LISTEN"].rpartition(":")[2])
http.server.HTTPServer(("127.0.0.1", port), Healthy).serve_forever()
"""


ANSWERS_ERRORS = """
import http.server, os, sys
class Failing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("Traceback (most recent call last):", file=sys.stderr)
        print("PermissionError: [Errno 13] Permission denied: '/usr/lib/localstack'", file=sys.stderr, flush=True)
        self.send_response(500)
        self.end_headers()
    def log_message(self, *args):
        pass
port = int(os.environ["GATEWAY_LISTEN"].rpartition(":")[2])
http.server.HTTPServer(("127.0.0.1", port), Failing).serve_forever()
"""
LOGS_ERRORS = ANSWERS_ERRORS.replace(
    "Traceback (most recent call last):",
    "2026-11-26T10:54:22.116 ERROR --- [et.reactor-0] l.aws.handlers.logging  : exception during call chain: no folder",
).replace("PermissionError: [Errno 13]", "told twice")
PRINTS_A_TRACEBACK_AND_HANGS = """
import threading, time
def fail():
    raise OSError("no space left on device")
threading.Thread(target=fail).start()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        (ANSWERS_ERRORS, "PermissionError: [Errno 13] Permission denied: '/usr/lib/localstack'"),
        (LOGS_ERRORS, "exception during call chain: no folder"),
        (PRINTS_A_TRACEBACK_AND_HANGS, "OSError: no space left on device"),
    ],
)
def test_a_localstack_that_fails_without_ending_is_ended_within_seconds_and_its_own_words_are_the_cause(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, cause: str
) -> None:
    (tmp_path / "program.py").write_text(program)
    failing_python = tmp_path / "failing-python"
    failing_python.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{tmp_path}/program.py'\n")
    failing_python.chmod(0o755)
    monkeypatch.setattr(launcher.sys, "executable", str(failing_python))
    monkeypatch.setattr(failing, "ERRORS_FOR_S", 0.5)
    monkeypatch.setattr(failing, "AFTER_TRACEBACK_S", 0.5)
    with pytest.raises(EmulatorError) as caught:
        launcher.start("a", deadline_s=20.0)
    assert caught.value.cause == cause
    assert "The last lines of its log" in caught.value.what
    assert processes.running() == []


def test_a_localstack_that_recovers_from_an_error_is_waited_for(tmp_path: Path) -> None:
    watch = failing.Watch(str(tmp_path / "log"))
    assert not watch.failing(500)
    assert watch._errors_since is not None
    assert not watch.failing(None)
    assert watch._errors_since is None


def test_an_emulator_that_others_in_the_network_can_reach_is_refused_and_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "server.py").write_text(ANSWERS_HEALTH)
    healthy = tmp_path / "healthy-python"
    healthy.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{tmp_path}/server.py'\n")
    healthy.chmod(0o755)
    monkeypatch.setattr(launcher.sys, "executable", str(healthy))
    looked_at: list[psutil.Process] = []

    def everywhere(process: psutil.Process, port: int) -> set[str]:
        looked_at.append(process)
        return {"127.0.0.1", "0.0.0.0"}

    monkeypatch.setattr(launcher, "listening_addresses", everywhere)
    with pytest.raises(EmulatorError, match=r"0\.0\.0\.0"):
        launcher.start("a")
    assert looked_at
    assert not looked_at[0].is_running()
    assert processes.running() == []


def test_a_state_folder_that_cannot_be_made_is_one_sentence_and_a_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "file" / "inside"))
    with pytest.raises(paths.StateFolderError, match="cannot write its state folder"):
        launcher.start("a")


def test_the_emulator_sees_nothing_of_the_users_aws_setup_and_listens_on_loopback_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "PYTHONPATH"):
        monkeypatch.setenv(name, "real-looking")
    made = environment(tmp_path, 4566, {})
    assert "real-looking" not in made.values()
    assert made["GATEWAY_LISTEN"] == "127.0.0.1:4566"
    assert made["HOME"].startswith(str(tmp_path))
