"""Forgets Express executions that are over.

Replaces ``BaseExecutionWorkerCommunication.terminated``.

Costly: LocalStack keeps every execution with its whole history for ever, about 60 KB for one of the four-state machine,
so that a run of 10,000 messages takes 600 MB.

The same to see: no API of Step Functions serves a finished Express execution; DescribeExecution, GetExecutionHistory
and ListExecutions refuse Express, on AWS and on LocalStack. Its record is in the logs. Standard executions are kept.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace


def _patch(module: ModuleType) -> None:
    express = module.StateMachineType.EXPRESS

    def make(terminated: Any) -> Any:
        @functools.wraps(terminated)
        def terminated_and_forgotten(self: Any) -> None:
            terminated(self)
            execution = self.execution
            # A synchronous execution is read once more by the request that waits for it, which holds it itself.
            if execution.sm_type == express:
                from localstack.services.stepfunctions.backend.store import sfn_stores

                store = sfn_stores[execution.account_id][execution.region_name]
                store.executions.pop(execution.exec_arn, None)

        return terminated_and_forgotten

    replace(module.BaseExecutionWorkerCommunication, "terminated", make)


PATCHES = {"localstack.services.stepfunctions.backend.execution": _patch}
