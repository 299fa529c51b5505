"""The exercises of notebook 10."""

from __future__ import annotations

from collections.abc import Callable

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe

EXPRESS_PRICE = Exercise(
    "10.1",
    hints=(
        "Three steps: which time is paid for, how many GiB, and what a GiB costs for one second instead of an hour.",
        "Count tenths of a second, and round their number up: Python's module math can do that.",
    ),
    recipe="Tenths rounded up, as seconds, times GiB, times the price of a second:\n"
    "    tenths = math.ceil(duration_s * 10)\n"
    "    return tenths / 10 * 64 / 1024 / 3600 * 0.06",
)
CARRIED_RATE = Exercise(
    "10.2",
    hints=(
        "Two limits, each with a rate of its own: work out both. The lower one is reached first.",
        "Four invocations a message: by Little's law, so many are at work at once as arrive in a second times how long "
        "each takes. And the other limit counts invocations a second, however short they are.",
    ),
    recipe="The lower of the two limits:\n"
    "    at_once = concurrency / (4 * function_s)\n"
    "    a_second = 10 * concurrency / 4\n"
    "    return min(at_once, a_second)",
)


def exercise_express_price(price: Callable[[float], float]) -> None:
    """10, exercise 1: what the time of one Express execution of 64 MB costs."""
    tell(
        EXPRESS_PRICE,
        [
            observe(
                f"{duration_s:g} s cost {steps * 0.1 / 16 / 3600 * 0.06:.4g} USD",
                steps * 0.1 / 16 / 3600 * 0.06,
                lambda duration_s=duration_s: float(price(duration_s)),  # type: ignore[misc]
            )
            for duration_s, steps in ((0.1, 1), (0.25, 3), (1.0, 10), (60.0, 600))
        ],
    )


def exercise_carried_rate(carried: Callable[[float, float], float]) -> None:
    """10, exercise 2: the rate that an account carries: concurrency, and 10 requests a second for each unit of it."""
    tell(
        CARRIED_RATE,
        [
            observe(
                f"a concurrency of {concurrency} and functions of {function_s * 1000:g} ms carry {rate:g} messages/s",
                rate,
                lambda concurrency=concurrency, function_s=function_s: float(carried(concurrency, function_s)),  # type: ignore[misc]
            )
            for concurrency, function_s, rate in (
                (1000, 0.2, 1250.0),
                (1000, 0.005, 2500.0),
                (10, 0.005, 25.0),
                (10, 0.5, 5.0),
            )
        ],
    )
