"""One worker: a process that runs AWS's runtime client, and the Runtime API that is served to it.

The thread that brings an invocation talks to the worker itself, over the one connection that the worker keeps open. No
thread or event loop of its own stands between them, so that an invocation costs two wake-ups and no hand-over.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.emulator.runtime import results
from lab.emulator.runtime.pool import WorkerGoneError
from lab.emulator.runtime.results import Invocation, Outcome
from lab.emulator.runtime.runtime_api import INIT_ERROR_PATH, NEXT_PATH, Connection, ConnectionEndedError, Request

INIT_LIMIT_S = 10.0  # as Lambda: a start may take ten seconds, and then once more the function's timeout
LOOK_AGAIN_S = 1.0  # how often a wait looks whether the process still lives; a closed connection says it sooner
ENDING_S = 0.02  # how often, once its connection is closed
UNNOTICED_S = 0.005  # a worker that is ready within this time had started ahead of the invocation
KILL_WAIT_S = 5.0
OUTPUT_READ_BYTES = 64 * 1024


class _ProcessEndedError(Exception):
    pass


class _DeadlineError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class WorkerSpecification:
    """How to start a worker: command line, complete environment, working folder, timeout and log stream."""

    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    timeout_s: float
    log_stream: str = ""


class Worker:
    """A running worker process. One thread at a time may call `invoke`; `kill` may be called from any."""

    def __init__(self, specification: WorkerSpecification) -> None:
        self._timeout_s = specification.timeout_s
        self._log_stream = specification.log_stream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        self._listener.setblocking(False)
        self._output_end, output_start = os.pipe()
        os.set_blocking(self._output_end, False)
        self._started = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                specification.command,
                cwd=specification.directory,
                env={
                    **specification.environment,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._listener.getsockname()[1]}",
                },
                stdin=subprocess.PIPE,  # never written: its end tells the worker that LocalStack is gone
                stdout=output_start,
                stderr=subprocess.STDOUT,
            )
        except BaseException:
            self._listener.close()
            os.close(self._output_end)
            raise
        finally:
            os.close(output_start)
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._poll.register(self._output_end, select.POLLIN)
        self._output_open = True
        self._connections: dict[int, Connection] = {}
        self._asking: Connection | None = None  # the connection on which the worker asked for the next event
        self._output = bytearray()
        self._ready = False
        self._usable = True
        self._memory = _MemoryMeter(self._process.pid)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

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
        init_s = started - self._started if first and started - arrived > UNNOTICED_S else None
        self._read_output()
        init_output = self._taken_output()
        result = self._run(invocation, started)
        duration_s = time.perf_counter() - started
        return Outcome(
            payload=result.payload,
            is_error=result.is_error,
            init_output=init_output,
            output=self._taken_output() + result.last_words,
            duration_s=min(duration_s, self._timeout_s) if result.status == "timeout" else duration_s,
            init_s=init_s,
            status=result.status,
            error_type=result.error_type,
            memory_used_mb=self._memory.highest_mb(),
            log_stream=self._log_stream,
        )

    def kill(self) -> None:
        """Ends the process at once."""
        self._usable = False
        self._process.kill()

    def stop(self) -> None:
        """Ends the process and frees sockets and pipes."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._listener.close()
        self._memory.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._output_end >= 0:
            os.close(self._output_end)
            self._output_end = -1

    # The three steps of an invocation

    def _await_readiness(self, invocation: Invocation) -> Outcome | None:
        """Waits until the worker asks for an event. Returns the outcome when it fails to start."""
        deadline = time.perf_counter() + INIT_LIMIT_S + self._timeout_s
        try:
            while self._asking is None:
                connection, request = self._wait_for_request(deadline)
                if request.path == INIT_ERROR_PATH:
                    connection.answer(202)
                    return self._failed_start(
                        results.init_error_payload(request.body, invocation.request_id),
                        request.headers.get("lambda-runtime-function-error-type", ""),
                    )
                self._serve_other(connection, request)
            if self._process.poll() is not None:
                raise _ProcessEndedError
        except _DeadlineError:
            message = results.timed_out_message(invocation.request_id, self._timeout_s)
            return self._failed_start(
                results.error_payload("Sandbox.Timedout", message), "", status="timeout", last_words=message + "\n"
            )
        except (_ProcessEndedError, ConnectionEndedError):
            self._usable = False
            if self._ready:
                raise WorkerGoneError from None
            message = results.exit_message(invocation.request_id, self._return_code())
            return self._failed_start(
                results.error_payload("Runtime.ExitError", message),
                "Runtime.ExitError",
                last_words=f"{message}\nRuntime.ExitError\n",
            )
        self._ready = True
        return None

    def _run(self, invocation: Invocation, started: float) -> _Result:
        connection = self._asking
        assert connection is not None
        self._asking = None
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
                connection, request = self._wait_for_request(deadline)
                if request.path.endswith(f"/{invocation.request_id}/response"):
                    return self._response(connection, request)
                if request.path.endswith(f"/{invocation.request_id}/error"):
                    connection.answer(202)
                    self._read_output()
                    return _Result(request.body, is_error=True)
                self._serve_other(connection, request)
        except _DeadlineError:
            self._end_and_collect_output()
            message = results.timed_out_message(invocation.request_id, self._timeout_s)
            return _Result(
                results.error_payload("Sandbox.Timedout", message),
                is_error=True,
                status="timeout",
                last_words=message + "\n",
            )
        except (_ProcessEndedError, ConnectionEndedError):
            return_code = self._return_code()
            self._end_and_collect_output()
            message = results.exit_message(invocation.request_id, return_code)
            return _Result(
                results.error_payload("Runtime.ExitError", message),
                is_error=True,
                status="error",
                error_type="Runtime.ExitError",
                last_words=f"{message}\nRuntime.ExitError\n",
            )

    def _response(self, connection: Connection, request: Request) -> _Result:
        if request.body_size <= results.MAXIMUM_RESPONSE_BYTES:
            connection.answer(202)
            self._read_output()
            return _Result(request.body)
        payload = results.error_payload("Function.ResponseSizeTooLarge", results.too_large_message())
        connection.answer(413, {"Content-Type": "application/json"}, payload)
        # The runtime client gives up when its response is refused; another worker takes its place.
        self._return_code()
        self._end_and_collect_output()
        return _Result(payload, is_error=True, status="error", error_type="Function.ResponseSizeTooLarge")

    def _failed_start(self, payload: bytes, error_type: str, *, status: str = "error", last_words: str = "") -> Outcome:
        self._return_code()  # let it say its last words
        self._end_and_collect_output()
        return Outcome(
            payload=payload,
            is_error=True,
            init_output=self._taken_output() + last_words,
            init_s=time.perf_counter() - self._started,
            status=status,
            error_type=error_type,
            memory_used_mb=self._memory.highest_mb(),
            log_stream=self._log_stream,
        )

    # The worker's requests, output and end

    def _wait_for_request(self, deadline: float) -> tuple[Connection, Request]:
        """The next complete request; collects output meanwhile, so that the worker never waits for a full pipe."""
        while True:
            left = deadline - time.perf_counter()
            if left <= 0:
                raise _DeadlineError
            step = LOOK_AGAIN_S if self._connections or not self._ready else ENDING_S
            events = self._poll.poll(min(left, step) * 1000)
            if not events and self._process.poll() is not None:
                raise _ProcessEndedError
            for descriptor, _ in events:
                if descriptor == self._output_end:
                    self._read_output()
                elif descriptor == self._listener.fileno():
                    self._accept()
                else:
                    connection = self._connections[descriptor]
                    try:
                        request = connection.receive()
                    except ConnectionEndedError:
                        self._drop(descriptor)
                        continue
                    if request is not None:
                        return connection, request

    def _serve_other(self, connection: Connection, request: Request) -> None:
        if request.path == NEXT_PATH:
            self._asking = connection
        else:
            connection.answer(404)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # it went away again
        accepted.setblocking(True)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[accepted.fileno()] = Connection(accepted, body_limit=results.MAXIMUM_RESPONSE_BYTES)
        self._poll.register(accepted, select.POLLIN)

    def _drop(self, descriptor: int) -> None:
        connection = self._connections.pop(descriptor)
        self._poll.unregister(descriptor)
        connection.close()
        if self._asking is connection:
            self._asking = None

    def _read_output(self) -> None:
        while self._output_open:
            try:
                printed = os.read(self._output_end, OUTPUT_READ_BYTES)
            except BlockingIOError:
                return
            if not printed:
                self._output_open = False
                self._poll.unregister(self._output_end)
                return
            self._output += printed

    def _taken_output(self) -> str:
        text = self._output.decode("utf-8", "replace")
        self._output.clear()
        return text

    def _return_code(self) -> int | None:
        """The exit code of a process that is about to end, or ``None`` when it does not end within a second."""
        deadline = time.perf_counter() + LOOK_AGAIN_S
        while self._process.poll() is None and time.perf_counter() < deadline:
            self._read_output()
            time.sleep(ENDING_S / 10)
        return self._process.returncode

    def _end_and_collect_output(self) -> None:
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)
        self._read_output()


@dataclass(frozen=True, slots=True)
class _Result:
    payload: bytes
    is_error: bool = False
    status: str = ""
    error_type: str = ""
    last_words: str = ""


class _MemoryMeter:
    """The highest resident memory seen of a process; knows nothing where there is no ``/proc``."""

    def __init__(self, pid: int) -> None:
        self._highest_pages = 0
        try:
            self._file = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
        except OSError:
            self._file = -1

    def highest_mb(self) -> int | None:
        """Whole megabytes, rounded up."""
        if self._file < 0:
            return None
        with contextlib.suppress(OSError, IndexError, ValueError):
            self._highest_pages = max(self._highest_pages, int(os.pread(self._file, 128, 0).split()[1]))
        return -(-self._highest_pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)) or None

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
