"""The exercises of notebook 05."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe

COUNT_ONCE = Exercise(
    "05.1",
    hints=(
        "What must the function remember while it goes through the list, to know that a name comes again?",
        "The names that it has counted so far. Before it adds anything, it looks whether the name is among them.",
    ),
    recipe="A set remembers the names:\n"
    "    seen = set()\n"
    "    for name, counts in outputs:\n"
    "        if name not in seen:\n"
    "            seen.add(name)\n"
    "            total.update(counts)",
)
COVERAGE = Exercise(
    "05.2",
    hints=(
        "The words themselves do not matter here, only how often each occurs: the commonest first.",
        "Put the counts in order, take as many as asked for, add them up. What is the whole of which that is a share?",
    ),
    recipe="The largest counts, divided by all of them:\n"
    "    commonest = sorted(counts.values(), reverse=True)[:ranks]\n"
    "    return sum(commonest) / sum(counts.values())",
)


def exercise_count_once(count_once: Callable[[list[tuple[str, dict[str, int]]]], Mapping[str, int]]) -> None:
    """05, exercise 1: words over many executions, every message once."""
    cases: tuple[tuple[str, list[tuple[str, dict[str, int]]], dict[str, int]], ...] = (
        (
            "the words of two messages are added up",
            [("m1", {"sea": 2}), ("m2", {"sea": 1, "sky": 1})],
            {"sea": 3, "sky": 1},
        ),
        ("a message that was executed twice counts once", [("m1", {"sea": 2}), ("m1", {"sea": 2})], {"sea": 2}),
        (
            "the second of two executions of “m1” does not count, wherever it stands",
            [("m1", {"sea": 1}), ("m2", {"sky": 1}), ("m1", {"sea": 1}), ("m3", {"sea": 1})],
            {"sea": 2, "sky": 1},
        ),
        ("without a message there are no words", [], {}),
    )
    tell(
        COUNT_ONCE,
        [
            observe(
                what,
                wanted,
                lambda outputs=outputs: dict(count_once([(name, dict(words)) for name, words in outputs])),  # type: ignore[misc]
            )
            for what, outputs, wanted in cases
        ],
    )


def exercise_coverage(coverage: Callable[[dict[str, int], int], float]) -> None:
    """05, exercise 2: the share of a text that its commonest words make."""
    counts = {"sky": 1, "the": 6, "sea": 3}
    tell(
        COVERAGE,
        [
            observe(
                f"the {ranks} commonest of {json.dumps(counts)} make {wanted:g} of the text",
                wanted,
                lambda ranks=ranks: coverage(dict(counts), ranks),  # type: ignore[misc]
            )
            for ranks, wanted in ((1, 0.6), (2, 0.9), (3, 1.0), (10, 1.0))
        ],
    )
