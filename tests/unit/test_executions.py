"""Execution events as the tables `executions` and `states`."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from lab.observe import (
    parse_execution_events,
    parse_received,
)
from tests.unit.logs_stand_in import ARN, STATES, as_aws_writes_it, event


def test_columns_are_those_of_the_data_contract() -> None:
    executions, states = parse_execution_events([])
    expected = "execution_arn name lab_id started finished duration_s status error cause input output events"
    assert list(executions.columns) == expected.split()
    assert list(states.columns) == "execution_arn state entered exited duration_s error type".split()
    assert list(parse_received([]).columns) == (
        "message_id lab_id sent first_received started_at execution_arn error request_id".split()
    )
    assert len(executions) == len(states) == 0
    for column in ("started", "finished"):
        assert str(executions[column].dtype) == "datetime64[ns, UTC]"


def test_one_execution_one_row_four_states(recorded: dict[str, list[str]]) -> None:
    executions, states = parse_execution_events(recorded["succeeded"])
    row = executions.iloc[0]
    assert len(executions) == 1
    assert row["status"] == "SUCCEEDED"
    assert row["events"] == 22
    assert row["lab_id"] == "run-000001"
    assert row["name"] == "1a803c7d-b2bd-49a1-9fe5-3996c6f0d4e3"
    assert json.loads(row["input"])["lab_id"] == "run-000001"
    assert sum(json.loads(row["output"])["word_counts"].values()) == 100
    assert row["error"] is None
    assert row["cause"] is None
    assert str(executions["started"].dtype) == "datetime64[ns, UTC]"
    assert row["started"] == pd.Timestamp("2026-11-24 15:23:31.884302", tz="UTC")
    assert row["duration_s"] == pytest.approx(1.568720, abs=1e-9)
    assert list(states["state"]) == STATES
    assert (states["execution_arn"] == row["execution_arn"]).all()
    assert (states["duration_s"] > 0).all()
    assert states["duration_s"].sum() <= row["duration_s"]
    assert states["error"].isna().all()


def test_both_forms_of_timestamps_say_the_same(recorded: dict[str, list[str]]) -> None:
    for messages in recorded.values():
        ours, ours_states = parse_execution_events(messages)
        theirs, theirs_states = parse_execution_events(map(as_aws_writes_it, messages))
        millisecond = 0.001
        assert abs(ours["duration_s"] - theirs["duration_s"]).max() <= millisecond
        pd.testing.assert_frame_equal(
            ours_states[["state", "error"]], theirs_states[["state", "error"]], check_index_type=True
        )
        difference = (ours["started"] - theirs["started"]).dt.total_seconds().abs()
        assert difference.max() <= millisecond


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-11-24T15:23:31.884302+00:00", "2026-11-24 15:23:31.884302"),
        ("2026-11-24T15:23:31+00:00", "2026-11-24 15:23:31"),
        ("2026-11-24T16:23:31.5+01:00", "2026-11-24 15:23:31.5"),
        ("2026-11-24T15:23:31.5Z", "2026-11-24 15:23:31.5"),
        ("2026-11-24T15:23:31.5", "2026-11-24 15:23:31.5"),
        ("1795533811884", "2026-11-24 15:23:31.884"),
        (1795533811884, "2026-11-24 15:23:31.884"),
        ("yesterday", None),
        ("9999-01-01T00:00:00Z", None),
        ("99999999999999999999", None),
        (None, None),
        ([], None),
    ],
)
def test_timestamps(timestamp: Any, expected: str | None) -> None:
    message = {"id": "1", "type": "ExecutionStarted", "execution_arn": ARN, "event_timestamp": timestamp, "details": {}}
    executions, _ = parse_execution_events([json.dumps(message)])
    started = executions["started"].iloc[0]
    assert started is pd.NaT if expected is None else started == pd.Timestamp(expected, tz="UTC")


def test_a_failed_execution_names_its_error(recorded: dict[str, list[str]]) -> None:
    executions, states = parse_execution_events(recorded["broken_message"])
    row = executions.iloc[0]
    assert (row["status"], row["error"], row["output"]) == ("FAILED", "InvalidBase64Error", None)
    assert "base64 alphabet" in row["cause"]
    assert row["finished"] > row["started"]
    state = states.iloc[0]
    assert (state["state"], state["error"]) == ("Decode base64 string", "InvalidBase64Error")
    assert state["exited"] is pd.NaT
    assert pd.isna(state["duration_s"])


def test_a_caught_error_stays_with_its_state(recorded: dict[str, list[str]]) -> None:
    executions, states = parse_execution_events(recorded["caught"])
    assert executions["status"].iloc[0] == "SUCCEEDED"
    assert list(states["state"]) == ["Try", "Recover"]
    assert list(states["error"]) == ["InvalidBase64Error", None]
    assert states["exited"].notna().all()


def test_an_error_that_a_retry_mended_is_none() -> None:
    _, states = parse_execution_events(
        [
            event(1, "ExecutionStarted"),
            event(2, "TaskStateEntered", previous=0, name="Try"),
            event(3, "TaskScheduled"),
            event(4, "TaskFailed", error="Flaky"),
            event(5, "TaskScheduled"),
            event(6, "TaskSucceeded"),
            event(7, "TaskStateExited", name="Try"),
            event(8, "TaskStateEntered", name="Next"),
        ]
    )
    assert list(states["error"]) == [None, None]
    assert states["exited"].notna().tolist() == [True, False]


def test_retries_that_were_used_up(recorded: dict[str, list[str]]) -> None:
    executions, states = parse_execution_events(recorded["retried"])
    assert list(states["state"]) == ["Try"]
    assert list(states["error"]) == ["InvalidBase64Error"]
    assert list(executions["status"]) == ["FAILED"]


def test_the_other_endings(recorded: dict[str, list[str]]) -> None:
    executions, states = parse_execution_events(recorded["timed_out"] + recorded["failed"])
    assert sorted(executions["status"]) == ["FAILED", "TIMED_OUT"]
    given_up = states[states["state"] == "Give up"]
    assert list(given_up["error"]) == ["Teapot"]
    aborted, _ = parse_execution_events([event(1, "ExecutionStarted"), event(2, "ExecutionAborted")])
    assert list(aborted["status"]) == ["ABORTED"]
