"""The Lambda executor: what LocalStack calls instead of Docker.

LocalStack makes one executor object per execution environment. Here such an object is little more than a name: all
those of one function version share a `WorkerPool`, which outlives them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from lab.emulator.runtime import settings
from lab.emulator.runtime.code_in_use import CODE_IN_USE
from lab.emulator.runtime.pool import WorkerPool
from lab.emulator.runtime.results import Invocation, log_text
from lab.emulator.runtime.sandbox import WorkerSpecification
from lab.emulator.runtime.worker import Worker
from lab.emulator.runtime.worker_environment import worker_command, worker_environment

LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
# Not at once: the first message has the other functions to start, too.
SPARE_AFTER_S = 1.0


class _Pools:
    """The pool of every function version that was prepared and not yet cleaned up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str], WorkerPool] = {}
        self._limits: dict[str, int] = {}  # where a function version has another than most

    def open(self, function_version: FunctionVersion) -> None:
        with self._lock:
            limit = self._limits.get(function_version.qualified_arn, settings.workers_per_function())
            pool = WorkerPool(limit, spare_after_s=SPARE_AFTER_S)
            self._pools.setdefault(_pool_key(function_version), pool)

    def make_room(self, qualified_arn: str, batches: int) -> int:
        """Lets a function version have a worker for each batch of a mapping; returns how many it may have.

        It keeps the room when the mapping goes: a worker more is no harm, and other mappings may count on it.
        """
        with self._lock:
            limit = max(settings.workers_behind_mapping(batches), self._limits.get(qualified_arn, 0))
            self._limits[qualified_arn] = limit
            for (arn, _), pool in self._pools.items():
                if arn == qualified_arn:
                    pool.limit = limit
        return limit

    def of(self, function_version: FunctionVersion) -> WorkerPool:
        with self._lock:
            pool = self._pools.get(_pool_key(function_version))
        if pool is None:
            # An invocation that was under way while its function was deleted: served, but no worker stays.
            pool = WorkerPool(settings.workers_per_function())
            pool.close()
        return pool

    def pop(self, function_version: FunctionVersion) -> WorkerPool | None:
        with self._lock:
            return self._pools.pop(_pool_key(function_version), None)

    def __iter__(self) -> Iterator[WorkerPool]:
        with self._lock:
            return iter(list(self._pools.values()))


def _pool_key(function_version: FunctionVersion) -> tuple[str, str]:
    # The revision changes with every update of code or configuration, so that an update gets workers of its own.
    return function_version.qualified_arn, function_version.config.internal_revision


POOLS = _Pools()


def kill_all_workers() -> None:
    """Ends every worker at once; called when LocalStack shuts down."""
    for pool in POOLS:
        pool.kill()


class WorkerPoolExecutor(RuntimeExecutor):
    """Runs invocations of one execution environment on the workers of its function version."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._variables: dict[str, str] = {}

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the code and opens the pool; workers start when they are needed.

        Raises:
            LambdaRuntimeException: the function cannot run here; LocalStack then marks it as failed.
        """
        runtime = function_version.config.runtime or "none"
        if not runtime.startswith("python"):
            raise LambdaRuntimeException(f"this executor runs Python functions only, not {runtime}")
        function_version.config.code.prepare_for_execution()
        POOLS.open(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Ends the workers of a version that was deleted or replaced; invocations under way may finish."""
        pool = POOLS.pop(function_version)
        if pool is not None:
            pool.close()

    @classmethod
    def validate_environment(cls) -> bool:
        """Always fine: no Docker is needed."""
        return True

    def start(self, env_vars: dict[str, str]) -> None:
        """Remembers the environment; a worker is started when an invocation needs one."""
        self._variables = env_vars

    def stop(self) -> None:
        """Nothing to do: the workers belong to the function version."""

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Runs one invocation."""
        with CODE_IN_USE.hold(self.function_version.config.code.id):
            return run_on_pool(self.function_version, payload, self.start_worker)[0]

    def get_address(self) -> str:
        """Loopback: workers are processes of this machine."""
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        """Where a worker reaches LocalStack."""
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Unused: workers speak to their own Runtime API."""
        return ""

    def get_logs(self) -> str:
        """Logs travel with each result."""
        return ""

    def start_worker(self) -> Worker:
        """Starts a worker with the environment given to `start`."""
        configuration = self.function_version.config
        code_directory = Path(configuration.code.get_unzipped_code_location())
        return Worker(
            WorkerSpecification(
                command=worker_command(configuration.handler, pure_python=settings.pure_python_runtime_client()),
                environment=worker_environment(
                    self._variables, runtime=configuration.runtime, code_directory=code_directory
                ),
                directory=code_directory,
                timeout_s=configuration.timeout,
                log_stream=self._variables.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
                memory_mb=configuration.memory_size,
            )
        )


def run_on_pool(
    function_version: FunctionVersion, payload: dict[str, str], start_worker: Callable[[], Worker]
) -> tuple[InvocationResult, str]:
    """Runs one invocation on the pool of a function version and words its log as Lambda does.

    Args:
        function_version: the version to run.
        payload: ``invoke-id``, ``invoked-function-arn``, ``payload`` and ``trace-id``, as LocalStack's
            ``ExecutionEnvironment`` passes them.
        start_worker: makes a worker when the pool needs one.

    Returns:
        The result, and the log stream of the worker that ran it.
    """
    invocation = Invocation(
        request_id=payload["invoke-id"],
        function_arn=payload["invoked-function-arn"],
        payload=payload["payload"].encode(),
        trace_id=payload["trace-id"],
    )
    outcome = POOLS.of(function_version).invoke(invocation, start_worker)
    result = InvocationResult(
        request_id=invocation.request_id,
        payload=outcome.payload,
        is_error=outcome.is_error,
        logs=log_text(
            outcome,
            request_id=invocation.request_id,
            version=function_version.id.qualifier,
            memory_size_mb=function_version.config.memory_size,
        ),
    )
    return result, outcome.log_stream
