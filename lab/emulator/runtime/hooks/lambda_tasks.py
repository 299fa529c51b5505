"""Lets a Task state call the Lambda service inside the process.

Replaces ``_invoke_lambda_function`` of ``lambda_eval_utils`` and ``StateTaskService._get_boto_operation_model``.

Slow: for every Task a new role session (one AssumeRole request of LocalStack to itself), a new boto client (about 25 ms
of JSON models and event handlers), and the invocation over HTTP, parsed and serialised twice: 40 to 80 ms a state. And
twice a Task the names of all operations of the service are converted with regular expressions to find one of them.

The same to see: the result holds the same fields, an error becomes the same ``ClientError``. Only a synchronous
invocation by function name or ARN takes this way; anything else takes the original one.
"""

from __future__ import annotations

import functools
import json
import sys
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

LAMBDA_PROVIDER = "localstack.services.lambda_.provider"
DIRECT_PARAMETERS = frozenset({"FunctionName", "Payload", "InvocationType"})


def direct_target(parameters: dict[str, Any], account_id: str, region_name: str) -> tuple[str, str, str] | None:
    """Account, region and name of the function when the call may take the short way, else ``None``."""
    if not parameters.keys() <= DIRECT_PARAMETERS or LAMBDA_PROVIDER not in sys.modules:
        return None
    if parameters.get("InvocationType", "RequestResponse") != "RequestResponse":
        return None
    name = parameters.get("FunctionName")
    if not isinstance(name, str):
        return None
    if ":" not in name:
        return account_id, region_name, name
    parts = name.split(":")
    if len(parts) != 7 or parts[0] != "arn" or parts[5] != "function" or parts[3] != region_name:
        return None
    return parts[4], parts[3], parts[6]


def _patch_invocation(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def invoke(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
            account_id = state_credentials.role_arn.split(":")[4]
            target = direct_target(parameters, account_id, region)
            service = _lambda_service() if target is not None else None
            if target is None or service is None:
                return dict(original(parameters=parameters, region=region, state_credentials=state_credentials))
            return _invoke(service, target, parameters.get("Payload"))

        return invoke

    replace(module, "_invoke_lambda_function", make)


def _lambda_service() -> Any | None:
    """The Lambda service of this process, when it runs."""
    from localstack.services.plugins import SERVICE_PLUGINS

    if not SERVICE_PLUGINS.is_running("lambda"):
        return None
    service = SERVICE_PLUGINS.get_service("lambda")
    return getattr(getattr(service, "_provider", None), "lambda_service", None)


def _invoke(service: Any, target: tuple[str, str, str], payload: bytes | None) -> dict[str, Any]:
    from localstack.aws.api import ServiceException
    from localstack.utils.strings import long_uid

    account_id, region_name, name = target
    request_id = long_uid()
    try:
        result = service.invoke(
            function_name=name,
            qualifier=None,
            region=region_name,
            account_id=account_id,
            invocation_type="RequestResponse",
            client_context=None,
            request_id=request_id,
            payload=payload,
        )
    except ServiceException as error:
        raise _client_error(error.code, error.message, error.status_code, request_id) from error
    except Exception as error:
        message = (
            f"[{request_id}] Internal error while executing lambda {name}:None. "
            f"Caused by {type(error).__name__}: {error}"
        )
        raise _client_error("ServiceException", message, 502, request_id) from error
    response = {
        "StatusCode": 200,
        "Payload": _parsed(result.payload),
        "ExecutedVersion": result.executed_version,
    }
    if result.is_error:
        response["FunctionError"] = "Unhandled"
    return response


def _parsed(payload: bytes) -> Any:
    text = payload.decode("utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _client_error(code: str, message: str, status_code: int, request_id: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": request_id,
                "HTTPStatusCode": status_code,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
                "HostId": "",
            },
        },
        "Invoke",
    )


def _patch_models(module: ModuleType) -> None:
    service = module.StateTaskService
    service._get_boto_operation_model = staticmethod(functools.cache(service._get_boto_operation_model))
    replace(module, "camel_to_snake_case", functools.lru_cache(maxsize=4096))


_TASK = "localstack.services.stepfunctions.asl.component.state.state_execution.state_task"
PATCHES = {
    f"{_TASK}.lambda_eval_utils": _patch_invocation,
    f"{_TASK}.service.state_task_service": _patch_models,
}
