"""Calls the Lambda service inside the process, with the errors that a boto client would raise.

Used by `lambda_tasks` and `queue_mapping`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

LAMBDA_PROVIDER = "localstack.services.lambda_.provider"
# ServiceException of the Lambda API; its status as LocalStack serves it.
INTERNAL_ERROR = ("ServiceException", 502)


@dataclass(frozen=True, slots=True)
class Target:
    """A function, by account, region and name."""

    account_id: str
    region_name: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation gave."""

    payload: bytes
    executed_version: str
    is_error: bool
    request_id: str


def target_of(function_name: object, account_id: str, region_name: str) -> Target | None:
    """The function that a name or an unqualified ARN of this region means; ``None`` for anything else."""
    if not isinstance(function_name, str):
        return None
    if ":" not in function_name:
        return Target(account_id, region_name, function_name)
    parts = function_name.split(":")
    if len(parts) != 7 or parts[0] != "arn" or parts[5] != "function" or parts[3] != region_name:
        return None
    return Target(parts[4], parts[3], parts[6])


def running_lambda_service() -> Any | None:
    """The Lambda service of this process, when it runs."""
    if LAMBDA_PROVIDER not in sys.modules:
        return None
    from localstack.services.plugins import SERVICE_PLUGINS

    if not SERVICE_PLUGINS.is_running("lambda"):
        return None
    service = SERVICE_PLUGINS.get_service("lambda")
    return getattr(getattr(service, "_provider", None), "lambda_service", None)


def invoke(service: Any, target: Target, payload: bytes | None) -> Answer:
    """Invokes a function and waits for its result.

    Raises:
        botocore.exceptions.ClientError: as the API would answer, for example TooManyRequestsException.
    """
    from localstack.aws.api import ServiceException
    from localstack.utils.strings import long_uid

    request_id = long_uid()
    try:
        result = service.invoke(
            function_name=target.name,
            qualifier=None,
            region=target.region_name,
            account_id=target.account_id,
            invocation_type="RequestResponse",
            client_context=None,
            request_id=request_id,
            payload=payload,
        )
    except ServiceException as error:
        raise _client_error(error.code, error.message, error.status_code, request_id) from error
    except Exception as error:
        message = (
            f"[{request_id}] Internal error while executing lambda {target.name}:None. "
            f"Caused by {type(error).__name__}: {error}"
        )
        code, status = INTERNAL_ERROR
        raise _client_error(code, message, status, request_id) from error
    return Answer(result.payload, result.executed_version, result.is_error, request_id)


def _client_error(code: str, message: str, status_code: int, request_id: str) -> Exception:
    from botocore.exceptions import ClientError

    metadata = {"RequestId": request_id, "HTTPStatusCode": status_code, "HTTPHeaders": {}, "RetryAttempts": 0}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Invoke")
