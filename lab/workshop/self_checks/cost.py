"""The exercises of notebook 10."""

from __future__ import annotations

from collections.abc import Callable

from lab.workshop.self_checks.outcomes import observe, tell


def exercise_express_price(price: Callable[[float], float]) -> None:
    """10, exercise 1: what the time of one Express execution of 64 MB costs."""
    tell(
        "Exercise 1",
        [
            observe(
                f"price of {duration_s:g} s",
                steps * 0.1 / 16 / 3600 * 0.06,
                lambda duration_s=duration_s: float(price(duration_s)),  # type: ignore[misc]
                "seconds rounded up to 0.1, times 64/1024 GiB, over 3600, times 0.06. math.ceil(duration_s * 10) is "
                "the number of steps.",
            )
            for duration_s, steps in ((0.1, 1), (0.25, 3), (1.0, 10), (60.0, 600))
        ],
    )


def exercise_concurrency_needed(needed: Callable[[float, float], float]) -> None:
    """10, exercise 2: Lambda concurrency that a rate needs, by Little's law."""
    tell(
        "Exercise 2",
        [
            observe(
                f"invocations at once at {rate:g} messages/s and {function_s:g} s each",
                rate * 4 * function_s,
                lambda rate=rate, function_s=function_s: float(needed(rate, function_s)),  # type: ignore[misc]
                "L = λW: each message keeps one function after the other busy, four in all.",
            )
            for rate, function_s in ((10.0, 0.1), (100.0, 0.05), (1.0, 2.0))
        ],
    )
