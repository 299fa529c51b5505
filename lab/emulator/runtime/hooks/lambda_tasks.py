"""Lets a Task state call the Lambda service inside the process.

Replaces ``_invoke_lambda_function`` of ``lambda_eval_utils``, ``StateTaskService._get_boto_operation_model``, and for
tasks that call other services (``aws-sdk``) ``boto_client_for``, which makes a session and a client: both are kept.

Slow: for every Task a new role session (one AssumeRole request of LocalStack to itself), a new boto client (about 25 ms
of JSON models and event handlers), and the invocation over HTTP, parsed and serialised twice: 40 to 80 ms a state. And
twice a Task the names of all operations of the service are converted with regular expressions to find one of them.

The same to see: the result holds the same fields, an error becomes the same ``ClientError``. Only a synchronous
invocation by function name or ARN takes this way; anything else takes the original one. A kept client is not used once
the role may no longer be assumed; what the role may do is asked at each call (`permissions`).
"""

from __future__ import annotations

import functools
import json
from types import ModuleType
from typing import Any

from lab.emulator.runtime import authorization
from lab.emulator.runtime.hooks import direct_lambda
from lab.emulator.runtime.hooks.replacing import replace

MOST_CLIENTS = 64
DIRECT_PARAMETERS = frozenset({"FunctionName", "Payload", "InvocationType"})


def may_go_directly(parameters: dict[str, Any]) -> bool:
    """Whether a call is a plain synchronous invocation."""
    synchronous = parameters.get("InvocationType", "RequestResponse") == "RequestResponse"
    return synchronous and parameters.keys() <= DIRECT_PARAMETERS


def _patch_invocation(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def invoke(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
            account_id = state_credentials.role_arn.split(":")[4]
            target = direct_lambda.target_of(parameters.get("FunctionName"), account_id, region)
            service = direct_lambda.running_lambda_service()
            if target is None or service is None or not may_go_directly(parameters):
                return dict(original(parameters=parameters, region=region, state_credentials=state_credentials))
            answer = direct_lambda.invoke(service, target, parameters.get("Payload"))
            response = {
                "StatusCode": 200,
                "Payload": _parsed(answer.payload),
                "ExecutedVersion": answer.executed_version,
            }
            if answer.is_error:
                response["FunctionError"] = "Unhandled"
            return response

        return invoke

    replace(module, "_invoke_lambda_function", make)


def _patch_clients(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        kept: dict[tuple[str, str, str], Any] = {}

        @functools.wraps(original)
        def client_for(service: str, region: str, state_credentials: Any) -> Any:
            key = (service, region, state_credentials.role_arn)
            if key not in kept or not authorization.may_be_assumed(state_credentials.role_arn, "states.amazonaws.com"):
                if len(kept) >= MOST_CLIENTS:
                    kept.clear()
                kept[key] = original(service=service, region=region, state_credentials=state_credentials)
            return kept[key]

        return client_for

    replace(module, "boto_client_for", make)


def _parsed(payload: bytes) -> Any:
    text = payload.decode("utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _patch_models(module: ModuleType) -> None:
    service = module.StateTaskService
    service._get_boto_operation_model = staticmethod(functools.cache(service._get_boto_operation_model))
    replace(module, "camel_to_snake_case", functools.lru_cache(maxsize=4096))


_TASK = "localstack.services.stepfunctions.asl.component.state.state_execution.state_task"
PATCHES = {
    f"{_TASK}.lambda_eval_utils": _patch_invocation,
    f"{_TASK}.service.state_task_service": _patch_models,
    f"{_TASK}.service.state_task_service_aws_sdk": _patch_clients,
}
