"""Reading log groups: every event once, late ones too."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.observe import (
    ExecutionLog,
    LogGroupMissingError,
    LogReader,
)
from tests.unit.logs_stand_in import FakeLogs, ids


def test_pages_are_followed_to_the_end() -> None:
    logs = FakeLogs()
    sent = [logs.deliver(1_000_000 + number) for number in range(25)]
    assert ids(LogReader(logs, "group", page_size=10).read()) == sent
    assert len(logs.calls) == 3


def test_an_empty_page_with_a_token_is_not_the_end() -> None:
    pages = [{"events": [], "nextToken": "a"}, {"events": [], "nextToken": "b"}, {"events": [], "nextToken": "b"}]

    class Pages:
        def filter_log_events(self, **request: Any) -> dict[str, Any]:
            return pages.pop(0)

    assert LogReader(Pages(), "group").read() == []
    assert pages == []


def test_a_read_goes_on_where_the_last_one_stopped() -> None:
    logs = FakeLogs()
    first = [logs.deliver(1_000_000 + 1000 * number, late_ms=100) for number in range(60)]
    reader = LogReader(logs, "group")
    assert ids(reader.read()) == first
    second = [logs.deliver(1_060_000 + 1000 * number, late_ms=100) for number in range(5)]
    assert ids(reader.read()) == second
    assert reader.read() == []
    # The last event came at 1_064_100. The lateness of 100 ms has faded to 50 in the read that brought nothing.
    assert reader.position_ms == 1_064_100 - 2 * 50 - 1000
    assert ids(LogReader(logs, "group", since_ms=reader.position_ms).read()) == second[-2:]


def test_an_event_that_comes_late_is_found_and_none_comes_twice() -> None:
    logs = FakeLogs()
    generator = random.Random(7)
    reader = LogReader(logs, "group", overlap_s=0.5, page_size=7)
    written, seen = [], []
    waiting: list[tuple[int, int]] = []  # delivered at, timestamp
    for now in range(1_000_000, 1_060_000, 100):
        waiting.append((now + generator.randrange(0, 1500), now))
        for due in sorted(each for each in waiting if each[0] <= now):
            written.append(logs.deliver(due[1], late_ms=now - due[1]))
            waiting.remove(due)
        if now % 700 == 0:
            seen += ids(reader.read())
    seen += ids(reader.read())
    assert sorted(seen) == sorted(written)
    assert max(call.get("startTime", 0) for call in logs.calls) > 1_050_000


def test_rewind_finds_what_came_too_late() -> None:
    logs = FakeLogs()
    reader = LogReader(logs, "group", since_ms=500)
    logs.deliver(1_000_000)
    reader.read()
    too_late = logs.deliver(900_000, late_ms=100_000)
    assert reader.read() == []
    reader.rewind()
    assert too_late in ids(reader.read())
    assert logs.calls[-1]["startTime"] == 500


def test_a_read_that_breaks_off_is_taken_up_again() -> None:
    logs = FakeLogs()
    sent = [logs.deliver(1_000_000 + 10_000 * number) for number in range(30)]
    reader = LogReader(logs, "group", page_size=10)
    logs.fail_at_call = 2
    pages = reader.pages()
    seen = ids(next(pages))
    with pytest.raises(ClientError):
        next(pages)
    seen += ids(reader.read())
    assert seen == sent


def test_one_wrong_clock_does_not_make_every_read_start_over() -> None:
    logs = FakeLogs()
    logs.deliver(1, late_ms=10_000_000)
    logs.deliver(10_000_000)
    reader = LogReader(logs, "group")
    reader.read()
    assert reader.position_ms > 9_000_000


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(LogGroupMissingError) as caught:
        LogReader(FakeLogs(), "missing").read()
    assert str(caught.value) == (
        "There is no log group missing.\n"
        "Likely cause: The lab is not provisioned, or it was taken down meanwhile.\n"
        "Next: lab up"
    )
    assert LogReader(FakeLogs(), "missing", missing_ok=True).read() == []


def test_other_errors_are_not_hidden() -> None:
    logs = FakeLogs()
    logs.fail_at_call = 1
    with pytest.raises(ClientError):
        LogReader(logs, "missing", missing_ok=True).read()


def test_messages_go_straight_into_the_log(recorded: dict[str, list[str]]) -> None:
    logs = FakeLogs()
    for number, message in enumerate(recorded["succeeded"]):
        logs.deliver(1_000_000 + number, message=message)
    log = ExecutionLog()
    log.add(LogReader(logs, "group", page_size=5).messages())
    assert (len(log), log.finished, log.skipped) == (1, 1, 0)
