"""One batch on its way to SQS: refusals, throttles and lost answers, until every message has an outcome."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from lab.load.messages import Message
from lab.load.sends import SendRow

MAX_ATTEMPTS = 5
BACK_OFF_BASE_S = 0.1
BACK_OFF_LIMIT_S = 2.0

# Codes with which SQS, and the gateways before it, ask a caller to slow down.
_THROTTLES = frozenset(
    {
        "RequestThrottled",
        "AWS.SimpleQueueService.RequestThrottled",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "KmsThrottled",
        "KMS.ThrottlingException",
        "SlowDown",
        "OverLimit",
    }
)
# The connection was never made, so no byte of the message left.
_NEVER_LEFT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
# A timeout, a connection lost in the middle, an answer that makes no sense: the message may be in the queue or not.
_ANSWER_LOST = (HTTPClientError, BotoConnectionError, ResponseParserError, OSError)


@dataclass(slots=True)
class Item:
    """One message of a batch and its row."""

    message: Message
    row: SendRow


@dataclass(frozen=True)
class Delivery:
    """Carries batches; safe to share between threads, each row belongs to one thread at a time.

    Attributes:
        client: boto3's SQS client, or anything with its ``send_message_batch``.
        queue_url: where to.
        now_ns: the time, nanoseconds since 1970 UTC.
        sleep: waits some seconds; may return early when ``stopped``.
        stopped: whether to give up trying again.
        before_call: told the rows of each call just before it leaves.
        uniform: draws between two numbers, for the jitter.
    """

    client: Any
    queue_url: str
    now_ns: Callable[[], int]
    sleep: Callable[[float], None]
    stopped: Callable[[], bool]
    before_call: Callable[[Sequence[SendRow]], None]
    uniform: Callable[[float, float], float] = random.uniform

    def carry(self, batch: Sequence[Item]) -> None:
        """Send ``batch``, at most ten messages, and give every row its outcome.

        ``acked``: some answer acknowledged it. ``unknown``: a call left whose answer never came, and no later one
        acknowledged it. ``refused``: SQS said no each time, or once for good. ``dropped``: no connection could be made.

        Waits between tries are drawn evenly from 0 to 0.1 s x 2^tries, at most 2 s ("full jitter").
        """
        waiting = list(batch)
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self.sleep(self.uniform(0.0, min(BACK_OFF_LIMIT_S, BACK_OFF_BASE_S * 2**attempt)))
                if self.stopped():
                    break
                for item in waiting:
                    item.row.retries += 1
            waiting = self._call(waiting)
            if not waiting:
                return
        for item in waiting:
            item.row.outcome = _last_word(item.row)

    def _call(self, items: list[Item]) -> list[Item]:
        """One call, or one for each message if they cannot go together; returns the items to try again."""
        rows = [item.row for item in items]
        sent_ns = self.now_ns()
        for row in rows:
            row.leaving_ns = sent_ns
        self.before_call(rows)
        entries = [{"Id": str(number), "MessageBody": item.message.body} for number, item in enumerate(items)]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
        except _NEVER_LEFT as error:
            for row in rows:
                row.error = type(error).__name__
            return items
        except ClientError as error:
            return self._refused(items, error, sent_ns)
        except _ANSWER_LOST as error:
            for row in rows:
                _left(row, sent_ns)
                row.outcome, row.error = "unknown", type(error).__name__
            return items
        except BotoCoreError as error:  # no credentials, invalid parameters: boto3 itself says no, each time
            for row in rows:
                row.outcome, row.error = "refused", type(error).__name__
            return []
        return self._answered(items, answer, sent_ns)

    def _answered(self, items: list[Item], answer: dict[str, Any], sent_ns: int) -> list[Item]:
        acked_ns = self.now_ns()
        hidden_retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        acked = {entry["Id"]: entry for entry in answer.get("Successful", [])}
        failed = {entry["Id"]: entry for entry in answer.get("Failed", [])}
        again = []
        for number, item in enumerate(items):
            row = item.row
            _left(row, sent_ns)
            row.attempts += hidden_retries
            row.retries += hidden_retries
            if entry := acked.get(str(number)):
                row.message_id, row.acked_ns, row.error, row.outcome = entry["MessageId"], acked_ns, None, "acked"
            elif entry := failed.get(str(number)):
                row.error = entry["Code"]
                throttled = entry["Code"] in _THROTTLES
                row.throttles += throttled
                if entry.get("SenderFault") and not throttled:
                    row.outcome = _last_word(row)
                else:
                    again.append(item)
            else:  # an answer that does not mention the message says nothing about it
                row.outcome, row.error = "unknown", "MissingFromAnswer"
                again.append(item)
        return again

    def _refused(self, items: list[Item], error: ClientError, sent_ns: int) -> list[Item]:
        """The call as a whole was answered with an error."""
        code = error.response.get("Error", {}).get("Code", "ClientError")
        metadata = error.response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode", 400)
        throttled = code in _THROTTLES or status in (429, 503)
        for item in items:
            _left(item.row, sent_ns)
            item.row.attempts += metadata.get("RetryAttempts", 0)
            item.row.retries += metadata.get("RetryAttempts", 0)
            item.row.error = code
            item.row.throttles += throttled
            if status >= 500 and not throttled:  # SQS broke down in the middle: the messages may be in the queue
                item.row.outcome = "unknown"
        if throttled or status >= 500:
            return items
        if len(items) > 1:  # one message that SQS will not take must not take the others down
            return [item for each in items for item in self._call([each])]
        items[0].row.outcome = _last_word(items[0].row)
        return []


def _left(row: SendRow, sent_ns: int) -> None:
    row.attempts += 1
    if row.sent_ns is None:
        row.sent_ns = sent_ns


def _last_word(row: SendRow) -> Any:
    """The outcome of a row that will not be tried again and was not acknowledged."""
    if row.attempts == 0:
        return "dropped"
    # Once an answer was lost, the message may be in the queue, whatever SQS said to a later try.
    return "unknown" if row.outcome == "unknown" else "refused"
