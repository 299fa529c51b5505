"""The environment variables and the command line of a worker.

A worker sees what a function sees on Lambda and nothing of the person's shell: no AWS credentials or profile, no
``~/.aws`` files, no proxies, so that a handler's boto3 can reach this LocalStack and nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab.emulator.runtime.settings import ENVIRONMENT

PROCESS_FILE = Path(__file__).parent / "process" / "worker_process.py"
# What an interpreter may need to start at all, wherever it was installed.
KEPT_FROM_PARENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR")
# LocalStack speaks to the init process of its containers through these; there is no such process here.
LOCALSTACK_INTERNAL = ("LOCALSTACK_RUNTIME_ID", "LOCALSTACK_RUNTIME_ENDPOINT", "LOCALSTACK_FUNCTION_ACCOUNT_ID")


def worker_environment(
    function_variables: Mapping[str, object],
    *,
    runtime: str,
    code_directory: Path,
    parent: Mapping[str, str] = ENVIRONMENT,
) -> dict[str, str]:
    """All environment variables of a worker.

    Args:
        function_variables: what LocalStack would give a container, the function's own variables among them.
        runtime: the function's runtime, for example ``python3.12``.
        code_directory: the unpacked code of the function.
        parent: the environment of LocalStack, of which only `KEPT_FROM_PARENT` goes on.
    """
    variables = {name: parent[name] for name in KEPT_FROM_PARENT if name in parent}
    variables |= {"LANG": "en_US.UTF-8", "HOME": tempfile.gettempdir()}
    variables |= {name: str(value) for name, value in function_variables.items() if name not in LOCALSTACK_INTERNAL}
    variables |= {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LAMBDA_TASK_ROOT": str(code_directory),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Named here so that macOS does not answer with its system-wide proxies either.
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return variables


def worker_command(handler: str, *, pure_python: bool) -> list[str]:
    """The command line that starts a worker with this interpreter."""
    return [
        sys.executable,
        *("-I", "-S", "-X", "utf8"),
        str(PROCESS_FILE),
        handler,
        os.pathsep.join(_library_folders("awslambdaric", "boto3")),
        "1" if pure_python else "0",
    ]


def _library_folders(*packages: str) -> list[str]:
    folders: list[str] = []
    for package in packages:
        specification = importlib.util.find_spec(package)
        if specification is None or specification.origin is None:
            raise ModuleNotFoundError(f"{package} is not installed beside LocalStack; workers need it")
        folder = str(Path(specification.origin).parent.parent)
        if folder not in folders:
            folders.append(folder)
    return folders
