"""The exercises of notebook 04."""

from __future__ import annotations

import math
from collections.abc import Callable

from lab.workshop.self_checks.outcomes import observe, short, tell


def exercise_percentile(percentile: Callable[[list[float], float], float]) -> None:
    """04, exercise 1: the exact percentile, by nearest rank."""
    cases: tuple[tuple[list[float], float, float], ...] = (
        ([10, 20, 30, 40], 0.50, 20),
        ([40, 10, 30, 20], 0.75, 30),
        ([3, 1, 2], 0.99, 3),
        ([7], 0.50, 7),
        ([1.0] * 98 + [5.0, 9.0], 0.99, 5.0),
        (list(range(1, 11)), 1.0, 10),
    )
    tell(
        "Exercise 1",
        [
            observe(
                f"p{share * 100:g} of {short(values) if len(values) < 12 else f'{len(values)} values'}",
                wanted,
                lambda values=values, share=share: percentile(list(values), share),  # type: ignore[misc]
                "the smallest value for which at least this share of all values is no larger: sort them, and take "
                "the one whose place, counted from 1, is math.ceil(share * len(values)).",
            )
            for values, share, wanted in cases
        ],
    )


def exercise_corrected(corrected: Callable[[list[int], int], list[int]]) -> None:
    """04, exercise 2: latencies from the planned times, out of those of a closed loop; all in milliseconds."""
    cases: tuple[tuple[str, list[int], list[int]], ...] = (
        ("a loop that is never late", [20, 20, 20], [20, 20, 20]),
        ("a loop that was held up once", [20, 350, 20, 20, 20], [20, 350, 270, 190, 110]),
        ("a loop that is always too slow", [150, 150, 150], [150, 200, 250]),
        ("no message at all", [], []),
    )
    tell(
        "Exercise 2",
        [
            observe(
                f"{what}, {short(took) if took else '[]'} ms, one every 100 ms",
                wanted,
                lambda took=took: list(corrected(list(took), 100)),  # type: ignore[misc]
                "message k is planned at k * every; it starts then, or when the one before it has ended, whichever is "
                "later; its latency is its end minus its planned time.",
            )
            for what, took, wanted in cases
        ],
    )


def exercise_little(chairs: float | None) -> None:
    """04, exercise 3: Little's law in a café."""

    def judged() -> str:
        if chairs is None:
            return "no number yet"
        return "it is right" if math.isclose(chairs, 40) else f"{chairs:g} is too {'many' if chairs > 40 else 'few'}"

    tell(
        "Exercise 3",
        [
            observe(
                "is the number of chairs that are taken right",
                "it is right",
                judged,
                "L = λW, with both in the same unit of time: two guests a minute, and each stays for 20 minutes.",
            )
        ],
    )
