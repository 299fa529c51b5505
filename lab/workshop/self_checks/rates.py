"""The exercises of notebook 03."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.load import Plan, Stage
from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe

BURST = Exercise(
    "03.1",
    hints=(
        "Three stages. The rate of the second follows from how many come in which time. The length of the third is "
        "your second prediction, for other numbers: how many wait when the burst ends, and how fast are they gone?",
        "The system works during the burst as well: what it does then does not wait. And afterwards messages still "
        "arrive: only what the system can do beyond those makes the backlog smaller.",
    ),
    recipe="The backlog at the end of the burst, divided by what is left of the capacity:\n"
    "    waiting = messages - capacity * within\n"
    "    after = waiting / (capacity - calm)\n"
    "    return Plan([Stage(calm, 2), Stage(messages / within, within), Stage(calm, after)])",
)
ACCOUNT = Exercise(
    "03.2",
    hints=(
        "Two of the three lists are about what stands in one list and not in the other; the third is about how often "
        "something stands in one.",
        "Python has a type for collections of different things, of which one can be taken away from another. And a "
        "list can count.",
    ),
    recipe="Sets can be subtracted from each other, and a list counts:\n"
    '    "lost": list(set(sent) - set(ended)),\n'
    '    "unexpected": list(set(ended) - set(sent)),\n'
    '    "duplicated": [name for name in set(ended) if ended.count(name) > 1],',
)


def exercise_burst(burst: Callable[..., Plan]) -> None:
    """03, exercise 1: a plan with a burst, and as much calm after it as the system needs to be done."""
    tell(
        BURST,
        [
            observe(
                f"{messages} messages in {within:g} s, {calm} a second otherwise, and a system that does {capacity}: "
                "calm, burst and calm until the backlog is gone",
                _written(Plan([Stage(calm, 2), Stage(messages / within, within), Stage(calm, after)])),
                lambda case=(calm, messages, within, capacity): _written(burst(*case)),  # type: ignore[misc]
            )
            for calm, messages, within, capacity, after in (
                (5, 100, 0.5, 30, 3.4),
                (10, 60, 1, 20, 4),
                (2, 50, 0.5, 12, 4.4),
            )
        ],
    )


def _written(plan: Plan) -> str:
    """The stages of a plan to read; whole messages, so rounding does not matter."""
    return ", then ".join(f"{stage.messages} messages at {stage.rate:g} a second" for stage in plan.stages)


def exercise_account(account: Callable[[list[str], list[str]], Mapping[str, Any]], sent: Iterable[str]) -> None:
    """03, exercise 2: what was lost, what came out unexpectedly, and what ran twice; ``sent``: ids of a real run."""
    ids = sorted(sent)
    seen = [*ids[1:], ids[-1], "stranger"]
    cases = [
        ("one that did not come back is lost", ["a", "b", "c"], ["c", "a"], {"lost": ["b"]}),
        ("one that nobody sent is unexpected", ["a"], ["a", "x"], {"unexpected": ["x"]}),
        (
            "one that ran three times is duplicated, and listed once",
            ["a", "b"],
            ["b", "a", "b", "b"],
            {"duplicated": ["b"]},
        ),
        ("of none at all, the three lists are empty", [], [], {}),
        (
            "of your run, tampered with, each list has one id",
            ids,
            seen,
            {"lost": ids[:1], "unexpected": ["stranger"], "duplicated": ids[-1:]},
        ),
    ]
    tell(
        ACCOUNT,
        [
            observe(
                what,
                {"lost": [], "unexpected": [], "duplicated": [], **found},
                lambda sent=sent_ids, ended=ended: {  # type: ignore[misc]
                    key: sorted(values) for key, values in account(list(sent), list(ended)).items()
                },
            )
            for what, sent_ids, ended, found in cases
        ],
    )
