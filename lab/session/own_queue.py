"""A queue of the learner's own, and whether it belongs to the target."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from lab.errors import UnavailableError, UsageError
from lab.stack import waiting
from lab.target import Target, reach


class QueueUrlError(UsageError):
    """A queue's URL is none, or leads to another account, region or machine. Nothing was sent."""


class OwnQueueMissingError(UnavailableError):
    """There is no such queue."""


@dataclass(frozen=True)
class OwnQueue:
    """A queue as it is set.

    Attributes:
        url: as it was typed.
        most_bytes: what it takes as a body.
        hidden_s: how long it hides what was received.
        dead_letter_url: of its dead-letter queue here; None without one.
    """

    url: str
    most_bytes: int
    hidden_s: int
    dead_letter_url: str | None


def find_queue(target: Target, url: str) -> OwnQueue:
    """The queue of this URL, where it belongs to the target.

    Raises:
        QueueUrlError: it is no URL of a queue of this target, or one of a FIFO queue.
        OwnQueueMissingError: there is none.
    """
    account, name = _check(target, url)
    sqs = target.client("sqs")
    try:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    except ClientError as error:
        if not waiting.error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist", "InvalidAddress")):
            raise
        raise OwnQueueMissingError(
            f"There is no queue {name} in account {account}.",
            cause="a slip of the pen, or it was deleted.",
            next_step=f"lab status{target.options}, which shows the lab's own queue",
        ) from None
    dead = None
    if policy := attributes.get("RedrivePolicy"):
        dead_arn = str(json.loads(policy)["deadLetterTargetArn"])
        dead = sqs.get_queue_url(QueueName=dead_arn.rsplit(":", 1)[-1])["QueueUrl"]
    return OwnQueue(url, int(attributes["MaximumMessageSize"]), int(attributes["VisibilityTimeout"]), dead)


def _check(target: Target, url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    way = parts.path.strip("/").split("/")
    if parts.scheme not in ("http", "https") or len(way) < 2 or not way[-1]:
        raise QueueUrlError(
            f"'{url}' is no URL of a queue.",
            cause="an ARN or a name alone was typed; it looks like https://sqs.REGION.amazonaws.com/ACCOUNT/NAME.",
            next_step=f"lab status{target.options}, which shows the lab's own",
        )
    account, name = way[-2:]
    if target.is_emulator:
        own = urlsplit(target.endpoint_url or "")
        is_here = reach.is_known(parts.hostname) and port == own.port
    else:
        suffix = "amazonaws.com.cn" if target.partition == "aws-cn" else "amazonaws.com"
        is_here = parts.hostname in (f"sqs.{target.region}.{suffix}", f"{target.region}.queue.{suffix}")
    if not is_here or account != target.account:
        where = target.endpoint_url if target.is_emulator else f"account {target.account}, region {target.region}"
        raise QueueUrlError(
            f"The queue {url} does not belong to target '{target.kind}' ({where}). Nothing was sent.",
            cause="the URL was made on another target, account or region, or the emulator was started anew since.",
            next_step="give --target, or the URL of a queue that is there",
        )
    if name.endswith(".fifo"):
        raise QueueUrlError(
            f"The queue {name} is a FIFO queue, which the lab does not send to.",
            cause="each message would need a group, and the order would limit the rate: the plan could not be kept.",
            next_step="give the URL of a standard queue",
        )
    return account, name
