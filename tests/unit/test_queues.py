"""Looking into queues."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab.observe import (
    QueueDepth,
    drain_messages,
    most_receives,
    peek_messages,
    queue_depth,
)


class FakeQueue:
    """A queue that hides what was received, and answers empty once before it says anything."""

    def __init__(self, bodies: list[str]) -> None:
        self.messages = {f"id-{n}": body for n, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.receives = dict.fromkeys(self.messages, 0)
        self.shy = True
        self.stubborn: dict[str, int] = {}
        """How often the queue refuses to delete a message."""

    def receive_message(self, **request: Any) -> dict[str, Any]:
        if self.shy:
            self.shy = False
            return {}
        assert request["MaxNumberOfMessages"] <= 10
        found = [each for each in self.messages if each not in self.hidden][: request["MaxNumberOfMessages"]]
        self.hidden.update(found)
        for each in found:
            self.receives[each] += 1
        if not found:
            return {}
        return {
            "Messages": [
                {
                    "MessageId": each,
                    "ReceiptHandle": each,
                    "Body": self.messages[each],
                    "Attributes": {
                        "ApproximateReceiveCount": str(5 + self.receives[each]),
                        "SentTimestamp": "1764000000123",
                        "ApproximateFirstReceiveTimestamp": "1764000000456",
                    },
                }
                for each in found
            ]
        }

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        self.hidden -= {entry["ReceiptHandle"] for entry in Entries if entry["VisibilityTimeout"] == 0}

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        failed = []
        for entry in Entries:
            if self.stubborn.get(entry["ReceiptHandle"], 0) > 0:
                self.stubborn[entry["ReceiptHandle"]] -= 1
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                del self.messages[entry["ReceiptHandle"]]
        return {"Failed": failed}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        assert "ApproximateNumberOfMessagesDelayed" in request["AttributeNames"]
        visible = len(self.messages) - len(self.hidden)
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(self.hidden)),
            }
        }


BODIES = ['{"lab_id": "r-1", "input": "aGk="}', "not json", *(f'{{"lab_id": "r-{n}"}}' for n in range(2, 25))]


def test_peek_leaves_every_message_where_it_was() -> None:
    queue = FakeQueue(BODIES)
    rows = peek_messages(queue, "url")
    assert list(rows.columns) == "message_id lab_id body receive_count sent first_received".split()
    assert list(rows["body"]) == BODIES
    assert list(rows["lab_id"][:3]) == ["r-1", None, "r-2"]
    assert (rows["receive_count"] == 6).all()
    assert rows["sent"].iloc[0] == pd.Timestamp(1_764_000_000_123, unit="ms", tz="UTC")
    assert queue_depth(queue, "url") == QueueDepth(visible=25, in_flight=0, delayed=0)


def test_1201_dead_letters_are_1201() -> None:
    queue = FakeQueue([f'{{"lab_id": "r-{number}"}}' for number in range(1_201)])
    assert peek_messages(queue, "url")["lab_id"].nunique() == 1_201
    assert queue_depth(queue, "url").visible == 1_201


def test_what_was_taken_is_put_back_also_when_the_looking_fails() -> None:
    queue = FakeQueue(BODIES)
    receive = queue.receive_message

    def fail_late(**request: Any) -> dict[str, Any]:
        if queue.hidden:
            raise KeyboardInterrupt
        return receive(**request)

    queue.receive_message = fail_late  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        peek_messages(queue, "url")
    assert queue_depth(queue, "url").visible == 25


def test_peek_takes_no_more_than_it_is_told() -> None:
    queue = FakeQueue(BODIES)
    assert len(peek_messages(queue, "url", limit=12)) == 12
    assert queue_depth(queue, "url").total == 25


def test_drain_empties_the_queue() -> None:
    queue = FakeQueue([f'{{"lab_id": "r-{number}"}}' for number in range(230)])
    rows = drain_messages(queue, "url")
    assert rows["message_id"].nunique() == len(rows) == 230
    assert queue.messages == {}
    assert len(drain_messages(queue, "url")) == 0


def test_a_queue_that_hands_out_one_message_again_and_again_comes_to_an_end() -> None:
    queue = FakeQueue(["a"])
    queue.hidden = _Sieve()
    assert len(peek_messages(queue, "url")) == 1


class _Sieve(set[str]):
    """Forgets at once what was hidden."""

    def __contains__(self, item: object) -> bool:
        return False


def test_what_the_queue_does_not_delete_at_once_is_deleted_again() -> None:
    queue = FakeQueue(BODIES)
    queue.stubborn = {"id-3": 2, "id-14": 1}
    assert len(drain_messages(queue, "url")) == len(BODIES)
    assert queue.messages == {}


def test_what_cannot_be_deleted_is_not_called_drained() -> None:
    queue = FakeQueue(BODIES)
    queue.stubborn = {"id-3": 100}
    rows = drain_messages(queue, "url")
    assert list(queue.messages) == ["id-3"]
    assert "id-3" not in set(rows["message_id"])
    assert len(rows) == len(BODIES) - 1


def test_thousands_of_messages_are_all_read_and_put_back() -> None:
    queue = FakeQueue([f'{{"lab_id": "r-{number}"}}' for number in range(2_345)])
    rows = peek_messages(queue, "url")
    assert rows["lab_id"].nunique() == 2_345
    assert queue.hidden == set()


def test_the_number_of_receives_is_read_from_the_redrive_policy() -> None:
    for attributes, expected in (
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn", "maxReceiveCount": "5"}'}, 5),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn", "maxReceiveCount": 3}'}, 3),
        ({"RedrivePolicy": "broken"}, None),
        ({}, None),
    ):
        client = SimpleNamespace(get_queue_attributes=lambda attributes=attributes, **_: {"Attributes": attributes})
        assert most_receives(client, "url") == expected
