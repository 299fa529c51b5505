"""A queue, a mapping and a function that takes its time, and what its batches tell of themselves."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.emulator.running import LocalStack, deploy, wait_until
from tests.emulator.scenarios import ACCOUNT

# Prints what it got and from when to when it was at work; a body that begins with "bad" fails.
WORK = """
import json, time

def lambda_handler(event, context):
    began = time.time()
    time.sleep({seconds})
    seen = [(r['body'], int(r['attributes']['ApproximateReceiveCount'])) for r in event['Records']]
    print(json.dumps({{'began': began, 'ended': time.time(), 'seen': seen}}))
    bad = [{{'itemIdentifier': r['messageId']}} for r in event['Records'] if r['body'].startswith('bad')]
    return {{'batchItemFailures': bad}}
"""


@dataclass(frozen=True)
class Batch:
    """An invocation, as its function saw it."""

    began: float
    ended: float
    seen: list[tuple[str, int]]


class Pipeline:
    """A queue, a mapping, and a function that takes its time."""

    def __init__(self, running: LocalStack, seconds: float, *, fifo: bool = False, **queue: str) -> None:
        self.running = running
        self.sqs, self.client = running.client("sqs"), running.client("lambda")
        self.name = f"test-{uuid.uuid4().hex[:8]}" + (".fifo" if fifo else "")
        attributes = queue | ({"FifoQueue": "true"} if fifo else {})
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        timeout = min(10, int(queue.get("VisibilityTimeout", "10")))
        self.function = deploy(running, WORK.format(seconds=seconds), Timeout=timeout).name
        self.uuid = ""

    def send(self, bodies: list[str], groups: list[str] | None = None) -> None:
        for start in range(0, len(bodies), 10):
            entries: list[dict[str, str]] = [
                {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])
            ]
            for number, entry in enumerate(entries) if groups else ():
                entry |= {
                    "MessageGroupId": groups[start + number],  # type: ignore[index]
                    "MessageDeduplicationId": uuid.uuid4().hex,
                }
            assert len(self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)["Successful"]) == len(entries)

    @contextlib.contextmanager
    def mapped(self, concurrency: int | None = None, **settings: Any) -> Iterator[None]:
        self.uuid = self.client.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}",
            FunctionName=self.function,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": concurrency} if concurrency else {},
            **settings,
        )["UUID"]
        yield
        with contextlib.suppress(self.client.exceptions.ResourceNotFoundException):
            self.client.delete_event_source_mapping(UUID=self.uuid)

    def state(self) -> str | None:
        """As the list says it; None when the mapping is gone."""
        found = self.client.list_event_source_mappings(FunctionName=self.function)["EventSourceMappings"]
        return found[0]["State"] if found else None

    def counts(self) -> tuple[int, int]:
        """Messages in the queue, and messages that somebody works on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])

    def batches(self) -> list[Batch]:
        logs, group = self.running.client("logs"), f"/aws/lambda/{self.function}"
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            lines = [event["message"] for page in pages for event in page["events"]]
            found = [json.loads(line) for line in lines if line.startswith("{")]
            return sorted(
                (Batch(each["began"], each["ended"], [tuple(seen) for seen in each["seen"]]) for each in found),
                key=lambda batch: batch.began,
            )
        return []

    def all_batches(self, deliveries: int) -> list[Batch]:
        """When so many messages were delivered; a message that came twice counts twice."""

        def enough() -> list[Batch]:
            found = self.batches()
            return found if sum(len(batch.seen) for batch in found) >= deliveries else []

        return list(wait_until(enough, deadline_s=60, what=f"{deliveries} deliveries"))
