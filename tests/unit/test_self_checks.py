"""A self-check must be able to fail, and to say what to look at when it does."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab import stack
from lab.analysis import latency
from lab.load import Plan, Stage
from lab.target import Target
from lab.workshop import self_checks


def solved_longest_word(event: dict[str, Any], _: object) -> dict[str, Any]:
    return {**event, "longest_word": max(sorted(event["word_counts"]), key=len, default="")}


def visits(*rows: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["state", "duration_s"])


@pytest.fixture(autouse=True)
def somebody_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has tried nothing yet."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))


def test_an_answer_that_holds_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.answer("the text has 78 words", expected=78, observed=lambda: 78)
    assert capsys.readouterr().out == "Right: the text has 78 words\n"


def test_an_answer_that_does_not_hold_says_expected_observed_and_what_to_look_at() -> None:
    with pytest.raises(self_checks.SelfCheckError) as caught:
        self_checks.answer("78 words", expected=78, observed=77, look_at="lambdas/tokenizer_counter/handler.py")
    assert caught.value.render().splitlines() == [
        "Not so: 78 words",
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
        (lambda event, _: event, "yours:    no longest_word"),
        (lambda event, _: {"longest_word": "cloud"}, "Not yet: everything else of the event is passed on"),
        (lambda event, _: {**event, "longest_word": max(sorted(event["word_counts"]), key=len)}, "ValueError"),
        (lambda event, _: {**event, "longest_word": max(event["word_counts"], default="")}, "Not yet"),
        (lambda event, _: None, "yours:    None"),
        (lambda event: event, "TypeError"),
    ],
    ids=["stub", "drops the event", "no words", "not by length", "forgot to return", "one argument"],
)
def test_a_longest_word_that_is_wrong_is_not_yet_solved(
    handler: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_longest_word(handler)
    printed = capsys.readouterr().out
    assert "Not yet: " in printed
    assert reason in printed
    assert "hint:" in printed
    assert "solved" not in printed


def test_the_right_longest_word_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_longest_word(solved_longest_word)
    assert capsys.readouterr().out.splitlines()[-1] == "Exercise 1 is solved."


@pytest.mark.parametrize(("payload", "solved"), [({"longest_word": "cloud"}, True), ({}, False)])
def test_the_deployed_function_is_asked(
    payload: dict[str, Any], solved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_deployed(payload)
    assert ("is solved." in capsys.readouterr().out) is solved


NAMES = stack.Names(Target("localstack", "x", endpoint_url="http://127.0.0.1:1"))
DEAD_LETTERS = "arn:aws:sqs:us-east-1:000000000000:express-lab-x-dead-letters"
ASK = "sqs:GetQueueAttributes"


@pytest.mark.parametrize(
    ("statement", "solved"),
    [
        ({"Effect": "Allow", "Action": [ASK], "Resource": [DEAD_LETTERS]}, True),
        ({"Effect": "Allow", "Action": "SQS:getqueueattributes", "Resource": DEAD_LETTERS}, True),
        ({"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}, False),
        ({"Effect": "Allow", "Action": [ASK], "Resource": ["*"]}, False),
        ({"Effect": "Allow", "Action": [ASK, "sqs:SendMessage"], "Resource": [DEAD_LETTERS]}, False),
        ({"Effect": "Allow", "Action": [ASK], "Resource": [DEAD_LETTERS.upper()]}, False),
        ({"Effect": "Deny", "Action": [ASK], "Resource": [DEAD_LETTERS]}, False),
        ({"Effect": "Allow"}, False),
    ],
)
def test_a_policy_must_allow_the_one_action_and_nothing_else(
    statement: dict[str, Any], solved: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack.Names, "queue_arn", lambda self, queue: DEAD_LETTERS)
    self_checks.exercise_policy({"Statement": [statement]}, NAMES)
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in printed) is solved
    assert ("hint:" in printed) is not solved


def burst(calm: float, messages: int, within: float, capacity: float) -> Plan:
    after = (messages - capacity * within) / (capacity - calm)
    return Plan([Stage(calm, 2), Stage(messages / within, within), Stage(calm, after)])


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (burst, True),
        (lambda calm, messages, within, capacity: Plan([Stage(calm, 2)]), False),
        (lambda *case: Plan([*burst(*case).stages[:2], Stage(5, 3)]), False),
        (lambda *case: Plan([*burst(*case).stages[:2], Stage(case[0], case[1] / case[3])]), False),
        (lambda *case: Plan([burst(*case).stages[place] for place in (0, 2, 1)]), False),
        (lambda *case: None, False),
    ],
    ids=["right", "stub", "copied numbers", "arrivals forgotten", "order", "forgot to return"],
)
def test_the_burst(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_burst(function)
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in printed) is solved
    assert ("hint:" in printed) is not solved


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
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in capsys.readouterr().out) is solved


def mean_wait(looks: list[tuple[float, int]], until: float, arrived: int) -> float:
    ends = [at for at, _ in looks[1:]] + [until]
    return sum(number * (end - at) for (at, number), end in zip(looks, ends, strict=True)) / arrived


@pytest.mark.parametrize(
    ("function", "solved"),
    [
        (mean_wait, True),
        (lambda looks, until, arrived: until / arrived, False),
        (lambda looks, until, arrived: sum(n for _, n in looks) / len(looks) / (arrived / until), False),
        (lambda looks, until, arrived: mean_wait(looks, until, arrived) * until, False),
    ],
    ids=["right", "stub", "each look counts the same", "not divided by the time"],
)
def test_the_mean_wait(function: Any, solved: bool, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_mean_wait(function)
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in capsys.readouterr().out) is solved


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
    assert ("is solved." in capsys.readouterr().out) is solved


@pytest.mark.parametrize("price", [lambda s: s / 3600 * 0.06, lambda s: s / 16 / 3600 * 0.06, lambda s: None])
def test_a_wrong_price_of_an_execution_is_told(price: Any, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_express_price(lambda s: math.ceil(s * 10) / 10 / 16 / 3600 * 0.06)
    assert "Exercise 1 is solved." in capsys.readouterr().out
    self_checks.exercise_express_price(price)
    assert "Not yet" in capsys.readouterr().out


@pytest.mark.parametrize("needed", [lambda rate, s: rate, lambda rate, s: 4 * rate * s, lambda rate, s: 4 * rate / 10])
def test_a_wrong_concurrency_is_told(needed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    self_checks.exercise_concurrency_needed(lambda rate, s: rate * 4 * max(s, 0.1))
    assert "Exercise 2 is solved." in capsys.readouterr().out
    self_checks.exercise_concurrency_needed(needed)
    assert "Not yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mapping", "solved"),
    [
        ({"BatchSize": 4, "ScalingConfig": {"MaximumConcurrency": 2}}, True),
        ({"BatchSize": 4}, False),
        ({"BatchSize": 10, "ScalingConfig": {"MaximumConcurrency": 2}}, False),
        ({}, False),
    ],
)
def test_a_mapping_is_changed_as_exercise_12_1_asks_or_not(
    mapping: dict[str, Any], solved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_smaller_batches(mapping)
    assert ("is solved." in capsys.readouterr().out) is solved
