"""One place to run one lab, and the boto3 clients that go there. Nobody else makes clients.

``embedded`` is LocalStack started by the lab, ``localstack`` one that runs already (Docker Compose), ``aws`` a real
account. The first two carry dummy credentials, look at no file and no variable of the user's AWS set-up, and refuse
every request to a host that is not the emulator's: they cannot reach AWS.
"""

from __future__ import annotations

import threading
from collections.abc import Set
from typing import Any, Literal, get_args

import boto3
from botocore.config import Config

from lab import paths, variables
from lab.clock import ServiceClock, now_ns
from lab.emulator import health, processes
from lab.emulator.ports import USUAL_PORT
from lab.target import runs
from lab.target.sessions import (
    DEFAULT_REGION,
    Access,
    TargetError,
    aws_session,
    check_endpoint_url,
    emulator_region,
    emulator_session,
)

Kind = Literal["embedded", "localstack", "aws"]
DEFAULT_NAME = "workshop"
_CONNECTIONS = 64
_SERVICES = ("sqs", "iam", "logs", "lambda", "stepfunctions")
# What functions run on where nobody tells: on AWS, and on another's LocalStack, which has AWS's own images.
_RUNTIME_OF_AWS = "python3.13"
# Where no answer says what time it is, the service's clock may be behind by as much as AWS lets a request's be wrong.
_MOST_AHEAD_MS = 300_000


class Target:
    """One place to run one lab.

    Attributes:
        kind: ``embedded``, ``localstack`` or ``aws``.
        name: the lab's name, part of every resource name.
        clock: what the answers tell of the service's clock.
    """

    def __init__(self, kind: Kind, name: str, *, endpoint_url: str | None = None, access: Access | None = None) -> None:
        self.kind = kind
        self.name = paths.check_name(name)
        self._endpoint_url = endpoint_url
        self.clock = ServiceClock()
        self._access = access or Access()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, float, int], Any] = {}
        self._lock = threading.RLock()
        self._caller: dict[str, str] | None = None
        self._run: str | None = None
        self._function_runtime: str | None = None

    def __repr__(self) -> str:
        return f"Target({self.kind!r}, {self.name!r})"

    @property
    def options(self) -> str:
        """The options that select this target in a command, as text to append; empty for the default lab."""
        options = "" if self.kind == "embedded" else f" --target {self.kind}"
        return options + ("" if self.name == DEFAULT_NAME else f" --name {self.name}")

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
            self._endpoint_url = processes.require(self.name).endpoint_url
        return self._endpoint_url

    @property
    def region(self) -> str:
        """The AWS region."""
        return str(self.session.region_name or DEFAULT_REGION)

    @property
    def function_runtime(self) -> str:
        """The runtime of functions here, such as ``python3.13``: the lab's emulator tells which Python runs them."""
        if self._function_runtime is None:
            told = health.runtime_at(self.endpoint_url or "") if self.is_emulator else None
            self._function_runtime = _RUNTIME_OF_AWS if told is None else told
        return self._function_runtime

    def was_used(self, service: str) -> bool:
        """Whether anything can be there of a service: False on an emulator that was not asked for it yet."""
        return not self.is_emulator or health.service_at(self.endpoint_url or "", service) == "running"

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
        """What tells this run's resources from those of the runs before, see ``runs``; empty on an emulator."""
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

    def earliest_now_ms(self) -> int:
        """Now by the service's clock, epoch milliseconds: never later than that, and earlier by a second at most.

        Where to begin with reading what the service will write from now on.
        """
        if not self.clock.difference.known:
            self.client("sts").get_caller_identity()
        now_ms = self.clock.earliest_now_ms()
        return now_ns() // 1_000_000 - _MOST_AHEAD_MS if now_ms is None else now_ms

    @property
    def session(self) -> boto3.Session:
        """The boto3 session behind the clients."""
        with self._lock:
            if self._session is None:
                self._session = emulator_session(self._access) if self.is_emulator else aws_session()
            return self._session

    def prepare(self) -> None:
        """Read what boto3 needs to know of the lab's services, half a second, before there is anything to call."""
        if not self.is_emulator:
            return
        with self._lock:
            for service in _SERVICES:
                self.session.client(service, endpoint_url="http://127.0.0.1:1")

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
                # botocore makes a client's error classes when they are first asked for. Two threads that ask at the
                # same time get two sets, and then neither recognises the error that the other's call raises.
                self._clients[key].exceptions  # noqa: B018
                self.clock.listen(self._clients[key])
            return self._clients[key]

    def loaded_services(self, services: Set[str]) -> set[str]:
        """Those of ``services`` that can hold anything: an emulator loads one when it is first called.

        Args:
            services: boto3's names. Pipes are in no LocalStack that is free.
        """
        if not self.is_emulator:
            return set(services)
        loaded = health.loaded_services_at(self.endpoint_url or "")
        return set(services if loaded is None else services & loaded) - {"pipes"}

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
        trusted = str(self._access.ca_bundle) if self._access.ca_bundle else None
        return self.session.client(service, config=config, endpoint_url=self.endpoint_url, verify=trusted)

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
        VariableError: a variable of the lab holds what it cannot use.
        TargetError: no such target, ``LAB_ENDPOINT_URL`` leads away from this machine, or an emulator lacks the region.
        LabNameError: the name cannot be used.
    """
    variables.check()
    kind = kind or variables.value("LAB_TARGET") or "embedded"
    name = name or variables.value("LAB_NAME") or DEFAULT_NAME
    if kind not in get_args(Kind):
        raise TargetError(
            f"There is no target '{kind}'.",
            cause="--target or LAB_TARGET says so.",
            next_step="choose embedded (the default), localstack or aws, for example: lab status --target embedded",
        )
    endpoint_url = None
    if kind == "localstack":
        port = variables.value("LAB_PORT") or USUAL_PORT
        endpoint_url = check_endpoint_url(variables.value("LAB_ENDPOINT_URL") or f"http://127.0.0.1:{port}")
    if kind != "aws":
        emulator_region()
    return Target(kind, name, endpoint_url=endpoint_url)  # type: ignore[arg-type]
