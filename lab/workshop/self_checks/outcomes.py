"""One comparison, told in a sentence: whether it is so, and what to look at when it is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError
from lab.workshop.page import filled

_LONGEST = 300


class SelfCheckError(LabError):
    """What a notebook expected is not what it observed."""


@dataclass(frozen=True)
class Outcome:
    """One comparison: ``sentence`` says what is so when both are the same."""

    sentence: str
    expected: Any
    observed: Any

    @property
    def holds(self) -> bool:
        """Whether both are the same; floats may differ by their last digits."""
        return same(self.expected, self.observed)


def answer(sentence: str, *, expected: Any, observed: Any, look_at: str = "") -> None:
    """Compare and print; the guard of a lesson.

    Args:
        sentence: what is so when the two are the same, as a whole sentence without its full stop.
        expected: what must come out.
        observed: what came out, or a function that is called to find out.
        look_at: what a learner should look at when they differ.

    Raises:
        SelfCheckError: they differ.
    """
    outcome = observe(sentence, expected, observed if callable(observed) else lambda: observed)
    if not outcome.holds:
        parts = [("expected", short(outcome.expected)), ("observed", short(outcome.observed)), ("look at", look_at)]
        raise SelfCheckError("\n".join([filled(sentence, "Not so: "), *labelled(parts)]))
    print(filled(sentence, "Right: "))  # noqa: T201 - the notebook's own output


def observe(sentence: str, expected: Any, look: Callable[[], Any]) -> Outcome:
    """Whatever a learner's code raises is what was observed."""
    try:
        observed = look()
    except Exception as error:  # noqa: BLE001 - an unfinished exercise may fail in every way
        observed = f"{type(error).__name__}: {error}"
    return Outcome(sentence, expected, observed)


def labelled(parts: list[tuple[str, str]]) -> list[str]:
    """Texts under each other, each after its label; what is empty is left out."""
    return [filled(text, f"  {label + ':':<10}") for label, text in parts if text]


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
