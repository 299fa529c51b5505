"""Where the lab runs: `embedded`, `localstack` or `aws`; the clients that go there, and what their errors mean."""

from lab.target.explain import ClockError, DeniedError, UnreachableError, explain
from lab.target.sessions import (
    DEFAULT_ENDPOINT_URL,
    DEFAULT_REGION,
    Access,
    ReachError,
    TargetError,
    check_access,
    check_endpoint_url,
)
from lab.target.target import DEFAULT_NAME, Kind, Target, resolve

__all__ = [
    "DEFAULT_ENDPOINT_URL",
    "DEFAULT_NAME",
    "DEFAULT_REGION",
    "Access",
    "ClockError",
    "DeniedError",
    "Kind",
    "ReachError",
    "Target",
    "TargetError",
    "UnreachableError",
    "check_access",
    "check_endpoint_url",
    "explain",
    "resolve",
]
