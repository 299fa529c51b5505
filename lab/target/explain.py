"""Errors of boto3 in words: what happened, why, and the command or the policy statement that mends it."""

from __future__ import annotations

import json
import re

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

from lab.errors import LabError, UnavailableError
from lab.target import permissions
from lab.target.sessions import CredentialsError, no_credentials

_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "UnrecognizedClientException",
        "RequestExpired",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AuthorizationErrorException",
    }
)
# How AWS says that a request's time is too far from its own: the host's clock is behind, or ahead.
_WRONG_TIME = ("Signature expired", "Signature not yet current")
_MISSING_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


class UnreachableError(UnavailableError):
    """The target does not answer."""


class ClockError(UnavailableError):
    """This machine's clock is so wrong that AWS does not take what it signs."""


class DeniedError(UnavailableError):
    """The caller's identity may not do what the lab asked for."""


def explain(error: BaseException) -> LabError | None:
    """The lab's own error for an error of boto3 whose cause is known; None for any other.

    Nothing of the request but the name of the action goes into the text: it may hold credentials.
    """
    if isinstance(error, LabError):
        return error
    if isinstance(error, EndpointConnectionError | ConnectionClosedError | ConnectTimeoutError | ReadTimeoutError):
        return UnreachableError(
            "The target does not answer.",
            cause="the emulator ended, is starting or was never started; on AWS, the network is down.",
            next_step="lab doctor, then lab up; for the target 'localstack': docker compose up -d --wait",
        )
    if isinstance(error, NoCredentialsError | ProfileNotFound | SSOError | TokenRetrievalError):
        return no_credentials(type(error).__name__)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if _message(error).startswith(_WRONG_TIME):
            return ClockError(
                "AWS refused the call: this machine's clock is wrong by minutes, and a request is good for a few only.",
                next_step="sudo timedatectl set-ntp true, or turn on 'set time automatically' where your system has it",
            )
        if code in _EXPIRED:
            return CredentialsError(
                "AWS refused the credentials: they expired or are not valid.", next_step="aws sso login"
            )
        if code in _DENIED or _MISSING_ACTION.search(_message(error)):
            return _denied(error)
    return None


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def _denied(error: ClientError) -> DeniedError:
    """Name the missing action, and the statement that allows it."""
    where = dict(error.response.get("Lab") or {})
    call = where.pop("call", "")
    # AWS says which of the call's actions it missed. Only that one word is taken from its text.
    said = _MISSING_ACTION.search(_message(error))
    actions = [said[1]] if said and said[1] in permissions.known_actions() else list(permissions.actions_of(call))
    if not actions or not where:
        return DeniedError(
            f"AWS did not allow {error.operation_name}.",
            cause="your identity lacks a permission that the lab needs.",
            next_step="lab policy, and have that policy attached to your identity",
        )
    statements = "\n".join(json.dumps(statement) for statement in permissions.statements_for(actions, **where))
    return DeniedError(
        f"AWS did not allow {error.operation_name}: your identity lacks {' or '.join(actions)}.",
        cause="its policy is not the one that 'lab policy' prints, or something above it (a permissions boundary, the "
        "organization) denies it.",
        next_step=f"have this statement added to your identity's policy ('lab policy' prints the whole of it):\n"
        f"{statements}",
    )
