"""An AWS account in this process (moto), with errors to order and a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from lab.target import Target


class Clock:
    """Stands in for the module ``time`` where the lab waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Account:
    """What is done in the account, and what it is to answer.

    Attributes:
        calls: every call, in its order, as ``service.Operation``.
        parameters: of each call.
        lambda_concurrency: of the account; moto does not know GetAccountSettings.
        quotas: what Service Quotas lists; moto does not know Step Functions' either.
    """

    calls: list[str] = field(default_factory=list)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    lambda_concurrency: int = 1000
    quotas: list[dict[str, Any]] = field(default_factory=list)
    _orders: dict[str, list[Any]] = field(default_factory=dict)

    def watch(self, target: Target) -> None:
        """Follow the calls of a target; before it has made a client."""
        target.session.events.register("before-parameter-build", self._note)
        target.session.events.register("before-call", self._answer)

    def fail(self, call: str, code: str, message: str = "", *, times: int = 1, status: int = 400) -> None:
        """The next ``times`` calls are answered with an error."""
        error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
        self._orders.setdefault(call, []).extend([(status, error)] * times)

    def answer(self, call: str, answer: dict[str, Any], *, times: int = 1) -> None:
        """The next ``times`` calls are answered with this."""
        self._orders.setdefault(call, []).extend([(200, answer | {"ResponseMetadata": {}})] * times)

    def unanswered(self) -> dict[str, int]:
        """Orders that were never used; a test that leaves some proved nothing."""
        return {call: len(orders) for call, orders in self._orders.items() if orders}

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.parameters.append({"call": _name(model), **params})

    def _answer(self, model: Any, **_: Any) -> Any:
        self.calls.append(_name(model))
        if orders := self._orders.get(_name(model)):
            status, parsed = orders.pop(0)
            return SimpleNamespace(status_code=status), dict(parsed)
        if _name(model) == "lambda.GetAccountSettings":
            limits = dict.fromkeys(("ConcurrentExecutions", "UnreservedConcurrentExecutions"), self.lambda_concurrency)
            return SimpleNamespace(status_code=200), {"AccountLimit": limits, "ResponseMetadata": {}}
        if model.service_model.service_name == "service-quotas":
            return SimpleNamespace(status_code=200), {"Quotas": self.quotas, "ResponseMetadata": {}}
        return None


class StopError(Exception):
    """The process is killed here."""


def stop_after(target: Target, call: str, count: int) -> Callable[[], None]:
    """Let ``count`` calls through, and kill the next one before it leaves."""
    seen = 0

    def handler(model: Any, **_: Any) -> None:
        nonlocal seen
        if _name(model) == call:
            seen += 1
            if seen > count:
                raise StopError(call)

    target.session.events.register_first("before-call", handler)
    return lambda: target.session.events.unregister("before-call", handler)


def _name(model: Any) -> str:
    return f"{model.service_model.service_name}.{model.name}"


def new_target(account: Account, name: str = "a") -> Target:
    """What a new ``lab`` command works with."""
    target = Target("aws", name)
    account.watch(target)
    return target
