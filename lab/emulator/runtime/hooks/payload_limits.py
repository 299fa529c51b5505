"""Holds what an execution is given, and what its states hand over, to the 262,144 bytes that AWS allows.

Replaces ``is_within_size_quota`` of ``stepfunctions.quotas``, and adds a check to ``StartExecution``,
``StartSyncExecution`` and ``StateTaskService._before_eval_execution``.

Wrong: LocalStack starts an execution with an input of any length. It does check results of tasks and outputs of states,
but counts them as Python writes JSON, with a space after each comma and six characters for an "é", and refuses the
262,144th byte, which AWS still takes. And it does not look at what a state makes of its ``Parameters``.

The same to see: AWS counts JSON without spaces, in bytes of UTF-8. A longer input is refused with a ValidationException
in AWS's words. A task's result that is longer fails the task with ``States.DataLimitExceeded``, and a state's output
fails the execution, as LocalStack does it: so it was recorded on AWS, where a Catch for ``States.ALL`` caught the
failed task although the documentation says that it cannot. ``Parameters`` that are longer fail their state with the
same error, as documented; the documentation does not give AWS's words for it, so they are the lab's own.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace
from lab.emulator.runtime.json_writer import COMPACT, make_writer

MAXIMUM_BYTES = 262_144
INPUT_TOO_LONG = (
    "1 validation error detected: Value at 'input' failed to satisfy constraint: "
    f"Member must have size less than or equal to {MAXIMUM_BYTES} bytes in UTF-8 encoding"
)


def _as_text(value: Any) -> str:
    """What JSON has no word for, written as LocalStack writes it."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


_write = make_writer(_as_text, separators=COMPACT, ascii_only=False)


def text_fits(text: str) -> bool:
    """Whether a text is within the limit; it is encoded only where that can make a difference."""
    if len(text) > MAXIMUM_BYTES:
        return False
    return text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= MAXIMUM_BYTES


def fits(value: Any) -> bool:
    """Whether data are within the limit, as JSON."""
    return text_fits(_write(value))


def _patch_quotas(module: ModuleType) -> None:
    replace(module, "is_within_size_quota", lambda original: fits)


def _patch_provider(module: ModuleType) -> None:
    from localstack.aws.api import CommonServiceException

    def make(start: Any) -> Any:
        @functools.wraps(start)
        def start_when_it_fits(self: Any, context: Any, **request: Any) -> Any:
            text = request.get("input")
            if text is not None and not text_fits(text):
                raise CommonServiceException("ValidationException", INPUT_TOO_LONG)
            return start(self, context, **request)

        return start_when_it_fits

    replace(module.StepFunctionsProvider, "start_execution", make)
    replace(module.StepFunctionsProvider, "start_sync_execution", make)


def _patch_task(module: ModuleType) -> None:
    error_type = module.StatesErrorNameType.StatesStatesDataLimitExceeded
    failed = module.HistoryEventType.TaskFailed

    def make(before: Any) -> Any:
        @functools.wraps(before)
        def before_execution(self: Any, env: Any, **parameters: Any) -> None:
            if not fits(parameters["raw_parameters"]):
                raise module.FailureEventException(failure_event=failure_of(self, env))
            before(self, env=env, **parameters)

        return before_execution

    def failure_of(task: Any, env: Any) -> Any:
        kind, resource = task._get_sfn_resource_type(), task._get_sfn_resource()
        details = module.TaskFailedEventDetails(
            error=error_type.to_name(),
            cause=f"The state/task '{kind}' has parameters with a size exceeding the maximum number of bytes "
            "service limit.",
            resourceType=kind,
            resource=resource,
        )
        return module.FailureEvent(
            env=env,
            error_name=module.StatesErrorName(typ=error_type),
            event_type=failed,
            event_details=module.EventDetails(taskFailedEventDetails=details),
        )

    replace(module.StateTaskService, "_before_eval_execution", make)


_STEP_FUNCTIONS = "localstack.services.stepfunctions"
PATCHES = {
    f"{_STEP_FUNCTIONS}.quotas": _patch_quotas,
    f"{_STEP_FUNCTIONS}.provider": _patch_provider,
    f"{_STEP_FUNCTIONS}.asl.component.state.state_execution.state_task.service.state_task_service": _patch_task,
}
