"""Every AWS call of a whole run, recorded and held against the reviewed table: nothing missing, nothing unused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import observe, paths, session, stack, workshop
from lab.load import messages
from lab.stack import Names, Settings, mapping, queues
from lab.target import permissions
from lab.workshop import self_checks
from tests.emulator.recorded_calls import named_in, recorded, whole_run_on_an_account_in_this_process
from tests.emulator.running import own_lab

LAB = {"partition": "aws", "region": "us-east-1", "account": "000000000000", "name": "a"}


@pytest.fixture(scope="module")
def calls(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the lab called: on embedded LocalStack with messages, and on an account in this process what is AWS's only.

    The notebooks run in kernels of their own; the calls that their sources name are read from there.
    """
    with own_lab("permissions") as target:
        made = recorded(target)
        session.up(target)
        names = Names(target)
        session.up(target, Settings(function_timeout_s=2, max_receive_count=1, memory_mb=192, batch_size=5))
        session.status(target)
        self_checks.settings(target)
        session.send(target, [messages.SAMPLE_BODY])
        queue_url = queues.url(names, names.queue)
        watch = session.Watch(names)
        target.client("sqs").send_message(QueueUrl=queue_url, MessageBody=messages.broken("not_json").body)
        watch.until_drained(1, patience_s=60)
        assert len(watch.dead_letters()) == 1
        dead_url = queues.url(names, names.dead_letter_queue)
        observe.drain_messages(target.client("sqs"), dead_url)
        target.client("sqs").send_message(QueueUrl=dead_url, MessageBody=messages.SAMPLE_BODY)
        assert session.redrive(target).moved == 1
        session.ramp(target, session.RampOptions(rates="2", seconds=2), interactive=False)
        exported = session.export(target)
        target.client("cloudformation").create_stack(
            StackName=names.stack, TemplateBody=exported.text, Capabilities=["CAPABILITY_IAM"]
        )
        workshop.wait_for_stack(names, "create")
        workshop.update_stack(names, exported.text, {"BatchSize": 4})
        assert len(workshop.events(names))
        mapping.set_enabled(names, False)
        assert session.down(target) == []
    made |= whole_run_on_an_account_in_this_process(tmp_path_factory.mktemp("account"))
    return made | named_in(sorted((paths.NOTEBOOKS / "source").glob("*.py")), permissions.CALLS)


def test_the_policy_has_what_the_calls_need_and_no_more(calls: set[str]) -> None:
    assert permissions.compare(permissions.policy(**LAB), calls) == permissions.Differences((), (), ())


def test_no_call_of_the_table_is_never_made(calls: set[str]) -> None:
    assert set(permissions.CALLS) - calls == set()


def test_each_action_that_is_taken_away_is_missed(calls: set[str]) -> None:
    for action in permissions.known_actions():
        document = permissions.policy(**LAB)
        for statement in document["Statement"]:
            statement["Action"] = [kept for kept in statement["Action"] if kept != action]
        assert permissions.compare(document, calls).missing == (action,)


def test_an_action_too_many_and_a_call_that_nobody_reviewed_are_found(calls: set[str]) -> None:
    document = permissions.policy(**LAB)
    document["Statement"][0]["Action"].append("sqs:PurgeQueue")
    assert permissions.compare(document, calls).unused == ("sqs:PurgeQueue",)
    assert permissions.compare(permissions.policy(**LAB), calls | {"sqs.PurgeQueue"}).unknown_calls == (
        "sqs.PurgeQueue",
    )


def test_the_lab_was_really_followed(calls: set[str]) -> None:
    assert {"sqs.SendMessageBatch", "logs.FilterLogEvents", "lambda.CreateEventSourceMapping"} <= calls
    assert stack.PIPELINE_FUNCTIONS
