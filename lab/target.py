"""Where the lab runs, and the boto3 clients that go there. Nobody else makes clients.

``embedded`` is LocalStack started by the lab, ``localstack`` one that runs already (Docker Compose), ``aws`` a real
account. The first two carry dummy credentials, look at no file and no variable of the user's AWS set-up, and refuse
every request to a host that is not the emulator's: they cannot reach AWS.
"""

from __future__ import annotations

import json
import os
import re
import threading
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
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

from lab import paths, permissions, runs
from lab.emulator import launcher
from lab.errors import LabError

Kind = Literal["embedded", "localstack", "aws"]

DEFAULT_NAME = "workshop"
DEFAULT_REGION = "us-east-1"
DEFAULT_ENDPOINT_URL = "http://127.0.0.1:4566"

# The compose service's name is how the notebook container reaches LocalStack; all others are this machine.
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost", "localstack"})
_CONNECTIONS = 64

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
_MISSING_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


class TargetError(LabError):
    """A target that does not exist, or cannot be used as it is set up."""


class ReachError(LabError):
    """A request of an emulator target was about to leave for another host. It was not sent."""


class UnreachableError(LabError):
    """The target does not answer."""


class DeniedError(LabError):
    """The caller's identity may not do what the lab asked for."""


class Target:
    """One place to run one lab.

    Attributes:
        kind: ``embedded``, ``localstack`` or ``aws``.
        name: the lab's name, part of every resource name.
    """

    def __init__(self, kind: Kind, name: str, *, endpoint_url: str | None = None) -> None:
        self.kind = kind
        self.name = paths.check_name(name)
        self._endpoint_url = endpoint_url
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, float, int], Any] = {}
        self._lock = threading.RLock()
        self._caller: dict[str, str] | None = None
        self._run: str | None = None

    def __repr__(self) -> str:
        return f"Target({self.kind!r}, {self.name!r})"

    @property
    def is_emulator(self) -> bool:
        """Whether this is LocalStack rather than AWS."""
        return self.kind != "aws"

    @property
    def endpoint_url(self) -> str | None:
        """The emulator's URL; None on AWS.

        Raises:
            EmulatorNotRunningError: embedded, and the lab is not up.
        """
        if self.kind == "embedded" and self._endpoint_url is None:
            self._endpoint_url = launcher.require(self.name).endpoint_url
        return self._endpoint_url

    @property
    def region(self) -> str:
        """The AWS region."""
        return str(self.session.region_name or DEFAULT_REGION)

    @property
    def account(self) -> str:
        """The account's twelve digits, asked of STS once."""
        return self._identity()["Account"]

    @property
    def partition(self) -> str:
        """The ARN partition: ``aws``, ``aws-cn``, ``aws-us-gov``."""
        return self._identity()["Arn"].split(":")[1]

    @property
    def run(self) -> str:
        """What tells this run's resources from those of the runs before; empty on an emulator. See ``lab.runs``."""
        if self.is_emulator:
            return ""
        with self._lock:
            if self._run is None:
                self._run = runs.current(self.name, self.account, self.region)
            return self._run

    def end_run(self) -> None:
        """Nothing of this run is left: a target resolved from now on has another. This one keeps its names."""
        if not self.is_emulator:
            runs.end(self.name, self.account, self.region, self.run)

    @property
    def session(self) -> boto3.Session:
        """The boto3 session behind the clients."""
        with self._lock:
            if self._session is None:
                self._session = _emulator_session() if self.is_emulator else _aws_session()
            return self._session

    def client(self, service: str, *, read_timeout_s: float = 60.0, attempts: int = 4) -> Any:
        """A boto3 client, made once for each service and safe to share between threads.

        Args:
            service: boto3's name of the service, such as ``sqs`` or ``stepfunctions``.
            read_timeout_s: how long to wait for an answer, in seconds.
            attempts: calls that boto3 makes before it gives up; 1 for callers who count their own.

        Raises:
            EmulatorNotRunningError: embedded, and the lab is not up.
        """
        key = (service, read_timeout_s, attempts)
        with self._lock:  # boto3 sessions are not safe to share, clients are
            if key not in self._clients:
                self._clients[key] = self._make_client(service, read_timeout_s, attempts)
            return self._clients[key]

    def _make_client(self, service: str, read_timeout_s: float, attempts: int) -> Any:
        config = Config(
            max_pool_connections=_CONNECTIONS,
            connect_timeout=5,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        if not self.is_emulator:
            client = self.session.client(service, config=config)
            client.meta.events.register("after-call", self._note_where)
            return client
        config = config.merge(
            Config(
                # StartSyncExecution would otherwise call sync-127.0.0.1.
                inject_host_prefix=False,
                # An empty dictionary, not None: None reads the proxies of the environment.
                proxies={},
                # Both make botocore refuse an explicit endpoint when a user's environment asks for them.
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
                s3={"addressing_style": "path"},
            )
        )
        return self.session.client(service, config=config, endpoint_url=self.endpoint_url)

    def _note_where(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Tell ``explain`` of which call and lab an error is; the parsed answer becomes the error's ``response``."""
        if parsed.get("Error"):
            parsed["Lab"] = {
                "call": f"{model.service_model.service_name}.{model.name}",
                "region": self.region,
                "name": self.name,
                "partition": self.partition if self._caller else "aws",
                "account": self._caller["Account"] if self._caller else "${Account}",
            }

    def _identity(self) -> dict[str, str]:
        if self._caller is None:
            self._caller = self.client("sts").get_caller_identity()
        return self._caller


def resolve(kind: str | None = None, name: str | None = None) -> Target:
    """The target that the arguments, else ``LAB_TARGET`` and ``LAB_NAME``, else the defaults ask for.

    The default is ``embedded``, even where AWS credentials lie around.

    Raises:
        TargetError: no such target, or ``LAB_ENDPOINT_URL`` leads away from this machine.
        LabNameError: the name cannot be used.
    """
    kind = kind or os.environ.get("LAB_TARGET") or "embedded"
    name = name or os.environ.get("LAB_NAME") or DEFAULT_NAME
    if kind not in get_args(Kind):
        raise TargetError(
            f"There is no target '{kind}'.",
            cause="--target or LAB_TARGET says so.",
            next_step="choose embedded (the default), localstack or aws, for example: lab status --target embedded",
        )
    endpoint_url = None
    if kind == "localstack":
        endpoint_url = check_endpoint_url(os.environ.get("LAB_ENDPOINT_URL") or DEFAULT_ENDPOINT_URL)
    return Target(kind, name, endpoint_url=endpoint_url)  # type: ignore[arg-type]


def check_endpoint_url(url: str) -> str:
    """Return ``url`` when it leads to this machine or to the compose service.

    Raises:
        TargetError: it does not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in _LOCAL_HOSTS:
        raise TargetError(
            f"'{url}' is not an emulator on this machine.",
            cause="LAB_ENDPOINT_URL may name 127.0.0.1, localhost or the compose service 'localstack', so that a lab "
            "with dummy credentials can never talk to anybody else.",
            next_step=f"LAB_ENDPOINT_URL={DEFAULT_ENDPOINT_URL} lab status --target localstack",
        )
    return url


def _emulator_session() -> boto3.Session:
    """A session that reads nothing of the user's AWS set-up and cannot send anywhere but to this machine."""
    core = botocore.session.Session(
        session_vars={
            # name: (key in a file, environment variable, default, conversion)
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    core.register("before-send", _refuse_other_hosts)
    return boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=os.environ.get("LAB_REGION") or DEFAULT_REGION,
        botocore_session=core,
    )


def _refuse_other_hosts(request: AWSPreparedRequest, **_: Any) -> None:
    host = urlsplit(request.url).hostname
    if host not in _LOCAL_HOSTS:
        raise ReachError(
            f"A request to {host} was stopped before it left: this target stays on this machine.",
            next_step="lab status, and report how you came here",
        )


def _aws_session() -> boto3.Session:
    # boto3 itself knows AWS_DEFAULT_REGION only; the other AWS tools read AWS_REGION first.
    try:
        session = boto3.Session(region_name=os.environ.get("LAB_REGION") or os.environ.get("AWS_REGION") or None)
    except ProfileNotFound as error:
        raise _no_credentials(str(error)) from error
    if session.region_name is None:
        raise TargetError(
            "No AWS region is set.",
            next_step="export AWS_REGION=us-east-1, or the region you want to use",
        )
    try:
        credentials = session.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _no_credentials(type(error).__name__) from error
    if credentials is None:
        raise _no_credentials("none were found")
    return session


def _no_credentials(why: str) -> TargetError:
    return TargetError(
        f"There are no usable AWS credentials ({why}).",
        cause="the target 'aws' uses your own identity: environment variables, a profile or single sign-on.",
        next_step="aws sso login, or export AWS_PROFILE=…, then: lab doctor --target aws",
    )


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
        return _no_credentials(type(error).__name__)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _EXPIRED:
            return TargetError("AWS refused the credentials: they expired or are not valid.", next_step="aws sso login")
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
