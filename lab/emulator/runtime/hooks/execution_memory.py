"""Forgets Express executions that are over.

Replaces ``BaseExecutionWorkerCommunication.terminated``, and ``_get_execution`` of the provider.

Costly: LocalStack keeps every execution with its whole history for ever, about 60 KB for one of the four-state machine,
so that a run of 10,000 messages takes 600 MB.

The same to see: no API of Step Functions serves a finished Express execution; DescribeExecution, GetExecutionHistory
and ListExecutions refuse Express, on AWS and on LocalStack. Its record is in the logs. Standard executions are kept.
Who asks for an Express one that is forgotten gets the same refusal as before: such an ARN is not valid there.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace


def _stores() -> Any:
    """Where the state machines of each account are; found when LocalStack is patched, so that a miss shows at once."""
    try:
        from localstack.services.stepfunctions.backend.models import sfn_stores  # 2026.3.0
    except ImportError:
        from localstack.services.stepfunctions.backend.store import sfn_stores
    return sfn_stores


def _patch(module: ModuleType) -> None:
    stores = _stores()
    express = module.StateMachineType.EXPRESS

    def make(terminated: Any) -> Any:
        @functools.wraps(terminated)
        def terminated_and_forgotten(self: Any) -> None:
            terminated(self)
            execution = self.execution
            # A synchronous execution is read once more by the request that waits for it, which holds it itself.
            if execution.sm_type == express:
                store = stores[execution.account_id][execution.region_name]
                store.executions.pop(execution.exec_arn, None)

        return terminated_and_forgotten

    replace(module.BaseExecutionWorkerCommunication, "terminated", make)


def _patch_provider(module: ModuleType) -> None:
    does_not_exist = module.ExecutionDoesNotExist

    def make(get_execution: Any) -> Any:
        @functools.wraps(get_execution)
        def get_unless_forgotten(self: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return get_execution(self, *arguments, **named)
            except does_not_exist:
                arn = named.get("execution_arn") or arguments[-1]
                if str(arn).split(":")[5:6] == ["express"]:
                    self._raise_resource_type_not_in_context(resource_type="express")
                raise

        return get_unless_forgotten

    replace(module.StepFunctionsProvider, "_get_execution", make)


PATCHES = {
    "localstack.services.stepfunctions.backend.execution": _patch,
    "localstack.services.stepfunctions.provider": _patch_provider,
}
