"""What an invocation comes to: payloads of failures and the platform's log lines, worded as Lambda words them."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import dataclass
from datetime import UTC, datetime

# 6 MB and 100 bytes: the limit that Lambda states in its own error message.
MAXIMUM_RESPONSE_BYTES = 6 * 1024 * 1024 + 100


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to a worker."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker made of an invocation.

    ``duration_s`` counts from the moment the worker got the event; ``init_s`` is the time the worker needed to start
    when this invocation waited for it, else ``None``. ``init_output`` was printed before the event. ``status`` is
    empty, ``timeout`` or ``error`` as in REPORT lines. ``log_stream`` is that of the worker.
    """

    payload: bytes
    is_error: bool = False
    init_output: str = ""
    output: str = ""
    duration_s: float = 0.0
    init_s: float | None = None
    status: str = ""
    error_type: str = ""
    memory_used_mb: int | None = None
    log_stream: str = ""


def error_payload(error_type: str, message: str) -> bytes:
    """The JSON that Lambda returns when the platform, not the handler, made the invocation fail."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def timed_out_message(request_id: str, timeout_s: float, now: datetime | None = None) -> str:
    """``<time> <request id> Task timed out after N.00 seconds``."""
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{moment}Z {request_id} Task timed out after {timeout_s:.2f} seconds"


def exit_message(request_id: str, return_code: int | None) -> str:
    """Why a worker process ended in the middle of an invocation. Negative codes are signals, as in ``subprocess``."""
    if return_code is None or return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code < 0:
        reason = f"Runtime exited with error: signal: {_signal_word(-return_code)}"
    else:
        reason = f"Runtime exited with error: exit status {return_code}"
    return f"RequestId: {request_id} Error: {reason}"


def killed_message(request_id: str) -> str:
    """Why a worker that uses too much memory ends."""
    return exit_message(request_id, -signal.SIGKILL)


def too_large_message() -> str:
    """The message of ``Function.ResponseSizeTooLarge``."""
    return f"Response payload size exceeded maximum allowed payload size ({MAXIMUM_RESPONSE_BYTES} bytes)."


def init_error_payload(body: bytes, request_id: str) -> bytes:
    """The runtime client's report of a failed start, completed with the request that met it."""
    try:
        report = json.loads(body)
    except ValueError:
        return error_payload("Runtime.Unknown", body.decode("utf-8", "replace"))
    if isinstance(report, dict):
        report["requestId"] = request_id
    return json.dumps(report).encode()


def log_text(outcome: Outcome, *, request_id: str, version: str, memory_size_mb: int) -> str:
    """The log of an invocation: what the worker printed while starting, START, what it printed then, END and REPORT."""
    duration_ms = outcome.duration_s * 1000
    billed_ms = math.ceil(duration_ms + (outcome.init_s or 0.0) * 1000)
    used_mb = min(outcome.memory_used_mb or memory_size_mb, memory_size_mb)
    report = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms} ms",
        f"Memory Size: {memory_size_mb} MB",
        f"Max Memory Used: {used_mb} MB",
    ]
    if outcome.init_s is not None:
        report.append(f"Init Duration: {outcome.init_s * 1000:.2f} ms")
    if outcome.status:
        report.append(f"Status: {outcome.status}")
    if outcome.error_type:
        report.append(f"Error Type: {outcome.error_type}")
    return (
        f"{_whole_lines(outcome.init_output)}START RequestId: {request_id} Version: {version}\n"
        f"{_whole_lines(outcome.output)}END RequestId: {request_id}\n" + "\t".join(report) + "\n"
    )


def _whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _signal_word(number: int) -> str:
    try:
        return (signal.strsignal(number) or str(number)).split(":")[0].lower()
    except ValueError:
        return str(number)
