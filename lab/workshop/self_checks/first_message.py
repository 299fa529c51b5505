"""The exercises of notebook 02."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe

COUNTED_WORDS = Exercise(
    "02.1",
    hints=(
        "lambdas/stats_generator/handler.py counts words, which white space separates, and not characters.",
        "“42” is a word of digits. “42!” is not: it counts as a word with a special character.",
    ),
    recipe="Three words of digits alone, two words that carry a comma or a dash, and any other words between them.",
)
WAITING_STATE = Exercise(
    "02.2",
    hints=(
        "Look at the graph: a new state changes two arrows, the one that leads to it and the one that leads on.",
        "Three things: your state is in definition[“States”]; its “Next” leads on; and the state before it no longer "
        "leads past it.",
    ),
    recipe="Three lines:\n"
    '    breath = {"Type": "Wait", "Seconds": 1, "Next": "Remove special characters"}\n'
    '    definition["States"]["Take a breath"] = breath\n'
    '    definition["States"]["Generate statistics"]["Next"] = "Take a breath"',
)


def exercise_counted_words(stats: Mapping[str, Any]) -> None:
    """02, exercise 1: a text with 3 words of digits and 2 words with special characters."""
    tell(
        COUNTED_WORDS,
        [
            observe("your text has 3 words of digits", 3, lambda: stats.get("num_digits")),
            observe("your text has 2 words with special characters", 2, lambda: stats.get("num_special_chars")),
        ],
    )


def exercise_waiting_state(states: pd.DataFrame, *, after: str, before: str) -> None:
    """02, exercise 2: a fifth state waits for a second between two others."""
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
        WAITING_STATE,
        [
            observe("an execution visits 5 states", 5, lambda: len(names)),
            observe(
                f"your state lies between “{after}” and “{before}”",
                " → ".join([after, "a new state", before]),
                lambda: " → ".join(place()),
            ),
            observe("your state takes a second or more", True, waited),
        ],
    )
