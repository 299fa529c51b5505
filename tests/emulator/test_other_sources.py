"""Rules, streams and tables on embedded LocalStack: what they start, what they refuse, and what becomes of the rest."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.running import Function, LocalStack, allow, make_role, wait_until

pytestmark = pytest.mark.slow

TELLS = """
import base64
import json

def lambda_handler(event, context):
    for record in event["Records"]:
        place = record.get("kinesis") or record["dynamodb"]
        number = place.get("sequenceNumber") or place["SequenceNumber"]
        told = base64.b64decode(place["data"]).decode() if "data" in place else place["NewImage"]["body"]["S"]
        print(json.dumps({"told": told, "source": record["eventSource"]}))
        if told == "poison":
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
"""


def name() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


def told_by(function: Function) -> list[str]:
    """What a function printed of each record, in order."""
    logs = function.localstack.client("logs")
    group = f"/aws/lambda/{function.name}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(line)["told"] for line in lines if line.startswith('{"told"')]


@pytest.fixture
def stream(localstack: LocalStack) -> Iterator[str]:
    """ARN of a stream of one shard."""
    kinesis, made = localstack.client("kinesis"), name()
    kinesis.create_stream(StreamName=made, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=made)
    yield kinesis.describe_stream_summary(StreamName=made)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.delete_stream(StreamName=made)


@pytest.fixture
def mapped(localstack: LocalStack) -> Iterator[Callable[..., str]]:
    """Makes mappings that read from the beginning, and takes them away."""
    client, made = localstack.client("lambda"), []

    def make(source_arn: str, function: Function, **settings: Any) -> str:
        mapping_id = client.create_event_source_mapping(
            EventSourceArn=source_arn,
            FunctionName=function.name,
            StartingPosition="TRIM_HORIZON",
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **settings,
        )["UUID"]
        made.append(mapping_id)
        wait_until(lambda: client.get_event_source_mapping(UUID=mapping_id)["State"] == "Enabled")
        return str(mapping_id)

    yield make
    for mapping_id in made:
        delete_mapping(localstack, mapping_id)


def delete_mapping(localstack: LocalStack, mapping_id: str) -> None:
    client = localstack.client("lambda")

    def gone() -> bool:
        try:
            client.delete_event_source_mapping(UUID=mapping_id)
        except client.exceptions.ResourceNotFoundException:
            return True
        except client.exceptions.ResourceInUseException:
            pass
        return False

    wait_until(gone, what="the mapping to go")


def put(localstack: LocalStack, stream_arn: str, texts: list[str]) -> None:
    localstack.client("kinesis").put_records(
        StreamARN=stream_arn, Records=[{"Data": text.encode(), "PartitionKey": "one"} for text in texts]
    )


# Streams


def services_of(running: LocalStack) -> dict[str, str]:
    with urllib.request.urlopen(f"{running.endpoint_url}/_localstack/health") as answer:
        return dict(json.load(answer)["services"])


@pytest.mark.needs_hook("stream_providers")  # LocalStack's own would be downloaded
def test_what_nobody_calls_is_not_loaded(other_localstack: Callable[..., LocalStack]) -> None:
    running = other_localstack()
    sources = ("dynamodb", "dynamodbstreams", "events", "kinesis")
    assert {services_of(running)[source] for source in sources} == {"available"}
    running.client("kinesis").list_streams()
    assert [services_of(running)[source] for source in sources] == ["available", "available", "available", "running"]


@pytest.mark.needs_hook("stream_providers")
def test_records_of_a_stream_reach_a_function_in_their_order(
    localstack: LocalStack, function: Callable[..., Function], stream: str, mapped: Callable[..., str]
) -> None:
    reader, texts = function(TELLS), [f"record {number}" for number in range(20)]
    put(localstack, stream, texts[:12])
    mapped(stream, reader, BatchSize=5)
    put(localstack, stream, texts[12:])
    wait_until(lambda: len(told_by(reader)) >= 20, what="twenty records")
    assert told_by(reader) == texts


@pytest.mark.needs_hook("stream_providers")
def test_records_that_are_put_at_once_are_all_kept(localstack: LocalStack, stream: str) -> None:
    kinesis = localstack.client("kinesis")
    (shard,) = kinesis.list_shards(StreamARN=stream)["Shards"]

    def put_one(text: str) -> str:
        kept = kinesis.put_record(StreamARN=stream, Data=text.encode(), PartitionKey=text)
        return str(kept["SequenceNumber"])

    texts = [f"record {number}" for number in range(600)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(put_one, texts))
    assert len(set(numbers)) == len(texts)
    oldest = kinesis.get_shard_iterator(StreamARN=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    read = kinesis.get_records(StreamARN=stream, ShardIterator=oldest)["Records"]
    assert sorted(record["Data"].decode() for record in read) == sorted(texts)


@pytest.mark.needs_hook("stream_providers")
def test_changes_of_a_table_reach_a_function(
    localstack: LocalStack, function: Callable[..., Function], mapped: Callable[..., str]
) -> None:
    reader, dynamodb, table = function(TELLS), localstack.client("dynamodb"), name()
    made = dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    mapped(made["LatestStreamArn"], reader)
    for number in range(20):
        dynamodb.put_item(TableName=table, Item={"key": {"S": str(number)}, "body": {"S": f"item {number}"}})
    wait_until(lambda: len(told_by(reader)) >= 20, what="twenty changes")
    assert told_by(reader) == [f"item {number}" for number in range(20)]
    dynamodb.delete_table(TableName=table)


@pytest.mark.needs_hook("stream_providers", "stream_polling")
def test_a_record_that_always_fails_holds_up_its_shard_and_its_mapping_can_be_deleted(
    localstack: LocalStack, function: Callable[..., Function], stream: str, mapped: Callable[..., str]
) -> None:
    reader = function(TELLS)
    put(localstack, stream, ["first", "poison", "last"])
    mapping_id = mapped(stream, reader)
    wait_until(lambda: told_by(reader).count("poison") >= 2, what="a second try")
    delete_mapping(localstack, mapping_id)
    assert "last" not in told_by(reader)
    assert told_by(reader).count("first") == 1


@pytest.mark.needs_hook("stream_providers", "permissions")
def test_a_role_that_may_not_read_a_stream_is_refused_when_the_mapping_is_made(
    localstack: LocalStack, function: Callable[..., Function], stream: str
) -> None:
    kept = allow(["kinesis:GetRecords", "kinesis:GetShardIterator"], stream)
    reader = function(TELLS, Role=make_role(localstack, name(), "lambda", kept))
    with pytest.raises(ClientError, match="Cannot access stream") as raised:
        localstack.client("lambda").create_event_source_mapping(
            EventSourceArn=stream, FunctionName=reader.name, StartingPosition="LATEST"
        )
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "DescribeStream" in str(raised.value)


# Rules

PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})


@pytest.fixture
def machine(localstack: LocalStack) -> Iterator[str]:
    """ARN of a Standard Workflow, which can be asked for its executions."""
    states = localstack.client("stepfunctions")
    made = states.create_state_machine(
        name=name(), definition=PASS, roleArn="arn:aws:iam::000000000000:role/workflow", type="STANDARD"
    )["stateMachineArn"]
    yield str(made)
    states.delete_state_machine(stateMachineArn=made)


def make_rule(localstack: LocalStack, machine: str, **target: Any) -> str:
    """A rule of its own source that starts a state machine; returns the source."""
    events, source = localstack.client("events"), name()
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": machine, **target}])
    return source


def put_event(localstack: LocalStack, source: str, detail: dict[str, Any]) -> str:
    (entry,) = localstack.client("events").put_events(
        Entries=[{"Source": source, "DetailType": "T", "Detail": json.dumps(detail)}]
    )["Entries"]
    return str(entry["EventId"])


TRANSFORMER = {"InputPathsMap": {"text": "$.detail.text"}, "InputTemplate": '{"input": <text>}'}


@pytest.mark.needs_hook("rule_targets")
def test_a_rule_with_a_transformer_starts_a_workflow_that_has_the_events_id(
    localstack: LocalStack, machine: str
) -> None:
    role = make_role(localstack, name(), "events", allow("states:StartExecution", machine))
    source = make_rule(localstack, machine, RoleArn=role, InputTransformer=TRANSFORMER)
    event_id = put_event(localstack, source, {"text": "“so”"})
    states = localstack.client("stepfunctions")
    (started,) = wait_until(lambda: states.list_executions(stateMachineArn=machine)["executions"])
    assert started["name"] == event_id
    told = states.describe_execution(executionArn=started["executionArn"])
    assert json.loads(told["input"]) == {"input": "“so”"}


@pytest.mark.needs_hook("rule_targets", "permissions")
@pytest.mark.parametrize("dead_lettered", [True, False])
def test_an_event_that_may_not_be_delivered_goes_to_the_targets_dead_letter_queue_or_nowhere(
    localstack: LocalStack, machine: str, dead_lettered: bool
) -> None:
    sqs = localstack.client("sqs")
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    role = make_role(localstack, name(), "events", None)
    letters = {"DeadLetterConfig": {"Arn": arn}} if dead_lettered else {}
    source = make_rule(localstack, machine, RoleArn=role, InputTransformer=TRANSFORMER, **letters)
    event_id = put_event(localstack, source, {"text": "a"})
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages", [])
    assert localstack.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []
    if not dead_lettered:
        assert got == []
        return
    event = json.loads(got[0]["Body"])
    assert (event["id"], event["detail"]) == (event_id, {"text": "a"})
    told = {key: entry["StringValue"] for key, entry in got[0]["MessageAttributes"].items()}
    assert (told["ERROR_CODE"], told["TARGET_ARN"]) == ("NO_PERMISSIONS", machine)
    assert "states:StartExecution" in told["ERROR_MESSAGE"]
    assert "RETRY_ATTEMPTS" not in told


@pytest.mark.needs_hook("rule_targets")
def test_an_upload_starts_a_workflow(localstack: LocalStack, machine: str) -> None:
    s3, events, bucket = localstack.client("s3"), localstack.client("events"), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    role = make_role(localstack, name(), "events", allow("states:StartExecution", machine))
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"key": <key>}'}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    target = {"Id": "1", "Arn": machine, "RoleArn": role, "InputTransformer": transformer}
    events.put_targets(Rule=bucket, Targets=[target])
    s3.put_object(Bucket=bucket, Key="text", Body=b"{}")
    states = localstack.client("stepfunctions")
    (started,) = wait_until(lambda: states.list_executions(stateMachineArn=machine)["executions"])
    told = states.describe_execution(executionArn=started["executionArn"])
    assert json.loads(told["input"]) == {"key": "text"}
