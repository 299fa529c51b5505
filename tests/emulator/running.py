"""What the tests of the emulator work with: a LocalStack with its clients, roles, and functions to deploy in it."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from lab import paths
from lab.emulator import launcher
from lab.emulator.health import runtime_at
from lab.emulator.processes import Emulator
from lab.target import Target
from tests.ports import free_port


def wait_until(condition: Callable[[], Any], *, deadline_s: float = 30.0, what: str = "the condition") -> Any:
    """Polls until the condition holds and returns its value; fails the test at the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"{what} did not come true within {deadline_s:.0f} s")


def workers_of(localstack_pid: int) -> list[int]:
    """Worker processes of a LocalStack."""
    children = psutil.Process(localstack_pid).children()
    return [child.pid for child in children if any("worker_process.py" in part for part in child.cmdline())]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not, but until its last thread has ended its connections are open."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    return False


@dataclass
class LocalStack:
    """A running LocalStack with its clients."""

    name: str
    emulator: Emulator
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.emulator.pid

    @property
    def endpoint_url(self) -> str:
        return self.emulator.endpoint_url

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint_url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(
                    retries={"max_attempts": 0}, max_pool_connections=200, read_timeout=120, inject_host_prefix=False
                ),
            )
        return self._clients[service]

    def report(self) -> dict[str, Any]:
        report_file = paths.state_folder(self.name) / "emulator" / "report.json"
        return dict(json.loads(wait_until(lambda: report_file.exists() and report_file.read_text())))

    def workers(self) -> list[int]:
        return workers_of(self.pid)

    def log(self) -> str:
        return Path(self.emulator.log_file).read_text(errors="replace")

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        launcher.stop(self.name)


@contextlib.contextmanager
def own_lab(name: str) -> Iterator[Target]:
    """An embedded lab of this name, without resources; its LocalStack ends with the block, whatever happened in it."""
    target = Target("embedded", name)
    launcher.start(target.name, owned=True)
    try:
        yield target
    finally:
        launcher.stop(target.name)


def start_localstack(variables: Mapping[str, str]) -> LocalStack:
    """Starts a LocalStack under a name of its own, with more environment variables."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    running = LocalStack(name, launcher.start(name, port=free_port(), extra_environment=variables))
    make_role(running, "lambda", "lambda", EVERYTHING)
    make_role(running, "workflow", "states", EVERYTHING)
    return running


def allow(actions: str | list[str], resources: str | list[str] = "*", effect: str = "Allow") -> dict[str, Any]:
    """A policy of one statement."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": actions, "Resource": resources}],
    }


EVERYTHING = allow("*")


def make_role(running: LocalStack, name: str, service: str, policy: Mapping[str, Any] | None) -> str:
    """A role that a service may assume, and its ARN."""
    iam = running.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if policy is not None:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    return str(arn)


def zipped(files: Mapping[str, str]) -> bytes:
    """A deployment package with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@dataclass
class Function:
    """A deployed function and how to call it."""

    localstack: LocalStack
    name: str

    def invoke(self, event: Any = None, **arguments: Any) -> dict[str, Any]:
        """Calls the function; gives ``{"payload", "error", "log"}``, payload parsed, log as the caller's tail."""
        answer = self.localstack.client("lambda").invoke(
            FunctionName=self.name, Payload=json.dumps(event), LogType="Tail", **arguments
        )
        return {
            "payload": json.loads(answer["Payload"].read()),
            "error": answer.get("FunctionError"),
            "log": base64.b64decode(answer.get("LogResult", "")).decode(),
        }

    def update(self, source: str) -> None:
        client = self.localstack.client("lambda")
        client.update_function_code(FunctionName=self.name, ZipFile=zipped({"handler.py": source}))
        client.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 0.1})

    def delete(self) -> None:
        with contextlib.suppress(self.localstack.client("lambda").exceptions.ResourceNotFoundException):
            self.localstack.client("lambda").delete_function(FunctionName=self.name)


def deploy(running: LocalStack, source: str, **arguments: Any) -> Function:
    """Deploys ``handler.lambda_handler`` from source text and waits until it is active."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    settings: dict[str, Any] = {
        "Runtime": runtime_at(running.endpoint_url),
        "Handler": "handler.lambda_handler",
        "Role": "arn:aws:iam::000000000000:role/lambda",
        "Timeout": 10,
        **arguments,
    }
    client = running.client("lambda")
    client.create_function(FunctionName=name, Code={"ZipFile": zipped({"handler.py": source})}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    return Function(running, name)
