"""The words that came out: counts, their comparison with what went in, Zipf's law, statistics of the texts.

Every message counts once, however often it ran: by its `lab_id`, or by its name (the SQS message id) if the body
carried none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pandas as pd

STATISTICS = ("text_length", "avg_word_length", "num_digits", "num_special_chars")


def outputs(executions: pd.DataFrame) -> Iterator[tuple[str | None, str | None, dict[str, Any]]]:
    """(lab_id, name, output) of each message's first execution that succeeded with a JSON object as its output."""
    done: set[str] = set()
    succeeded = executions[executions["status"] == "SUCCEEDED"].sort_values("started", kind="stable")
    columns = (succeeded[column].tolist() for column in ("execution_arn", "name", "lab_id", "output"))
    for arn, name, lab_id, text in zip(*columns, strict=True):
        key = lab_id or name or arn
        if key in done or not isinstance(text, str):
            continue
        try:
            output = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(output, dict):
            done.add(key)
            yield lab_id, name, output


def counts_in(output: object) -> dict[str, int]:
    """``word_counts`` of an output; empty where there are none. A learner's own workflow may put anything there."""
    counts = output.get("word_counts") if isinstance(output, dict) else None
    if not isinstance(counts, dict):
        return {}
    return {word: count for word, count in counts.items() if isinstance(count, int) and not isinstance(count, bool)}


def statistics_in(output: object) -> dict[str, float]:
    """``stats`` of an output, those of :data:`STATISTICS` that are numbers."""
    statistics = output.get("stats") if isinstance(output, dict) else None
    if not isinstance(statistics, dict):
        return {}
    numbers = {key: statistics.get(key) for key in STATISTICS}
    return {
        key: value for key, value in numbers.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def count_words(executions: pd.DataFrame) -> pd.DataFrame:
    """How often each word came out, over all messages.

    Returns:
        `rank` (from 1), `word`, `count`, `share` (of all words), the most frequent first, equal ones by the alphabet.
    """
    total: Counter[str] = Counter()
    for _, _, output in outputs(executions):
        total.update(counts_in(output))
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    counts_column = np.array([count for _, count in ordered], dtype=np.int64)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(ordered) + 1),
            "word": pd.Series([word for word, _ in ordered], dtype=object),
            "count": counts_column,
            "share": counts_column / max(int(counts_column.sum()), 1),
        }
    )


@dataclass(frozen=True)
class WordComparison:
    """The words that came out beside those that went in.

    Attributes:
        total: words that came out.
        expected_total: words that went in.
        distinct: different words that came out.
        differences: `word`, `expected`, `observed`, `difference` of each word whose counts differ, greatest first.
    """

    total: int
    expected_total: int
    distinct: int
    differences: pd.DataFrame = field(repr=False)

    @property
    def matches(self) -> bool:
        """Whether every word came out exactly as often as it went in."""
        return self.differences.empty


def compare_words(counts: pd.DataFrame, expected: Mapping[str, int]) -> WordComparison:
    """Compare what `count_words` counted with the known counts of the messages that were sent."""
    observed = dict(zip(counts["word"], counts["count"], strict=True))
    rows = [
        (word, expected.get(word, 0), int(observed.get(word, 0)), int(observed.get(word, 0)) - expected.get(word, 0))
        for word in observed.keys() | expected.keys()
    ]
    wrong = sorted((row for row in rows if row[3]), key=lambda row: (-abs(row[3]), row[0]))
    return WordComparison(
        total=int(counts["count"].sum()),
        expected_total=sum(expected.values()),
        distinct=len(observed),
        differences=pd.DataFrame(wrong, columns=["word", "expected", "observed", "difference"]),
    )


@dataclass(frozen=True)
class ZipfFit:
    """count ≈ scale / rank^exponent.

    Attributes:
        exponent: close to 1 for running text in natural languages.
        scale: the count that the line gives to rank 1.
        r_squared: how well the line fits, 1 at best.
        ranks: how many of the first ranks it was fitted to.
    """

    exponent: float
    scale: float
    r_squared: float
    ranks: int

    def at(self, rank: np.ndarray) -> np.ndarray:
        """The counts that the line gives to these ranks."""
        return np.asarray(self.scale / np.asarray(rank, dtype=float) ** self.exponent)


ZIPF_FACTOR = 2.0
"""A word is near Zipf's law when it occurs at most so many times as often, or as rarely, as the law says."""


def zipf_counts(counts: pd.DataFrame) -> np.ndarray:
    """How often each rank would occur by Zipf's law, exponent 1: as many words in all, in proportion to 1 / rank."""
    shares = 1 / np.arange(1, len(counts) + 1, dtype=float)
    return np.asarray(counts["count"].sum() * shares / max(shares.sum(), 1.0))


def near_zipf(counts: pd.DataFrame, factor: float = ZIPF_FACTOR) -> np.ndarray:
    """For each word whether its count is within a factor of what `zipf_counts` says."""
    times_off = counts["count"].to_numpy(float) / zipf_counts(counts)
    return np.asarray((times_off <= factor) & (times_off >= 1 / factor))


def fit_zipf(counts: pd.DataFrame, *, least_count: int = 2) -> ZipfFit | None:
    """The straight line through log count over log rank, by least squares; None for fewer than five words or all alike.

    Words that came out fewer than `least_count` times stay out: a long tail of words that all came out once is no line.
    """
    used = counts[counts["count"] >= least_count]
    if len(used) < 5 or used["count"].nunique() == 1:
        return None
    x, y = np.log(used["rank"].to_numpy(float)), np.log(used["count"].to_numpy(float))
    slope, intercept = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - (slope * x + intercept)) ** 2).sum())
    return ZipfFit(float(-slope), float(np.exp(intercept)), 1 - left / spread, len(used))


def text_statistics(executions: pd.DataFrame) -> pd.DataFrame:
    """What the workflow said of each text.

    One row a message: `lab_id`, `name`, `text_length` (characters), `avg_word_length` (characters), `num_digits` and
    `num_special_chars` (words), `tokens` (words counted), `distinct` (different ones).
    """
    rows = []
    for lab_id, name, output in outputs(executions):
        statistics, counts = statistics_in(output), counts_in(output)
        row = {"lab_id": lab_id, "name": name, **{key: statistics.get(key) for key in STATISTICS}}
        rows.append({**row, "tokens": sum(counts.values()), "distinct": len(counts)})
    table = pd.DataFrame(rows, columns=["lab_id", "name", *STATISTICS, "tokens", "distinct"])
    return table.astype(dict.fromkeys(STATISTICS, float)).astype({"lab_id": object, "name": object})
