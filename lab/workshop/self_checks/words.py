"""The exercises of notebook 05."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from lab.workshop.self_checks.outcomes import observe, tell


def exercise_count_once(count_once: Callable[[list[tuple[str, dict[str, int]]]], Mapping[str, int]]) -> None:
    """05, exercise 1: words over many executions, every message once."""
    cases: tuple[tuple[str, list[tuple[str, dict[str, int]]], dict[str, int]], ...] = (
        ("two messages", [("m1", {"sea": 2}), ("m2", {"sea": 1, "sky": 1})], {"sea": 3, "sky": 1}),
        ("one message, executed twice", [("m1", {"sea": 2}), ("m1", {"sea": 2})], {"sea": 2}),
        (
            "three messages, one of them twice",
            [("m1", {"sea": 1}), ("m2", {"sky": 1}), ("m1", {"sea": 1}), ("m3", {"sea": 1})],
            {"sea": 2, "sky": 1},
        ),
        ("no message", [], {}),
    )
    tell(
        "Exercise 1",
        [
            observe(
                what,
                wanted,
                lambda outputs=outputs: dict(count_once([(name, dict(words)) for name, words in outputs])),  # type: ignore[misc]
                "keep the names that you have counted in a set, and pass over an output whose name is in it.",
            )
            for what, outputs, wanted in cases
        ],
    )


def exercise_coverage(coverage: Callable[[dict[str, int], int], float]) -> None:
    """05, exercise 2: the share of a text that its commonest words make."""
    counts = {"sky": 1, "the": 6, "sea": 3}
    tell(
        "Exercise 2",
        [
            observe(
                f"share of the {ranks} commonest of {json.dumps(counts)}",
                wanted,
                lambda ranks=ranks: coverage(dict(counts), ranks),  # type: ignore[misc]
                "sort the counts, the greatest first; add up as many as asked for; divide by the sum of all.",
            )
            for ranks, wanted in ((1, 0.6), (2, 0.9), (3, 1.0), (10, 1.0))
        ],
    )
