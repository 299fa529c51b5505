"""One worker: a process that runs AWS's runtime client, and the Runtime API that is served to it.

The thread that brings an invocation talks to the worker itself, over the one connection that the worker keeps open. No
thread or event loop of its own stands between them, so that an invocation costs two wake-ups and no hand-over.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab.emulator.runtime import results
from lab.emulator.runtime.pool import WorkerGoneError
from lab.emulator.runtime.results import Invocation, Outcome
from lab.emulator.runtime.runtime_api import INIT_ERROR_PATH, Connection, ConnectionEndedError, Request
from lab.emulator.runtime.sandbox import (
    DeadlineError,
    OutOfMemoryError,
    ProcessEndedError,
    Sandbox,
    WorkerSpecification,
)

INIT_LIMIT_S = 10.0  # as Lambda: a start may take ten seconds, and then once more the function's timeout
BRIEF_S = 0.01  # nobody fills and frees much memory within this time
UNNOTICED_S = 0.005  # a worker that is ready within this time had started ahead of the invocation


class Worker:
    """A running worker process. One thread at a time may call `invoke`; `kill` may be called from any."""

    def __init__(self, specification: WorkerSpecification) -> None:
        self._timeout_s = specification.timeout_s
        self._log_stream = specification.log_stream
        self._ready = False
        self._usable = True
        self._sandbox = Sandbox(specification)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._sandbox.pid

    @property
    def usable(self) -> bool:
        """Whether the worker can take another invocation."""
        return self._usable

    def invoke(self, invocation: Invocation) -> Outcome:
        """Runs one invocation; whatever the handler does, an outcome comes back.

        Raises:
            WorkerGoneError: the worker, used before, had ended before it took this event.
        """
        try:
            return self._invoke(invocation)
        except BaseException:
            self._usable = False  # whatever state it is in, nobody else shall meet it
            raise

    def _invoke(self, invocation: Invocation) -> Outcome:
        first = not self._ready
        arrived = time.perf_counter()
        failure = self._await_readiness(invocation)
        if failure is not None:
            return failure
        started = time.perf_counter()
        init_s = started - self._sandbox.started if first and started - arrived > UNNOTICED_S else None
        self._sandbox.read_output()
        init_output = self._sandbox.taken_output()
        result = self._run(invocation, started)
        duration_s = time.perf_counter() - started
        return Outcome(
            payload=result.payload,
            is_error=result.is_error,
            init_output=init_output,
            output=self._sandbox.taken_output() + result.last_words,
            duration_s=min(duration_s, self._timeout_s) if result.status == "timeout" else duration_s,
            init_s=init_s,
            status=result.status,
            error_type=result.error_type,
            memory_used_mb=self._sandbox.memory.highest_mb(),
            log_stream=self._log_stream,
        )

    def kill(self) -> None:
        """Ends the process at once."""
        self._usable = False
        self._sandbox.kill()

    def stop(self) -> None:
        """Ends the process and frees sockets and pipes."""
        self._usable = False
        self._sandbox.close()

    # The three steps of an invocation

    def _await_readiness(self, invocation: Invocation) -> Outcome | None:
        """Waits until the worker asks for an event. Returns the outcome when it fails to start."""
        deadline = time.perf_counter() + INIT_LIMIT_S + self._timeout_s
        try:
            while self._sandbox.asking is None:
                connection, request = self._sandbox.wait_for_request(deadline, ready=self._ready)
                if request.path == INIT_ERROR_PATH:
                    connection.answer(202)
                    return self._failed_start(
                        results.init_error_payload(request.body, invocation.request_id),
                        request.headers.get("lambda-runtime-function-error-type", ""),
                    )
                self._sandbox.serve_other(connection, request)
            if self._sandbox.has_ended:
                raise ProcessEndedError
        except DeadlineError:
            message = results.timed_out_message(invocation.request_id, self._timeout_s)
            return self._failed_start(
                results.error_payload("Sandbox.Timedout", message), "", status="timeout", last_words=message + "\n"
            )
        except OutOfMemoryError:
            message = results.killed_message(invocation.request_id)
            return self._failed_start(
                results.error_payload("Runtime.OutOfMemory", message),
                "Runtime.OutOfMemory",
                last_words=f"{message}\nRuntime.OutOfMemory\n",
            )
        except (ProcessEndedError, ConnectionEndedError):
            self._usable = False
            if self._ready:
                raise WorkerGoneError from None
            message = results.exit_message(invocation.request_id, self._sandbox.return_code())
            return self._failed_start(
                results.error_payload("Runtime.ExitError", message),
                "Runtime.ExitError",
                last_words=f"{message}\nRuntime.ExitError\n",
            )
        self._ready = True
        return None

    def _run(self, invocation: Invocation, started: float) -> _Result:
        connection = self._sandbox.asking
        assert connection is not None
        self._sandbox.asking = None
        deadline = started + self._timeout_s
        try:
            connection.answer(
                200,
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._timeout_s) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                },
                invocation.payload,
            )
            while True:
                connection, request = self._sandbox.wait_for_request(deadline, ready=self._ready)
                self._sandbox.check_memory(back=time.perf_counter() - started > BRIEF_S)
                if request.path.endswith(f"/{invocation.request_id}/response"):
                    return self._response(connection, request)
                if request.path.endswith(f"/{invocation.request_id}/error"):
                    connection.answer(202)
                    self._sandbox.read_output()
                    return _Result(request.body, is_error=True)
                self._sandbox.serve_other(connection, request)
        except DeadlineError:
            self._end_and_collect_output()
            message = results.timed_out_message(invocation.request_id, self._timeout_s)
            return _Result(
                results.error_payload("Sandbox.Timedout", message),
                is_error=True,
                status="timeout",
                last_words=message + "\n",
            )
        except OutOfMemoryError:
            return self._ended("Runtime.OutOfMemory", results.killed_message(invocation.request_id))
        except (ProcessEndedError, ConnectionEndedError):
            message = results.exit_message(invocation.request_id, self._sandbox.return_code())
            return self._ended("Runtime.ExitError", message)

    def _ended(self, error_type: str, message: str) -> _Result:
        """The process is gone, or goes now, in the middle of an invocation."""
        self._end_and_collect_output()
        return _Result(
            results.error_payload(error_type, message),
            is_error=True,
            status="error",
            error_type=error_type,
            last_words=f"{message}\n{error_type}\n",
        )

    def _response(self, connection: Connection, request: Request) -> _Result:
        if request.body_size <= results.MAXIMUM_RESPONSE_BYTES:
            connection.answer(202)
            self._sandbox.read_output()
            return _Result(request.body)
        payload = results.error_payload("Function.ResponseSizeTooLarge", results.too_large_message())
        connection.answer(413, {"Content-Type": "application/json"}, payload)
        # The runtime client gives up when its response is refused; another worker takes its place.
        self._sandbox.return_code()
        self._end_and_collect_output()
        return _Result(payload, is_error=True, status="error", error_type="Function.ResponseSizeTooLarge")

    def _failed_start(self, payload: bytes, error_type: str, *, status: str = "error", last_words: str = "") -> Outcome:
        self._sandbox.return_code()  # let it say its last words
        self._end_and_collect_output()
        return Outcome(
            payload=payload,
            is_error=True,
            init_output=self._sandbox.taken_output() + last_words,
            init_s=time.perf_counter() - self._sandbox.started,
            status=status,
            error_type=error_type,
            memory_used_mb=self._sandbox.memory.highest_mb(),
            log_stream=self._log_stream,
        )

    def _end_and_collect_output(self) -> None:
        self._usable = False
        self._sandbox.end_and_collect_output()


@dataclass(frozen=True, slots=True)
class _Result:
    payload: bytes
    is_error: bool = False
    status: str = ""
    error_type: str = ""
    last_words: str = ""
