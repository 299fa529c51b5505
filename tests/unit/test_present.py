"""What the commands print about executions, and what summary.json says of the sample: of any workflow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.analysis.words import text_statistics
from lab.session import describe_execution, describe_many
from lab.session.sending import _unfinished
from lab.session.summary import sample_summary
from lab.target import Target

START = pd.Timestamp("2026-01-01", tz="UTC")


def execution(**more: Any) -> dict[str, Any]:
    output = {
        "stats": {"text_length": 9, "avg_word_length": 2.5, "num_digits": 1, "num_special_chars": 0},
        "word_counts": {"b": 1, "a": 2, "c": 2},
    }
    return {
        "execution_arn": "x",
        "name": "m",
        "status": "SUCCEEDED",
        "duration_s": 0.25,
        "events": 22,
        "output": json.dumps(output),
        "error": None,
        "cause": None,
    } | more


STATES = pd.DataFrame(
    {"execution_arn": ["x", "x", "other"], "state": ["One", "Two", "Three"], "duration_s": [0.05, 0.2, 9.0]}
)


def test_an_execution_is_described_with_its_own_states_and_words() -> None:
    text = "\n".join(describe_execution(execution(), STATES))
    for fact in ("SUCCEEDED after 250 ms", "One", "50 ms", "200 ms", "9 characters", "5 in all, 3 different", "a 2"):
        assert fact in text
    assert "Three" not in text


def test_a_failed_execution_is_described_by_its_error() -> None:
    failed = execution(status="FAILED", output=None, error="InvalidBase64Error", cause="x" * 5_000)
    text = "\n".join(describe_execution(failed, STATES))
    assert "Failed with InvalidBase64Error" in text
    assert len(text) < 1_000


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ('["a", "list"]', 'Output: ["a", "list"]'),
        ('"text"', 'Output: "text"'),
        ('{"word_counts": {"a": "many", "b": null, "c": [1]}, "stats": {"text_length": "long"}}', "Output: {"),
        ('{"word_counts": {"a": 2, "b": "many"}}', "Words: 2 in all, 1 different"),
        ('{"word_counts": [1, 2], "stats": 5}', "Output: {"),
        (None, "Its output is not in the log"),
        ('{"cut off', "Its output is not in the log"),
    ],
)
def test_the_output_of_any_workflow_is_described(output: str | None, sentence: str) -> None:
    assert sentence in "\n".join(describe_execution(execution(output=output), STATES))
    assert sample_summary(execution(output=output), STATES)["tokens"] in (0, 2)
    table = pd.DataFrame([execution(output=output) | {"lab_id": "i", "started": START}])
    assert text_statistics(table)["tokens"].isin([0, 2]).all()


def test_a_state_that_was_never_left_has_no_bar_and_names_its_error() -> None:
    states = pd.DataFrame(
        {"execution_arn": "x", "state": ["One", "Two"], "duration_s": [0.05, np.nan], "error": [None, "MyError"]}
    )
    failed = execution(status="FAILED", output=None, error="MyError", duration_s=np.nan)
    text = "\n".join(describe_execution(failed, states))
    assert "Two" in text
    assert "MyError" in text
    assert "nan" not in text
    assert "median duration –" in describe_many(pd.DataFrame([failed]))


@pytest.mark.parametrize(
    ("seen", "level", "mapping_is", "sentence"),
    [
        ({"error": "InvalidMessageError"}, "ALL", "Enabled", "refused the message: InvalidMessageError"),
        ({"execution_arn": "arn"}, "ERROR", "Enabled", "logs at level ERROR"),
        ({"execution_arn": "arn"}, "ALL", "Enabled", "very slow, or its log is late"),
        ({"message_id": "another"}, "ALL", "Disabled", "the event source mapping is Disabled"),
        ({"message_id": "another"}, "ALL", "Enabled", "the emulator is very busy"),
    ],
)
def test_a_message_without_an_end_has_its_true_cause(
    seen: dict[str, str], level: str, mapping_is: str, sentence: str
) -> None:
    received = pd.DataFrame([{"message_id": "m", "error": None, "execution_arn": None} | seen])
    target = Target("embedded", "other")
    error = _unfinished({"m"}, received, 1, target, level=level, mapping_is=mapping_is)
    assert sentence in error.render()
    assert "--name other" in error.next_step


def test_the_sample_part_of_the_summary() -> None:
    part = sample_summary(execution(), STATES[:2])
    assert part["tokens"] == 5
    assert part["distinct"] == 3
    assert part["top"] == [["a", 2], ["c", 2], ["b", 1]]
    assert [state["name"] for state in part["states"]] == ["One", "Two"]
