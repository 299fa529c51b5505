"""The entry point by which LocalStack finds the executor (``LAMBDA_RUNTIME_EXECUTOR=worker_pool``)."""

from __future__ import annotations

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class WorkerPoolExecutorPlugin(RuntimeExecutorPlugin):
    """Loads the executor class only when the Lambda service asks for it."""

    name = "worker_pool"

    def load(self, *args: Any, **kwargs: Any) -> type:
        """The executor class that LocalStack creates one object of per execution environment."""
        from lab.emulator.runtime.executor import WorkerPoolExecutor

        return WorkerPoolExecutor
