"""What notebook 09 makes is found and deleted, whatever became of the notebook: on an account in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab import stack
from lab.emulator import health
from lab.stack import Names, exercises, sources, sweep
from lab.target import Target
from tests.unit.aws_stand_in import Account, new_target

pytestmark = pytest.mark.slow  # together


def make_sources(target: Target, names: Names) -> dict[str, str]:
    """One of each kind, as the notebook calls them, with what makes it hard to delete; kind → name."""
    made = {kind: exercises.name(names, "texts") for kind in sources.KINDS}
    made["bucket"] = sources.bucket_name(names.prefix, target.account)
    events = target.client("events")
    events.put_rule(Name=made["rule"], EventPattern=json.dumps({"source": ["x"]}))
    queue = {"Arn": names.queue_arn(names.queue)}
    events.put_targets(Rule=made["rule"], Targets=[{"Id": str(number), **queue} for number in range(2)])
    target.client("s3").create_bucket(Bucket=made["bucket"])
    for number in range(3):
        target.client("s3").put_object(Bucket=made["bucket"], Key=f"text-{number}", Body=b"x")
    target.client("kinesis").create_stream(StreamName=made["stream"], ShardCount=1)
    key = "lab_id"
    target.client("dynamodb").create_table(
        TableName=made["table"],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    target.client("pipes").create_pipe(
        Name=made["pipe"],
        RoleArn=names.role_arn("r"),
        Source=names.queue_arn(names.queue),
        Target=names.state_machine_arn,
    )
    return made


def left_in(target: Target) -> list[str]:
    """What the account has of these kinds, asked without the lab."""
    return [
        *(rule["Name"] for rule in target.client("events").list_rules()["Rules"]),
        *(bucket["Name"] for bucket in target.client("s3").list_buckets()["Buckets"]),
        *target.client("kinesis").list_streams()["StreamNames"],
        *target.client("dynamodb").list_tables()["TableNames"],
        *(pipe["Name"] for pipe in target.client("pipes").list_pipes()["Pipes"]),
    ]


def test_every_kind_is_found_by_name_and_goes_with_the_lab(account: Account, target: Target) -> None:
    names = stack.provision(target)
    made = make_sources(target, names)
    neighbour = new_target(account, "a-b")
    other = make_sources(neighbour, Names(neighbour))
    assert {str(found) for found in sweep.by_name(target)} >= {f"{kind} {name}" for kind, name in made.items()}
    assert exercises.survivors(names) == [f"{kind} {name}" for kind, name in made.items()]
    assert {f"{kind} {name}" for kind, name in made.items()} <= set(stack.survivors(target))
    assert stack.destroy(target) == []
    assert sorted(left_in(target)) == sorted(other.values()), "the neighbour's stay"


def test_what_an_earlier_run_left_goes_too(account: Account, target: Target) -> None:
    make_sources(target, Names(target, "0old"))
    assert len(left_in(target)) == 5
    assert stack.destroy(target) == []
    assert left_in(target) == []


def test_a_mapping_of_an_exercises_function_is_found_and_goes(account: Account, target: Target) -> None:
    names = stack.provision(target)
    made = make_sources(target, names)
    client, reader = target.client("lambda"), exercises.name(names, "stream-reader")
    client.create_function(
        FunctionName=reader,
        Runtime="python3.13",
        Handler="handler.lambda_handler",
        Role=names.role_arn(names.start_role),
        Code={"ZipFile": b"x"},
    )
    stream = target.client("kinesis").describe_stream_summary(StreamName=made["stream"])
    uuid = client.create_event_source_mapping(
        EventSourceArn=stream["StreamDescriptionSummary"]["StreamARN"], FunctionName=reader, StartingPosition="LATEST"
    )["UUID"]
    assert f"event source mapping {uuid}" in exercises.survivors(names)
    exercises.delete(names)
    assert exercises.survivors(names) == []
    assert uuid not in [entry["UUID"] for entry in client.list_event_source_mappings()["EventSourceMappings"]]
    assert stack.destroy(target) == []


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        ("arn:aws:s3:::b", ("bucket", "b")),
        ("arn:aws:events:us-east-1:1:rule/r", ("rule", "r")),
        ("arn:aws:kinesis:us-east-1:1:stream/s", ("stream", "s")),
        ("arn:aws:dynamodb:us-east-1:1:table/t/stream/2026", ("table", "t")),
        ("arn:aws:pipes:us-east-1:1:pipe/p", ("pipe", "p")),
        ("arn:aws:events:us-east-1:1:event-bus/b", None),
        ("arn:aws:sns:us-east-1:1:t", None),
    ],
)
def test_an_arn_tells_kind_and_name(arn: str, found: tuple[str, str] | None) -> None:
    assert sources.of_arn(arn.split(":")[2], arn.split(":", 5)[5]) == found


def test_what_the_tagging_service_still_lists_but_is_gone_is_no_survivor(account: Account, target: Target) -> None:
    gone = [f"arn:aws:kinesis:us-east-1:{target.account}:stream/s", "arn:aws:s3:::no-such-bucket-of-mine"]
    listed: dict[str, Any] = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": []} for arn in gone]}
    account.answer("resourcegroupstaggingapi.GetResources", listed)
    assert sweep.survivors(target) == []


def test_the_longest_bucket_name_is_one_that_s3_takes() -> None:
    assert len(sources.bucket_name(f"express-lab-{'x' * 24}-0abc", "1" * 12)) == 63


@pytest.mark.parametrize(
    ("loaded", "asked"), [({"kinesis", "sqs"}, {"kinesis"}), (set(), set()), (None, {"kinesis", "s3", "dynamodb"})]
)
def test_an_emulator_is_asked_only_for_what_it_has_loaded(
    monkeypatch: pytest.MonkeyPatch, loaded: set[str] | None, asked: set[str]
) -> None:
    monkeypatch.setattr(health, "loaded_services_at", lambda url: loaded)
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    assert target.loaded_services({"kinesis", "s3", "dynamodb", "pipes"}) == asked
