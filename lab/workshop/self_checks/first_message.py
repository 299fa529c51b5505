"""The exercises of notebook 02."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lab.workshop.self_checks.outcomes import observe, tell


def exercise_counted_words(stats: Mapping[str, Any]) -> None:
    """02, exercise 1: a text with 3 words of digits and 2 words with special characters."""
    wanted = {"num_digits": 3, "num_special_chars": 2}
    tell(
        "Exercise 1",
        [
            observe(
                f"{name} of your text",
                count,
                lambda name=name: stats.get(name),  # type: ignore[misc]
                "lambdas/stats_generator/handler.py: both count words, which white space separates. "
                "“42” is a word of digits; “42!” is not, and counts as one with special characters.",
            )
            for name, count in wanted.items()
        ],
    )


def exercise_waiting_state(states: pd.DataFrame, *, after: str, before: str) -> None:
    """02, exercise 2: a fifth state waits for a second between two others."""
    look_at = "“Next” of the state before yours, “StartAt”, and “Next” of your state. Look at the graph, too."
    names = list(states["state"])

    def place() -> list[str]:
        if after not in names:
            return names
        start = names.index(after)
        stop = names.index(before) + 1 if before in names else len(names)
        return [names[start], *("a new state" for _ in names[start + 1 : stop - 1]), *names[stop - 1 : stop]]

    def waited() -> bool:
        added = states.iloc[names.index(after) + 1] if after in names and names.index(after) + 1 < len(names) else None
        return bool(added is not None and added["duration_s"] >= 1.0)

    tell(
        "Exercise 2",
        [
            observe("states of an execution", 5, lambda: len(names), look_at),
            observe("the way through your state", [after, "a new state", before], place, look_at),
            observe("your state takes a second or more", True, waited, "its “Type” (Wait) and its “Seconds” (1)."),
        ],
    )
