"""The process of a worker, the connections that it opens to its Runtime API, and what it prints."""

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

from lab.emulator.runtime.memory_meter import MemoryMeter
from lab.emulator.runtime.results import MAXIMUM_RESPONSE_BYTES
from lab.emulator.runtime.runtime_api import NEXT_PATH, Connection, ConnectionEndedError, Request

LOOK_AGAIN_S = 1.0  # how often a wait looks whether the process still lives; a closed connection says it sooner
ENDING_S = 0.02  # how often, once its connection is closed
MEMORY_LOOK_S = 0.05  # how often an invocation that takes longer is looked at for its memory
KILL_WAIT_S = 5.0
OUTPUT_READ_BYTES = 64 * 1024


class ProcessEndedError(Exception):
    """The worker's process has ended."""


class DeadlineError(Exception):
    """The worker asked for nothing, and answered nothing, before the deadline."""


class OutOfMemoryError(Exception):
    """The worker uses more memory than its function has."""


@dataclass(frozen=True, slots=True)
class WorkerSpecification:
    """How to start a worker: command line, complete environment, working folder, timeout, log stream and memory."""

    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    timeout_s: float
    log_stream: str = ""
    memory_mb: int | None = None  # None: as much as it wants


class Sandbox:
    """A worker's process. One thread at a time may use it; ``kill`` may be called from any.

    Attributes:
        asking: the connection on which the worker asked for its next event; None while it has an event, or starts.
        started: when the process was started, on ``time.perf_counter``.
        memory: what it has used.
    """

    def __init__(self, specification: WorkerSpecification) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        self._listener.setblocking(False)
        self._output_end, output_start = os.pipe()
        os.set_blocking(self._output_end, False)
        self.started = time.perf_counter()
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
        self.asking: Connection | None = None
        self._output = bytearray()
        self.memory = MemoryMeter(self._process.pid)
        self._memory_bytes = (specification.memory_mb or 0) * 1024 * 1024

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """End the process and free sockets and pipes."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._listener.close()
        self.memory.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._output_end >= 0:
            os.close(self._output_end)
            self._output_end = -1

    def wait_for_request(self, deadline: float, *, ready: bool) -> tuple[Connection, Request]:
        """The next complete request; collects output meanwhile, so that the worker never waits for a full pipe.

        Args:
            deadline: on ``time.perf_counter``.
            ready: whether the worker has asked for an event before.

        Raises:
            DeadlineError: none came in time.
            ProcessEndedError: the process is gone.
            OutOfMemoryError: it uses more memory than it may.
        """
        next_look = time.perf_counter() + MEMORY_LOOK_S
        while True:
            now = time.perf_counter()
            left = deadline - now
            if left <= 0:
                raise DeadlineError
            if now >= next_look:
                self.check_memory()
                next_look = now + MEMORY_LOOK_S
            step = next_look - now if self._connections or not ready else ENDING_S
            events = self._poll.poll(min(left, step) * 1000)
            if not events and self._process.poll() is not None:
                raise ProcessEndedError
            for descriptor, _ in events:
                if descriptor == self._output_end:
                    self.read_output()
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

    def check_memory(self, *, back: bool = False) -> None:
        """See what the process uses now; with ``back`` also what it used since the last look.

        Raises:
            OutOfMemoryError: it is, or was, more than it may use.
        """
        used = self.memory.look(back=back)
        if self._memory_bytes and used > self._memory_bytes:
            raise OutOfMemoryError

    def serve_other(self, connection: Connection, request: Request) -> None:
        """Answer a request that belongs to no invocation: the worker asks for an event, or for something unknown."""
        if request.path == NEXT_PATH:
            self.asking = connection
        else:
            connection.answer(404)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # it went away again
        accepted.setblocking(True)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[accepted.fileno()] = Connection(accepted, body_limit=MAXIMUM_RESPONSE_BYTES)
        self._poll.register(accepted, select.POLLIN)

    def _drop(self, descriptor: int) -> None:
        connection = self._connections.pop(descriptor)
        self._poll.unregister(descriptor)
        connection.close()
        if self.asking is connection:
            self.asking = None

    def read_output(self) -> None:
        """Take in what the worker has printed."""
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

    def taken_output(self) -> str:
        """What was taken in since the last time."""
        text = self._output.decode("utf-8", "replace")
        self._output.clear()
        return text

    def return_code(self) -> int | None:
        """The exit code of a process that is about to end, or ``None`` when it does not end within a second."""
        deadline = time.perf_counter() + LOOK_AGAIN_S
        while self._process.poll() is None and time.perf_counter() < deadline:
            self.read_output()
            time.sleep(ENDING_S / 10)
        return self._process.returncode

    def end_and_collect_output(self) -> None:
        """End the process, and take in its last words."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)
        self.read_output()
