"""State machines for scenarios that run with the hooks and without."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from tests.emulator.running import LocalStack, wait_until

ROLE = "arn:aws:iam::000000000000:role/workflow"
ACCOUNT = "000000000000"
ECHO = "def lambda_handler(event, context):\n    return event\n"
HASTY = "def lambda_handler(event, context):\n    raise ValueError('no: ' + event['word'])\n"


class Workflow:
    """A state machine with its log group."""

    def __init__(
        self, either: LocalStack, definition: dict[str, Any], kind: str = "EXPRESS", role_arn: str = ROLE
    ) -> None:
        self.either = either
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.group = f"/aws/vendedlogs/states/{name}"
        either.client("logs").create_log_group(logGroupName=self.group)
        group_arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{self.group}:*"
        self.arn = either.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps(definition),
            roleArn=role_arn,
            type=kind,
            loggingConfiguration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group_arn}}],
            },
        )["stateMachineArn"]

    def start(self, data: Any) -> str:
        return str(
            self.either.client("stepfunctions").start_execution(
                stateMachineArn=self.arn, name=uuid.uuid4().hex, input=json.dumps(data)
            )["executionArn"]
        )

    def events(self, arn: str) -> list[dict[str, Any]]:
        """All log events of an execution that is over, in the order in which the log holds them."""

        def read() -> list[dict[str, Any]]:
            pages = self.either.client("logs").get_paginator("filter_log_events").paginate(logGroupName=self.group)
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
