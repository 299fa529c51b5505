"""Moving dead letters back: by a service that can, by hand where it cannot, and with messages that are refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from lab.session import Moved, NotMovedError, letters, lines_of
from lab.signals import StoppedError
from lab.target import Target


class Service:
    """SQS with a dead-letter queue of these messages; sees what becomes of each."""

    def __init__(self, count: int, *, moves: bool = True, refuses: frozenset[str] = frozenset()) -> None:
        self.dead = {f"id-{number}": f"body {number}" for number in range(count)}
        self.queue: list[str] = []
        self.hidden: set[str] = set()
        self.moves = moves
        self.refuses = refuses
        self.tasks: list[dict[str, Any]] = []
        self.step = 4
        self.late = 0
        """How many of the moves that were started last are not listed yet, at the next look."""
        self.stop_after: int | None = None

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        visible = len(self.dead) - len(self.hidden) if "dead" in QueueUrl else len(self.queue)
        return {"Attributes": {"ApproximateNumberOfMessages": str(visible)}}

    def get_queue_url(self, *, QueueName: str) -> dict[str, Any]:  # noqa: N803
        return {"QueueUrl": f"http://queue/{QueueName}"}

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        if not self.moves:
            code = "AWS.SimpleQueueService.UnsupportedOperation"
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "ListMessageMoveTasks")
        for task in self.tasks:
            if task["Status"] == "RUNNING":
                if self.stop_after is not None and len(self.queue) >= self.stop_after:
                    raise KeyboardInterrupt
                for key in list(self.dead)[: self.step]:
                    self.queue.append(self.dead.pop(key))
                    task["ApproximateNumberOfMessagesMoved"] += 1
                task["Status"] = "RUNNING" if self.dead else "COMPLETED"
        shown = self.tasks[: len(self.tasks) - self.late]
        self.late = 0
        return {"Results": [dict(shown[-1])] if shown else []}

    def start_message_move_task(self, **request: Any) -> None:
        self.late = 1
        assert request["SourceArn"].endswith("-dead-letters")
        assert request["DestinationArn"].endswith("-messages")
        number = len(self.tasks)
        self.tasks.append({"Status": "RUNNING", "ApproximateNumberOfMessagesMoved": 0, "StartedTimestamp": number})

    def get_caller_identity(self) -> dict[str, str]:
        """Not of SQS: in whose account the queues are."""
        return {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = [key for key in self.dead if key not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(found)
        return {"Messages": [{"MessageId": key, "ReceiptHandle": key, "Body": self.dead[key]} for key in found]}

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        taken = [entry for entry in Entries if entry["MessageBody"] not in self.refuses]
        self.queue += [entry["MessageBody"] for entry in taken]
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]}

    def delete_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        for entry in Entries:
            assert self.dead[entry["ReceiptHandle"]] in self.queue, "deleted before the queue had it"
            del self.dead[entry["ReceiptHandle"]]
            self.hidden.discard(entry["ReceiptHandle"])
        return {}

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803
        self.hidden -= {entry["ReceiptHandle"] for entry in Entries}


@pytest.fixture
def redrive(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(letters, "_PAUSE_S", 0.0)

    def run(service: Service, **options: Any) -> Moved:
        target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
        monkeypatch.setattr(Target, "client", lambda self, name, **_: service)
        return letters.redrive(target, **options)

    return run


def test_the_service_moves_them_and_the_progress_is_told(redrive: Any) -> None:
    service = Service(10)
    told: list[tuple[int, int]] = []
    moved = redrive(service, on_progress=lambda done, planned: told.append((done, planned)))
    assert moved == Moved(10, 0)
    assert list(dict.fromkeys(told)) == [(0, 10), (8, 10), (10, 10)]
    assert moved.sentence() == "10 messages are moved back to the queue."


def test_a_move_that_ended_before_is_not_taken_for_this_one(redrive: Any) -> None:
    service = Service(5)
    service.tasks = [{"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 99, "StartedTimestamp": -1}]
    assert redrive(service) == Moved(5, 0)


def test_a_move_under_way_is_followed_and_no_second_one_is_started(redrive: Any) -> None:
    service = Service(9)
    service.start_message_move_task(SourceArn="x-dead-letters", DestinationArn="x-messages")
    service.late = 0
    assert redrive(service).left == 0
    assert len(service.tasks) == 1


def test_ctrl_c_says_how_many_were_moved_and_that_the_service_goes_on(redrive: Any) -> None:
    service = Service(20)
    service.stop_after = 8
    with pytest.raises(StoppedError, match=r"Stopped\. 8 messages are moved back so far\. SQS goes on with it\."):
        redrive(service)


def test_without_a_move_of_the_service_each_is_deleted_only_when_the_queue_has_it(redrive: Any) -> None:
    service = Service(25, moves=False)
    assert redrive(service) == Moved(25, 0, by_service=False)
    assert sorted(service.queue) == sorted(f"body {number}" for number in range(25))


def test_what_the_queue_refuses_stays_among_the_dead_letters(redrive: Any) -> None:
    service = Service(25, moves=False, refuses=frozenset({"body 3", "body 17"}))
    with pytest.raises(NotMovedError, match=r"The queue refused 2 of them\. 23 messages are moved back"):
        redrive(service)
    assert set(service.dead) == {"id-3", "id-17"}
    assert len(service.queue) == 23
    assert service.hidden == set()


def test_an_empty_dead_letter_queue_starts_nothing(redrive: Any) -> None:
    service = Service(0)
    assert redrive(service).sentence() == "There are no dead letters."
    assert service.tasks == []


def test_dead_letters_are_told_with_their_reason() -> None:
    rows = pd.DataFrame(
        {
            "message_id": ["m-1", "m-2"],
            "lab_id": [None, "r-2"],
            "sent": pd.to_datetime(["2026-11-26T12:00:00Z", None]),
            "receives": [6, 1],
            "refused": [5, 0],
            "error": pd.Series(["InvalidMessageError", None], dtype=object),
            "reason": pd.Series(["the body is not JSON", None], dtype=object),
            "body": ["not\njson" + "x" * 80, "{}"],
        }
    )
    first, why, body, second, nothing, short = lines_of(rows, width=10)
    assert first == "2026-11-26 12:00:00 UTC  m-1  received 6 times"
    assert why == "  refused 5 times by start_execution: InvalidMessageError: the body is not JSON"
    assert body == "  not jsonxx …"
    assert second == "unknown time  m-2 (r-2)  received 1 time"
    assert nothing == "  start_execution logged no reason: it crashed, timed out, or its log is gone."
    assert short == "  {}"
