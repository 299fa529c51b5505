"""Takes an invocation straight to the worker pool.

Replaces ``LambdaVersionManager.invoke``.

Slow: for every concurrent invocation LocalStack makes an execution environment, with a thread for its start-up timer,
an AssumeRole request to itself and a search through the installed plug-ins; after every invocation it starts two more
threads, one for a keep-alive timer and one for a metric. A burst of 100 messages makes 400 environments for 8 workers.

The same to see: leases are taken as before, so reserved concurrency, throttling and provisioned concurrency count the
same. A log stream stands for a worker, which on Lambda is what an environment is. Metrics are counted as before (see
`metrics`). Debug mode and other executors take the original way.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.code_in_use import CODE_IN_USE
from lab.emulator.runtime.hooks.direct_lambda import running_lambda_service
from lab.emulator.runtime.hooks.replacing import replace

OUR_EXECUTOR = "worker_pool"


def _patch(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def invoke(self: Any, *, invocation: Any) -> Any:
            if module.config.LAMBDA_RUNTIME_EXECUTOR != OUR_EXECUTOR:
                return original(self, invocation=invocation)
            if self.ldm_provisioner:
                return original(self, invocation=invocation)
            with CODE_IN_USE.hold(self.function_version.config.code.id) as there:
                if self.shutdown_event.is_set() or not there:
                    newer = _that_replaced(self)
                    return (newer.invoke if newer else functools.partial(original, self))(invocation=invocation)
                with self.counting_service.get_invocation_lease(self.function, self.function_version):
                    result, log_stream = _run(self.function_version, invocation, self.id)
            self.log_handler.add_logs(
                module.LogItem(f"/aws/lambda/{self.function_version.id.function_name}", log_stream, result.logs)
            )
            identity = self.function_version.id
            record = module.record_cw_metric_error if result.is_error else module.record_cw_metric_invocation
            record(function_name=identity.function_name, account_id=identity.account, region_name=identity.region)
            return result

        return invoke

    replace(module.LambdaVersionManager, "invoke", make)


def _that_replaced(version_manager: Any) -> Any | None:
    """What runs a function since an update, when an invocation still came to what ran it before."""
    service = running_lambda_service()
    newer = service and service.lambda_running_versions.get(version_manager.function_arn)
    return None if newer is version_manager else newer


def _run(function_version: Any, invocation: Any, version_manager_id: str) -> tuple[Any, str]:
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
    from localstack.utils.strings import to_str
    from localstack.utils.xray.trace_header import TraceHeader

    from lab.emulator.runtime.executor import WorkerPoolExecutor, run_on_pool
    from lab.emulator.runtime.worker import Worker

    def start_worker() -> Worker:
        environment = ExecutionEnvironment(
            function_version=function_version,
            initialization_type="on-demand",
            on_timeout=lambda version_manager, environment_id: None,
            version_manager_id=version_manager_id,
        )
        executor = environment.runtime_executor
        assert isinstance(executor, WorkerPoolExecutor)
        executor.start(environment.get_environment_variables())
        return executor.start_worker()

    trace_header = invocation.trace_context.get("aws_trace_header") or TraceHeader().ensure_root_exists()
    trace_header.ensure_sampled_exists()
    trace_header.ensure_parent_exists()
    payload = {
        "invoke-id": invocation.request_id,
        "invoked-function-arn": invocation.invoked_arn,
        "payload": to_str(invocation.payload),
        "trace-id": trace_header.to_header_str(),
    }
    result, log_stream = run_on_pool(function_version, payload, start_worker)
    result.executed_version = function_version.id.qualifier
    return result, log_stream


PATCHES = {"localstack.services.lambda_.invocation.version_manager": _patch}
