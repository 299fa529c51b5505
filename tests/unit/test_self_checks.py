"""A self-check must be able to fail, and to say what to look at when it does."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.analysis import latency
from lab.load import Plan, Stage
from lab.workshop import self_checks


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


def test_the_burst(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_burst(Plan([Stage(5, 2)]))
    self_checks.exercise_burst(Plan([Stage(5, 2), Stage(5, 3), Stage(200, 0.5)]))
    assert "solved." not in capsys.readouterr().out
    self_checks.exercise_burst(Plan([Stage(5, 2), Stage(200, 0.5), Stage(5, 3)]))
    assert "Exercise 1: solved." in capsys.readouterr().out


def account(sent: list[str], ended: list[str]) -> dict[str, list[str]]:
    return {
        "lost": list(set(sent) - set(ended)),
        "unexpected": list(set(ended) - set(sent)),
        "duplicated": [name for name in set(ended) if ended.count(name) > 1],
    }


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (account, True),
        (lambda sent, ended: {"lost": [], "unexpected": [], "duplicated": []}, False),
        (lambda sent, ended: account(sent, list(set(ended))), False),
        (lambda sent, ended: {**account(sent, ended), "duplicated": [x for x in ended if ended.count(x) > 1]}, False),
        (lambda sent, ended: account(ended, sent), False),
        (lambda sent, ended: None, False),
    ],
    ids=["right", "stub", "no duplicates", "each duplicate twice", "the wrong way round", "forgot to return"],
)
def test_the_account(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_account(function, [f"run-{number:06d}" for number in range(300)])
    printed = capsys.readouterr().out
    assert ("solved." in printed) is solved
    assert ("look at:" in printed) is not solved


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (nearest_rank, True),
        (latency.quantile, True),
        (lambda values, share: sum(values) / len(values), False),
        (lambda values, share: float(np.quantile(values, share)), False),
        (lambda values, share: sorted(values)[int(share * len(values)) - 1], False),
        (lambda values, share: values[math.ceil(share * len(values)) - 1], False),
    ],
    ids=["right", "the lab's own", "stub", "between two values", "rounded down", "not sorted"],
)
def test_the_percentile(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_percentile(function)
    assert ("solved." in capsys.readouterr().out) is solved


def corrected(took: list[int], every: int) -> list[int]:
    latencies, end = [], 0
    for number, duration in enumerate(took):
        end = max(number * every, end) + duration
        latencies.append(end - number * every)
    return latencies


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (corrected, True),
        (lambda took, every: took, False),
        (lambda took, every: [max(value, every) for value in took], False),
    ],
)
def test_the_corrected_latencies(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_corrected(function)
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize(
    ("chairs", "said"),
    [(40, "solved."), (40.0, "solved."), (None, "no number yet"), (10, "too few"), (2400, "too many")],
)
def test_the_chairs(chairs: float | None, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_little(chairs)
    printed = capsys.readouterr().out
    assert said in printed
    assert ("solved." in printed) is (chairs == 40)
    assert "40" not in printed.replace("2400", ""), "the answer must not be given away"


def count_once(outputs: list[tuple[str, dict[str, int]]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counts in dict(outputs).values():
        total.update(counts)
    return total


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (count_once, True),
        (lambda outputs: sum((Counter(counts) for _, counts in outputs), Counter()), False),
        (lambda outputs: count_once(outputs[:1]), False),
    ],
    ids=["right", "stub", "only the first"],
)
def test_each_message_counts_once(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_count_once(function)
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (lambda counts, ranks: sum(sorted(counts.values())[::-1][:ranks]) / sum(counts.values()), True),
        (lambda counts, ranks: 1.0, False),
        (lambda counts, ranks: sum(list(counts.values())[:ranks]) / sum(counts.values()), False),
        (lambda counts, ranks: ranks / len(counts), False),
    ],
    ids=["right", "stub", "not sorted", "share of the distinct words"],
)
def test_the_coverage(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_coverage(function)
    assert ("solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize("price", [lambda s: s / 3600 * 0.06, lambda s: s / 16 / 3600 * 0.06, lambda s: None])
def test_a_wrong_price_of_an_execution_is_told(price: Any, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_express_price(lambda s: math.ceil(s * 10) / 10 / 16 / 3600 * 0.06)
    assert "Exercise 1: solved." in capsys.readouterr().out
    self_checks.exercise_express_price(price)
    told = capsys.readouterr().out
    assert "Not yet" in told
    assert "rounded up" in " ".join(told.split())


@pytest.mark.parametrize("needed", [lambda rate, s: rate, lambda rate, s: 4 * rate * s, lambda rate, s: 4 * rate / 10])
def test_a_wrong_concurrency_is_told(needed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_concurrency_needed(lambda rate, s: rate * 4 * max(s, 0.1))
    assert "Exercise 2: solved." in capsys.readouterr().out
    self_checks.exercise_concurrency_needed(needed)
    assert "Not yet" in capsys.readouterr().out
