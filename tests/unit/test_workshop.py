"""The plumbing of the notebooks: what a learner reads when something is not there, and patience with AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lab import paths, stack, workshop
from lab.errors import LabError
from lab.stack import waiting
from lab.target import Target
from lab.workshop import notebook


class FakeLogs:
    """FilterLogEvents over a list of messages, of which it knows more at each call."""

    def __init__(self, steps: list[list[str]]) -> None:
        self.steps = steps
        self.calls = 0

    def filter_log_events(self, **_: Any) -> dict[str, Any]:
        messages = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        return {
            "events": [
                {"eventId": str(number), "timestamp": 1000 + number, "ingestionTime": 1000 + number, "message": message}
                for number, message in enumerate(messages)
            ]
        }


class FakeTarget:
    kind = "embedded"
    name = "workshop"
    options = ""

    def __init__(self, logs: FakeLogs) -> None:
        self.logs = logs

    def client(self, service: str) -> FakeLogs:
        return self.logs

    def earliest_now_ms(self) -> int:
        return 1_700_000_000_000


def event(number: int, event_type: str, state: str = "") -> str:
    details = {"name": state} if state else {}
    return json.dumps(
        {
            "id": str(number),
            "previous_event_id": str(number - 1),
            "type": event_type,
            "details": details,
            "event_timestamp": str(1_700_000_000_000 + number),
            "execution_arn": "arn:aws:states:us-east-1:0:express:machine:message-1:uuid",
        }
    )


DIARY = [
    event(1, "ExecutionStarted"),
    event(2, "TaskStateEntered", "Decode"),
    event(3, "TaskStateExited", "Decode"),
    event(4, "ExecutionSucceeded"),
]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateThing")


def test_without_a_lab_the_first_cell_says_how_to_start_one_and_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    for name in ("LAB_TARGET", "LAB_NAME"):
        monkeypatch.delenv(name, raising=False)
    shell = InteractiveShell.instance()
    with capture_output() as printed:
        shell.run_cell("from lab import workshop\nhere = workshop.open_lab()")
    InteractiveShell.clear_instance()
    said = printed.stdout.strip() + printed.stderr.strip()
    assert said.splitlines() == [
        "The lab 'workshop' is not running.",
        "Next: run the notebook 01_provision, or type in a terminal: lab up",
    ]


def test_an_incomplete_lab_is_named_with_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        notebook, "resolve", lambda: Target("localstack", "workshop", endpoint_url="http://127.0.0.1:1")
    )
    monkeypatch.setattr(Target, "account", "000000000000")
    monkeypatch.setattr(stack, "missing", lambda target: ["queue", "state machine"])
    with pytest.raises(workshop.LabNotReadyError, match="it lacks queue, state machine") as caught:
        workshop.open_lab()
    assert "lab up --target localstack" in caught.value.next_step


def test_create_does_not_mind_what_is_there() -> None:
    def create(**_: Any) -> dict[str, Any]:
        raise refused("EntityAlreadyExists")

    assert workshop.create(create, RoleName="role") == {}


def test_create_waits_for_the_name_of_a_deleted_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [refused("AWS.SimpleQueueService.QueueDeletedRecently"), None]
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: None)

    def create(**_: Any) -> dict[str, Any]:
        answer = answers.pop(0)
        if answer:
            raise answer
        return {"QueueUrl": "url"}

    assert workshop.create(create, QueueName="queue") == {"QueueUrl": "url"}


def test_create_hands_on_what_it_does_not_know() -> None:
    def create(**_: Any) -> dict[str, Any]:
        raise refused("LimitExceeded")

    with pytest.raises(ClientError, match="LimitExceeded"):
        workshop.create(create)


def test_a_definition_that_aws_refuses_is_a_sentence() -> None:
    def create(**_: Any) -> dict[str, Any]:
        raise refused("InvalidDefinition")

    with pytest.raises(LabError, match="Step Functions refuses the definition: no"):
        workshop.create(create)


def test_delete_does_not_mind_what_is_gone() -> None:
    def delete(**_: Any) -> None:
        raise refused("ResourceNotFoundException")

    workshop.delete(delete, UUID="1")


def test_follow_says_each_state_once_as_the_events_come() -> None:
    said: list[str] = []
    logs = FakeLogs([[], DIARY[:2], DIARY[:3], DIARY[:3], DIARY])
    executions, states = workshop.follow(
        FakeTarget(logs),  # type: ignore[arg-type]
        "group",
        "message-1",
        say=said.append,
        sleep=lambda seconds: None,
    )
    assert said == ["  Decode", "SUCCEEDED"]
    assert list(executions["events"]) == [4]
    assert list(states["state"]) == ["Decode"]


def test_follow_shows_an_execution_that_has_ended_although_an_event_never_comes() -> None:
    clock = iter(range(1000))
    said: list[str] = []
    executions, _ = workshop.follow(
        FakeTarget(FakeLogs([[DIARY[0], *DIARY[2:]]])),  # type: ignore[arg-type]
        "group",
        "message-1",
        say=said.append,
        clock=lambda: float(next(clock)),
        sleep=lambda seconds: None,
    )
    assert list(executions["status"]) == ["SUCCEEDED"]
    assert said[-1] == "SUCCEEDED; not all of its events have come."
    assert next(clock) < 30


@pytest.mark.parametrize(("seen", "words"), [([], "No event of the execution"), (DIARY[:2], "its last event has not")])
def test_follow_gives_up_with_a_sentence(seen: list[str], words: str) -> None:
    clock = iter(range(0, 1000, 30))
    with pytest.raises(workshop.NotFollowedError, match=words):
        workshop.follow(
            FakeTarget(FakeLogs([seen])),  # type: ignore[arg-type]
            "group",
            "message-1",
            say=lambda text: None,
            clock=lambda: float(next(clock)),
            sleep=lambda seconds: None,
        )


def test_event_table_reads_both_kinds_of_instants() -> None:
    iso = json.loads(DIARY[1]) | {"event_timestamp": "2023-11-14T22:13:20.502000+00:00"}
    table = workshop.event_table([json.dumps(iso), DIARY[0]])
    assert list(table["id"]) == [1, 2]
    assert list(table["state"]) == ["", "Decode"]
    assert list(table["after_s"]) == [0.0, 0.501]


def test_show_gives_the_file_as_it_is() -> None:
    shown = workshop.show(paths.LAMBDAS / "string_cleaner" / "handler.py").data
    assert shown.startswith("`lambdas/string_cleaner/handler.py`\n\n```python\n")
    assert "def lambda_handler(" in shown


def test_show_names_a_file_by_its_place_in_the_project_where_that_is_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(paths.PROJECT)
    shown = workshop.show(tmp_path / "link" / "lambdas" / "string_cleaner" / "handler.py").data
    assert shown.startswith("`lambdas/string_cleaner/handler.py`")


def test_contents_lists_titles_and_times(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "source": ["# Rates\n", "\n", "**Time:** 20 minutes\n"]}
    (tmp_path / "03_rates.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert workshop.contents(tmp_path).data == "- [03_rates](03_rates.ipynb): Rates, 20 minutes"
