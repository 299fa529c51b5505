"""What an IAM policy says about one request: allowed, denied, or nothing.

The rules are those of IAM's reference of policy elements. LocalStack's tree holds moto's evaluation, which is not used:
it takes the case of an action's name for real, a full stop for any character, a statement with ``NotResource`` for an
allowance even if its effect is Deny, and a condition that is not met for a denial.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# The whole name of an operator of conditions: ForAllValues:StringLikeIfExists.
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
}


class Verdict(Enum):
    """What policies say about a request."""

    ALLOWED = "allowed"
    DENIED = "denied"  # by a statement with the effect Deny: nothing else counts then
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do.

    Attributes:
        action: as in policies, for example ``states:StartExecution``.
        resource: the ARN of what it is done to, or ``*``.
        service: the service that asks, for trust policies.
        context: the condition keys that are known, in lower case.
    """

    action: str
    resource: str = "*"
    service: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def verdict(documents: Iterable[Mapping[str, Any]], request: Request) -> Verdict:
    """What several policies say together: a denial in one of them outweighs everything."""
    effects = {
        statement.get("Effect")
        for document in documents
        for statement in _listed(document.get("Statement"))
        if _applies(statement, request)
    }
    if "Deny" in effects:
        return Verdict.DENIED
    return Verdict.ALLOWED if "Allow" in effects else Verdict.SILENT


def has_conditions(documents: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any statement depends on more than who does what to which resource."""
    return any("Condition" in statement for document in documents for statement in _listed(document.get("Statement")))


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _names(statement, "Action", lambda pattern: matches(pattern, request.action, ignore_case=True))
        and _names(statement, "Resource", lambda pattern: matches(_filled(pattern, request.context), request.resource))
        and _principal_fits(statement, request)
        and all(
            _condition_holds(operator, key, _listed(wanted), request.context)
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, wanted in keys.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, fits: Callable[[str], bool]) -> bool:
    """Whether ``element`` fits, or its opposite (``NotAction``) does not; one that is not there always fits."""
    if f"Not{element}" in statement:
        return not any(fits(pattern) for pattern in _listed(statement[f"Not{element}"]))
    return element not in statement or any(fits(pattern) for pattern in _listed(statement[element]))


def _principal_fits(statement: Mapping[str, Any], request: Request) -> bool:
    principal = statement.get("Principal")
    if principal is None or principal == "*":
        return True
    return any(matches(service, request.service) for service in _listed(principal.get("Service")))


def _condition_holds(operator: str, key: str, wanted: list[Any], context: Mapping[str, str]) -> bool:
    found = _OPERATOR.fullmatch(operator)
    if found is None:
        return False
    quantifier, name, if_exists = found.groups()
    actual = context.get(key.lower())
    if name == "Null":
        return any((str(want).lower() == "true") == (actual is None) for want in wanted)
    if actual is None:  # IAM: such a condition is not met, unless it is one that asks for a difference
        return bool(if_exists) or name in _NEGATIONS or quantifier == "ForAllValues"
    compare = _COMPARISONS.get(_NEGATIONS.get(name, name))
    if compare is None:
        return False
    try:
        equal = any(compare(actual, _filled(str(want), context)) for want in wanted)
    except ValueError:  # a number or a date that is none
        return False
    return equal != (name in _NEGATIONS)


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, want: actual == want,
    "StringEqualsIgnoreCase": lambda actual, want: actual.lower() == want.lower(),
    "StringLike": lambda actual, want: matches(want, actual),
    "ArnEquals": lambda actual, want: matches(want, actual),  # IAM treats both alike
    "ArnLike": lambda actual, want: matches(want, actual),
    "Bool": lambda actual, want: actual.lower() == want.lower(),
    "NumericEquals": lambda actual, want: float(actual) == float(want),
    "NumericLessThan": lambda actual, want: float(actual) < float(want),
    "NumericLessThanEquals": lambda actual, want: float(actual) <= float(want),
    "NumericGreaterThan": lambda actual, want: float(actual) > float(want),
    "NumericGreaterThanEquals": lambda actual, want: float(actual) >= float(want),
    "DateEquals": lambda actual, want: _moment(actual) == _moment(want),
    "DateLessThan": lambda actual, want: _moment(actual) < _moment(want),
    "DateLessThanEquals": lambda actual, want: _moment(actual) <= _moment(want),
    "DateGreaterThan": lambda actual, want: _moment(actual) > _moment(want),
    "DateGreaterThanEquals": lambda actual, want: _moment(actual) >= _moment(want),
}


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a text fits a pattern in which ``*`` stands for any characters and ``?`` for one."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _filled(pattern: str, context: Mapping[str, str]) -> str:
    """The pattern with policy variables such as ``${aws:PrincipalAccount}``; one that is not known stays."""
    if "${" not in pattern:
        return pattern
    return _VARIABLE.sub(lambda variable: context.get(variable[1].lower(), variable[0]), pattern)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
