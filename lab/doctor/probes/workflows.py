"""State machines: Express with its log, Standard with its history."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from botocore.exceptions import ClientError

from lab.doctor.probes.place import DEADLINE_S, DiffersError, Place
from lab.load import messages
from lab.observe import LogReader
from lab.stack import Settings, state_machine, waiting

EVENTS_OF_AN_EXECUTION = 22


def express_with_logs(place: Place) -> str:
    state_machine.ensure(place.names, Settings())
    found = state_machine.find(place.names) or {}
    if found.get("type") != "EXPRESS" or found.get("loggingConfiguration", {}).get("level") != "ALL":
        raise DiffersError("the state machine is not an Express Workflow that logs all")
    return "made, with logging of all events"


def executions(place: Place) -> str:
    def start() -> str:
        return str(
            place.client("stepfunctions").start_execution(
                stateMachineArn=place.names.state_machine_arn, name="one-name", input=messages.SAMPLE_BODY
            )["executionArn"]
        )

    first = start()
    try:
        second = start()
    except ClientError as error:
        raise DiffersError(f"the same name twice is refused: {waiting.error_code(error)}") from error
    if first == second or ":express:" not in first:
        raise DiffersError("the same name twice does not give two Express executions")
    return "started; the same name twice gives two"


def execution_events(place: Place) -> str:
    reader = LogReader(place.client("logs"), place.names.log_group, since_ms=place.recently())
    seen: dict[str, list[dict[str, Any]]] = {}

    def complete() -> bool:
        for message in reader.messages():
            with contextlib.suppress(ValueError):
                event = json.loads(message)
                seen.setdefault(event["execution_arn"], []).append(event)
        return any(len(events) >= EVENTS_OF_AN_EXECUTION for events in seen.values())

    try:
        waiting.until(complete, what="execution events", deadline_s=DEADLINE_S)
    except waiting.WaitingTooLongError:
        if not seen:
            raise
        raise DiffersError(f"{max(map(len, seen.values()))} of {EVENTS_OF_AN_EXECUTION} events") from None
    events = max(seen.values(), key=len)
    if events[-1].get("details", {}).get("output") is None and not any("output" in str(event) for event in events):
        raise DiffersError("events without their data")
    return f"{len(events)} events of an execution, with data"


def synchronous_execution(place: Place) -> str:
    answer = place.client("stepfunctions").start_sync_execution(
        stateMachineArn=place.names.state_machine_arn, input=messages.SAMPLE_BODY
    )
    counts = json.loads(answer.get("output") or "{}").get("word_counts", {})
    if (answer["status"], sum(counts.values()), len(counts)) != ("SUCCEEDED", 100, 78):
        raise DiffersError(f"{answer['status']}, {sum(counts.values())} words")
    return "100 words of the sample, 78 different"


def no_history_of_express(place: Place) -> str:
    client = place.client("stepfunctions")
    try:
        client.list_executions(stateMachineArn=place.names.state_machine_arn)
    except ClientError as error:
        return f"refused, as on AWS ({waiting.error_code(error)})"
    raise DiffersError("ListExecutions answers, where AWS refuses")


def standard_workflow(place: Place) -> str:
    client, names = place.client("stepfunctions"), place.names
    arn = client.create_state_machine(
        name=f"{names.prefix}-standard",
        definition=json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}),
        roleArn=names.role_arn(names.workflow_role),
    )["stateMachineArn"]
    place.clean_up.append(lambda: client.delete_state_machine(stateMachineArn=arn))
    execution = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    waiting.until(
        lambda: client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED",
        what="a Standard execution to succeed",
        deadline_s=DEADLINE_S,
    )
    events = [entry["type"] for entry in client.get_execution_history(executionArn=execution)["events"]]
    if events != ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]:
        raise DiffersError(f"its history is {', '.join(events)}")
    return "with its history"
