"""The exercises of notebook 03."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.load import Plan
from lab.workshop.self_checks.outcomes import observe, tell


def exercise_burst(plan: Plan) -> None:
    """03, exercise 1: a plan of three stages, the middle one a burst."""
    wanted = [(5.0, 2.0), (200.0, 0.5), (5.0, 3.0)]
    look_at = "Stage(rate, seconds): a plan takes a list of them, in the order in which they are sent."
    tell(
        "Exercise 1",
        [
            observe(
                "stages of your plan, rate and seconds",
                wanted,
                lambda: [(float(stage.rate), float(stage.seconds)) for stage in plan.stages],
                look_at,
            ),
            observe("messages of your plan", 125, lambda: len(plan), look_at),
        ],
    )


def exercise_account(account: Callable[[list[str], list[str]], Mapping[str, Any]], sent: Iterable[str]) -> None:
    """03, exercise 2: what was lost, what came out unexpectedly, and what ran twice; ``sent``: ids of a real run."""
    ids = sorted(sent)
    seen = [*ids[1:], ids[-1], "stranger"]
    cases = [
        ("one that did not come back", ["a", "b", "c"], ["c", "a"], {"lost": ["b"]}),
        ("one that nobody sent", ["a"], ["a", "x"], {"unexpected": ["x"]}),
        ("one that ran three times", ["a", "b"], ["b", "a", "b", "b"], {"duplicated": ["b"]}),
        ("none at all", [], [], {}),
        (
            "your run, tampered with",
            ids,
            seen,
            {"lost": ids[:1], "unexpected": ["stranger"], "duplicated": ids[-1:]},
        ),
    ]
    tell(
        "Exercise 2",
        [
            observe(
                what,
                {"lost": [], "unexpected": [], "duplicated": [], **found},
                lambda sent=sent_ids, ended=ended: {  # type: ignore[misc]
                    key: sorted(values) for key, values in account(list(sent), list(ended)).items()
                },
                "set(sent) - set(ended) are the ids that only the first has; ended.count(id) says how often one ended.",
            )
            for what, sent_ids, ended, found in cases
        ],
    )
