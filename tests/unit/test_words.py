"""The words that came out, compared with the words that went in."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import paths
from lab.analysis.words import compare_words, count_words, fit_zipf, near_zipf, text_statistics, zipf_counts
from lab.load import messages as bodies
from tests.unit.analysis_data import executions, text

STATS = {"text_length": 540, "avg_word_length": 4.5, "num_digits": 0, "num_special_chars": 22}


def executed(*outputs: Any, status: str = "SUCCEEDED", run: int = 0, plain: bool = False) -> pd.DataFrame:
    """Executions of messages r-0, r-1, … with these outputs."""
    count = len(outputs)
    rows = executions(list(range(count)), [float(run)] * count, [run + 1.0] * count, status, run=run, plain=plain)
    texts = [value if isinstance(value, str) or value is None else json.dumps(value) for value in outputs]
    return rows.assign(output=text(texts))


def counted(counts: dict[str, int]) -> dict[str, Any]:
    return {"input": "…", "stats": STATS, "word_counts": counts, "lab_id": "r"}


def test_words_are_added_up_over_messages() -> None:
    counts = count_words(executed(counted({"the": 2, "sea": 1}), counted({"the": 3, "añil": 1})))
    assert counts["word"].tolist() == ["the", "añil", "sea"]
    assert counts["count"].tolist() == [5, 1, 1]
    assert counts["rank"].tolist() == [1, 2, 3]
    assert counts["share"].tolist() == pytest.approx([5 / 7, 1 / 7, 1 / 7])


@pytest.mark.parametrize("plain", [False, True])
def test_a_message_that_ran_twice_counts_once(plain: bool) -> None:
    first, second = executed(counted({"a": 1}), plain=plain), executed(counted({"a": 1}), run=1, plain=plain)
    assert count_words(pd.concat([second, first]))["count"].tolist() == [1]


def test_a_failed_try_before_the_success_does_not_matter() -> None:
    both = pd.concat([executed(None, status="FAILED"), executed(counted({"a": 1}), run=1)])
    assert count_words(both)["count"].tolist() == [1]


def test_outputs_without_words_are_passed_over() -> None:
    table = count_words(executed(None, "not json", [], "3", {"word_counts": 5}, {"word_counts": {"a": "many", "b": 2}}))
    assert table[["word", "count"]].to_numpy().tolist() == [["b", 2]]
    assert count_words(executed())["count"].sum() == 0


words = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 50), max_size=12)


@given(st.lists(words, max_size=5), words)
@settings(deadline=None, max_examples=settings.default.max_examples // 2)
def test_the_comparison_finds_every_difference(messages: list[dict[str, int]], change: dict[str, int]) -> None:
    expected: Counter[str] = Counter()
    for message in messages:
        expected.update(message)
    counts = count_words(executed(*(counted(message) for message in messages)))
    same = compare_words(counts, expected)
    assert same.matches
    assert same.total == same.expected_total == sum(expected.values())
    assert same.distinct == len(expected)

    changed = compare_words(counts, expected + Counter(change))
    assert changed.matches == (not change)
    wrong = dict(zip(changed.differences["word"], changed.differences["difference"], strict=True))
    assert wrong == {word: -count for word, count in change.items()}


def test_differences_come_greatest_first() -> None:
    comparison = compare_words(count_words(executed(counted({"a": 1, "b": 5, "new": 2}))), {"a": 2, "b": 1, "gone": 3})
    assert comparison.differences["word"].tolist() == ["b", "gone", "new", "a"]
    assert comparison.differences["expected"].tolist() == [1, 3, 0, 2]
    assert comparison.differences["observed"].tolist() == [5, 0, 2, 1]


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.3])
def test_the_exponent_of_words_that_follow_zipf(exponent: float) -> None:
    ranks = np.arange(1, 200)
    counts = pd.DataFrame({"rank": ranks, "count": np.round(1e6 / ranks**exponent).astype(int)})
    fit = fit_zipf(counts)
    assert fit is not None
    assert fit.exponent == pytest.approx(exponent, abs=0.01)
    assert fit.r_squared > 0.99
    assert fit.at(np.array([1, 10])) == pytest.approx([1e6, 1e6 / 10**exponent], rel=0.02)


def test_words_that_came_out_once_do_not_bend_the_line() -> None:
    ranks = np.arange(1, 501)
    counts = pd.DataFrame({"rank": ranks, "count": np.maximum(100 // ranks, 1)})
    fit = fit_zipf(counts)
    assert fit is not None
    assert fit.ranks == 50
    assert fit.exponent == pytest.approx(1.0, abs=0.1)
    assert fit_zipf(counts[:4]) is None
    assert fit_zipf(pd.DataFrame({"rank": ranks, "count": 1})) is None


def test_words_that_are_all_alike_have_no_exponent() -> None:
    assert fit_zipf(pd.DataFrame({"rank": np.arange(1, 11), "count": 3})) is None


def test_statistics_of_the_texts() -> None:
    rows = text_statistics(executed(counted({"the": 5, "my": 5}), {"word_counts": {}}, {"stats": None}))
    assert list(rows.columns) == (
        "lab_id name text_length avg_word_length num_digits num_special_chars tokens distinct".split()
    )
    first = rows.iloc[0]
    assert (first["lab_id"], first["name"], first["tokens"], first["distinct"]) == ("r-0", "sqs-0", 10, 2)
    assert [first[key] for key in STATS] == list(STATS.values())
    assert rows["text_length"].isna().tolist() == [False, True, True]
    assert text_statistics(executed())["tokens"].tolist() == []


def test_zipfs_law_has_as_many_words_each_rank_its_part() -> None:
    law = zipf_counts(pd.DataFrame({"count": [30, 20, 10, 6]}))
    assert law.sum() == pytest.approx(66)
    assert law * np.arange(1, 5) == pytest.approx([law[0]] * 4)
    assert zipf_counts(pd.DataFrame({"count": []})).tolist() == []


def test_a_word_is_near_the_law_up_to_twice_and_down_to_half_of_it() -> None:
    exact = pd.DataFrame({"count": [1200, 600, 400, 300]})
    assert near_zipf(exact).tolist() == [True] * 4
    assert near_zipf(pd.DataFrame({"count": [400, 400, 400, 1300]})).tolist() == [False, True, True, False]
    assert near_zipf(pd.DataFrame({"count": [400, 400, 400, 1300]}), factor=5).tolist() == [True] * 4


def test_a_chapter_of_a_real_book_follows_zipfs_law_and_the_short_text_is_flatter() -> None:
    fits = {}
    for name in ("night_post.txt", "alice_chapter_1.txt"):
        went_in = bodies.count_words(bodies.read_text(paths.NOTEBOOKS / "texts" / name))
        counts = count_words(executed(counted(went_in)))
        fits[name] = fit_zipf(counts), near_zipf(counts)
    (short, _), (chapter, near) = fits["night_post.txt"], fits["alice_chapter_1.txt"]
    assert short is not None
    assert chapter is not None
    assert short.exponent == pytest.approx(0.70, abs=0.005)
    assert chapter.exponent == pytest.approx(0.88, abs=0.005)
    assert (len(near), int((~near).sum()), near[0]) == (606, 1, False)
