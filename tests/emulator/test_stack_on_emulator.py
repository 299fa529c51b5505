"""Provisioning against embedded LocalStack: what is made, that it can be repeated, and that nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab import session, stack
from lab.emulator.runtime.hooks import queue_mapping
from lab.load import messages
from lab.stack import Names, Settings, functions, mapping, queues, state_machine, waiting
from lab.target import Target
from tests.emulator.running import own_lab


@pytest.fixture(scope="module")
def target(state_folder: object) -> Iterator[Target]:
    with own_lab("stack-test") as target:
        yield target


@pytest.fixture
def provisioned(target: Target) -> Names:
    return stack.provision(target)


def test_everything_is_made_as_the_sample_and_its_mended_faults_ask(provisioned: Names, target: Target) -> None:
    assert stack.missing(target) == []
    sqs, url = target.client("sqs"), queues.url(provisioned, provisioned.queue)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert int(attributes["VisibilityTimeout"]) >= 6 * Settings().function_timeout_s
    assert redrive["deadLetterTargetArn"] == provisioned.queue_arn(provisioned.dead_letter_queue)
    assert int(redrive["maxReceiveCount"]) >= 5

    machine = target.client("stepfunctions").describe_state_machine(stateMachineArn=provisioned.state_machine_arn)
    assert machine["type"] == "EXPRESS"
    assert machine["loggingConfiguration"]["level"] == "ALL"
    assert machine["loggingConfiguration"]["includeExecutionData"] is True
    assert provisioned.log_group in json.dumps(machine["loggingConfiguration"])

    (found,) = target.client("lambda").list_event_source_mappings(
        EventSourceArn=provisioned.queue_arn(provisioned.queue)
    )["EventSourceMappings"]
    assert found["BatchSize"] == 10
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["State"] == "Enabled"


def test_provisioning_again_changes_nothing(provisioned: Names, target: Target) -> None:
    def fingerprint() -> object:
        return (
            [functions.find(provisioned, folder)["RevisionId"] for folder in stack.PIPELINE_FUNCTIONS],  # type: ignore[index]
            state_machine.find(provisioned).get("revisionId"),  # type: ignore[union-attr]
            mapping.find(provisioned)["UUID"],  # type: ignore[index]
        )

    before = fingerprint()
    stack.provision(target)
    assert fingerprint() == before


def test_what_was_broken_by_hand_is_mended(provisioned: Names, target: Target) -> None:
    target.client("lambda").delete_function(FunctionName=provisioned.function("string_cleaner"))
    target.client("iam").delete_role_policy(RoleName=provisioned.workflow_role, PolicyName="deliver_logs")
    target.client("sqs").set_queue_attributes(
        QueueUrl=queues.url(provisioned, provisioned.queue), Attributes={"VisibilityTimeout": "1"}
    )
    assert stack.missing(target) == ["function string_cleaner"]
    with pytest.raises(stack.StackMissingError, match="lacks function string_cleaner"):
        stack.describe(target)

    stack.provision(target)
    assert stack.missing(target) == []
    policies = target.client("iam").list_role_policies(RoleName=provisioned.workflow_role)["PolicyNames"]
    assert "deliver_logs" in policies
    url = queues.url(provisioned, provisioned.queue)
    answer = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert answer["Attributes"]["VisibilityTimeout"] == "60"


def test_settings_reach_the_resources_and_come_back(provisioned: Names, target: Target) -> None:
    stack.provision(target, Settings(batch_size=3, mapping_enabled=False, function_timeout_s=4, memory_mb=256))
    found = mapping.find(provisioned)
    assert found is not None
    assert (found["BatchSize"], found["State"]) == (3, "Disabled")
    function = functions.find(provisioned, "base64_decoder")
    assert function is not None
    assert (function["Timeout"], function["MemorySize"]) == (4, 256)
    stack.provision(target)
    found = mapping.find(provisioned)
    assert found is not None
    assert (found["BatchSize"], found["State"]) == (10, "Enabled")


def test_the_sample_message_comes_out_with_its_true_answer(provisioned: Names, target: Target) -> None:
    executions, states = session.send(target, [messages.SAMPLE_BODY])
    (execution,) = executions.to_dict("records")
    assert execution["status"] == "SUCCEEDED"
    assert execution["events"] == 22
    output = json.loads(execution["output"])
    assert output["stats"]["text_length"] == 540
    assert output["stats"]["avg_word_length"] == pytest.approx(4.5773, abs=5e-5)
    assert (output["stats"]["num_digits"], output["stats"]["num_special_chars"]) == (0, 22)
    assert sum(output["word_counts"].values()) == 100
    assert len(output["word_counts"]) == 78
    assert [output["word_counts"][word] for word in ("the", "my", "and")] == [5, 5, 4]
    assert list(states["state"]) == [
        "Decode base64 string",
        "Generate statistics",
        "Remove special characters",
        "Tokenize and count",
    ]
    assert (states["duration_s"] > 0).all()
    assert execution["duration_s"] >= states["duration_s"].sum() * 0.99


@pytest.mark.parametrize(
    ("kind", "error"),
    [("bad_base64", "InvalidBase64Error"), ("missing_input", "MissingInputError"), ("not_utf8", "InvalidTextError")],
)
def test_a_message_that_the_workflow_cannot_read_fails_by_name(
    provisioned: Names, target: Target, kind: str, error: str
) -> None:
    executions, _ = session.send(target, [messages.broken(kind).body])
    (execution,) = executions.to_dict("records")
    assert (execution["status"], execution["error"]) == ("FAILED", error)


def test_a_message_that_cannot_start_ends_in_the_dead_letter_queue_and_its_neighbours_do_not_suffer(
    target: Target,
) -> None:
    # Two deliveries, 6 s apart, so that the last comes soon. The functions keep their usual timeout: with one second
    # a busy machine let a start of a neighbour time out, which was then delivered, or started, once more.
    names = stack.provision(target, Settings(max_receive_count=2))
    target.client("sqs").set_queue_attributes(
        QueueUrl=queues.url(names, names.queue), Attributes={"VisibilityTimeout": "6"}
    )
    # A receive that already waits at the queue hides what it takes for as long as the queue said when the wait began
    # (on AWS a changed attribute may take a minute): without this pause the second delivery sometimes came after 60 s.
    time.sleep(5 * queue_mapping.WAIT_S)
    watch = session.Watch(names)
    bodies = [messages.SAMPLE_BODY, messages.broken("not_json").body, messages.SAMPLE_BODY]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    sent = target.client("sqs").send_message_batch(QueueUrl=queues.url(names, names.queue), Entries=entries)
    ids = {entry["Id"]: entry["MessageId"] for entry in sent["Successful"]}
    assert watch.until_drained(3, patience_s=30)
    executions, _, received = watch.tables()
    assert sorted(executions["name"]) == sorted([ids["0"], ids["2"]])
    assert (executions["status"] == "SUCCEEDED").all()
    assert list(watch.dead_letters()["message_id"]) == [ids["1"]]
    refusals = received[received["message_id"] == ids["1"]]
    assert len(refusals) == 2
    assert refusals["error"].str.contains("InvalidMessageError").all()
    stack.provision(target)


@pytest.mark.needs_hook("queue_mapping")  # a mapping that is changed while a batch is at work
def test_without_partial_batch_responses_the_same_message_would_be_lost(target: Target) -> None:
    """What notebook 01 says of ReportBatchItemFailures: the function never raises, so each batch is a success."""
    names = stack.provision(target)
    current = mapping.find(names)
    assert current is not None
    target.client("lambda").update_event_source_mapping(UUID=current["UUID"], FunctionResponseTypes=[])
    mapping.wait_for_state(names, "Enabled")
    time.sleep(5 * queue_mapping.WAIT_S)  # the poller of before may still be at its last batch
    watch = session.Watch(names)
    body = messages.broken("not_json").body
    sent = target.client("sqs").send_message(QueueUrl=queues.url(names, names.queue), MessageBody=body)
    deadline = time.monotonic() + 30
    while watch.look().queued or sent["MessageId"] not in set(watch.tables()[2]["message_id"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    executions, _, received = watch.tables()
    assert list(received["error"]) == ["InvalidMessageError"]
    assert executions.empty
    assert watch.dead_letters().query("message_id == @sent['MessageId']").empty
    stack.provision(target)
    assert mapping.find(names)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]  # type: ignore[index]


@pytest.mark.needs_hook("permissions")
@pytest.mark.parametrize(
    ("role", "policy", "action"),
    [
        ("start_role", "start_executions", "states:StartExecution"),
        ("workflow_role", "invoke_functions", "lambda:InvokeFunction"),
    ],
)
def test_a_policy_that_is_missing_shows_where_it_is_needed_and_lab_up_mends_it(
    provisioned: Names, target: Target, role: str, policy: str, action: str
) -> None:
    name = getattr(provisioned, role)
    target.client("iam").delete_role_policy(RoleName=name, PolicyName=policy)
    url = queues.url(provisioned, provisioned.queue)
    target.client("sqs").send_message(QueueUrl=url, MessageBody=messages.SAMPLE_BODY)
    group = provisioned.log_group if role == "workflow_role" else provisioned.function_log_group("start_execution")

    def refusals() -> list[str]:
        """In the log of executions, or of the function that starts them."""
        events = target.client("logs").filter_log_events(logGroupName=group)["events"]
        said = f"/{name}/"
        return [
            event["message"]
            for event in events
            if said in event["message"] and f"not authorized to perform: {action} on resource" in event["message"]
        ]

    waiting.until(lambda: refusals() or None, what="the refusal", deadline_s=30)
    stack.provision(target)
    target.client("sqs").purge_queue(QueueUrl=url)
    executions, _ = session.send(target, [messages.SAMPLE_BODY])
    assert list(executions["status"]) == ["SUCCEEDED"]


def test_destroying_leaves_nothing_and_destroying_nothing_is_no_error(provisioned: Names, target: Target) -> None:
    assert len(stack.survivors(target)) == 1 + 1 + 5 + 2 + 3 + 6
    assert stack.destroy(target) == []
    assert stack.survivors(target) == []
    assert stack.destroy(target) == []


def test_a_mapping_that_may_not_be_enabled_again_is_destroyed_too(provisioned: Names, target: Target) -> None:
    stack.provision(target, Settings(mapping_enabled=False))
    target.client("sqs").set_queue_attributes(
        QueueUrl=queues.url(provisioned, provisioned.queue), Attributes={"VisibilityTimeout": "1"}
    )
    assert stack.destroy(target) == []
    assert stack.survivors(target) == []


def test_a_survivor_is_named(provisioned: Names, target: Target) -> None:
    stack.destroy(target)
    target.client("logs").create_log_group(logGroupName=provisioned.log_group)
    assert stack.survivors(target) == [f"log group {provisioned.log_group}"]


def test_a_neighbour_whose_name_begins_alike_is_left_alone(provisioned: Names, target: Target) -> None:
    neighbour = Target("embedded", f"{target.name}-b", endpoint_url=target.endpoint_url)
    stack.provision(neighbour)
    assert stack.destroy(target) == []
    assert stack.missing(neighbour) == []
    assert stack.destroy(neighbour) == []
