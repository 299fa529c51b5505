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
CONCURRENCY_NEEDED = Exercise(
    "10.2",
    hints=(
        "Two limits, each with a concurrency of its own: work out both. Who asks for the smaller one meets the other.",
        "Four invocations a message: by Little's law, so many are at work at once as arrive in a second times how long "
        "each takes. And the other limit counts invocations a second, however short they are.",
    ),
    recipe="The larger of the two:\n"
    "    at_once = rate * 4 * function_s\n"
    "    for_requests = rate * 4 / 10\n"
    "    return max(at_once, for_requests)",
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


def exercise_concurrency_needed(needed: Callable[[float, float], float]) -> None:
    """10, exercise 2: Lambda concurrency that a rate needs: by Little's law, and for ten requests a second each."""
    tell(
        CONCURRENCY_NEEDED,
        [
            observe(
                f"{rate:g} messages/s and functions of {function_s * 1000:g} ms need a concurrency of {concurrency:g}",
                concurrency,
                lambda rate=rate, function_s=function_s: float(needed(rate, function_s)),  # type: ignore[misc]
            )
            for rate, function_s, concurrency in ((10.0, 0.5, 20.0), (100.0, 0.005, 40.0), (1.0, 2.0, 8.0))
        ],
    )
