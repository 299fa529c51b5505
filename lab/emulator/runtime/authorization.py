"""Whether a role may do what is done in its name; the one place that knows.

`authorize` is asked by everything that serves a call of a role: LocalStack's API, tasks and mappings that go straight
into the process, and log delivery. Who calls with credentials of their own is asked nothing.

A decision is kept until a role or policy changes, so that asking again costs a look into a dictionary.
"""

from __future__ import annotations

import random
import string
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.emulator.runtime import policies, roles
from lab.emulator.runtime.policies import Verdict

MOST_DECISIONS = 10_000
MOST_CALLERS = 10_000
# IAM lets everybody ask who they are, also against a Deny.
ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})


class DeniedError(Exception):
    """A role may not do it; the message is worded as AWS words it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A session of a role, as its credentials show it."""

    role_arn: str
    session: str

    @property
    def arn(self) -> str:
        """``arn:aws:sts::000000000000:assumed-role/role/session``."""
        _, partition, _, _, account, resource = self.role_arn.split(":")
        return f"arn:{partition}:sts::{account}:assumed-role/{resource.rpartition('/')[2]}/{self.session}"


class _State:
    def __init__(self) -> None:
        self.enforced = False
        self.lock = threading.Lock()
        self.generation = 0
        self.decisions: dict[tuple[str, str, str], str] = {}
        self.trust: dict[tuple[str, str, str], bool] = {}
        self.callers: dict[str, Caller] = {}


_STATE = _State()


def enforce(on: bool = True) -> None:
    """From now on roles are checked, or not."""
    _STATE.enforced = on


def authorize(role_arn: str, action: str, resource: str, session: str = "") -> None:
    """Returns when the role may do it.

    Args:
        role_arn: in whose name it is done.
        action: as in policies: ``states:StartExecution``.
        resource: the ARN of what it is done to, or ``*``.
        session: the name of the role's session; a service's own sessions have names made of random letters.

    Raises:
        DeniedError: it may not.
    """
    reason = _reason(role_arn, action, resource)
    if reason:
        caller = Caller(role_arn, session or "".join(random.choices(string.ascii_letters, k=32)))
        raise DeniedError(f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} {reason}")


def permitted(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role may do it."""
    return not _reason(role_arn, action, resource)


def may_be_assumed(role_arn: str, service: str, source_arn: str = "") -> bool:
    """Whether the role is there and its trust policy names the service, for example ``lambda.amazonaws.com``."""
    if not _STATE.enforced:
        return True
    answer = _STATE.trust.get((role_arn, service, source_arn))
    return _trusts(role_arn, service, source_arn) if answer is None else answer


def remember_caller(access_key_id: str, role_arn: str, session: str) -> None:
    """These credentials were given to a session of a role."""
    with _STATE.lock:
        if len(_STATE.callers) >= MOST_CALLERS:  # the oldest belong to sessions that are long over
            del _STATE.callers[next(iter(_STATE.callers))]
        _STATE.callers[access_key_id] = Caller(role_arn, session)


def caller_of(access_key_id: str) -> Caller | None:
    """The session of a role that calls with these credentials; None for everybody else."""
    return _STATE.callers.get(access_key_id)


def forget_decisions() -> None:
    """A role or a policy has changed."""
    with _STATE.lock:
        _STATE.generation += 1
        _STATE.decisions.clear()
        _STATE.trust.clear()


def _reason(role_arn: str, action: str, resource: str) -> str:
    if not _STATE.enforced:
        return ""
    reason = _STATE.decisions.get((role_arn, action, resource))
    return _decide(role_arn, action, resource) if reason is None else reason


def _decide(role_arn: str, action: str, resource: str) -> str:
    """Why the role may not do it, in AWS's words; empty when it may."""
    generation = _STATE.generation
    role = roles.find(role_arn)
    documents = () if role is None else role.policies
    boundary = () if role is None or role.boundary is None else (role.boundary,)
    request = policies.Request(action, resource, context=_context(role_arn, resource))
    reason = ""
    if action not in ALWAYS_ALLOWED:
        own = policies.verdict(documents, request)
        limit = policies.verdict(boundary, request) if boundary else Verdict.ALLOWED
        if own is Verdict.DENIED:
            reason = "with an explicit deny in an identity-based policy"
        elif limit is Verdict.DENIED:
            reason = "with an explicit deny in a permissions boundary"
        elif own is Verdict.SILENT:
            reason = f"because no identity-based policy allows the {action} action"
        elif limit is Verdict.SILENT:
            reason = f"because no permissions boundary allows the {action} action"
    if not policies.has_conditions((*documents, *boundary)):  # a condition may ask for the time
        with _STATE.lock:
            if generation == _STATE.generation:
                if len(_STATE.decisions) >= MOST_DECISIONS:
                    _STATE.decisions.clear()
                _STATE.decisions[role_arn, action, resource] = reason
    return reason


def _trusts(role_arn: str, service: str, source_arn: str) -> bool:
    generation = _STATE.generation
    role = roles.find(role_arn)
    context = {"aws:sourceaccount": role_arn.split(":")[4]} if role is not None else {}
    if source_arn:
        context["aws:sourcearn"] = source_arn
    request = policies.Request("sts:AssumeRole", role_arn, service, context)
    answer = role is not None and policies.verdict((role.trust,), request) is Verdict.ALLOWED
    with _STATE.lock:
        if generation == _STATE.generation and len(_STATE.trust) < MOST_DECISIONS:
            _STATE.trust[role_arn, service, source_arn] = answer
    return answer


def _context(role_arn: str, resource: str) -> dict[str, str]:
    """The condition keys that have the same value for every call of a role."""
    now = time.time()
    account = role_arn.split(":")[4]
    return {
        "aws:principalarn": role_arn,
        "aws:principalaccount": account,
        "aws:principaltype": "AssumedRole",
        "aws:resourceaccount": account,
        "aws:requestedregion": resource.split(":")[3] if resource.count(":") > 4 else "us-east-1",
        "aws:securetransport": "true",  # as on AWS, where nothing comes without TLS
        "aws:epochtime": str(int(now)),
        "aws:currenttime": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
