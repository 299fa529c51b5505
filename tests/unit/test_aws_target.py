"""The target ``aws`` against an account in this process: names, tags, patience, and that nothing is ever left.

The account is moto's. It knows neither delays nor throttles, so these are injected, with a clock that only sleeping
moves. Nothing of this has run on AWS itself; the words of the errors are those of AWS's documentation.
"""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from aws_stand_in import Account, Clock, StopError, stop_after
from botocore.exceptions import ClientError

from lab import stack
from lab.stack import Names, Settings, functions, logs, queues, roles, sweep, tags, waiting
from lab.stack.names import FUNCTIONS
from lab.target import DeniedError, Target, explain


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def new_target(account: Account, name: str = "a") -> Target:
    """What a new ``lab`` command works with."""
    target = Target("aws", name)
    account.watch(target)
    return target


@pytest.fixture
def target(account: Account, clock: Clock) -> Target:
    return new_target(account)


def test_region_account_and_partition_are_the_callers(target: Target) -> None:
    assert (target.region, target.account, target.partition) == ("us-east-1", "123456789012", "aws")
    assert Names(target).state_machine_arn.startswith("arn:aws:states:us-east-1:123456789012:stateMachine:")


def test_the_names_of_a_run_stay_until_it_is_destroyed_and_are_new_then(account: Account, clock: Clock) -> None:
    first = new_target(account)
    names = stack.provision(first)
    assert re.fullmatch(r"express-lab-a-[0-9][a-z0-9]{3}-messages", names.queue)
    later_command = new_target(account)
    assert Names(later_command).queue == names.queue
    assert stack.missing(later_command) == []
    assert stack.destroy(later_command) == []
    assert Names(new_target(account)).queue != names.queue


def test_no_name_is_longer_than_aws_allows(account: Account) -> None:
    names = Names(new_target(account, "x" * 24))
    longest = [names.function(folder) for folder in FUNCTIONS] + [role.name for role in roles.wanted(names)]
    assert max(map(len, longest)) <= 64


def test_an_emulators_names_stay_as_they_are() -> None:
    assert Names(Target("embedded", "a")).queue == "express-lab-a-messages"


def test_every_resource_is_tagged_with_the_lab_its_name_when_and_the_run(account: Account, target: Target) -> None:
    names = stack.provision(target)

    def pairs(tags: list[dict[str, str]]) -> dict[str, str]:
        return {entry.get("Key", entry.get("key", "")): entry.get("Value", entry.get("value", "")) for entry in tags}

    sqs, iam, log, lam, states = (target.client(name) for name in ("sqs", "iam", "logs", "lambda", "stepfunctions"))
    found = {
        queue: sqs.list_queue_tags(QueueUrl=queues.url(names, queue))["Tags"]
        for queue in (names.queue, names.dead_letter_queue)
    }
    found |= {role.name: pairs(iam.list_role_tags(RoleName=role.name)["Tags"]) for role in roles.wanted(names)}
    found |= {
        group: log.list_tags_for_resource(resourceArn=names.log_group_arn(group).removesuffix(":*"))["tags"]
        for group in logs.wanted(names)
    }
    found |= {folder: lam.list_tags(Resource=names.function_arn(folder))["Tags"] for folder in FUNCTIONS}
    found["machine"] = pairs(states.list_tags_for_resource(resourceArn=names.state_machine_arn)["tags"])
    (made,) = [entry for entry in account.parameters if entry["call"] == "lambda.CreateEventSourceMapping"]
    found["mapping"] = made["Tags"]
    assert len(found) == len(stack.survivors(target)) == 2 + 3 + 6 + 5 + 1 + 1
    for resource, its_tags in found.items():
        assert its_tags.keys() == {"express-lab", "express-lab:name", "express-lab:created", "express-lab:run"}, (
            resource
        )
        assert (its_tags["express-lab:name"], its_tags["express-lab:run"]) == ("a", target.run)


# --------------------------------------------------------------------------------------------- patience

DELAYS = {
    "role unknown to Lambda": (
        "lambda.CreateFunction",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    "role unknown to Step Functions": (
        "stepfunctions.CreateStateMachine",
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
        "provided role.",
    ),
    "log delivery not allowed yet": (
        "stepfunctions.CreateStateMachine",
        "AccessDeniedException",
        "The state machine IAM Role is not authorized to access the Log Destination",
    ),
    "queue policy not allowed yet": (
        "lambda.CreateEventSourceMapping",
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    ),
    "Lambda throttles": ("lambda.CreateFunction", "TooManyRequestsException", "Rate exceeded"),
    "Logs throttle": ("logs.CreateLogGroup", "ThrottlingException", "Rate exceeded"),
    "Logs are busy with the same group": ("logs.PutRetentionPolicy", "OperationAbortedException", "conflicting"),
    "a deleted queue's name is kept": ("sqs.CreateQueue", "AWS.SimpleQueueService.QueueDeletedRecently", "60 seconds"),
}


@pytest.mark.parametrize(("call", "code", "message"), DELAYS.values(), ids=DELAYS.keys())
def test_what_passes_is_waited_for(
    account: Account, target: Target, clock: Clock, call: str, code: str, message: str
) -> None:
    account.fail(call, code, message, times=3)
    stack.provision(target)
    assert account.unanswered() == {}
    assert stack.missing(target) == []
    assert 0 < clock.now < 300


def test_a_function_is_used_when_it_is_active_and_not_before(account: Account, target: Target, clock: Clock) -> None:
    names = stack.provision(target)
    before = clock.now
    pending = functions.find(names, "tokenizer_counter") | {"State": "Pending", "CodeSha256": "another"}  # type: ignore[operator]
    for times, call in ((4, "lambda.GetFunctionConfiguration"),):
        account.answer(call, pending, times=times)
    functions.ensure(names, Settings(), "tokenizer_counter")
    assert account.unanswered() == {}
    assert clock.now > before


def test_a_mapping_that_is_being_made_is_changed_later(account: Account, target: Target, clock: Clock) -> None:
    stack.provision(target)
    before = clock.now
    account.fail("lambda.UpdateEventSourceMapping", "ResourceInUseException", "in use", times=2)
    stack.provision(target, Settings(batch_size=5))
    assert account.unanswered() == {}
    assert clock.now > before


def test_what_does_not_pass_is_not_waited_for_for_ever(account: Account, target: Target, clock: Clock) -> None:
    account.fail("lambda.CreateFunction", *DELAYS["role unknown to Lambda"][1:], times=1000)
    with pytest.raises(ClientError, match="cannot be assumed"):
        stack.provision(target)
    assert waiting.PROPAGATION_DEADLINE_S <= clock.now < 20 * waiting.PROPAGATION_DEADLINE_S


def test_a_denied_caller_is_told_at_once_which_action_is_missing_and_the_statement_to_add(
    account: Account, target: Target, clock: Clock
) -> None:
    account.fail(
        "lambda.CreateFunction",
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/SECRET-USER is not authorized to perform: iam:PassRole on resource: x",
        times=5,
        status=403,
    )
    with pytest.raises(ClientError) as raised:
        stack.provision(target)
    assert clock.now == 0
    told = explain(raised.value)
    assert isinstance(told, DeniedError)
    text = told.render()
    assert "AWS did not allow CreateFunction: your identity lacks iam:PassRole." in text
    assert '"Action": ["iam:PassRole"]' in text
    assert "arn:aws:iam::123456789012:role/express-lab-a-*" in text
    assert "lab policy" in text
    assert "SECRET-USER" not in text


def test_a_denied_call_whose_message_names_no_action_lists_all_that_it_needs(account: Account, target: Target) -> None:
    account.fail("sqs.CreateQueue", "AccessDenied", "Access to the resource is denied.", times=9, status=403)
    with pytest.raises(ClientError) as raised:
        stack.provision(target)
    text = explain(raised.value).render()  # type: ignore[union-attr]
    assert "sqs:CreateQueue or sqs:TagQueue" in text
    assert "arn:aws:sqs:us-east-1:123456789012:express-lab-a-*" in text


# --------------------------------------------------------------------------------------------- half-way

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
    account.answer(
        "resourcegroupstaggingapi.GetResources", {"ResourceTagMappingList": [{"ResourceARN": "arn:aws:s3:::x"}]}
    )
    assert sweep.survivors(target) == ["arn:aws:s3:::x (found by its tag)"]
