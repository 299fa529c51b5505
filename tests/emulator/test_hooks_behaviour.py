"""What a learner sees is the same with the hooks on and off.

Each scenario runs once on a LocalStack with all hooks and once on one with none, and gives what can be seen from
outside, without what differs by nature (ids, times). The two must be equal, and equal to what is written here.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import LocalStack, deploy, start_localstack, wait_until
from lab.emulator.runtime.settings import workers_per_function

ROLE = "arn:aws:iam::000000000000:role/workflow"
ACCOUNT = "000000000000"
ECHO = "def lambda_handler(event, context):\n    return event\n"
EXECUTIONS = 500
HASTY = "def lambda_handler(event, context):\n    raise ValueError('no: ' + event['word'])\n"


@pytest.fixture(scope="module")
def stock() -> Iterator[LocalStack]:
    running = start_localstack({"LAB_HOOKS": "off"})
    yield running
    running.kill()


@pytest.fixture(params=["hooked", "stock"])
def emulator(request: pytest.FixtureRequest, localstack: LocalStack) -> LocalStack:
    if request.param == "hooked":
        return localstack
    running: LocalStack = request.getfixturevalue("stock")
    return running


class Workflow:
    """A state machine with its log group."""

    def __init__(self, emulator: LocalStack, definition: dict[str, Any], kind: str = "EXPRESS") -> None:
        self.emulator = emulator
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.group = f"/aws/vendedlogs/states/{name}"
        emulator.client("logs").create_log_group(logGroupName=self.group)
        group_arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{self.group}:*"
        self.arn = emulator.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps(definition),
            roleArn=ROLE,
            type=kind,
            loggingConfiguration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group_arn}}],
            },
        )["stateMachineArn"]

    def start(self, data: Any) -> str:
        return str(
            self.emulator.client("stepfunctions").start_execution(
                stateMachineArn=self.arn, name=uuid.uuid4().hex, input=json.dumps(data)
            )["executionArn"]
        )

    def events(self, arn: str) -> list[dict[str, Any]]:
        """All log events of an execution that is over, in the order in which the log holds them."""

        def read() -> list[dict[str, Any]]:
            pages = self.emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=self.group)
            messages = [json.loads(event["message"]) for page in pages for event in page["events"]]
            own = [message for message in messages if message["execution_arn"] == arn]
            over = any(re.fullmatch("Execution(Succeeded|Failed|Aborted|TimedOut)", event["type"]) for event in own)
            return own if over else []

        return list(wait_until(read, deadline_s=60, what="the end of the execution in the log"))

    def run(self, data: Any) -> list[dict[str, Any]]:
        return self.events(self.start(data))


def task(function: str, following: str | None = None, **more: Any) -> dict[str, Any]:
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "OutputPath": "$.Payload",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        **more,
    }
    return state | ({"Next": following} if following else {"End": True})


def machine(start: str, **states: Any) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_every_event_of_a_lambda_workflow_is_logged_in_order(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO).name
    workflow = Workflow(emulator, machine("One", One=task(echo, "Two"), Two=task(echo)))
    data = {"text": "Zoë – 東京", "n": [1, 2.5, None]}
    events = workflow.run(data)
    one_state = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    assert types(events) == ["ExecutionStarted", *one_state, *one_state, "ExecutionSucceeded"]
    assert [event["id"] for event in events] == [str(number) for number in range(1, 13)]
    assert [event["previous_event_id"] for event in events] == [
        "0", "0", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11",
    ]  # fmt: skip
    assert json.loads(events[0]["details"]["input"]) == data
    assert json.loads(events[-1]["details"]["output"]) == data
    assert events[0]["details"]["roleArn"] == ROLE
    assert json.loads(events[2]["details"]["parameters"]) == {"FunctionName": echo, "Payload": data}
    answer = json.loads(events[4]["details"]["output"])
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": data}
    assert {event["execution_arn"].split(":")[5] for event in events} == {"express"}
    moments = [datetime.fromisoformat(event["event_timestamp"]) for event in events]
    assert moments == sorted(moments)


def test_text_of_log_events_is_the_same(localstack: LocalStack, stock: LocalStack) -> None:
    """Down to the last character, but for ids, names and times."""
    texts = []
    for emulator in (localstack, stock):
        echo = deploy(emulator, ECHO).name
        workflow = Workflow(emulator, machine("One", One=task(echo)))
        arn = workflow.start({"word": "ä", "n": 1})
        workflow.events(arn)
        pages = emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=workflow.group)
        messages = [event["message"] for page in pages for event in page["events"]]
        joined = "\n".join(messages).replace(echo, "FUNCTION").replace(arn, "ARN")
        joined = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "TIME", joined)
        # the service's answer is a set of fields: their order differs from process to process
        texts.append(re.sub(r'\\"(StatusCode|ExecutedVersion)\\": ?[^,}]*', "", joined).replace(", ", "").split("\n"))
    assert [sorted(text) for text in texts[0]] == [sorted(text) for text in texts[1]]


def test_error_of_a_function_is_retried_and_caught(emulator: LocalStack) -> None:
    hasty = deploy(emulator, HASTY).name
    state = task(
        hasty,
        Retry=[{"ErrorEquals": ["ValueError"], "MaxAttempts": 1, "IntervalSeconds": 1}],
        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.problem", "Next": "Sorry"}],
    )
    workflow = Workflow(emulator, machine("Try", Try=state, Sorry={"Type": "Pass", "End": True}))
    events = workflow.run({"word": "hello"})
    assert Counter(types(events))["TaskFailed"] == 2
    assert types(events)[-1] == "ExecutionSucceeded"
    output = json.loads(events[-1]["details"]["output"])
    assert output["word"] == "hello"
    assert output["problem"]["Error"] == "ValueError"
    assert json.loads(output["problem"]["Cause"])["errorMessage"] == "no: hello"


def test_missing_function_fails_the_execution(emulator: LocalStack) -> None:
    events = Workflow(emulator, machine("One", One=task("no-such-function"))).run({})
    assert types(events)[-2:] == ["TaskFailed", "ExecutionFailed"]
    details = events[-1]["details"]
    assert details["error"] == "Lambda.ResourceNotFoundException"
    cause = details["cause"].replace(":$LATEST", "")  # which LocalStack 4.14 adds
    assert re.sub("Request ID: [^;]*", "Request ID: …", cause) == (
        f"Function not found: arn:aws:lambda:us-east-1:{ACCOUNT}:function:no-such-function (Service: AWSLambda; "
        "Status Code: 404; Error Code: ResourceNotFoundException; Request ID: …; Proxy: null)"
    )


def test_throttled_function_fails_the_task(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO)
    emulator.client("lambda").put_function_concurrency(FunctionName=echo.name, ReservedConcurrentExecutions=0)
    details = Workflow(emulator, machine("One", One=task(echo.name))).run({})[-1]["details"]
    assert details["error"] == "Lambda.TooManyRequestsException"
    assert details["cause"].startswith("Rate Exceeded. (Service: AWSLambda; Status Code: 429;")


def test_function_by_arn_and_by_version(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO)
    version = emulator.client("lambda").publish_version(FunctionName=echo.name)
    arn = version["FunctionArn"].removesuffix(f":{version['Version']}")
    by_version = task(echo.name)
    by_version["Parameters"]["Qualifier"] = version["Version"]
    events = Workflow(emulator, machine("A", A=task(arn, "B"), B=by_version)).run({"x": 1})
    versions = [
        json.loads(event["details"]["output"])["ExecutedVersion"]
        for event in events
        if event["type"] == "TaskSucceeded"
    ]
    assert versions == ["$LATEST", version["Version"]]


def test_timeout_of_a_task(emulator: LocalStack) -> None:
    slow = deploy(emulator, "import time\ndef lambda_handler(event, context):\n    time.sleep(5)\n").name
    events = Workflow(emulator, machine("Slow", Slow=task(slow, TimeoutSeconds=1))).run({})
    assert types(events)[-2:] == ["TaskTimedOut", "ExecutionFailed"]
    assert events[-1]["details"]["error"] == "States.Timeout"


def test_timeout_of_a_workflow(emulator: LocalStack) -> None:
    definition = machine("Wait", Wait={"Type": "Wait", "Seconds": 30, "End": True}) | {"TimeoutSeconds": 1}
    assert types(Workflow(emulator, definition).run({}))[-1] == "ExecutionTimedOut"


def test_choice_map_parallel_and_paths(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO).name
    branch = machine("Say", Say=task(echo))
    definition = machine(
        "Many",
        Many={
            "Type": "Map",
            "ItemsPath": "$.words",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **branch},
            "ResultPath": "$.said",
            "Next": "Which",
        },
        Which={
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Both"}],
            "Default": "Never",
        },
        Both={"Type": "Parallel", "Branches": [branch, branch], "ResultSelector": {"first.$": "$[0].n"}, "End": True},
        Never={"Type": "Fail", "Error": "Never"},
    )
    workflow = Workflow(emulator, definition)
    for n in (2, 3):  # twice: the program that is parsed once must not remember the first execution
        events = workflow.run({"words": ["a", "b", "c"], "n": n})
        assert json.loads(events[-1]["details"]["output"]) == {"first": n}
    failed = workflow.run({"words": [], "n": 1})
    assert types(failed)[-1] == "ExecutionFailed"
    assert failed[-1]["details"]["error"] == "Never"


def test_path_that_selects_nothing_fails(emulator: LocalStack) -> None:
    events = Workflow(emulator, machine("P", P={"Type": "Pass", "InputPath": "$.missing", "End": True})).run({"a": 1})
    assert types(events)[-1] == "ExecutionFailed"
    assert "$.missing" in events[-1]["details"]["cause"]


def test_synchronous_execution_and_execution_data(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO).name
    workflow = Workflow(emulator, machine("One", One=task(echo)))
    answer = emulator.client("stepfunctions").start_sync_execution(
        stateMachineArn=workflow.arn, input=json.dumps({"a": [1]})
    )
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == {"a": [1]}
    assert len(workflow.events(answer["executionArn"])) == 7


def test_standard_execution_keeps_its_history(emulator: LocalStack) -> None:
    echo = deploy(emulator, ECHO).name
    workflow = Workflow(emulator, machine("One", One=task(echo)), kind="STANDARD")
    arn = workflow.start({"a": 1})
    client = emulator.client("stepfunctions")
    wait_until(lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    assert len(client.get_execution_history(executionArn=arn)["events"]) == 7


def test_bad_definition_is_refused_each_time(emulator: LocalStack) -> None:
    client = emulator.client("stepfunctions")
    for _ in range(2):
        with pytest.raises(client.exceptions.InvalidDefinition):
            client.create_state_machine(name="bad", definition='{"StartAt": "A", "States": {}}', roleArn=ROLE)


def test_rule_on_execution_status_fires(emulator: LocalStack) -> None:
    events, queues = emulator.client("events"), emulator.client("sqs")
    workflow = Workflow(emulator, machine("P", P={"Type": "Pass", "End": True}))
    workflow.run({})  # before the rule: nothing to receive
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [workflow.arn]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"}])
    workflow.run({"n": 1})
    received: list[dict[str, Any]] = []

    def both() -> bool:
        answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        received.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return len(received) >= 2

    wait_until(both, what="two status events")
    assert sorted(event["detail"]["status"] for event in received) == ["RUNNING", "SUCCEEDED"]
    assert json.loads(received[-1]["detail"]["input"]) == {"n": 1}
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)


def test_failed_records_come_back_and_end_in_the_dead_letter_queue(emulator: LocalStack) -> None:
    queues, client = emulator.client("sqs"), emulator.client("lambda")
    name = f"test-{uuid.uuid4().hex[:8]}"
    dead = queues.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}-dead", "maxReceiveCount": 2}
    url = queues.create_queue(
        QueueName=name, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
    )["QueueUrl"]
    picky = deploy(
        emulator,
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
            emulator.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{picky.name}")
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


def test_disabled_mapping_takes_no_messages(emulator: LocalStack) -> None:
    queues, client = emulator.client("sqs"), emulator.client("lambda")
    name = f"test-{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    mapping = client.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", FunctionName=deploy(emulator, ECHO).name
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


@pytest.mark.parametrize("failing", [False, True])
def test_metrics_of_functions_are_counted(emulator: LocalStack, failing: bool) -> None:
    made = deploy(emulator, HASTY if failing else ECHO)
    for _ in range(3):
        made.invoke({"word": "x"})
    cloudwatch = emulator.client("cloudwatch")

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
        return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)

    wait_until(lambda: total("Invocations") == (3.0, 3.0), what="three counted invocations")
    wait_until(lambda: total("Errors") == ((3.0, 3.0) if failing else (0, 0)), what="the counted errors")


def test_metric_filter_sees_execution_logs(emulator: LocalStack) -> None:
    workflow = Workflow(emulator, machine("P", P={"Type": "Pass", "End": True}))
    name = f"metric-{uuid.uuid4().hex[:8]}"
    emulator.client("logs").put_metric_filter(
        logGroupName=workflow.group,
        filterName=name,
        filterPattern="",
        metricTransformations=[{"metricName": name, "metricNamespace": "Test", "metricValue": "1"}],
    )
    events = workflow.run({})
    cloudwatch = emulator.client("cloudwatch")

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
    emulator.client("logs").delete_metric_filter(logGroupName=workflow.group, filterName=name)


def test_pages_of_logs_are_the_same(localstack: LocalStack, stock: LocalStack) -> None:
    """Every way to page through streams whose batches overlap in time."""
    now = int(time.time() * 1000)
    seen: list[list[Any]] = [pages_of_logs(emulator, now) for emulator in (localstack, stock)]
    assert seen[0] == seen[1]


def pages_of_logs(emulator: LocalStack, now: int) -> list[Any]:
    logs = emulator.client("logs")
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
    results += answers_as_sent(emulator, group)
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


def answers_as_sent(emulator: LocalStack, group: str) -> list[Any]:
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
            with urllib.request.urlopen(urllib.request.Request(emulator.endpoint_url, body, headers)) as answer:
                content = answer.read()
                found.append((answer.status, sorted(answer.headers), answer.headers["Content-Type"]))
            if accepted != "application/cbor":
                page = json.loads(content)
                members = [{name: type(value).__name__ for name, value in each.items()} for each in page["events"]]
                found.append((sorted(page), members, page.get("searchedLogStreams")))
    return found


def page_of(answer: dict[str, Any]) -> tuple[list[str], str, str]:
    return [event["message"] for event in answer["events"]], answer["nextForwardToken"], answer["nextBackwardToken"]


def test_deleted_log_group_stops_no_execution(emulator: LocalStack) -> None:
    workflow = Workflow(emulator, machine("P", P={"Type": "Pass", "End": True}))
    emulator.client("logs").delete_log_group(logGroupName=workflow.group)
    answer = emulator.client("stepfunctions").start_sync_execution(stateMachineArn=workflow.arn, input="{}")
    assert answer["status"] == "SUCCEEDED"
    groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix=workflow.group)["logGroups"]
    assert groups == []


def test_burst_loses_nothing_and_starts_no_more_workers_than_the_limit(localstack: LocalStack) -> None:
    """Only with hooks: stock LocalStack loses events as soon as executions run side by side."""
    echo = deploy(localstack, ECHO).name
    workflow = Workflow(localstack, machine("One", One=task(echo, "Two"), Two=task(echo)))
    workers_before = set(localstack.workers())
    with ThreadPoolExecutor(20) as threads:
        started = set(threads.map(lambda number: workflow.start({"n": number}), range(EXECUTIONS)))
    assert len(set(localstack.workers()) - workers_before) <= workers_per_function()

    def all_events() -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        pages = localstack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=workflow.group)
        for page in pages:
            for event in page["events"]:
                message = json.loads(event["message"])
                found.setdefault(message["execution_arn"], []).append(int(message["id"]))
        return found if sum(map(len, found.values())) >= EXECUTIONS * 12 else {}

    found: dict[str, list[int]] = wait_until(all_events, deadline_s=120, what="all log events")
    assert found.keys() == started
    assert all(ids == list(range(1, 13)) for ids in found.values())


def test_finished_express_executions_are_forgotten_and_standard_ones_kept(localstack: LocalStack) -> None:
    client = localstack.client("stepfunctions")
    workflow = Workflow(localstack, machine("P", P={"Type": "Pass", "End": True}), kind="STANDARD")
    arns = {workflow.start({}) for _ in range(3)}
    listed = wait_until(lambda: client.list_executions(stateMachineArn=workflow.arn)["executions"])
    assert {execution["executionArn"] for execution in listed} == arns


def test_switches(other_localstack: Callable[..., LocalStack]) -> None:
    states = other_localstack(LAB_HOOKS_OFF="jsonpath, metrics").report()["hooks"]
    assert {name for name, state in states.items() if state == "off"} == {"jsonpath", "metrics"}
    assert {state for name, state in states.items() if name not in {"jsonpath", "metrics"}} == {"on"}


def test_all_off(stock: LocalStack) -> None:
    assert set(stock.report()["hooks"].values()) == {"off"}


def test_logs_are_complete_when_localstack_is_asked_to_stop(other_localstack: Callable[..., LocalStack]) -> None:
    """What waits in the background is delivered before the end; the delivery writes a line only when it fails."""
    running = other_localstack()
    workflow = Workflow(running, machine("P", P={"Type": "Pass", "End": True}))
    for _ in range(20):
        workflow.start({})
    time.sleep(0.01)
    running.emulator.process().terminate()  # type: ignore[union-attr]
    wait_until(lambda: running.emulator.process() is None, what="the end of LocalStack")
    assert "were not delivered" not in running.log()
