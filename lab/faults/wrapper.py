"""Stands before a function's handler for one run, and lets it fail as planned.

The lab adds this file to the function's package and names it as the handler; the file that learners read stays as it
is. So it runs on Lambda, where there is no ``lab``: plain Python, which needs boto3 for one fault alone.

The environment variable ``EXPRESS_LAB_FAULTS`` says what is planned for this function::

    {"handler": "handler.lambda_handler", "where": "base64_decoder", "run": "261124-150721-3f9a", "seed": 1,
     "rules": [[0, "raises", 0.05, 1, 0]], "spared": [[1, 0.02]]}

A rule is its number in the plan, the fault, its share of the messages, how many attempts of one message it hits
(0: every one), and seconds. A message that one of the ``spared`` rules chose is broken, and gets no other fault.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

VARIABLE = "EXPRESS_LAB_FAULTS"
HANDLER = "express_lab_faults.lambda_handler"
FILE = "express_lab_faults.py"
# Beside the code: LocalStack removes it with the code, when the run is over.
COUNTS = ".express-lab-faults"
SLEEPS_ON_S = 60.0


class InjectedFaultError(Exception):
    """Raised on purpose: the plan of faults says so."""


def share_of(seed: int, rule: int, where: str, lab_id: str) -> float:
    """Where a message lies between 0 and 1 for one rule at one place; the rule chooses those below its share.

    Messages of the same number are the same in each run with this seed: their ids differ by the run alone.
    """
    number = lab_id.rpartition("-")[2]
    digest = hashlib.sha256(f"{seed}/{rule}/{where}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def chosen(plan: dict[str, Any], rule: int, share: float, where: str, lab_id: str) -> bool:
    """Whether a rule chooses a message. Only messages of the plan's run are chosen, and none that is broken anyway."""
    if not lab_id.startswith(plan["run"] + "-"):
        return False
    if any(share_of(plan["seed"], number, "body", lab_id) < spared for number, spared in plan["spared"]):
        return False
    return share_of(plan["seed"], rule, where, lab_id) < share


def lab_id_of(body: Any) -> str | None:
    """The lab's id in a body, as text or as data; None where there is none."""
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return None
    lab_id = body.get("lab_id") if isinstance(body, dict) else None
    return lab_id if isinstance(lab_id, str) else None


class Faults:
    """What is planned for this function.

    Attributes:
        plan: as in the variable.
        folder: where attempts are counted that nothing else counts.
    """

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        self.plan = plan
        self.folder = folder
        self._receives: dict[str, int] = {}  # of the records at hand, by message id

    def handle(self, handler: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:
        """What the function does in place of ``handler``."""
        records = event.get("Records") if isinstance(event, dict) else None
        self._receives = {record["messageId"]: received(record) for record in records or ()}
        for number, fault, share, attempts, seconds in self.plan["rules"]:
            hit = [lab_id for lab_id in self._ids(event, records) if self._hits(number, share, attempts, *lab_id)]
            if not hit or fault not in BEFORE:
                continue
            for lab_id, receives in hit:
                say(fault, self.plan["where"], lab_id, receives)
            BEFORE[fault](seconds, context)
        answer = handler(event, context)
        for number, fault, share, attempts, _ in self.plan["rules"]:
            if fault == "delivered_twice" and records:
                answer = self._again(handler, event, context, answer, (number, share, attempts))
        return answer

    def refuse_start(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
        """Answers StartExecution in place of Step Functions, for what the plan chose. Called by botocore."""
        request = json.loads(params["body"])
        lab_id = lab_id_of(request.get("input"))
        for number, fault, share, attempts, _ in self.plan["rules"]:
            receives = self._receives.get(request.get("name"), 1)
            if fault == "start_refused" and lab_id and self._hits(number, share, attempts, lab_id, receives):
                say(fault, self.plan["where"], lab_id, receives)
                error = {"Code": "ExecutionLimitExceeded", "Message": "refused on purpose, by the lab's plan of faults"}
                return SimpleNamespace(status_code=400), {
                    "Error": error,
                    "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0, "HTTPHeaders": {}},
                }
        return None

    def _ids(self, event: Any, records: Any) -> list[tuple[str, int]]:
        """The messages at hand, each with the number of its delivery; 0 where nothing tells which attempt this is."""
        if records is None:
            lab_id = lab_id_of(event)
            return [(lab_id, 0)] if lab_id else []
        named = [(lab_id_of(record.get("body")), received(record)) for record in records]
        return [(lab_id, receives) for lab_id, receives in named if lab_id]

    def _hits(self, number: int, share: float, attempts: int, lab_id: str, receives: int) -> bool:
        if not chosen(self.plan, number, share, self.plan["where"], lab_id):
            return False
        if not attempts:
            return True
        return receives <= attempts if receives else self._claim(number, lab_id, attempts)

    def _claim(self, number: int, lab_id: str, attempts: int) -> bool:
        """Take one of the attempts that the rule hits; False when all are taken. All workers share the folder."""
        os.makedirs(self.folder, exist_ok=True)
        for attempt in range(attempts):
            try:
                path = os.path.join(self.folder, f"{number}-{lab_id}-{attempt}")
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                continue
            return True
        return False

    def _again(
        self, handler: Callable[[Any, Any], Any], event: Any, context: Any, answer: Any, rule: tuple[int, float, int]
    ) -> Any:
        """Deliver what the rule chose a second time, as SQS may."""
        twice = []
        for record in event["Records"]:
            lab_id = lab_id_of(record.get("body"))
            if lab_id and self._hits(*rule, lab_id, received(record)):
                say("delivered_twice", self.plan["where"], lab_id, received(record))
                twice.append(record)
        if not twice:
            return answer
        second = handler({**event, "Records": twice}, context)
        if not (isinstance(answer, dict) and isinstance(second, dict)):
            return answer
        failures = [*answer.get("batchItemFailures", []), *second.get("batchItemFailures", [])]
        return {**answer, "batchItemFailures": failures}


def received(record: dict[str, Any]) -> int:
    """How often SQS has handed over a record, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def say(fault: str, where: str, lab_id: str, receives: int) -> None:
    """One line in the function's log, before anything happens."""
    print(json.dumps({"fault": fault, "where": where, "lab_id": lab_id, "receives": receives}), flush=True)


def fail(seconds: float, context: Any) -> None:
    raise InjectedFaultError("raised on purpose, by the lab's plan of faults")


def be_slow(seconds: float, context: Any) -> None:
    time.sleep(seconds)


def take_too_long(seconds: float, context: Any) -> None:
    time.sleep(context.get_remaining_time_in_millis() / 1000 + SLEEPS_ON_S)


def die(seconds: float, context: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


BEFORE: dict[str, Callable[[float, Any], None]] = {
    "raises": fail,
    "slow": be_slow,
    "times_out": take_too_long,
    "dies": die,
}


def _prepare(plan: dict[str, Any]) -> Callable[[Any, Any], Any]:
    faults = Faults(plan, os.path.join(os.environ.get("LAMBDA_TASK_ROOT", "."), COUNTS))
    if any(rule[1] == "start_refused" for rule in plan["rules"]):
        import boto3

        # Each client that the handler makes takes this on, whatever it is called there.
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("before-call.sfn.StartExecution", faults.refuse_start)
    module, _, name = plan["handler"].rpartition(".")
    handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return lambda event, context: faults.handle(handler, event, context)


if VARIABLE in os.environ:  # else nothing is planned: the lab itself reads the rules above
    lambda_handler = _prepare(json.loads(os.environ[VARIABLE]))
