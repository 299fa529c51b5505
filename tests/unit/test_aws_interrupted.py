"""Making and deleting a lab on AWS, stopped half-way; what starts work goes first; what earlier runs left."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

from lab import stack
from lab.stack import Names, exercises, sweep, tags
from lab.target import Target
from tests.unit.aws_stand_in import Account, Clock, StopError, new_target, stop_after

pytestmark = pytest.mark.slow  # together

# (call, how often it still works) → the process ends there, while provisioning.
CRASHES = [
    ("iam.PutRolePolicy", 2),
    ("lambda.CreateFunction", 3),
    ("stepfunctions.CreateStateMachine", 0),
    ("lambda.CreateEventSourceMapping", 0),
]


@pytest.mark.parametrize(("call", "count"), CRASHES)
def test_after_a_crash_while_making_lab_up_completes_it(account: Account, clock: Clock, call: str, count: int) -> None:
    crashed = new_target(account)
    stop_after(crashed, call, count)
    with pytest.raises(StopError):
        stack.provision(crashed)
    later = new_target(account)
    stack.provision(later)
    assert Names(later).prefix == Names(crashed).prefix
    assert stack.missing(later) == []


@pytest.mark.parametrize(
    ("call", "count", "state_folder_is_lost"),
    [
        (*crash, number % 2 == 0)
        for number, crash in enumerate([("iam.CreateRole", 1), ("sqs.CreateQueue", 1), *CRASHES])
    ],
)
def test_after_a_crash_while_making_lab_down_leaves_nothing(
    account: Account, clock: Clock, tmp_path: Path, call: str, count: int, state_folder_is_lost: bool
) -> None:
    crashed = new_target(account)
    stop_after(crashed, call, count)
    with pytest.raises(StopError):
        stack.provision(crashed)
    if state_folder_is_lost:
        shutil.rmtree(tmp_path / "state")
    later = new_target(account)
    assert stack.destroy(later) == []
    assert everything(later) == []


@pytest.mark.parametrize(
    ("call", "count", "state_folder_is_lost"),
    [
        ("lambda.DeleteEventSourceMapping", 0, False),
        ("stepfunctions.DeleteStateMachine", 0, True),
        ("lambda.DeleteFunction", 2, False),
        ("sqs.DeleteQueue", 1, True),
        ("iam.DeleteRolePolicy", 1, False),
        ("iam.DeleteRole", 1, True),
        ("logs.DeleteLogGroup", 2, True),
    ],
)
def test_after_a_crash_while_deleting_lab_down_leaves_nothing(
    account: Account, clock: Clock, tmp_path: Path, call: str, count: int, state_folder_is_lost: bool
) -> None:
    crashed = new_target(account)
    stack.provision(crashed)
    crashed_later = new_target(account)
    stop_after(crashed_later, call, count)
    with pytest.raises(StopError):
        stack.destroy(crashed_later)
    if state_folder_is_lost:
        shutil.rmtree(tmp_path / "state")
    later = new_target(account)
    assert stack.destroy(later) == []
    assert everything(later) == []


def everything(target: Target) -> list[str]:
    """All that the account holds, asked without the lab."""
    lam, states = target.client("lambda"), target.client("stepfunctions")
    return [
        *(entry["UUID"] for entry in lam.list_event_source_mappings()["EventSourceMappings"]),
        *(entry["name"] for entry in states.list_state_machines()["stateMachines"]),
        *(entry["FunctionName"] for entry in lam.list_functions()["Functions"]),
        *target.client("sqs").list_queues().get("QueueUrls", []),
        *(entry["RoleName"] for entry in target.client("iam").list_roles()["Roles"]),
        *(entry["logGroupName"] for entry in target.client("logs").describe_log_groups()["logGroups"]),
    ]


def test_what_starts_work_goes_first_and_the_log_groups_last(account: Account, target: Target) -> None:
    stack.provision(target)
    account.calls.clear()
    assert stack.destroy(target) == []

    def last(call: str) -> int:
        return max(index for index, made in enumerate(account.calls) if made == call)

    order = [
        "lambda.DeleteEventSourceMapping",
        "stepfunctions.DeleteStateMachine",
        "lambda.DeleteFunction",
        "iam.DeleteRole",
        "logs.DeleteLogGroup",
    ]
    for earlier, later in itertools.pairwise(order):
        assert last(earlier) < last(later), (earlier, later)
    assert last("sqs.DeleteQueue") < account.calls.index("iam.DeleteRole")


def test_deletion_is_repeated_while_aws_is_still_busy(account: Account, target: Target, clock: Clock) -> None:
    stack.provision(target)
    before = clock.now
    account.fail("lambda.DeleteEventSourceMapping", "ResourceInUseException", times=2)
    account.fail("iam.DeleteRole", "DeleteConflict", "must delete policies first", times=2, status=409)
    account.fail("logs.DeleteLogGroup", "OperationAbortedException", times=2)
    assert stack.destroy(target) == []
    assert account.unanswered() == {}
    assert clock.now > before


def test_a_state_machine_that_is_going_is_waited_for(account: Account, target: Target, clock: Clock) -> None:
    names = stack.provision(target)
    going = target.client("stepfunctions").describe_state_machine(stateMachineArn=names.state_machine_arn)
    account.answer("stepfunctions.DescribeStateMachine", going | {"status": "DELETING"}, times=5)
    assert stack.destroy(target) == []
    assert account.unanswered() == {}
    assert clock.now > 0


def test_what_an_exercise_made_goes_too_and_the_neighbours_stay(account: Account, target: Target) -> None:
    names = stack.provision(target)
    group = f"/aws/vendedlogs/states/{names.prefix}-exercise-of-my-own"
    target.client("logs").create_log_group(logGroupName=group)
    neighbour = new_target(account, "a-b")
    stack.provision(neighbour)
    target.client("sqs").create_queue(QueueName="express-lab-a-of-somebody-else")
    assert f"log group {group}" in stack.survivors(target)
    assert stack.destroy(target) == []
    assert stack.missing(neighbour) == []
    assert stack.destroy(neighbour) == []
    assert [url.rsplit("/", 1)[-1] for url in everything(target)] == ["express-lab-a-of-somebody-else"]


def test_a_survivor_that_only_its_tag_gives_away_is_told(account: Account, target: Target) -> None:
    stack.provision(target)
    target.client("sqs").create_queue(QueueName="a-name-of-my-own", tags=tags.as_mapping("a"))
    (line,) = stack.destroy(target)
    assert line == "arn:aws:sqs:us-east-1:123456789012:a-name-of-my-own (found by its tag)"
    again = new_target(account)
    assert again.run == target.run, "the run has not ended"


def test_what_the_tagging_service_still_lists_but_is_gone_is_no_survivor(account: Account, target: Target) -> None:
    names = stack.provision(target)
    gone = [
        names.queue_arn(names.queue),
        names.state_machine_arn,
        names.function_arn("start_execution"),
        names.log_group_arn(names.log_group),
        f"arn:aws:lambda:us-east-1:{target.account}:event-source-mapping:0e1f",
    ]
    stack.destroy(target)
    listed: dict[str, Any] = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": []} for arn in gone]}
    account.answer("resourcegroupstaggingapi.GetResources", listed)
    assert sweep.survivors(target) == []
    topic = "arn:aws:sns:us-east-1:123456789012:x"
    account.answer("resourcegroupstaggingapi.GetResources", {"ResourceTagMappingList": [{"ResourceARN": topic}]})
    assert sweep.survivors(target) == [f"{topic} (found by its tag)"]


def test_what_a_standard_workflow_of_an_exercise_runs_is_stopped_before_it_is_deleted(
    account: Account, target: Target
) -> None:
    names = stack.provision(target)
    states = target.client("stepfunctions")
    machine = states.create_state_machine(
        name=exercises.name(names, "standard-slow"),
        type="STANDARD",
        definition='{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 300, "End": true}}}',
        roleArn=names.role_arn(names.workflow_role),
    )["stateMachineArn"]
    running = states.start_execution(stateMachineArn=machine)["executionArn"]
    assert stack.destroy(target) == []
    told = list(zip(account.calls, account.parameters, strict=True))
    stopped = [number for number, (call, _) in enumerate(told) if call == "stepfunctions.StopExecution"]
    deleted = [
        number
        for number, (call, made) in enumerate(told)
        if call == "stepfunctions.DeleteStateMachine" and made["stateMachineArn"] == machine
    ]
    assert [told[number][1]["executionArn"] for number in stopped] == [running]
    assert max(stopped) < min(deleted)
