"""Log events and queues, read into tables. The events in ``events/`` were recorded on LocalStack."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.observe import (
    ExecutionLog,
    LogEvent,
    LogGroupMissingError,
    LogReader,
    QueueDepth,
    ReceivedLog,
    drain_messages,
    execution_name,
    lab_id_in,
    parse_execution_events,
    parse_received,
    peek_messages,
    queue_depth,
)

ARN = "arn:aws:states:us-east-1:000000000000:express:machine:message-1:run-1"
STATES = ["Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count"]


@pytest.fixture
def recorded(load_event: Callable[[str], Any]) -> dict[str, list[str]]:
    return load_event("execution_events")


def event(
    number: int, event_type: str, *, previous: int | None = None, at_ms: int = 0, arn: str = ARN, **details: Any
) -> str:
    """An event as AWS writes it; ``at_ms`` counts from 1764000000000."""
    return json.dumps(
        {
            "id": str(number),
            "type": event_type,
            "details": details,
            "redrive_count": "0",
            "previous_event_id": str(number - 1 if previous is None else previous),
            "event_timestamp": str(1_764_000_000_000 + at_ms),
            "execution_arn": arn,
        }
    )


def as_aws_writes_it(message: str) -> str:
    """The same event with AWS's timestamp, order of keys and extra key."""
    seen = json.loads(message)
    instant = datetime.fromisoformat(seen["event_timestamp"])
    keys = ("id", "type", "details", "previous_event_id", "event_timestamp", "execution_arn")
    milliseconds = str(round(instant.timestamp() * 1000))
    changed = {**seen, "event_timestamp": milliseconds, "redrive_count": "0"}
    return json.dumps({key: changed[key] for key in (*keys, "redrive_count") if key in changed}, ensure_ascii=False)


# ------------------------------------------------------------------------------------------------------- executions


def test_columns_are_those_of_the_data_contract() -> None:
    executions, states = parse_execution_events([])
    expected = "execution_arn name lab_id started finished duration_s status error cause input output events"
    assert list(executions.columns) == expected.split()
    assert list(states.columns) == "execution_arn state entered exited duration_s error".split()
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


def test_states_of_parallel_branches(recorded: dict[str, list[str]]) -> None:
    _, states = parse_execution_events(recorded["parallel"])
    assert list(states["state"]) == ["Both", "Left", "Right", "Left two", "Last"]
    both = states.iloc[0]
    inner = states[states["state"].isin(["Left", "Right", "Left two"])]
    assert inner["entered"].min() >= both["entered"]
    assert inner["exited"].max() <= both["exited"]


def test_a_failed_branch_names_its_own_state(recorded: dict[str, list[str]]) -> None:
    _, states = parse_execution_events(recorded["branch_failed"])
    errors = dict(zip(states["state"], states["error"], strict=True))
    assert errors == {"Both": None, "Fine": None, "Bad": "InvalidBase64Error"}


def test_states_visited_many_times_side_by_side_are_told_apart_by_their_chain(recorded: dict[str, list[str]]) -> None:
    """In this recording the second iteration overtook the third: first in, first out would pair them wrongly."""
    _, states = parse_execution_events(recorded["mapped"])
    decode = states[states["state"] == "Decode"].reset_index(drop=True)
    by_id = {int(seen["id"]): seen for seen in map(json.loads, recorded["mapped"])}
    assert len(decode) == 3
    assert list(decode["entered"]) == [pd.Timestamp(by_id[number]["event_timestamp"]) for number in (7, 8, 9)]
    assert list(decode["exited"]) == [pd.Timestamp(by_id[number]["event_timestamp"]) for number in (17, 23, 21)]
    assert len(states) == 8


def test_states_of_a_loop(recorded: dict[str, list[str]]) -> None:
    _, states = parse_execution_events(recorded["looped"])
    assert list(states["state"]) == ["Count", "Again", "Count", "Again", "Count", "Again", "Done"]
    assert states["exited"].notna().all()
    assert (states["exited"] >= states["entered"]).all()
    assert all(before <= after for before, after in pairwise(states["entered"]))


@pytest.mark.parametrize("case", ["succeeded", "parallel", "mapped", "looped", "caught", "retried", "branch_failed"])
def test_order_and_repetition_of_events_do_not_matter(recorded: dict[str, list[str]], case: str) -> None:
    expected = parse_execution_events(recorded[case])
    for seed in range(20):
        messages = recorded[case] * 2
        random.Random(seed).shuffle(messages)
        log = ExecutionLog()
        log.add(messages[: seed * 2])
        log.tables()  # asking in between changes nothing
        log.add(messages[seed * 2 :])
        for ours, theirs in zip(log.tables(), expected, strict=True):
            pd.testing.assert_frame_equal(ours, theirs)
        assert log.incomplete() == []


def test_events_that_come_later_complete_an_execution(recorded: dict[str, list[str]]) -> None:
    log = ExecutionLog()
    log.add(recorded["succeeded"][:12])
    executions, states = log.tables()
    assert executions["status"].iloc[0] == "RUNNING"
    assert executions["finished"].iloc[0] is pd.NaT
    assert pd.isna(executions["duration_s"].iloc[0])
    assert (len(log), log.finished) == (1, 0)
    assert log.incomplete() == [executions["execution_arn"].iloc[0]]
    assert pd.isna(states["duration_s"].iloc[-1])
    log.add(recorded["succeeded"][12:])
    executions, states = log.tables()
    assert executions["status"].iloc[0] == "SUCCEEDED"
    assert (len(log), log.finished) == (1, 1)
    assert log.incomplete() == []
    assert states["duration_s"].notna().all()


def test_a_gap_in_the_events_of_a_finished_execution_shows(recorded: dict[str, list[str]]) -> None:
    for missing in range(21):
        log = ExecutionLog()
        log.add(recorded["succeeded"][:missing] + recorded["succeeded"][missing + 1 :])
        assert len(log.incomplete()) == 1


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_events_may_be_missing(data: st.DataObject) -> None:
    messages = [event(1, "ExecutionStarted", input='{"lab_id": "a-1"}')]
    for visit in range(4):
        first = 2 + 5 * visit
        messages += [
            event(first, "TaskStateEntered", name=STATES[visit], input='{"lab_id": "a-1"}', at_ms=first),
            event(first + 1, "TaskScheduled"),
            event(first + 2, "TaskStarted"),
            event(first + 3, "TaskSucceeded"),
            event(first + 4, "TaskStateExited", name=STATES[visit], output='{"lab_id": "a-1"}', at_ms=first + 4),
        ]
    messages.append(event(22, "ExecutionSucceeded", output='{"lab_id": "a-1"}', at_ms=22))
    kept = data.draw(st.lists(st.sampled_from(range(22)), unique=True, min_size=1))
    executions, states = parse_execution_events(messages[index] for index in kept)
    row = executions.iloc[0]
    assert row["events"] == len(kept)
    assert (row["status"] == "SUCCEEDED") == (21 in kept)
    assert pd.isna(row["started"]) == (0 not in kept)
    assert pd.isna(row["duration_s"]) == (not {0, 21} <= set(kept))
    for visit, name in enumerate(STATES):
        rows = states[states["state"] == name]
        entry, exit_ = 1 + 5 * visit in kept, 5 + 5 * visit in kept
        assert len(rows) == (entry or exit_)
        if entry or exit_:
            assert rows["entered"].notna().iloc[0] == entry
            assert rows["exited"].notna().iloc[0] == exit_
            assert rows["duration_s"].notna().iloc[0] == (entry and exit_)
    speaks_of_it = {0, 21} | {1 + 5 * visit for visit in range(4)} | {5 + 5 * visit for visit in range(4)}
    assert (row["lab_id"] == "a-1") == bool(speaks_of_it & set(kept))


def test_a_missing_link_falls_back_to_the_earliest_open_visit() -> None:
    _, states = parse_execution_events(
        [
            event(2, "TaskStateEntered", name="Twice", at_ms=10),
            event(4, "TaskStateExited", name="Twice", at_ms=20),
            event(6, "TaskStateEntered", name="Twice", at_ms=30),
            event(8, "TaskStateExited", name="Twice", at_ms=45),
        ]
    )
    assert list(states["duration_s"]) == pytest.approx([0.010, 0.015])


def test_truncated_details_cost_the_data_only() -> None:
    log = ExecutionLog()
    log.add(
        [
            event(1, "ExecutionStarted", inputDetails={"truncated": True}),
            json.dumps({**json.loads(event(2, "TaskStateEntered")), "details": None}),
            event(3, "TaskStateExited", name="Only"),
            json.dumps({key: v for key, v in json.loads(event(4, "ExecutionSucceeded")).items() if key != "details"}),
        ]
    )
    executions, states = log.tables()
    row = executions.iloc[0]
    assert (row["status"], row["input"], row["output"], row["lab_id"]) == ("SUCCEEDED", None, None, None)
    assert list(states["state"]) == ["Only"]
    assert states["duration_s"].notna().all()


def test_a_circle_of_links_ends() -> None:
    _, states = parse_execution_events(
        [
            event(1, "TaskStateEntered", previous=2, name="A"),
            event(2, "TaskFailed", previous=3, error="E"),
            event(3, "TaskStateExited", previous=2, name="B"),
        ]
    )
    assert list(states["state"]) == ["A", "B"]


def test_other_lines_are_skipped_and_counted(recorded: dict[str, list[str]]) -> None:
    log = ExecutionLog()
    strange = ["", "Permissions are set correctly", "[]", "1", "null", '{"id": "1"}', recorded["succeeded"][0][:500]]
    strange += [event(1, "ExecutionStarted").replace('"1"', '"one"'), event(-4, "ExecutionStarted")]
    strange += [event(10**15, "ExecutionStarted"), json.dumps({"id": "1", "type": ["x"], "execution_arn": ARN})]
    log.add([*strange, *recorded["failed"]])
    assert log.skipped == len(strange)
    assert len(log) == 1


def test_executions_come_in_the_order_of_their_start() -> None:
    arns = [f"{ARN}-{number}" for number in range(3)]
    executions, _ = parse_execution_events(
        [
            event(4, "ExecutionSucceeded", arn=arns[0]),
            event(1, "ExecutionStarted", arn=arns[1], at_ms=7),
            event(1, "ExecutionStarted", arn=arns[2], at_ms=5),
        ]
    )
    assert list(executions["execution_arn"]) == [arns[2], arns[1], arns[0]]
    assert list(executions.index) == [0, 1, 2]


def test_two_executions_of_one_message_share_a_name() -> None:
    other = ARN.replace("run-1", "run-2")
    executions, _ = parse_execution_events([event(1, "ExecutionStarted"), event(1, "ExecutionStarted", arn=other)])
    assert list(executions["name"]) == ["message-1", "message-1"]
    assert execution_name("not an arn") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"input": "aGk=", "lab_id": "r-1"}', "r-1"),
        ('{"input": "aGk="}', None),
        ('{"input": "he said \\"lab_id\\": \\"x\\""}', None),
        ('{"inner": {"lab_id": "r-1"}}', None),
        ('{"lab_id": 7}', None),
        ('["lab_id"]', None),
        ('{"lab_id": "r-1"', None),
        (None, None),
    ],
)
def test_lab_id_in(text: str | None, expected: str | None) -> None:
    assert lab_id_in(text) == expected


# ----------------------------------------------------------------------------------------------------------- reading


class FakeLogs:
    """FilterLogEvents over a list, with pages, start time and the errors that matter."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.fail_at_call: int | None = None

    def deliver(self, timestamp: int, *, late_ms: int = 0, message: str = "") -> str:
        event_id = f"event-{len(self.stored)}"
        self.stored.append(
            {
                "eventId": event_id,
                "logStreamName": "stream",
                "timestamp": timestamp,
                "ingestionTime": timestamp + late_ms,
                "message": message or event_id,
            }
        )
        return event_id

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        if self.fail_at_call == len(self.calls):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "FilterLogEvents")
        if request["logGroupName"] == "missing":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "FilterLogEvents")
        found = [each for each in self.stored if each["timestamp"] >= request.get("startTime", 0)]
        found.sort(key=lambda each: each["timestamp"])
        first = int(request.get("nextToken", 0))
        last = first + request["limit"]
        page: dict[str, Any] = {"events": found[first:last]}
        if last < len(found):
            page["nextToken"] = str(last)
        return page


def ids(events: list[LogEvent]) -> list[str]:
    return [each.event_id for each in events]


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


# ---------------------------------------------------------------------------------------------------------- received


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


# ------------------------------------------------------------------------------------------------------------ queues


class FakeQueue:
    """A queue that hides what was received, and answers empty once before it says anything."""

    def __init__(self, bodies: list[str]) -> None:
        self.messages = {f"id-{n}": body for n, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.receives = dict.fromkeys(self.messages, 0)
        self.shy = True

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

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
        for entry in Entries:
            del self.messages[entry["ReceiptHandle"]]

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
