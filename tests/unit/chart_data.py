"""Seeded tables that look like a run: one server empties a queue that stages of rising rates fill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

STATES = ("Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count")
ORIGIN = pd.Timestamp("2026-03-01T10:00:00Z").as_unit("ns")


def instants(seconds: np.ndarray) -> pd.Series:
    return pd.Series(ORIGIN + pd.to_timedelta(seconds, unit="s"))


def run_of(
    rates: Sequence[float] = (2, 4, 8, 16, 24), stage_s: float = 10.0, capacity: float = 17.0, seed: int = 1
) -> pd.DataFrame:
    """Table ``messages`` of a run against a single server that finishes ``capacity`` messages a second."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, float]] = []
    free, start = 0.0, 0.0
    for stage, rate in enumerate(rates):
        for planned in start + np.arange(int(rate * stage_s)) / rate:
            sent = planned + random.exponential(0.0015)
            free = max(free, sent + 0.02) + random.gamma(4, 1 / capacity / 4)
            rows.append({"stage": stage, "offered_rate": rate, "planned": planned, "sent": sent, "done": free})
        start += stage_s
    table = pd.DataFrame(rows)
    duration = 0.03 + random.gamma(3, 0.02, len(table))
    finished = table["done"] + duration
    return pd.DataFrame(
        {
            "lab_id": [f"m{number:05d}" for number in range(len(table))],
            "stage": table["stage"],
            "offered_rate": table["offered_rate"].astype(float),
            "t_planned": instants(table["planned"].to_numpy()),
            "t_sent": instants(table["sent"].to_numpy()),
            "t_acked": instants(table["sent"].to_numpy() + 0.004),
            "outcome": "acked",
            "execution_arn": [f"arn:{number}" for number in range(len(table))],
            "sent": instants(table["sent"].to_numpy() + 0.002),
            "first_received": instants(table["done"].to_numpy()),
            "started": instants(table["done"].to_numpy()),
            "finished": instants(finished.to_numpy()),
            "status": "SUCCEEDED",
            "send_lag_s": table["sent"] - table["planned"],
            "start_delay_s": 0.0,
            "queue_wait_s": table["done"] - table["sent"],
            "duration_s": duration,
            "end_to_end_s": finished - table["planned"],
            "naive_s": finished - table["sent"],
        }
    )


def execution(
    names: Sequence[str] = STATES, error: str | None = None, running: bool = False, seed: int = 2
) -> pd.DataFrame:
    """Table ``states`` of one execution; the last state failed with ``error``, or has not been left."""
    random = np.random.default_rng(seed)
    lengths = random.gamma(3, 0.004, len(names))
    edges = np.concatenate([[0.0], np.cumsum(lengths + 0.001)])
    table = pd.DataFrame(
        {
            "execution_arn": "arn:aws:states:us-east-1:000000000000:express:lab:4b1c:9f",
            "state": list(names),
            "entered": instants(edges[:-1]),
            "exited": instants(edges[:-1] + lengths),
            "duration_s": lengths,
            "error": pd.Series([None] * len(names), dtype=object),
        }
    )
    if error or running:
        table.loc[len(names) - 1, "exited"] = pd.NaT
        table.loc[len(names) - 1, "duration_s"] = np.nan
    if error:
        table.loc[len(names) - 1, "error"] = error
    return table


def state_times(rates: Sequence[float] = (2, 4, 8, 16, 24), names: Sequence[str] = STATES) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"offered_rate": float(rate), "state": name, "duration_s": 0.006 * (1 + place % 3) * (1 + rate / 9)}
            for rate in rates
            for place, name in enumerate(names)
        ]
    )


def zipf_words(distinct: int = 300, exponent: float = 1.0, most: int = 900) -> dict[str, int]:
    random = np.random.default_rng(5)
    letters = "etaoinshrdlucmfwypvbgk"
    counts: dict[str, int] = {}
    rank = 1
    while len(counts) < distinct:
        word = "".join(random.choice(list(letters), size=int(random.integers(2, 9))))
        if word not in counts:
            counts[word] = max(int(most / rank**exponent), 1)
            rank += 1
    return counts


def statistics(texts: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "text_length": random.normal(540, 60, texts).round(),
            "avg_word_length": random.normal(4.6, 0.3, texts),
            "num_digits": random.poisson(1.2, texts),
            "num_special_chars": random.poisson(22, texts),
        }
    )


def account_table(*kinds: tuple[str, str | None, int]) -> pd.DataFrame:
    """The two columns of an account that its chart needs; each kind is a fate, an error and how many."""
    rows = [(fate, error) for fate, error, count in kinds for _ in range(count)]
    return pd.DataFrame(rows, columns=["fate", "error"], dtype=object)


SOURCE_NAMES = ("SQS queue", "EventBridge rule", "S3 bucket", "Kinesis stream", "DynamoDB table", "SQS and a pipe")


def source_percentiles(*rows: tuple[float | None, str]) -> pd.DataFrame:
    """One row a source: its p50 in seconds (None: nothing began), and why it does not count."""
    return pd.DataFrame(
        [
            {"source": name, "sent": 200, "ended": 0 if p50 is None else 200, "void": void}
            | dict.fromkeys(("p50", "p90", "p99", "max"), float("nan"))
            | ({} if p50 is None else {"p50": p50, "p90": p50 * 1.5, "p99": p50 * 2, "max": p50 * 4})
            for name, (p50, void) in zip(SOURCE_NAMES, rows, strict=False)
        ]
    )


def started(ways: Sequence[str], count: int = 12) -> pd.DataFrame:
    """Starts in several ways, each slower than the one before it."""
    return pd.DataFrame(
        [
            {"way": way, "answered_s": 0.004 * (place + 1) * (1 + number / count), "duration_s": 0.05 + 0.01 * number}
            for place, way in enumerate(ways)
            for number in range(count)
        ]
    )


def room(learners: int, checks: int) -> pd.DataFrame:
    """A room whose learners get less and less far; some tried what they did not pass."""
    rows = []
    for number in range(checks):
        passed = learners * (checks - number) // checks
        tried = (learners - passed) // 3
        rows.append((f"{number // 4:02d}.{number % 4 + 1}", number % 4 == 3, passed, tried, learners - passed - tried))
    return pd.DataFrame(rows, columns=["check", "quiz", "passed", "not_yet", "not_begun"])
