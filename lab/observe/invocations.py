"""The table `invocations`: what Lambda reported of each invocation of a function, and what it bills for it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from lab.observe.columns import instants, texts
from lab.observe.log_groups import LogEvent

# The last line of every invocation. Parts are separated by tabs; "Init Duration" is there after a cold start only, and
# since August 2025 "Billed Duration" holds it for functions like ours, too:
# https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
_REPORT = re.compile(r"REPORT RequestId: (\S+)")
_NUMBERS = {
    "duration_s": (re.compile(r"\tDuration: (\d+(?:\.\d+)?) ms"), 1_000),
    "billed_s": (re.compile(r"\tBilled Duration: (\d+(?:\.\d+)?) ms"), 1_000),
    "init_s": (re.compile(r"\tInit Duration: (\d+(?:\.\d+)?) ms"), 1_000),
    "memory_mb": (re.compile(r"\tMemory Size: (\d+(?:\.\d+)?) MB"), 1),
    "memory_used_mb": (re.compile(r"\tMax Memory Used: (\d+(?:\.\d+)?) MB"), 1),
}


def parse_reports(function: str, events: Iterable[LogEvent]) -> pd.DataFrame:
    """The REPORT lines among the log events of one function; every other line is passed over.

    Returns:
        One row an invocation, in the order of the log: ``function``, ``request_id``, ``reported``, ``duration_s``,
        ``billed_s``, ``init_s`` (missing unless it started cold), ``memory_mb``, ``memory_used_mb``. An invocation that
        failed has its line, and is billed, too.
    """
    found: dict[str, tuple[int, str]] = {}
    for event in events:
        line = event.message.strip()
        report = _REPORT.match(line)
        # A line that comes again is the same invocation; when a batch is handed out again, its request id is another.
        if report is not None:
            found.setdefault(report[1], (event.timestamp_ms, line))
    lines = [line for _, line in found.values()]
    return pd.DataFrame(
        {
            "function": texts([function] * len(found)),
            "request_id": texts(list(found)),
            "reported": instants([at_ms * 1_000_000 for at_ms, _ in found.values()]),
            **{
                column: pd.Series([_number(pattern, line) / unit for line in lines], dtype=np.float64)
                for column, (pattern, unit) in _NUMBERS.items()
            },
        }
    )


def _number(pattern: re.Pattern[str], line: str) -> float:
    number = pattern.search(line)
    return float(number[1]) if number is not None else float("nan")
