"""Preflight: what this machine lacks for the lab, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from lab import paths
from lab.emulator import ports, processes
from lab.emulator.environment import EXECUTOR
from lab.errors import LabError
from lab.target import Target

_SUPPORTED = ((3, 11), (3, 14))
_DISK_MB = 500
_MEMORY_MB = 1_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``next_step`` is what to type when it is not ``ok``."""

    what: str
    ok: bool
    found: str
    next_step: str = ""


def examine(target: Target) -> list[Finding]:
    """Look at everything that ``target`` needs on this machine; changes nothing."""
    checks: list[Callable[[], Finding]] = [_python, _packages, lambda: _state_folder(target), _disk]
    if target.kind == "embedded":
        checks += [_memory, _executor, lambda: _port(target), _other_emulators]
    elif target.kind == "localstack":
        checks.append(lambda: _localstack(target))
    else:
        checks.append(lambda: _account(target))
    return [check() for check in checks]


def _python() -> Finding:
    version = sys.version_info[:2]
    return Finding(
        "Python",
        _SUPPORTED[0] <= version <= _SUPPORTED[1],
        ".".join(map(str, sys.version_info[:3])),
        "make clean && make demo",
    )


def _packages() -> Finding:
    wanted = ("jupyterlab", "boto3", "localstack-core", "awslambdaric", "pandas", "matplotlib")
    versions = []
    for name in wanted:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            return Finding("packages", False, f"{name} is missing", "make clean && make demo")
    return Finding("packages", True, ", ".join(versions))


def _state_folder(target: Target) -> Finding:
    try:
        return Finding("state folder", True, str(paths.state_folder(target.name)))
    except LabError as error:
        return Finding("state folder", False, error.what, error.next_step)


def _disk() -> Finding:
    root = paths.state_root()
    free_mb = shutil.disk_usage(root if root.exists() else paths.PROJECT).free // 2**20
    return Finding("disk", free_mb >= _DISK_MB, f"{free_mb:,} MB free", f"free {_DISK_MB} MB in {root}")


def _memory() -> Finding:
    free_mb = psutil.virtual_memory().available // 2**20
    return Finding("memory", free_mb >= _MEMORY_MB, f"{free_mb:,} MB free", "close other programs")


def _executor() -> Finding:
    entry_points = importlib.metadata.entry_points(group="localstack.lambda.runtime_executor")
    found = any(entry.name == EXECUTOR for entry in entry_points)
    return Finding(
        "Lambda executor",
        found and importlib.util.find_spec("awslambdaric") is not None,
        "the lab's worker pool of AWS's runtime client" if found else "not installed",
        "make clean && make demo",
    )


def _port(target: Target) -> Finding:
    running = processes.find(target.name)
    if running is not None:
        healthy = running.healthy()
        state = "answers" if healthy else "does not answer"
        return Finding(
            "emulator", healthy, f"process {running.pid} on port {running.port} {state}", "lab down, then lab up"
        )
    owner = ports.port_owner(ports.USUAL_PORT)
    found = f"{ports.USUAL_PORT} is taken by {owner}; another one will be used" if owner else "4566 is free"
    return Finding("port", True, found)


def _other_emulators() -> Finding:
    others = [f"'{entry.name}' (process {entry.pid}, port {entry.port})" for entry in processes.running()]
    return Finding("labs running", True, ", ".join(others) or "none")


def _localstack(target: Target) -> Finding:
    url = target.endpoint_url or ""
    try:
        target.client("sts").get_caller_identity()
    except LabError as error:
        return Finding("LocalStack", False, error.what, error.next_step)
    except Exception as error:  # noqa: BLE001 - whatever the reason, the finding is that it does not answer
        return Finding(
            "LocalStack", False, f"{url} does not answer ({type(error).__name__})", "docker compose up -d --wait"
        )
    return Finding("LocalStack", True, f"{url} answers")


def _account(target: Target) -> Finding:
    try:
        return Finding("AWS account", True, f"{target.account} in {target.region}")
    except LabError as error:
        return Finding("AWS account", False, error.what, error.next_step)
    except Exception as error:  # noqa: BLE001 - network, permissions, clock: all of them end in the same finding
        return Finding(
            "AWS account", False, f"AWS does not answer ({type(error).__name__})", "aws sts get-caller-identity"
        )
