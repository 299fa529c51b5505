"""Several batches of one mapping at once: as many as it may have, and all else as with one."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest

from tests.emulator.mapped import Batch, Pipeline
from tests.emulator.running import LocalStack, deploy, wait_until
from tests.emulator.scenarios import ACCOUNT, Workflow, machine


def at_once(batches: list[Batch]) -> int:
    """Most batches that were at work at the same time."""
    changes = sorted([(batch.began, 1) for batch in batches] + [(batch.ended, -1) for batch in batches])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@pytest.mark.needs_hook("mapping_batches")
@pytest.mark.parametrize(("concurrency", "expected"), [(None, 5), (2, 2), (7, 7)])
def test_a_slow_function_gets_as_many_batches_at_once_as_its_mapping_may_have(
    localstack: LocalStack, concurrency: int | None, expected: int
) -> None:
    pipeline = Pipeline(localstack, 0.5)
    pipeline.send([f"{number}" for number in range(40)])
    with pipeline.mapped(concurrency, BatchSize=1):
        batches = pipeline.all_batches(40)
    assert at_once(batches) == expected
    assert Counter(seen for batch in batches for seen in batch.seen) == Counter((f"{n}", 1) for n in range(40))


def test_stock_has_one(stock: LocalStack) -> None:
    pipeline = Pipeline(stock, 0.3)
    pipeline.send(["a", "b", "c"])
    with pipeline.mapped(5, BatchSize=1):
        assert at_once(pipeline.all_batches(3)) == 1


@pytest.mark.needs_hook("mapping_batches")
def test_no_message_is_taken_before_its_batch_can_start(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.3)
    pipeline.send(["x"] * 24)
    hidden = set()
    with pipeline.mapped(3, BatchSize=2):
        while (counts := pipeline.counts()) != (0, 0):
            hidden.add(counts[1])
            time.sleep(0.02)
    assert max(hidden) == 3 * 2


@pytest.mark.needs_hook("mapping_batches")
def test_a_changed_concurrency_holds_from_then_on(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.4)
    pipeline.send(["x"] * 60)
    with pipeline.mapped(2, BatchSize=1):
        pipeline.all_batches(8)
        pipeline.client.update_event_source_mapping(UUID=pipeline.uuid, ScalingConfig={"MaximumConcurrency": 6})
        wait_until(lambda: pipeline.state() == "Enabled", what="the changed mapping")
        changed = time.time()
        batches = pipeline.all_batches(60)
    assert at_once([batch for batch in batches if batch.began < changed - 0.5]) == 2
    assert at_once(batches) == 6


@pytest.mark.needs_hook("mapping_batches")
@pytest.mark.parametrize("change", ["update", "disable", "delete"])
def test_a_change_is_over_when_the_batches_are(localstack: LocalStack, change: str) -> None:
    pipeline = Pipeline(localstack, 4.0)  # a second passes before another batch joins the first
    pipeline.send(["x"] * 30)
    with pipeline.mapped(3, BatchSize=1):
        wait_until(lambda: pipeline.counts()[1] == 3, what="three batches at work")
        began = time.monotonic()
        if change == "delete":
            pipeline.client.delete_event_source_mapping(UUID=pipeline.uuid)
        else:
            request = {"Enabled": False} if change == "disable" else {"BatchSize": 2}
            pipeline.client.update_event_source_mapping(UUID=pipeline.uuid, **request)
        assert time.monotonic() - began < 1.5, "the call itself waits for nobody"
        expected = {
            "update": ("Updating", "Enabled"),
            "disable": ("Disabling", "Disabled"),
            "delete": ("Deleting", None),
        }
        assert pipeline.state() == expected[change][0]
        assert pipeline.counts()[1] == 3
        hidden = []

        def done() -> bool:
            over = pipeline.state() == expected[change][1]
            hidden.append(pipeline.counts()[1])
            return over

        wait_until(done, what="the end of the change")
        done_at = time.time()
        assert max(hidden) <= 3, "the new poller took messages before the old one was over"
        if change != "update":
            left = pipeline.counts()
            assert left[1] == 0
            time.sleep(0.5)
            assert pipeline.counts() == left, "a message was taken after the end"
            assert max(batch.ended for batch in pipeline.all_batches(30 - left[0])) < done_at


@pytest.mark.needs_hook("mapping_batches")
def test_a_mapping_that_is_changed_again_and_deleted_while_batches_are_at_work(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 4.0)
    pipeline.send(["x"] * 30)
    with pipeline.mapped(2, BatchSize=1):
        wait_until(lambda: pipeline.counts()[1] == 2, what="two batches at work")
        pipeline.client.update_event_source_mapping(UUID=pipeline.uuid, Enabled=False)
        pipeline.client.update_event_source_mapping(UUID=pipeline.uuid, Enabled=True)
        pipeline.client.update_event_source_mapping(UUID=pipeline.uuid, Enabled=False)
        assert pipeline.state() == "Disabling"
        pipeline.client.delete_event_source_mapping(UUID=pipeline.uuid)
        assert (pipeline.state(), pipeline.counts()[1]) == ("Deleting", 2)
        wait_until(lambda: pipeline.state() is None, what="the end of the mapping")
        assert pipeline.counts() == (28, 0)


@pytest.mark.needs_hook("mapping_batches")
def test_messages_of_a_group_come_in_order_and_groups_side_by_side(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.3, fifo=True)
    bodies = [f"{group}{number:02}" for number in range(12) for group in "abcd"]
    pipeline.send(bodies, groups=[body[0] for body in bodies])
    with pipeline.mapped(BatchSize=2):
        batches = pipeline.all_batches(len(bodies))
    by_group: dict[str, list[Batch]] = defaultdict(list)
    for batch in batches:
        assert len({body[0] for body, _ in batch.seen}) == 1  # LocalStack makes a batch of each group
        by_group[batch.seen[0][0][0]].append(batch)
    for group, own in by_group.items():
        assert [body for batch in own for body, _ in batch.seen] == [f"{group}{number:02}" for number in range(12)]
        assert all(before.ended <= after.began for before, after in pairwise(own)), "two batches of a group at once"
    assert at_once(batches) > 1


@pytest.mark.needs_hook("mapping_batches")
def test_failed_records_of_many_batches_come_back_and_end_in_the_dead_letter_queue(localstack: LocalStack) -> None:
    dead = f"test-{uuid.uuid4().hex[:8]}-dead"
    dead_url = localstack.client("sqs").create_queue(QueueName=dead)["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{dead}", "maxReceiveCount": 2}
    pipeline = Pipeline(localstack, 0.3, VisibilityTimeout="4", RedrivePolicy=json.dumps(redrive))
    good, bad = [f"good{number}" for number in range(40)], [f"bad{number}" for number in range(10)]
    pipeline.send([body for number in range(10) for body in (*good[4 * number : 4 * number + 4], bad[number])])
    with pipeline.mapped(BatchSize=5):
        batches = pipeline.all_batches(60)
        wait_until(lambda: pipeline.counts() == (0, 0), what="an empty queue")
    assert Counter(seen for batch in batches for seen in batch.seen) == Counter(
        [(body, 1) for body in good] + [(body, count) for body in bad for count in (1, 2)]
    )
    dead_letters: list[str] = []

    def all_dead() -> bool:
        answer = localstack.client("sqs").receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10)
        dead_letters.extend(message["Body"] for message in answer.get("Messages", []))
        return len(dead_letters) >= 10

    wait_until(all_dead, what="ten dead letters")
    assert sorted(dead_letters) == sorted(bad)


@pytest.mark.needs_hook("mapping_batches")
def test_a_batching_window_still_gathers_while_another_batch_is_at_work(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 3.0, VisibilityTimeout="60")
    with pipeline.mapped(MaximumBatchingWindowInSeconds=21, BatchSize=4):
        wait_until(lambda: pipeline.state() == "Enabled")
        for number in range(8):
            pipeline.send([f"{number}"])
            time.sleep(0.1)
        batches = pipeline.all_batches(8)
    assert [len(batch.seen) for batch in batches] == [4, 4]
    assert at_once(batches) == 2


@pytest.mark.needs_hook("queue_mapping")
def test_a_batching_window_of_a_few_seconds_gathers_and_then_takes_what_is_there(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.0, VisibilityTimeout="60")
    with pipeline.mapped(MaximumBatchingWindowInSeconds=5, BatchSize=4):
        wait_until(lambda: pipeline.state() == "Enabled")
        for number in range(6):
            pipeline.send([f"{number}"])
            time.sleep(0.1)
        batches = pipeline.all_batches(6)
    assert [len(batch.seen) for batch in batches] == [4, 2]


@pytest.mark.needs_hook("queue_receives")
def test_what_a_batching_window_collects_is_in_flight(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.0, VisibilityTimeout="60")
    with pipeline.mapped(MaximumBatchingWindowInSeconds=3, BatchSize=10):
        wait_until(lambda: pipeline.state() == "Enabled")
        pipeline.send(["a", "b"])
        wait_until(lambda: pipeline.counts() == (0, 2))
        assert not pipeline.batches()
        pipeline.all_batches(2)
        wait_until(lambda: pipeline.counts() == (0, 0))


@pytest.mark.needs_hook("queue_receives")
def test_a_mapping_that_waits_hides_the_next_message_as_its_queue_says_by_then(localstack: LocalStack) -> None:
    pipeline = Pipeline(localstack, 0.0, VisibilityTimeout="60")
    with pipeline.mapped(BatchSize=10):
        wait_until(lambda: pipeline.state() == "Enabled")
        time.sleep(0.5)  # now it waits at the queue
        pipeline.sqs.set_queue_attributes(QueueUrl=pipeline.url, Attributes={"VisibilityTimeout": "1"})
        pipeline.send(["bad"])
        began = time.monotonic()
        pipeline.all_batches(2)
    assert time.monotonic() - began < 20


# The hold-back


@pytest.mark.needs_hook("mapping_hold_back")
def test_a_mapping_holds_back_while_executions_are_many_and_not_while_they_only_wait(localstack: LocalStack) -> None:
    client = localstack.client("stepfunctions")
    busy = deploy(localstack, "import time\ndef lambda_handler(event, context):\n    time.sleep(0.5)\n").name
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": busy}}
    waiting = Workflow(localstack, machine("W", W={"Type": "Wait", "Seconds": 30, "End": True}))
    working = Workflow(localstack, machine("T", T=task | {"End": True}))
    pipeline = Pipeline(localstack, 0.0)

    def seconds_until_taken(body: str) -> float:
        began = time.monotonic()
        pipeline.send([body])
        wait_until(lambda: pipeline.counts() == (0, 0), what="the end of the message")
        return time.monotonic() - began

    with pipeline.mapped(BatchSize=1):
        wait_until(lambda: pipeline.state() == "Enabled")
        seconds_until_taken("to start the worker")
        for _ in range(15):
            client.start_execution(stateMachineArn=waiting.arn)
        assert seconds_until_taken("while 15 wait") < 2
        # Two or more workers, half a second each: more than nine are at work for more than a second.
        for _ in range(40):
            client.start_execution(stateMachineArn=working.arn)
        time.sleep(0.4)
        began = time.time()
        assert seconds_until_taken("while 40 work") > 1
        ended = time.time()
    events = [event for page in _pages(localstack, working.group) for event in page["events"]]
    over = [
        event["timestamp"] / 1000 for event in events if json.loads(event["message"])["type"] == "ExecutionSucceeded"
    ]
    assert began < ended
    # Nine may be at work; on a busy machine the hook knows of an end a little before the log tells of it.
    assert 40 - sum(moment <= ended for moment in over) <= 12


def _pages(running: LocalStack, group: str) -> Any:
    return running.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
