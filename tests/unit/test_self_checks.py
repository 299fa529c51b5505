"""A self-check must be able to fail, and to say what to look at when it does."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lab import self_checks


def solved_longest_word(event: dict[str, Any], _: object) -> dict[str, Any]:
    return {**event, "longest_word": max(sorted(event["word_counts"]), key=len, default="")}


def visits(*rows: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["state", "duration_s"])


def test_an_answer_that_holds_says_what_was_observed_and_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.answer("words", expected=78, observed=lambda: 78)
    assert capsys.readouterr().out.startswith("Yes: words: 78 (0.0")


def test_an_answer_that_does_not_hold_says_expected_observed_and_what_to_look_at() -> None:
    with pytest.raises(self_checks.SelfCheckError) as caught:
        self_checks.answer("words", expected=78, observed=77, look_at="lambdas/tokenizer_counter/handler.py")
    assert caught.value.render().splitlines()[1:] == [
        "  expected: 78",
        "  observed: 77",
        "  look at:  lambdas/tokenizer_counter/handler.py",
    ]


def test_an_observation_that_raises_is_a_wrong_answer() -> None:
    with pytest.raises(self_checks.SelfCheckError, match="KeyError: 'stats'"):
        self_checks.answer("characters", expected=540, observed=lambda: {}["stats"])


@pytest.mark.parametrize(
    ("expected", "observed"),
    [(1, True), (True, 1), (0.1, 0.2), ([], [1]), ("a", "A"), (540, "540"), ({"a": 1}, {"a": 1, "b": 2})],
)
def test_different_values_are_different(expected: Any, observed: Any) -> None:
    with pytest.raises(self_checks.SelfCheckError):
        self_checks.answer("it", expected=expected, observed=observed)


def test_floats_may_differ_by_their_last_digits() -> None:
    self_checks.answer("the sum", expected=0.3, observed=0.1 + 0.2)


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (lambda event, _: event, "observed: {'word_counts'"),
        (lambda event, _: {"longest_word": "cloud"}, "observed: {'longest_word': 'cloud'}"),
        (lambda event, _: {**event, "longest_word": max(sorted(event["word_counts"]), key=len)}, "ValueError"),
        (lambda event, _: {**event, "longest_word": max(event["word_counts"], default="")}, "Not yet"),
        (lambda event, _: None, "observed: None"),
        (lambda event: event, "TypeError"),
    ],
    ids=["stub", "drops the event", "no words", "not by length", "forgot to return", "one argument"],
)
def test_a_longest_word_that_is_wrong_is_not_yet_solved(
    handler: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_longest_word(handler)
    printed = capsys.readouterr().out
    assert "Not yet: the longest word" in printed
    assert reason in printed
    assert "look at:" in printed
    assert "solved" not in printed


def test_the_right_longest_word_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_longest_word(solved_longest_word)
    assert capsys.readouterr().out.splitlines()[-1] == "Exercise 1: solved."


@pytest.mark.parametrize(("payload", "solved"), [({"longest_word": "cloud"}, True), ({}, False)])
def test_the_deployed_function_is_asked(
    payload: dict[str, Any], solved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_deployed(payload)
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize(
    ("statement", "solved"),
    [
        ({"Effect": "Allow", "Action": ["sqs:Get"], "Resource": ["arn:q"]}, True),
        ({"Effect": "Allow", "Action": "sqs:Get", "Resource": "arn:q"}, True),
        ({"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}, False),
        ({"Effect": "Allow", "Action": ["sqs:Get"], "Resource": ["*"]}, False),
        ({"Effect": "Allow", "Action": ["sqs:Get", "sqs:SendMessage"], "Resource": ["arn:q"]}, False),
        ({"Effect": "Deny", "Action": ["sqs:Get"], "Resource": ["arn:q"]}, False),
        ({"Effect": "Allow"}, False),
    ],
)
def test_a_policy_must_allow_the_one_action_and_nothing_else(
    statement: dict[str, Any], solved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_policy({"Statement": [statement]}, action="sqs:Get", resource="arn:q")
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize(
    ("stats", "solved"),
    [
        ({"num_digits": 3, "num_special_chars": 2}, True),
        ({"num_digits": 3, "num_special_chars": 3}, False),
        ({"num_digits": 0, "num_special_chars": 2}, False),
        ({}, False),
    ],
)
def test_the_text_to_order(stats: dict[str, int], solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_counted_words(stats)
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize(
    ("states", "solved"),
    [
        (visits(("a", 0.1), ("b", 0.1), ("wait", 1.0), ("c", 0.1), ("d", 0.1)), True),
        (visits(("a", 0.1), ("b", 0.1), ("c", 0.1), ("d", 0.1)), False),
        (visits(("a", 0.1), ("b", 0.1), ("wait", 0.2), ("c", 0.1), ("d", 0.1)), False),
        (visits(("wait", 1.0), ("a", 0.1), ("b", 0.1), ("c", 0.1), ("d", 0.1)), False),
        (visits(("a", 0.1), ("b", 0.1), ("wait", 1.0)), False),
        (visits(), False),
    ],
    ids=["right", "no state", "too short", "wrong place", "a dead end", "nothing ran"],
)
def test_the_waiting_state(states: pd.DataFrame, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_waiting_state(states, after="b", before="c")
    printed = capsys.readouterr().out
    assert ("solved." in printed) is solved
    assert ("look at:" in printed) is not solved
