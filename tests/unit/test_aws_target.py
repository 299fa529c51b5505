"""Making a lab on AWS: names, tags, and patience with what takes time."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from lab import stack
from lab.stack import Names, Settings, functions, logs, queues, roles, waiting
from lab.stack.names import FUNCTIONS
from lab.target import ClockError, DeniedError, Target, explain
from tests.unit.aws_stand_in import Account, Clock, new_target


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


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T000100Z (…)"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20260101T010000Z is still later than 20260101T000000Z"),
    ],
)
def test_a_clock_that_is_wrong_by_minutes_is_not_taken_for_bad_credentials(code: str, message: str) -> None:
    told = explain(ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity"))
    assert isinstance(told, ClockError)
    assert "this machine's clock is wrong" in told.render()
    assert "aws sso login" not in told.render()
