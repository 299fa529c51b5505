"""What `start_execution` logged of each record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from lab.observe import (
    LogEvent,
    LogReader,
    ReceivedLog,
    execution_name,
    parse_received,
)
from tests.unit.logs_stand_in import FakeLogs


@pytest.fixture
def function_log(load_event: Callable[[str], Any]) -> list[LogEvent]:
    logs = FakeLogs()
    logs.stored = load_event("start_execution_log")
    return LogReader(logs, "group").read()


def test_received_records(function_log: list[LogEvent]) -> None:
    received = parse_received(function_log)
    assert len(received) == 4
    row = received.iloc[0]
    assert row["lab_id"] == "run-000001"
    assert row["message_id"] == execution_name(row["execution_arn"])
    assert row["sent"] <= row["first_received"] <= row["started_at"]
    assert row["error"] is None
    assert set(received["request_id"]) == {"635bf698-3532-4c66-829c-6b2d9b4dd44b"}
    refused = received.iloc[3]
    assert (refused["error"], refused["execution_arn"], refused["lab_id"]) == ("InvalidMessageError", None, None)
    assert refused["started_at"] is pd.NaT
    for column in ("sent", "first_received", "started_at"):
        assert str(received[column].dtype) == "datetime64[ns, UTC]"


def test_a_line_that_comes_again_counts_once_a_second_delivery_twice(function_log: list[LogEvent]) -> None:
    log = ReceivedLog()
    log.add(function_log)
    log.add(function_log)
    assert len(log) == 4
    later = [each._replace(message=each.message.replace("635bf698", "74000000")) for each in function_log]
    log.add(later)
    assert len(log.table()) == 8
    assert log.table()["request_id"].nunique() == 2


def test_other_lines_of_a_function_are_no_records() -> None:
    lines = ["{not json}", '{"level": "info"}', "[ERROR] Runtime exited", "{}", '{"message_id": 5}', "", "REPORT x"]
    lines.append('{"message_id": "m", "error": "plain text", "sent_ms": "1764000000123", "lab_id": {"a": 1}}')
    events = [LogEvent(str(n), "stream", n, n, line + "\n") for n, line in enumerate(lines)]
    received = parse_received(events)
    assert len(received) == 1
    row = received.iloc[0]
    assert (row["error"], row["lab_id"], row["request_id"]) == ("plain text", None, None)
    assert row["sent"] == pd.Timestamp(1_764_000_000_123, unit="ms", tz="UTC")


def test_records_that_were_there_before_are_left_out_also_when_they_come_again(function_log: list[LogEvent]) -> None:
    log = ReceivedLog()
    log.ignore(function_log[:3])
    log.add(function_log)
    kept = len(log)
    assert 0 < kept < len(parse_received(function_log))
    log.add(function_log)
    assert len(log) == kept
