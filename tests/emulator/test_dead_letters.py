"""Dead letters on embedded LocalStack: told with their reason, all counted, and moved back."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab import observe, session
from lab.load import Plan, Stage, messages
from lab.session import letters as module
from lab.stack import Names, Settings, mapping, queues
from lab.target import Target
from tests.emulator.running import own_lab, wait_until

MANY = 1_200


@pytest.fixture(scope="module")
def target(state_folder: object) -> Iterator[Target]:
    with own_lab("dead-letters-test") as target:
        session.up(target, Settings(function_timeout_s=1, max_receive_count=2))
        yield target


def urls(target: Target) -> tuple[str, str]:
    names = Names(target)
    return queues.url(names, names.queue), queues.url(names, names.dead_letter_queue)


def fill(target: Target, queue_url: str, count: int) -> None:
    sqs = target.client("sqs")
    for start in range(0, count, 10):
        entries = [{"Id": str(at), "MessageBody": f'{{"lab_id": "d-{start + at}"}}'} for at in range(10)]
        assert not sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed")


def test_a_refused_message_is_told_in_the_account_and_among_the_dead_letters(target: Target) -> None:
    run_id = messages.new_run_id()
    good = list(messages.generate(3, run_id=run_id))
    broken = messages.broken("not_json", lab_id=messages.lab_id_of(run_id, 3))
    plan = Plan([Stage(4, 1)])
    result = session.run_plan(target, plan, [*good, broken], interactive=False)
    account = result.account.set_index("lab_id")
    assert account["fate"].value_counts().to_dict() == {"succeeded": 3, "dead_lettered": 1}
    row = account.loc[broken.lab_id]
    assert row["what"] == "dead-lettered after 2 receives, refused by start_execution: InvalidMessageError"
    assert row["deliveries"] == 2

    (letter,) = session.dead_letters(target).to_dict("records")
    assert letter["message_id"] == row["message_id"]
    assert (letter["error"], letter["refused"]) == ("InvalidMessageError", 2)
    assert letter["reason"].startswith("the body is not JSON")
    assert letter["body"] == broken.body
    lines = session.lines_of(session.dead_letters(target))
    assert "refused 2 times by start_execution: InvalidMessageError: the body is not JSON" in lines[1]

    # The cause is not mended, so the message comes back; the move itself is over first.
    moved = session.redrive(target)
    assert (moved.moved, moved.by_service) == (1, True)
    wait_until(lambda: len(session.dead_letters(target)) == 1, what="the message among the dead letters again")
    observe.drain_messages(target.client("sqs"), urls(target)[1])


def test_more_than_a_thousand_dead_letters_are_all_counted_and_moved(target: Target) -> None:
    mapping.set_enabled(Names(target), False)
    queue_url, dead_url = urls(target)
    sqs = target.client("sqs")
    fill(target, dead_url, MANY)
    rows = session.dead_letters(target)
    assert rows["lab_id"].nunique() == len(rows) == MANY
    told: list[tuple[int, int]] = []
    moved = session.redrive(target, on_progress=lambda done, planned: told.append((done, planned)))
    assert (moved.moved, moved.left, moved.by_service) == (MANY, 0, True)
    assert told[0] == (0, MANY)
    assert told[-1] == (MANY, MANY)
    assert observe.queue_depth(sqs, queue_url).visible == MANY
    assert session.redrive(target).sentence() == "There are no dead letters."
    drained = observe.drain_messages(sqs, queue_url)
    assert drained["lab_id"].nunique() == len(drained) == MANY


def test_without_a_move_of_the_service_the_lab_moves_them_itself(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping.set_enabled(Names(target), False)
    queue_url, dead_url = urls(target)
    sqs = target.client("sqs")
    fill(target, dead_url, 30)

    def unknown(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidAction", "Message": ""}}, "ListMessageMoveTasks")

    class Older:
        """The same service, before it could move messages."""

        def __getattr__(self, name: str) -> Any:
            return unknown if name.endswith("message_move_tasks") else getattr(sqs, name)

    monkeypatch.setattr(module.Target, "client", lambda self, service, **_: Older())
    moved = session.redrive(target)
    assert (moved.moved, moved.left, moved.by_service) == (30, 0, False)
    assert "by receiving and sending them" in moved.sentence()
    assert len(observe.drain_messages(sqs, queue_url)) == 30


def test_a_move_that_fails_says_what_was_moved(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = SimpleNamespace(
        list_message_move_tasks=lambda **_: {
            "Results": [{"Status": "FAILED", "FailureReason": "no such queue", "StartedTimestamp": 2}]
        },
        start_message_move_task=lambda **_: {},
    )
    mover = module._Mover(target, Names(target), gone, lambda moved, planned: None)
    with pytest.raises(session.NotMovedError, match=r"SQS gave up: no such queue\. 0 messages are moved back"):
        mover._follow(0, 3, None)
