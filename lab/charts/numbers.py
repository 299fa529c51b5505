"""Numbers and durations, written for people."""

from __future__ import annotations

import math
from collections.abc import Sequence


def number(value: float, digits: int = 3) -> str:
    """A number for people: ``digits`` significant ones, thousands set apart, no trailing zeros."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(value: float) -> str:
    """A duration in seconds as people say it: 38 ms, 1.25 s, 3.5 min."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) < 0.9995:
        return f"{number(value * 1000, 2 if abs(value) < 0.01 else 3)} ms"
    return f"{number(value)} s" if abs(value) < 120 else f"{number(value / 60)} min"


def message_count(count: float) -> str:
    """``count`` with its noun: 1 message, 1,200 messages."""
    return f"{number(count, 12)} message{'' if count == 1 else 's'}"


def per_second(rate: float) -> str:
    """A rate with its unit: 1 message/s, 2.5 messages/s."""
    return f"{number(rate)} message{'' if number(rate) == '1' else 's'}/s"


def joined(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence: a; a and b; a, b and c; a, b and 7 more."""
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else ""


def time_unit(longest_s: float) -> tuple[float, str]:
    """Factor and unit for an axis that reaches ``longest_s`` seconds: milliseconds up to ten seconds."""
    return (1000.0, "ms") if not math.isfinite(longest_s) or longest_s < 10 else (1.0, "s")
