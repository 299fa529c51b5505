"""Mappings, metrics and log groups are the same with the hooks on and off."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.running import LocalStack, deploy, wait_until
from tests.emulator.scenarios import ACCOUNT, ECHO, HASTY, Workflow, machine


def test_failed_records_come_back_and_end_in_the_dead_letter_queue(either: LocalStack) -> None:
    queues, client = either.client("sqs"), either.client("lambda")
    name = f"test-{uuid.uuid4().hex[:8]}"
    dead = queues.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}-dead", "maxReceiveCount": 2}
    url = queues.create_queue(
        QueueName=name, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
    )["QueueUrl"]
    picky = deploy(
        either,
        "import json\n"
        "def lambda_handler(event, context):\n"
        "    bad = []\n"
        "    for record in event['Records']:\n"
        "        seen = {'body': record['body'], 'keys': sorted(record), 'source': record['eventSourceARN']}\n"
        "        seen['count'] = record['attributes']['ApproximateReceiveCount']\n"
        "        print(json.dumps(seen))\n"
        "        if record['body'] == 'bad':\n            bad.append({'itemIdentifier': record['messageId']})\n"
        "    return {'batchItemFailures': bad}\n",
        Timeout=1,
    )
    mapping = client.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}",
        FunctionName=picky.name,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )["UUID"]
    bodies = ["good", "bad", '{"n": 1}', "ünï"]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    queues.send_message_batch(QueueUrl=url, Entries=entries)
    answer = wait_until(
        lambda: queues.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"), what="the dead letter"
    )
    assert [message["Body"] for message in answer] == ["bad"]
    wait_until(lambda: message_counts(queues, url) == (0, 0), what="an empty queue")

    def seen() -> list[dict[str, Any]]:
        pages = (
            either.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{picky.name}")
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        records = [json.loads(line) for line in lines if line.startswith("{")]
        return records if len(records) >= 5 else []

    records = wait_until(seen, what="five received records in the function's log")
    assert Counter((record["body"], record["count"]) for record in records) == Counter(
        [("good", "1"), ("bad", "1"), ("bad", "2"), ('{"n": 1}', "1"), ("ünï", "1")]
    )
    assert {record["source"] for record in records} == {f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"}
    assert {tuple(record["keys"]) for record in records} == {
        (
            "attributes", "awsRegion", "body", "eventSource", "eventSourceARN", "md5OfBody", "messageAttributes",
            "messageId", "receiptHandle",
        )
    }  # fmt: skip
    client.delete_event_source_mapping(UUID=mapping)


def message_counts(queues: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def test_disabled_mapping_takes_no_messages(either: LocalStack) -> None:
    queues, client = either.client("sqs"), either.client("lambda")
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    function = deploy(either, ECHO).name
    mapping = client.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", FunctionName=function
    )["UUID"]

    def state() -> str:
        return str(client.get_event_source_mapping(UUID=mapping)["State"])

    wait_until(lambda: state() == "Enabled")
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    wait_until(lambda: state() == "Disabled", what="the disabled mapping")
    queues.send_message(QueueUrl=url, MessageBody="stay")
    answer = queues.receive_message(QueueUrl=url, WaitTimeSeconds=2)
    assert [message["Body"] for message in answer["Messages"]] == ["stay"]
    client.delete_event_source_mapping(UUID=mapping)
    if either.report()["hooks"]["queue_mapping"] == "on":  # stock lists it for ever
        assert client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"] == []


@pytest.mark.needs_hook("queue_mapping")
def test_a_mapping_that_is_changed_while_messages_come_says_that_it_is_enabled(localstack: LocalStack) -> None:
    """Not on stock: there about every third change ends with a mapping that polls and says "Disabled"."""
    function = deploy(localstack, "import time\n\ndef lambda_handler(event, context):\n    time.sleep(0.1)\n")
    queues, client = localstack.client("sqs"), localstack.client("lambda")
    url = queues.create_queue(QueueName=f"test-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = client.create_event_source_mapping(EventSourceArn=arn, FunctionName=function.name, BatchSize=1)["UUID"]
    entries = [{"Id": str(number), "MessageBody": "{}"} for number in range(10)]

    def enabled() -> bool:
        # The list, for asking about the one mapping mends its state in LocalStack's store.
        (found,) = client.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"]
        return bool(found["State"] == "Enabled")

    wait_until(enabled, what="an enabled mapping")
    for _ in range(50):
        queues.send_message_batch(QueueUrl=url, Entries=entries)
    for size in (2, 1, 2, 1, 2):
        client.update_event_source_mapping(UUID=mapping, BatchSize=size, Enabled=True)
        time.sleep(0.5)  # the old poller's last batch has ended by then, and nothing else changes the state
        assert enabled(), "the old poller's end was taken for the new one's"
    assert sum(message_counts(queues, url)) > 0, "no batch was under way"
    client.delete_event_source_mapping(UUID=mapping)


@pytest.mark.parametrize("failing", [False, True])
def test_metrics_of_functions_are_counted(either: LocalStack, failing: bool) -> None:
    made = deploy(either, HASTY if failing else ECHO)
    for _ in range(3):
        made.invoke({"word": "x"})
    cloudwatch = either.client("cloudwatch")

    def total(metric: str) -> tuple[float, float]:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": made.name}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        # LocalStack asks its database once for each statistic: a point that comes in between has only the later ones.
        return sum(point.get("Sum", 0) for point in points), sum(point.get("SampleCount", 0) for point in points)

    wait_until(lambda: total("Invocations") == (3.0, 3.0), what="three counted invocations")
    wait_until(lambda: total("Errors") == ((3.0, 3.0) if failing else (0, 0)), what="the counted errors")


def test_metric_filter_sees_execution_logs(either: LocalStack) -> None:
    workflow = Workflow(either, machine("P", P={"Type": "Pass", "End": True}))
    name = f"metric-{uuid.uuid4().hex[:8]}"
    either.client("logs").put_metric_filter(
        logGroupName=workflow.group,
        filterName=name,
        filterPattern="",
        metricTransformations=[{"metricName": name, "metricNamespace": "Test", "metricValue": "1"}],
    )
    events = workflow.run({})
    cloudwatch = either.client("cloudwatch")

    def counted() -> bool:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace="Test",
            MetricName=name,
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return bool(sum(point["Sum"] for point in points) >= len(events))  # LocalStack counts every group

    wait_until(counted, what="the counted log events")
    either.client("logs").delete_metric_filter(logGroupName=workflow.group, filterName=name)


def test_pages_of_logs_are_the_same(localstack: LocalStack, stock: LocalStack) -> None:
    """Every way to page through streams whose batches overlap in time."""
    now = int(time.time() * 1000)
    seen: list[list[Any]] = [pages_of_logs(either, now) for either in (localstack, stock)]
    assert seen[0] == seen[1]


def pages_of_logs(either: LocalStack, now: int) -> list[Any]:
    logs = either.client("logs")
    group = f"test-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    for stream in ("a", "b", "empty"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for stream, offsets in (("a", [0, 0, 5, 9]), ("b", [3, 3, 7]), ("a", [2, 5, 6, 11])):
        events = [{"timestamp": now + each, "message": f"{stream}{number}"} for number, each in enumerate(offsets)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    results: list[Any] = []
    spans: list[dict[str, int]] = [{}, {"startTime": now + 3}, {"endTime": now + 5}, {"startTime": now + 99}]
    spans += [{"startTime": now + 2, "endTime": now + 6}, {"endTime": now - 99}]
    for span in spans:
        for limit in (1, 3, 100):
            for more in ({}, {"logStreamNames": ["a"]}, {"interleaved": True}, {"filterPattern": "a"}):
                pages = logs.get_paginator("filter_log_events").paginate(
                    logGroupName=group, **span, **more, PaginationConfig={"PageSize": limit}
                )
                results.append([[event["message"] for event in page["events"]] for page in pages])
            for stream in ("a", "empty"):
                for head in (True, False):
                    request = {"logGroupName": group, "logStreamName": stream, "startFromHead": head, "limit": limit}
                    answer = logs.get_log_events(**request, **span)
                    results.append(page_of(answer))
                    for token in ("nextForwardToken", "nextBackwardToken", "nextBackwardToken"):
                        answer = logs.get_log_events(nextToken=answer[token], **request, **span)
                        results.append(page_of(answer))
    results.append(logs.filter_log_events(logGroupName=group, nextToken="nonsense")["events"])
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.get_log_events(logGroupName=group, logStreamName="a", nextToken="nonsense")
    results += refusals_of(logs, group)
    results += answers_as_sent(either, group)
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    results.append([(each["storedBytes"], each["metricFilterCount"]) for each in described])
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    results.append([(each["logStreamName"], each.get("lastEventTimestamp", now) - now) for each in streams])
    return results


def refusals_of(logs: Any, group: str) -> list[Any]:
    """Name and text of the errors that reading logs can end in."""
    requests = [
        ("filter_log_events", {"logGroupName": "missing"}),
        ("filter_log_events", {"logGroupName": group, "limit": 10_001}),
        ("get_log_events", {"logGroupName": "missing", "logStreamName": "a"}),
        ("get_log_events", {"logGroupName": group, "logStreamName": "missing"}),
        ("get_log_events", {"logGroupName": group, "logStreamName": "a", "limit": 10_001}),
    ]
    found = []
    for operation, request in requests:
        with pytest.raises(ClientError) as refused:
            getattr(logs, operation)(**request)
        found.append(refused.value.response["Error"])
    return found


def answers_as_sent(either: LocalStack, group: str) -> list[Any]:
    """What stands in the answers beside ids and times: headers, and the form of every member, as JSON and as CBOR."""
    found: list[Any] = []
    requests: list[tuple[str, dict[str, Any]]] = [
        ("FilterLogEvents", {"limit": 2}),
        ("GetLogEvents", {"logStreamName": "a"}),
    ]
    for operation, request in requests:
        for accepted in ("application/x-amz-json-1.1", "application/cbor"):
            headers = {
                "X-Amz-Target": f"Logs_20140328.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Accept": accepted,
                "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request",
            }
            body = json.dumps({"logGroupName": group, **request}).encode()
            with urllib.request.urlopen(urllib.request.Request(either.endpoint_url, body, headers)) as answer:
                content = answer.read()
                found.append((answer.status, sorted(answer.headers), answer.headers["Content-Type"]))
            if accepted != "application/cbor":
                page = json.loads(content)
                members = [{name: type(value).__name__ for name, value in each.items()} for each in page["events"]]
                found.append((sorted(page), members, page.get("searchedLogStreams")))
    return found


def page_of(answer: dict[str, Any]) -> tuple[list[str], str, str]:
    return [event["message"] for event in answer["events"]], answer["nextForwardToken"], answer["nextBackwardToken"]


def test_whoever_reads_while_late_events_come_sees_all_that_was_there(localstack: LocalStack) -> None:
    """A late event is put in its place among the others; meanwhile they must not be away."""
    logs, group, now_ms = localstack.client("logs"), f"/late/{uuid.uuid4().hex}", int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")

    def put(first_ms: int, count: int) -> None:
        events = [{"timestamp": first_ms + number, "message": "x"} for number in range(count)]
        logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)

    for lot in range(20):
        put(now_ms + 10_000 * lot, 10_000)
    seen: list[int] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            page = logs.filter_log_events(logGroupName=group, startTime=now_ms, limit=1)
            seen.append(len(page["events"]))

    reader = threading.Thread(target=read)
    reader.start()
    for late_ms in range(1, 61):
        put(now_ms - late_ms, 1)
    over.set()
    reader.join()
    assert len(seen) > 20
    assert set(seen) == {1}


def test_deleted_log_group_stops_no_execution(either: LocalStack) -> None:
    workflow = Workflow(either, machine("P", P={"Type": "Pass", "End": True}))
    either.client("logs").delete_log_group(logGroupName=workflow.group)
    answer = either.client("stepfunctions").start_sync_execution(stateMachineArn=workflow.arn, input="{}")
    assert answer["status"] == "SUCCEEDED"
    groups = either.client("logs").describe_log_groups(logGroupNamePrefix=workflow.group)["logGroups"]
    assert groups == []
