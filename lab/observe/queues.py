"""Looks into queues: how many messages wait, and which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lab.observe.columns import instants, lab_id_in, milliseconds, texts

# Of some 120,000 messages that a standard queue lets its receivers hold at one time.
MOST_IN_FLIGHT = 100_000
_MOST_DELETES = 3


class QueueDepth(NamedTuple):
    """Messages in a queue, as SQS counts them: approximately."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


def queue_depth(client: Any, queue_url: str) -> QueueDepth:
    """How many messages wait, are being worked on, and are delayed. `client`: a boto3 client of the service `sqs`."""
    names = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    attributes = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(names))["Attributes"]
    return QueueDepth(*(int(attributes.get(name, 0)) for name in names))


def most_receives(client: Any, queue_url: str) -> int | None:
    """How often a message of the queue is received before it moves to the dead-letter queue; None without one."""
    attributes = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"]).get("Attributes", {})
    try:
        return int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"])
    except (KeyError, TypeError, ValueError):
        return None


def peek_messages(client: Any, queue_url: str, *, limit: int = MOST_IN_FLIGHT) -> pd.DataFrame:
    """The messages of a queue, which are put back at once. Meant for the dead-letter queue.

    One row a message: message_id, lab_id, body, receive_count, sent, first_received. Looking counts as receiving
    (`receive_count` goes up), and on a queue that has a consumer it takes messages out of its hands for a moment.
    """
    # A call takes some hundredths of a second on AWS: what came back before the last would be received for ever.
    hidden_s = 60 + min(limit, queue_depth(client, queue_url).visible) // 50
    taken: dict[str, dict[str, Any]] = {}
    try:
        _receive(client, queue_url, limit, taken, hidden_s)
    finally:
        put_back(client, queue_url, list(taken.values()))
    return _queued(list(taken.values()))


def put_back(client: Any, queue_url: str, messages: list[dict[str, Any]]) -> None:
    """Let others see received messages again, at once."""
    for batch in _tens(messages):
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for index, message in enumerate(batch)
        ]
        client.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)


def drain_messages(client: Any, queue_url: str, *, limit: int = MOST_IN_FLIGHT) -> pd.DataFrame:
    """The same rows as `peek_messages`, and the messages are deleted from the queue.

    A message that SQS does not delete, for all that it is asked again, is not among the rows: it is still in the queue.
    """
    taken: list[dict[str, Any]] = []
    lot: dict[str, dict[str, Any]]
    while len(taken) < limit:
        # Deleted in small lots, so that one that fails half-way leaves the rest in the queue.
        lot = {}
        _receive(client, queue_url, min(100, limit - len(taken)), lot, 60)
        if not lot:
            break
        deleted = delete_messages(client, queue_url, list(lot.values()))
        taken += deleted
        if not deleted:
            break
    return _queued(taken)


def delete_messages(client: Any, queue_url: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Delete received messages; return those that are deleted. DeleteMessageBatch may refuse single ones of a batch."""
    deleted: list[dict[str, Any]] = []
    for batch in _tens(messages):
        left = dict(enumerate(batch))
        for _ in range(_MOST_DELETES):
            entries = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in left.items()]
            answer = client.delete_message_batch(QueueUrl=queue_url, Entries=entries) or {}
            refused = {int(entry["Id"]) for entry in answer.get("Failed", ())}
            deleted += [message for at, message in left.items() if at not in refused]
            left = {at: message for at, message in left.items() if at in refused}
            if not left:
                break
    return deleted


def _receive(client: Any, queue_url: str, limit: int, taken: dict[str, dict[str, Any]], hidden_s: int) -> None:
    """Put up to `limit` different messages into `taken`, by their ids; they are hidden from others."""
    empty_answers = 0
    # SQS asks only some of its servers; a second empty answer, which waits for all of them, means empty.
    while len(taken) < limit and empty_answers < 2:
        messages = client.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=min(10, limit - len(taken)),
            VisibilityTimeout=hidden_s,
            WaitTimeSeconds=empty_answers,
            AttributeNames=["All"],
        ).get("Messages", [])
        new = {message["MessageId"]: message for message in messages if message["MessageId"] not in taken}
        empty_answers = 0 if new else empty_answers + 1
        taken.update(new)


def _tens(messages: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Batches as large as SQS takes them."""
    return (messages[start : start + 10] for start in range(0, len(messages), 10))


def _queued(messages: list[dict[str, Any]]) -> pd.DataFrame:
    attributes = [message.get("Attributes", {}) for message in messages]
    counts = [int(each.get("ApproximateReceiveCount", 0)) for each in attributes]
    first = [milliseconds(each.get("ApproximateFirstReceiveTimestamp")) for each in attributes]
    return pd.DataFrame(
        {
            "message_id": texts([message["MessageId"] for message in messages]),
            "lab_id": texts([lab_id_in(message["Body"]) for message in messages]),
            "body": texts([message["Body"] for message in messages]),
            "receive_count": pd.Series(counts, dtype=np.int64),
            "sent": instants([milliseconds(each.get("SentTimestamp")) for each in attributes]),
            "first_received": instants(first),
        }
    )
