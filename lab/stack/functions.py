"""The five functions, deployed from the very files that learners read."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lab import paths
from lab.stack import tags, waiting
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, START_FUNCTION, Names, Settings

HANDLER = "handler.lambda_handler"
VARIANTS = Path(__file__).parent / "variants"
STAMPED = (PIPELINE_FUNCTIONS[0], PIPELINE_FUNCTIONS[-1])
_READY_DEADLINE_S = 120.0


def package(folder: Path, *more: Path) -> bytes:
    """A zip archive of a function's folder, with ``more`` files beside its own.

    The same files always give the same bytes, so that a change shows.
    """
    files = [(str(file.relative_to(folder)), file) for file in sorted(folder.rglob("*.py"))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in [*files, *((file.name, file) for file in more)]:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def variant(settings: Settings, folder: str) -> Path | None:
    """The file that stands before a function's own handler with these settings, or None."""
    if folder == START_FUNCTION and settings.start == "synchronous":
        return VARIANTS / "synchronous.py"
    return VARIANTS / "stamping.py" if settings.stamped and folder in STAMPED else None


def configuration(names: Names, settings: Settings, folder: str) -> dict[str, Any]:
    """The parameters of CreateFunction that UpdateFunctionConfiguration takes as well."""
    is_start = folder == START_FUNCTION
    environment = {"STATE_MACHINE_ARN": names.state_machine_arn} if is_start else {}
    before = variant(settings, folder)
    return {
        "FunctionName": names.function(folder),
        "Runtime": names.target.function_runtime,
        "Handler": f"{before.stem}.lambda_handler" if before else HANDLER,
        "Role": names.role_arn(names.start_role if is_start else names.functions_role),
        "Timeout": settings.function_timeout_s,
        "MemorySize": settings.memory_mb,
        "Environment": {"Variables": environment},
    }


def ensure(names: Names, settings: Settings, folder: str) -> None:
    """Make a function, or bring its code and configuration up to date; return when it can be invoked."""
    client = names.target.client("lambda")
    before = variant(settings, folder)
    code = package(paths.LAMBDAS / folder, *([before] if before else []))
    wanted = configuration(names, settings, folder)
    current = find(names, folder)
    if current is None:
        waiting.through_propagation(
            lambda: client.create_function(
                **wanted, Code={"ZipFile": code}, Tags=tags.as_mapping(names.target.name, names.target.run)
            )
        )
    else:
        update(names, folder, code, current)
        wait_until_ready(names, folder)
        if _differs(current, wanted):
            waiting.through_propagation(lambda: client.update_function_configuration(**wanted))
    wait_until_ready(names, folder)
    if settings.reserved_concurrency is not None:
        client.put_function_concurrency(
            FunctionName=names.function(folder), ReservedConcurrentExecutions=settings.reserved_concurrency
        )


def update(names: Names, folder: str, code: bytes, current: dict[str, Any]) -> bool:
    """Deploy ``code`` when it differs from what runs. Returns whether it did."""
    if current["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode():
        return False
    names.target.client("lambda").update_function_code(FunctionName=names.function(folder), ZipFile=code)
    return True


def find(names: Names, folder: str) -> dict[str, Any] | None:
    """The function's configuration, or None."""
    client = names.target.client("lambda")
    try:
        found: dict[str, Any] = client.get_function_configuration(FunctionName=names.function(folder))
    except client.exceptions.ResourceNotFoundException:
        return None
    return found


def delete(names: Names, folder: str) -> None:
    """Delete a function."""
    client = names.target.client("lambda")
    try:
        client.delete_function(FunctionName=names.function(folder))
    except ClientError as error:
        if waiting.error_code(error) != "ResourceNotFoundException":
            raise


def survivors(names: Names) -> list[str]:
    """Functions of this lab that exist."""
    return [f"function {names.function(folder)}" for folder in FUNCTIONS if find(names, folder) is not None]


def _differs(current: dict[str, Any], wanted: dict[str, Any]) -> bool:
    def same(key: str, value: Any) -> bool:
        if key == "Environment":  # AWS leaves an empty one out of its answer
            return ((current.get(key) or {}).get("Variables") or {}) == value["Variables"]
        return bool(current.get(key) == value)

    return not all(same(key, value) for key, value in wanted.items() if key != "FunctionName")


def wait_until_ready(names: Names, folder: str) -> None:
    """Return when the function can be invoked, and changed."""

    def ready() -> bool:
        found = find(names, folder)
        return bool(
            found and found.get("State") == "Active" and found.get("LastUpdateStatus", "Successful") == "Successful"
        )

    waiting.until(ready, what=f"function {names.function(folder)} to be active", deadline_s=_READY_DEADLINE_S)
