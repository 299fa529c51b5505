"""The join of what was sent, received and executed, and exact percentiles of it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.latency import (
    corrected_and_naive,
    join_messages,
    percentiles,
    quantile,
    quantiles,
    stage_table,
    stage_windows,
    state_durations,
)
from tests.unit.analysis_data import ORIGIN, executions, instants, received, run_through, sends, text

NOTHING_RECEIVED = received([], [], [])
NOTHING_EXECUTED = executions([], [], [])


def seconds_of(messages: pd.DataFrame, column: str) -> list[float]:
    return list(messages[column].round(9))


# -------------------------------------------------------------------------------------------------------- the join


def test_every_latency_is_the_difference_that_its_name_says() -> None:
    messages = join_messages(
        sends([0.0, 1.0], lag=0.25),
        received([0, 1], [0.3, 1.3], [0.5, 1.9]),
        executions([0, 1], [0.6, 2.0], [0.9, 4.0]),
    )
    assert seconds_of(messages, "send_lag_s") == [0.25, 0.25]
    assert seconds_of(messages, "queue_wait_s") == [0.2, 0.6]
    assert seconds_of(messages, "start_delay_s") == [0.1, 0.1]
    assert seconds_of(messages, "duration_s") == [0.3, 2.0]
    assert seconds_of(messages, "end_to_end_s") == [0.9, 3.0]
    assert seconds_of(messages, "naive_s") == [0.65, 2.75]
    assert list(messages["status"]) == ["SUCCEEDED", "SUCCEEDED"]


def test_the_columns_of_the_data_contract() -> None:
    messages = join_messages(sends([0.0]), NOTHING_RECEIVED, NOTHING_EXECUTED)
    expected = "sent first_received execution_arn started finished status send_lag_s queue_wait_s start_delay_s"
    expected += " duration_s end_to_end_s naive_s"
    assert list(messages.columns) == [*sends([]).columns, *expected.split()]
    for column in ("sent", "first_received", "started", "finished"):
        assert str(messages[column].dtype) == "datetime64[ns, UTC]"
    for column in ("status", "execution_arn"):
        assert messages[column].tolist() == [None]
    for column in ("queue_wait_s", "duration_s", "end_to_end_s", "naive_s"):
        assert messages[column].dtype == float
        assert messages[column].isna().all()


def test_plain_bodies_are_joined_by_their_message_id() -> None:
    plain = executions([1], [1.1], [1.2], plain=True)
    messages = join_messages(sends([0.0, 1.0]), received([1], [1.0], [1.05], plain=True), plain)
    assert messages["status"].tolist() == [None, "SUCCEEDED"]
    assert seconds_of(messages, "queue_wait_s")[1] == 0.05


def test_a_send_without_an_answer_is_joined_by_its_lab_id() -> None:
    table = sends([0.0]).assign(message_id=text([None]), outcome=text(["unknown"]))
    messages = join_messages(table, NOTHING_RECEIVED, executions([0], [0.1], [0.2]))
    assert messages["status"].tolist() == ["SUCCEEDED"]


def test_one_row_a_message_whatever_comes_twice_or_uncalled_for() -> None:
    twice = pd.concat([executions([0, 7], [0.1, 0.1], [0.2, 0.3]), executions([0], [0.1], [0.9], run=1)])
    logged = pd.concat([received([0], [0.0], [0.1]), received([0, 7], [0.0, 0.0], [0.1, 0.1], run=1)])
    messages = join_messages(sends([0.0, 1.0]), logged, twice)
    assert messages["lab_id"].tolist() == ["r-0", "r-1"]
    assert seconds_of(messages, "end_to_end_s")[0] == 0.2


@pytest.mark.parametrize(
    ("ends", "chosen"),
    [
        (["FAILED", "SUCCEEDED"], 1),
        (["SUCCEEDED", "FAILED"], 0),
        (["RUNNING", "FAILED"], 1),
        (["FAILED", "TIMED_OUT"], 0),
        (["SUCCEEDED", "SUCCEEDED"], 0),
    ],
)
def test_of_several_executions_the_first_success_counts(ends: list[str], chosen: int) -> None:
    finished = [math.nan if status == "RUNNING" else 0.5 + run for run, status in enumerate(ends)]
    runs = [executions([0], [0.1 + run], [finished[run]], ends[run], run=run) for run in (0, 1)]
    logged = [received([0], [0.0], [0.1], run=run) for run in (None, 1, 0)]
    for ordered in (runs, runs[::-1]):
        messages = join_messages(sends([0.0]), pd.concat(logged), pd.concat(ordered))
        assert messages["execution_arn"].tolist() == [f"arn-0-{chosen}"]


def test_a_message_that_was_only_refused_keeps_its_times() -> None:
    messages = join_messages(sends([0.0]), received([0], [0.1], [0.4], run=None), NOTHING_EXECUTED)
    assert seconds_of(messages, "queue_wait_s") == [0.3]
    assert messages["status"].tolist() == [None]


# ------------------------------------------------------------------------------------------------------ percentiles


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300),
    share=st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]),
    missing=st.integers(0, 3),
)
@settings(deadline=None)
def test_a_quantile_is_the_value_at_the_nearest_rank(values: list[float], share: float, missing: int) -> None:
    found = quantile(np.array(values + [math.nan] * missing), share)
    ordered = sorted(values)
    assert found in ordered
    # At least that share does not exceed it, and fewer than that share are below it.
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_quantiles_of_one_to_a_hundred_and_of_nothing() -> None:
    values = pd.Series(np.random.default_rng(1).permutation(np.arange(1.0, 101.0)))
    assert [quantile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert math.isnan(quantile(values[:0], 0.5))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), min_size=1, max_size=60))
@settings(deadline=None, max_examples=settings.default.max_examples // 2)
def test_percentiles_of_groups(rows: list[tuple[int, float]]) -> None:
    frame = pd.DataFrame(rows, columns=["stage", "duration_s"])
    table = percentiles(frame, "duration_s")
    quantiles = ["duration_p50_s", "duration_p90_s", "duration_p99_s", "duration_max_s"]
    assert list(table.columns) == ["stage", "count", *quantiles]
    assert table["count"].sum() == len(rows)
    assert list(table["stage"]) == sorted({stage for stage, _ in rows})
    for row in table.to_dict("records"):
        own = [value for stage, value in rows if stage == row["stage"]]
        assert [row[name] for name in quantiles] == sorted(row[name] for name in quantiles)
        assert row["duration_max_s"] == max(own)


def test_quantiles_of_several_columns_each_in_a_row() -> None:
    table = quantiles(pd.DataFrame({"corrected": [*range(1, 100), 900.0], "naive": [1.0] * 99 + [math.nan]}))
    assert table.loc["corrected"].tolist() == [50, 90, 99, 900]
    assert table.loc["naive"].tolist() == [1] * 4
    assert table.columns.tolist() == ["p50", "p90", "p99", "max"]


def test_a_group_in_which_nothing_finished_has_no_percentiles() -> None:
    table = percentiles(pd.DataFrame({"stage": [0, 1], "naive_s": [math.nan, 2.0]}), "naive_s")
    assert table["count"].tolist() == [0, 1]
    assert math.isnan(table["naive_p99_s"][0])


def test_the_naive_clock_hides_the_lag_of_the_sender() -> None:
    messages = join_messages(sends([0.0, 1.0], lag=3.0), NOTHING_RECEIVED, executions([0, 1], [3.1, 4.1], [3.5, 4.5]))
    row = corrected_and_naive(messages).iloc[0]
    assert row["count"] == 2
    assert row["end_to_end_p50_s"] == pytest.approx(3.5)
    assert row["naive_p50_s"] == pytest.approx(0.5)
    assert row["end_to_end_max_s"] - row["naive_max_s"] == pytest.approx(3.0)


def test_durations_of_states_by_rate() -> None:
    messages = join_messages(
        sends([0.0, 1.0, 2.0]).assign(offered_rate=[1.0, 1.0, 5.0]),
        NOTHING_RECEIVED,
        executions([0, 1, 2], [0.0, 1.0, 2.0], [0.5, 1.5, 2.5]),
    )
    states = pd.DataFrame(
        {
            "execution_arn": text(["arn-0-0", "arn-1-0", "arn-2-0", "arn-0-0", "arn-99-0"]),
            "state": text(["Zip", "Zip", "Zip", "Add", "Zip"]),
            "duration_s": [0.1, 0.3, 0.7, 0.05, 9.0],
        }
    )
    table = state_durations(states, messages)
    assert table[["offered_rate", "state"]].to_numpy().tolist() == [[1.0, "Zip"], [1.0, "Add"], [5.0, "Zip"]]
    assert table["count"].tolist() == [2, 1, 1]
    assert table["duration_s"].tolist() == pytest.approx([0.2, 0.05, 0.7])
    assert table["duration_max_s"].tolist() == pytest.approx([0.3, 0.05, 0.7])


# ----------------------------------------------------------------------------------------------------------- stages


def test_windows_of_stages_touch() -> None:
    windows = stage_windows(run_through([2, 4], seconds=5))
    assert windows["seconds"].tolist() == pytest.approx([5, 5])
    assert windows["end"][0] == windows["start"][1] == ORIGIN + pd.Timedelta(seconds=5)
    assert windows["planned"].tolist() == [10, 20]


def test_a_pause_between_stages_belongs_to_none() -> None:
    table = sends([0.0, 1.0, 60.0, 61.0], stages=[0, 0, 1, 1])
    windows = stage_windows(table)
    assert windows["seconds"].tolist() == pytest.approx([2, 2])


def test_the_table_of_stages() -> None:
    table = stage_table(run_through([2, 4, 40], seconds=5, capacity=20))
    first = (
        "offered_rate achieved_rate send_lag_p99_s sent completed duration_p50_s duration_p99_s end_to_end_p99_s valid"
    )
    assert list(table.columns)[:9] == first.split()
    assert table["offered_rate"].tolist() == [2, 4, 40]
    assert table["achieved_rate"].tolist() == pytest.approx([2, 4, 40], rel=1e-3)
    assert table["sent"].tolist() == table["completed"].tolist() == [10, 20, 200]
    assert table["send_lag_p99_s"].tolist() == pytest.approx([0.001] * 3)
    assert table["duration_p50_s"].tolist() == pytest.approx([0.1] * 3)
    assert table["end_to_end_p99_s"].is_monotonic_increasing
    assert table["end_to_end_p99_s"][2] > 4
    # 20 a second come out of the third stage, whatever goes in.
    assert table["completed_rate"][2] == pytest.approx(20, abs=0.5)
    assert table["valid"].tolist() == [True] * 3
    assert table["start_s"].tolist() == pytest.approx([0, 5, 10])
    assert {"queue_wait_p50_s", "start_delay_max_s", "naive_p90_s", "end_to_end_max_s"} <= set(table.columns)
    assert table.columns.is_unique


def test_what_did_not_leave_or_did_not_succeed_is_counted() -> None:
    messages = join_messages(
        sends([0.0, 1.0, 2.0, 3.0]), NOTHING_RECEIVED, executions([0, 1], [0, 1], [0.5, 1.5], ["SUCCEEDED", "FAILED"])
    )
    messages.loc[3, "t_sent"] = pd.NaT
    messages.loc[3, "outcome"] = "dropped"
    row = stage_table(messages).iloc[0]
    assert [row[name] for name in ("planned", "sent", "completed", "failed", "dropped")] == [4, 3, 1, 1, 1]
    assert row["achieved_rate"] == pytest.approx(3 / 4)


def test_a_sender_that_falls_behind_has_a_lower_rate() -> None:
    messages = join_messages(sends([0.0, 1.0, 2.0, 3.0]), NOTHING_RECEIVED, NOTHING_EXECUTED)
    messages["t_sent"] = instants([0.0, 2.0, 4.0, 8.0])
    assert stage_table(messages)["achieved_rate"].tolist() == [pytest.approx(4 / 8)]


def test_the_senders_own_account_decides_what_is_valid() -> None:
    messages = run_through([2, 4], seconds=5)
    told = pd.DataFrame(
        {
            "stage": [0, 1],
            "valid": [True, False],
            "reason": ["endpoint saturated", "the sender lagged"],
            "achieved_rate": [1.9, 3.3],
        }
    )
    table = stage_table(messages, told)
    assert table["valid"].tolist() == [True, False]
    assert table["invalid_reason"].tolist() == ["", "the sender lagged"]
    assert table["achieved_rate"].tolist() == [1.9, 3.3]


def test_a_run_in_which_nothing_came_back_still_has_its_stages() -> None:
    table = stage_table(join_messages(sends([0.0, 1.0]), NOTHING_RECEIVED, NOTHING_EXECUTED))
    assert table["completed"].tolist() == [0]
    assert table["end_to_end_p99_s"].isna().all()
    assert table["completed_rate"].tolist() == [0]
