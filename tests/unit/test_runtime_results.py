"""Payloads, log lines, environment and settings of workers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lab.emulator.runtime import memory_meter, results, settings
from lab.emulator.runtime.hooks import function_runtimes
from lab.emulator.runtime.report import make_report, write_report
from lab.emulator.runtime.results import Outcome
from lab.emulator.runtime.worker_environment import worker_command, worker_environment


def test_message_of_a_timeout() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    assert results.timed_out_message("id-1", 3, moment) == (
        "2026-01-02T03:04:05.678Z id-1 Task timed out after 3.00 seconds"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (None, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-1000, "Runtime exited with error: signal: 1000"),
    ],
)
def test_message_of_an_end(code: int | None, reason: str) -> None:
    assert results.exit_message("id-1", code) == f"RequestId: id-1 Error: {reason}"


def test_error_while_starting_gets_the_request_that_met_it() -> None:
    body = json.dumps({"errorType": "Runtime.ImportModuleError", "requestId": ""}).encode()
    assert json.loads(results.init_error_payload(body, "id-1")) == {
        "errorType": "Runtime.ImportModuleError",
        "requestId": "id-1",
    }
    assert json.loads(results.init_error_payload(b"no json", "id-1"))["errorMessage"] == "no json"


def test_log_of_a_plain_invocation() -> None:
    outcome = Outcome(payload=b"{}", output="hello", duration_s=0.0123, memory_used_mb=39)
    assert results.log_text(outcome, request_id="id-1", version="7", memory_size_mb=128) == (
        "START RequestId: id-1 Version: 7\n"
        "hello\n"
        "END RequestId: id-1\n"
        "REPORT RequestId: id-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 39 MB\n"
    )


def test_log_of_a_failed_first_invocation() -> None:
    outcome = Outcome(
        payload=b"{}", is_error=True, init_output="starting\n", duration_s=1, init_s=0.2504, status="timeout"
    )
    text = results.log_text(outcome, request_id="id-1", version="$LATEST", memory_size_mb=128)
    assert text.startswith("starting\nSTART ")
    assert text.endswith("Billed Duration: 1251 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t"
                         "Init Duration: 250.40 ms\tStatus: timeout\n")  # fmt: skip


def test_environment_holds_nothing_of_the_person() -> None:
    parent = {
        "PATH": "/bin",
        "HOME": "/home/somebody",
        "AWS_PROFILE": "somebody",
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODY",
        "HTTPS_PROXY": "http://192.0.2.1",
        "PYTHONPATH": "/somebody",
        "LAB_NAME": "workshop",
    }
    given = {"AWS_ACCESS_KEY_ID": "key", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 128, "LOCALSTACK_RUNTIME_ID": "x"}
    environment = worker_environment(given, runtime="python3.12", code_directory=Path("/code"), parent=parent)
    assert environment["PATH"] == "/bin"
    assert environment["AWS_ACCESS_KEY_ID"] == "key"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert environment["LAMBDA_TASK_ROOT"] == "/code"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "HTTPS_PROXY", "PYTHONPATH", "LAB_NAME", "LOCALSTACK_RUNTIME_ID"} & environment.keys()
    assert not [value for value in environment.values() if "somebody" in value.lower()]


def test_function_may_not_point_boto3_at_files_of_the_person() -> None:
    given = {"AWS_CONFIG_FILE": "/home/somebody/.aws/config", "GREETING": "hello"}
    environment = worker_environment(given, runtime="python3.12", code_directory=Path("/code"), parent={})
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["GREETING"] == "hello"


def test_command_isolates_the_interpreter() -> None:
    command = worker_command("handler.lambda_handler", pure_python=True)
    assert command[0] == sys.executable
    assert {"-I", "-S"} <= set(command)
    assert command[-3] == "handler.lambda_handler"
    assert command[-1] == "1"
    folders = command[-2].split(os.pathsep)
    assert all((Path(folder) / "boto3").is_dir() or (Path(folder) / "awslambdaric").is_dir() for folder in folders)


@pytest.mark.parametrize(
    ("configured", "cores", "expected"),
    [("", 8, 8), ("", 1, 2), ("5", 2, 5), ("0", 2, 1), ("many", 4, 4)],
)
def test_number_of_workers(configured: str, cores: int, expected: int) -> None:
    assert settings.workers_per_function({"LAB_WORKERS_PER_FUNCTION": configured}, cores=cores) == expected


def test_pure_python_switch() -> None:
    assert settings.pure_python_runtime_client({"LAB_PURE_PYTHON_RUNTIME_CLIENT": "1"})
    assert not settings.pure_python_runtime_client({})


def test_report_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    monkeypatch.setenv("LAB_EMULATOR_REPORT", str(target))
    write_report(make_report("SomeExecutor", {"jsonpath": "on"}, "4.9.2"))
    assert json.loads(target.read_text()) == {
        "executor": "SomeExecutor",
        "hooks": {"jsonpath": "on"},
        "pid": os.getpid(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "version": "4.9.2",
    }
    assert list(tmp_path.iterdir()) == [target]


def test_no_report_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_EMULATOR_REPORT", raising=False)
    write_report(make_report("SomeExecutor", {}, "4.9.2"))


@pytest.mark.parametrize("proc", [True, False], ids=["/proc", "psutil"])
def test_the_memory_of_a_process_is_seen(proc: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not proc:  # macOS

        def no_proc(path: str, flags: int) -> int:
            raise FileNotFoundError(path)

        monkeypatch.setattr(memory_meter.os, "open", no_proc)
    elif not Path("/proc/self/statm").exists():
        pytest.skip("there is no /proc here")
    meter = memory_meter.MemoryMeter(os.getpid())
    assert meter.highest_mb() is None
    before = meter.look()
    assert before == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    taken = bytearray(64 * 1024 * 1024)
    assert meter.look() > before + 32 * 1024 * 1024
    highest = meter.look()
    del taken
    assert meter.look() == highest
    meter.close()
    meter.close()


def test_a_process_that_is_gone_uses_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert memory_meter.MemoryMeter(gone.pid).look() == 0


def test_the_own_python_is_taken_as_a_runtime_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(ALL_RUNTIMES=["python3.12", "python3.13"])
    monkeypatch.setattr(function_runtimes.sys, "version_info", SimpleNamespace(major=3, minor=14))
    for _ in range(2):
        function_runtimes._patch(module)  # type: ignore[arg-type]
    assert module.ALL_RUNTIMES == ["python3.12", "python3.13", "python3.14"]
