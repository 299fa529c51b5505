"""One comparison: expected, observed, how long it took, and what to look at when they differ."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError
from lab.workshop.page import filled

_LONGEST = 300


class SelfCheckError(LabError):
    """What a notebook expected is not what it observed."""


@dataclass(frozen=True)
class Outcome:
    """One comparison. ``took_s`` is the time that the observation took, in seconds."""

    question: str
    expected: Any
    observed: Any
    took_s: float
    look_at: str = ""

    @property
    def holds(self) -> bool:
        """Whether both are the same; floats may differ by their last digits."""
        return same(self.expected, self.observed)

    def render(self, failed: str = "No", *, say_value: bool = True) -> str:
        """One line when it holds, else four or five that say what to do."""
        took = f"({self.took_s:.2f} s)"
        if self.holds:
            return f"Yes: {self.question}" + (f": {short(self.observed)} {took}" if say_value else f" {took}")
        parts = [("expected", short(self.expected)), ("observed", short(self.observed)), ("look at", self.look_at)]
        # The first line stays one line: where it broke would depend on the time in it.
        first = f"{failed}: {self.question} {took}"
        return "\n".join([first, *(filled(text, f"  {label + ':':<10}") for label, text in parts if text)])


def answer(question: str, *, expected: Any, observed: Any, look_at: str = "", say_value: bool = True) -> None:
    """Compare and print; the guard of a lesson.

    Args:
        question: what is compared, in a few words.
        expected: what must come out.
        observed: what came out, or a function that is called, and timed, to find out.
        look_at: what a learner should look at when they differ.
        say_value: whether to print what was observed when it is as expected; False for long values.

    Raises:
        SelfCheckError: they differ.
    """
    outcome = observe(question, expected, observed if callable(observed) else lambda: observed, look_at)
    if not outcome.holds:
        raise SelfCheckError(outcome.render())
    print(outcome.render(say_value=say_value))  # noqa: T201 - the notebook's own output


def observe(question: str, expected: Any, look: Callable[[], Any], look_at: str) -> Outcome:
    """Whatever a learner's code raises is what was observed."""
    began = time.perf_counter()
    try:
        observed = look()
    except Exception as error:  # noqa: BLE001 - an unfinished exercise may fail in every way
        observed = f"{type(error).__name__}: {error}"
    return Outcome(question, expected, observed, time.perf_counter() - began, look_at)


def tell(title: str, outcomes: Iterable[Outcome]) -> bool:
    """Print what holds up to the first that does not. Returns whether all do."""
    for outcome in outcomes:
        print(outcome.render(failed="Not yet", say_value=False))  # noqa: T201 - the notebook's own output
        if not outcome.holds:
            return False
    print(f"{title}: solved.")  # noqa: T201
    return True


def same(expected: Any, observed: Any) -> bool:
    if isinstance(expected, float) and isinstance(observed, int | float):
        return math.isclose(expected, observed, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(expected, bool) or isinstance(observed, bool):
        return expected is observed
    try:
        return bool(expected == observed)
    except Exception:  # noqa: BLE001 - tables and arrays do not compare to one truth
        return False


def short(value: Any) -> str:
    if isinstance(value, list | tuple) and not value:
        return "none"
    text = value if isinstance(value, str) and value else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
