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
    """10, exercise 2: Lambda concurrency that a rate needs: by Little's law, and for ten requests a second each."""
    tell(
        "Exercise 2",
        [
            observe(
                f"concurrency for {rate:g} messages/s and {function_s:g} s each",
                concurrency,
                lambda rate=rate, function_s=function_s: float(needed(rate, function_s)),  # type: ignore[misc]
                "two limits. L = λW: each message keeps one function after the other busy, four in all. And each unit "
                "of concurrency serves ten requests a second at most. The larger of the two is needed.",
            )
            for rate, function_s, concurrency in ((10.0, 0.5, 20.0), (100.0, 0.005, 40.0), (1.0, 2.0, 8.0))
        ],
    )
