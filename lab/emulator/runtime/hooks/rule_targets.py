"""Delivers events of EventBridge rules as AWS does: with a name, with retries, and into the target's dead-letter queue.

Replaces ``TargetSender.process_event`` and, for state machines, ``StatesTargetSender.send_event``.

Wrong: LocalStack names the execution after the event's id, and looks for it in what the input transformer made of the
event. With a transformer there is none, and the event is gone without a word. It tries each delivery once, and reads
neither the target's ``RetryPolicy`` nor its ``DeadLetterConfig``.

The same to see: EventBridge tries again what was answered with 429 or 5xx, by default 185 times within 24 hours, with
longer and longer waits. Any other 4xx, such as a missing permission, is not tried again. What is given up goes to the
target's dead-letter queue with attributes that say why, and where there is none it is dropped.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
Unlike on AWS the first try is made before PutEvents is answered.
"""

from __future__ import annotations

import functools
import logging
import random
import sched
import threading
import time
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

LOG = logging.getLogger(__name__)

MOST_RETRIES, OLDEST_S = 185, 86_400  # by default, as on AWS
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0

_thread = threading.local()


class _Later:
    """Runs things at their time, on one thread that is there while something waits."""

    def __init__(self) -> None:
        self._waiting = sched.scheduler(time.monotonic, time.sleep)
        self._lock = threading.Lock()
        self._runs = False

    def call(self, wait_s: float, action: Any, *arguments: Any) -> None:
        with self._lock:
            self._waiting.enter(wait_s, 0, action, arguments)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="lab-rule-retries", daemon=True).start()

    def _run(self) -> None:
        while True:
            wait_s = self._waiting.run(blocking=False)
            with self._lock:
                if self._waiting.empty():
                    self._runs = False
                    return
            time.sleep(min(wait_s or 0.0, 0.1))


_later = _Later()


def _status(error: Exception) -> int:
    """HTTP status of the answer; 500 where there was none."""
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


def _code(error: Exception) -> str:
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code", ""))


def _may_pass(error: Exception) -> bool:
    # Step Functions answers throttling with 400.
    return _status(error) >= 500 or _status(error) == 429 or "Throttl" in _code(error)


def _kind(error: Exception) -> str:
    """What EventBridge calls it in the attributes of a dead letter."""
    code = _code(error)
    if "AccessDenied" in code:
        return "NO_PERMISSIONS"
    if code.endswith(("DoesNotExist", "NotFound", "NotFoundException", "NonExistentQueue")):
        return "NO_RESOURCE"
    return "THROTTLING" if "Throttl" in code or _status(error) == 429 else "UNKNOWN"


class _Delivery:
    """One event on its way to one target."""

    def __init__(self, deliver: Any, sender: Any, event: dict[str, Any], trace_header: Any) -> None:
        self._deliver, self._sender, self._trace_header = deliver, sender, trace_header
        self.event = {key: value for key, value in event.items() if key != "event-bus-name"}
        self._whole = event
        self._began, self._retries = time.monotonic(), 0

    def attempt(self) -> None:
        _thread.event_id = self.event.get("id")
        try:
            self._deliver(self._sender, dict(self._whole), self._trace_header)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this event's failure
            self._failed(error)
        finally:
            _thread.event_id = None

    def _failed(self, error: Exception) -> None:
        policy = self._sender.target.get("RetryPolicy") or {}
        most = policy.get("MaximumRetryAttempts", MOST_RETRIES)
        oldest_s = policy.get("MaximumEventAgeInSeconds", OLDEST_S)
        if not _may_pass(error):
            return self._give_up(error, "")
        if self._retries >= most:
            return self._give_up(error, "MaximumRetryAttempts")
        wait_s = random.uniform(0.5, 1.0) * min(FIRST_WAIT_S * 2.0**self._retries, LONGEST_WAIT_S)
        if time.monotonic() + wait_s > self._began + oldest_s:
            return self._give_up(error, "MaximumEventAgeInSeconds")
        self._retries += 1
        return _later.call(wait_s, self.attempt)

    def _give_up(self, error: Exception, exhausted: str) -> None:
        queue_arn = (self._sender.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue_arn:
            LOG.info("An event of the rule %s was dropped: %s", self._sender.rule_arn, error)
            return
        told = {
            "RULE_ARN": self._sender.rule_arn,
            "TARGET_ARN": self._sender.target["Arn"],
            "ERROR_CODE": _kind(error),
            "ERROR_MESSAGE": str(error),
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(self._retries) if self._retries else "",
        }
        try:
            _send_to_queue(queue_arn, self.event, {name: text for name, text in told.items() if text})
        except Exception as lost:  # noqa: BLE001 - as on AWS the event is dropped then
            LOG.warning("An event of the rule %s could not be dead-lettered: %s", self._sender.rule_arn, lost)


def _send_to_queue(queue_arn: str, event: dict[str, Any], told: dict[str, str]) -> None:
    from localstack.aws.connect import connect_to
    from localstack.services.events.utils import to_json_str
    from localstack.utils.aws.arns import sqs_queue_url_for_arn

    _, _, _, region, account, _ = queue_arn.split(":", 5)
    connect_to(aws_access_key_id=account, region_name=region).sqs.send_message(
        QueueUrl=sqs_queue_url_for_arn(queue_arn),
        MessageBody=to_json_str(event),
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in told.items()},
    )


def _patch(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def process_event(self: Any, event: dict[str, Any], trace_header: Any) -> None:
            _Delivery(original, self, event, trace_header).attempt()

        return process_event

    def make_start(original: Any) -> Any:
        @functools.wraps(original)
        def send_event(self: Any, event: Any, trace_header: Any) -> None:
            self.service = "stepfunctions"
            name = getattr(_thread, "event_id", None)
            self.client.start_execution(
                stateMachineArn=self.target["Arn"],
                input=event if isinstance(event, str) else module.to_json_str(event),
                **({"name": name} if name else {}),
            )

        return send_event

    replace(module.TargetSender, "process_event", make)
    replace(module.StatesTargetSender, "send_event", make_start)


PATCHES = {"localstack.services.events.target": _patch}
