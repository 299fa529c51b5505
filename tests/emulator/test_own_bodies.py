"""`lab ramp --queue-url`: a learner's own bodies, queue and workflow, and where each message ended."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from lab import session
from lab.load import messages as bodies
from lab.target import Target
from tests.emulator.running import LocalStack, deploy
from tests.emulator.scenarios import Workflow, machine

# As somebody may write it: no lab_id, no name, the body as it is; what says so is refused, or fails later.
START = """
import json, os, boto3
states = boto3.client("stepfunctions")
def lambda_handler(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("refuse"):
            failed.append({"itemIdentifier": record["messageId"]})
        elif not body.get("ignore"):
            states.start_execution(stateMachineArn=os.environ["MACHINE"], INPUT)
    return {"batchItemFailures": failed}
"""
BY_NAME = START.replace("INPUT", 'name=record["messageId"], input=record["body"]')
BY_BODY = START.replace("INPUT", 'input=record["body"]')
CHOICE = machine(
    "Which?",
    **{
        "Which?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fail", "IsPresent": True, "Next": "No"}],
            "Default": "Yes",
        },
        "Yes": {"Type": "Pass", "End": True},
        "No": {"Type": "Fail", "Error": "Unwanted"},
    },
)


class Own:
    """A queue with a dead-letter queue, and what takes its messages to a workflow."""

    def __init__(self, running: LocalStack, source: str | None) -> None:
        sqs, name = running.client("sqs"), f"test-{uuid.uuid4().hex[:8]}"
        dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        self.url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "10"})[
            "QueueUrl"
        ]
        self.workflow = Workflow(running, CHOICE)
        self.target = Target("localstack", "own", endpoint_url=running.endpoint_url)
        if source is not None:
            function = deploy(running, source, Environment={"Variables": {"MACHINE": self.workflow.arn}})
            running.client("lambda").create_event_source_mapping(
                EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}",
                FunctionName=function.name,
                BatchSize=5,
                FunctionResponseTypes=["ReportBatchItemFailures"],
            )

    def ramp(self, folder: Path, lines: list[Any], *, follow: bool = True) -> tuple[session.RampResult, list[str]]:
        file = folder / "bodies.jsonl"
        file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
        said: list[str] = []
        own = session.OwnBodies(self.url, file, self.workflow.arn if follow else None)
        options = session.RampOptions(rates=str(len(lines)), seconds=1.0)
        result = session.ramp_own_bodies(
            self.target, own, options, folder=folder / "run", interactive=False, say=said.append
        )
        session.write_ramp(self.target, result, folder / "run", say=said.append)
        return result, said


LINES = [{"n": 0}, {"n": 1, "fail": True}, {"n": 2, "refuse": True}, {"n": 3, "ignore": True}, {"n": 4}]
FATES = ["succeeded", "failed", "dead_lettered", "unobserved", "succeeded"]


@pytest.mark.parametrize(("source", "way"), [(BY_NAME, "message id"), (BY_BODY, "is the body")])
def test_each_message_is_followed_to_where_it_ended(
    localstack: LocalStack, tmp_path: Path, source: str, way: str
) -> None:
    result, said = Own(localstack, source).ramp(tmp_path, LINES)
    assert list(result.account["fate"]) == FATES
    assert result.account["what"].iloc[1] == 'failed in "No": Unwanted'
    assert "no execution was seen that carries it" in result.account["what"].iloc[3]
    assert any(line.startswith("Linked with an execution: 3") and way in line for line in said)
    assert result.messages["end_to_end_s"].notna().sum() == 3
    assert result.reconciliation.holds
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "Unwanted" in page


def test_without_a_workflow_only_the_queues_tell(localstack: LocalStack, tmp_path: Path) -> None:
    result, said = Own(localstack, BY_NAME).ramp(tmp_path, LINES, follow=False)
    assert list(result.account["fate"]) == ["unobserved", "unobserved", "dead_lettered", "unobserved", "unobserved"]
    assert "cannot be known without --state-machine" in result.account["what"].iloc[0]
    assert any("cannot be known" in line for line in said)


def test_a_queue_that_nobody_reads_still_holds_them(localstack: LocalStack, tmp_path: Path) -> None:
    result, _ = Own(localstack, None).ramp(tmp_path, LINES)
    assert set(result.account["fate"]) == {"still_queued"}
    assert result.reconciliation.as_dict()["still_queued"] == 5


def test_bad_lines_are_refused_and_nothing_is_sent(localstack: LocalStack, tmp_path: Path) -> None:
    own = Own(localstack, None)
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"a": 1}\n{"a": \n"' + "x" * 2_048 + '"', "utf-8")
    localstack.client("sqs").set_queue_attributes(QueueUrl=own.url, Attributes={"MaximumMessageSize": "2048"})
    with pytest.raises(bodies.BodiesFileError, match=r"2 of 3 .* line 2 is no JSON .* line 3 has 2,050 bytes"):
        session.ramp_own_bodies(own.target, session.OwnBodies(own.url, file))
    counted = localstack.client("sqs").get_queue_attributes(QueueUrl=own.url, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "0"
