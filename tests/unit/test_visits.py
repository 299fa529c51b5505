"""Which exit, and which error, belongs to which entry of a state."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.observe import (
    ExecutionLog,
    execution_name,
    lab_id_in,
    parse_execution_events,
)
from tests.unit.logs_stand_in import ARN, STATES, event


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
@settings(max_examples=2 * settings.default.max_examples, deadline=None)
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
        ('[{"lab_id": "r-1"}]', "r-1"),
        ('[{"lab_id": "r-1"}, {"lab_id": "r-2"}]', None),
        ('{"lab_id": "r-1"', None),
        (None, None),
    ],
)
def test_lab_id_in(text: str | None, expected: str | None) -> None:
    assert lab_id_in(text) == expected
