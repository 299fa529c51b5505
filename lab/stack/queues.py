"""The queue, its dead-letter queue, and the failure queue of the resilient workflow."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from lab.errors import UnavailableError
from lab.stack import tags, waiting
from lab.stack.names import Names, Settings

FOURTEEN_DAYS_S = 1_209_600
# SQS keeps a deleted queue's name for 60 s.
NAME_FREE_AGAIN_S = 75.0


class QueueMissingError(UnavailableError):
    """A command needs a queue that is not there."""


def ensure(names: Names, settings: Settings) -> None:
    """Make the queues, or set their attributes when they exist.

    A failure queue that is there stays when the workflow is the plain one: it may hold messages.
    """
    # Dead letters are kept as long as SQS can, so that somebody has time to look. The time counts from when a message
    # was first sent, not from when it moved here, so it must be longer than the other queue's (four days): see
    # setting-up-dead-letter-queue-retention.html in the developer guide of SQS.
    _ensure_queue(names, names.dead_letter_queue, {"MessageRetentionPeriod": str(FOURTEEN_DAYS_S)})
    redrive = {
        "deadLetterTargetArn": names.queue_arn(names.dead_letter_queue),
        "maxReceiveCount": settings.max_receive_count,
    }
    _ensure_queue(
        names,
        names.queue,
        {"VisibilityTimeout": str(settings.visibility_timeout_s), "RedrivePolicy": json.dumps(redrive)},
    )
    if settings.workflow == "resilient":
        _ensure_queue(names, names.failure_queue, {"MessageRetentionPeriod": str(FOURTEEN_DAYS_S)})


def _ensure_queue(names: Names, queue: str, attributes: dict[str, str]) -> None:
    sqs = names.target.client("sqs")

    def create() -> Any:
        try:
            wanted = tags.as_mapping(names.target.name, names.target.run)
            return sqs.create_queue(QueueName=queue, Attributes=attributes, tags=wanted)["QueueUrl"]
        except ClientError as error:
            code = waiting.error_code(error)
            if code.endswith(("QueueAlreadyExists", "QueueNameExists")):
                sqs.set_queue_attributes(QueueUrl=url(names, queue), Attributes=attributes)
                return True
            if code.endswith("QueueDeletedRecently"):
                return None
            raise

    waiting.until(create, what=f"the queue name {queue} to be free again", deadline_s=NAME_FREE_AGAIN_S)


def find(names: Names, queue: str) -> str | None:
    """The queue's URL, or None."""
    try:
        return str(names.target.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])
    except ClientError as error:
        if waiting.error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist")):
            return None
        raise


def url(names: Names, queue: str) -> str:
    """The queue's URL.

    Raises:
        QueueMissingError: there is no such queue.
    """
    found = find(names, queue)
    if found is None:
        raise QueueMissingError(f"There is no queue {queue}.", next_step="lab up")
    return found


def hidden_s(names: Names, queue_url: str) -> int:
    """How long the queue hides a message that was handed over, in seconds."""
    sqs, wanted = names.target.client("sqs"), "VisibilityTimeout"
    return int(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[wanted])["Attributes"][wanted])


def delete(names: Names) -> None:
    """Delete the queues, with whatever is in them."""
    for queue in _all(names):
        if (found := find(names, queue)) is not None:
            names.target.client("sqs").delete_queue(QueueUrl=found)


def survivors(names: Names) -> list[str]:
    """Queues of this lab that exist."""
    pages = names.target.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix=f"{names.prefix}-")
    found = [entry for page in pages for entry in page.get("QueueUrls", [])]
    return [f"queue {entry.rsplit('/', 1)[-1]}" for entry in found if _is_ours(names, entry.rsplit("/", 1)[-1])]


def _is_ours(names: Names, queue: str) -> bool:
    # The prefix of lab 'a' is also one of lab 'a-b'.
    return queue in _all(names)


def _all(names: Names) -> tuple[str, ...]:
    return (names.queue, names.dead_letter_queue, names.failure_queue)
