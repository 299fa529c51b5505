"""Throttles single invocations when a plan of faults asks for it.

Replaces ``LambdaService.invoke`` by a check, and then the original: a function whose environment variable
``EXPRESS_LAB_FAULTS`` holds a rule ``throttled`` answers TooManyRequestsException, as it does beyond its concurrency,
for the messages that the rule chooses. The function is not invoked then, so neither it nor its wrapper can do this; and
concurrency itself, which LocalStack does count, would throttle whoever happens to come, and never the same message
twice.

The same to see: nothing, without that variable. With it, whoever invokes is told what AWS tells: a Task fails with
``Lambda.TooManyRequestsException``, and a batch of a mapping goes back to its queue. The variable belongs to the
function, so that no throttle outlives what `lab/faults/in_functions.py` puts back.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections import Counter
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

VARIABLE = "EXPRESS_LAB_FAULTS"


def share_of(seed: int, rule: int, where: str, lab_id: str) -> float:
    """As in ``lab/faults/wrapper.py``, which this process does not import; a test holds the two together."""
    number = lab_id.rpartition("-")[2]
    digest = hashlib.sha256(f"{seed}/{rule}/{where}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


class Throttles:
    """The throttles of one function, as its variable says; counts the attempts that it has thrown back."""

    def __init__(self, text: str) -> None:
        self._plan = json.loads(text)
        self._rules = [rule for rule in self._plan["rules"] if rule[1] == "throttled"]
        self._lock = threading.Lock()
        self._thrown: Counter[tuple[int, str]] = Counter()

    def hits(self, payload: bytes | str | None) -> bool:
        """Whether an invocation with this event is throttled."""
        return bool(self._rules) and any(self._hit(lab_id) for lab_id in lab_ids_in(payload))

    def _hit(self, lab_id: str) -> bool:
        plan, where = self._plan, self._plan["where"]
        if not lab_id.startswith(plan["run"] + "-"):
            return False
        if any(share_of(plan["seed"], number, "body", lab_id) < spared for number, spared in plan["spared"]):
            return False
        for number, _, share, attempts, _ in self._rules:
            if share_of(plan["seed"], number, where, lab_id) < share:
                with self._lock:
                    self._thrown[number, lab_id] += 1
                    if not attempts or self._thrown[number, lab_id] <= attempts:
                        return True
        return False


def lab_ids_in(payload: bytes | str | None) -> list[str]:
    """The lab's ids of the messages in an event: of the records of a batch, else of the event itself."""
    event = _read(payload)
    records = event.get("Records")
    if isinstance(records, list):
        bodies = [_read(record.get("body")) for record in records if isinstance(record, dict)]
    else:
        bodies = [event]
    return [body["lab_id"] for body in bodies if isinstance(body.get("lab_id"), str)]


def _read(text: Any) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


class _Known:
    """The throttles of each function that has some, as long as its variable stays the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, tuple[str, Throttles]] = {}

    def of(self, function: str, text: str) -> Throttles:
        with self._lock:
            known = self._of.get(function)
            if known is None or known[0] != text:
                known = self._of[function] = (text, Throttles(text))
            return known[1]


def _patch(module: ModuleType) -> None:
    from localstack.aws.api.lambda_ import TooManyRequestsException

    known = _Known()

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def invoke(
            self: Any, function_name: str, qualifier: Any, region: str, account_id: str, *args: Any, **kw: Any
        ) -> Any:
            function = module.lambda_stores[account_id][region].functions.get(function_name)
            if function is not None:
                text = (function.latest().config.environment or {}).get(VARIABLE)
                if text and known.of(f"{account_id}/{region}/{function_name}", text).hits(kw.get("payload")):
                    raise TooManyRequestsException(
                        "Rate Exceeded.", Reason="ReservedFunctionConcurrentInvocationLimitExceeded", Type="User"
                    )
            return original(self, function_name, qualifier, region, account_id, *args, **kw)

        return invoke

    replace(module.LambdaService, "invoke", make)


PATCHES = {"localstack.services.lambda_.invocation.lambda_service": _patch}
