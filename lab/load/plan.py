"""When each message is due: stages of a rate held for some seconds, laid end to end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from lab.errors import UsageError

Spacing = Literal["even", "poisson"]

# A plan is held in memory, and a laptop sends some hundred messages a second at best.
MAX_MESSAGES = 1_000_000


class PlanError(UsageError):
    """A plan that cannot be carried out."""


@dataclass(frozen=True)
class Stage:
    """One rate, held for some seconds.

    Attributes:
        rate: messages per second.
        seconds: how long, rounded to a whole number of messages by :attr:`duration_s`.

    Raises:
        PlanError: ``rate`` or ``seconds`` is not a number above zero, or the stage would not send a single message.
    """

    rate: float
    seconds: float

    def __post_init__(self) -> None:
        _check(self.rate, "A rate", "give it in messages per second, for example 2 or 0.5.")
        _check(self.seconds, "The length of a stage", "give it in seconds, for example 10.")
        if self.rate * self.seconds < 1 - 1e-9:
            raise PlanError(
                f"A stage of {self.seconds:g} s at {self.rate:g} messages/s would not send one message.",
                next_step=f"make the stage at least {1 / self.rate:g} s long, or the rate higher.",
            )

    @property
    def messages(self) -> int:
        """How many messages the stage sends."""
        return round(self.rate * self.seconds)

    @property
    def duration_s(self) -> float:
        """Length in seconds: the time that its whole number of messages takes at exactly its rate."""
        return self.messages / self.rate


def _check(value: float, what: str, next_step: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise PlanError(f"{what} must be a number, not {value!r}.", next_step=next_step)
    if not math.isfinite(value) or value <= 0:
        raise PlanError(f"{what} must be a number above 0, not {value:g}.", next_step=next_step)


def staircase(rates: Iterable[float], seconds: float) -> list[Stage]:
    """One stage for each of ``rates`` (messages per second), each ``seconds`` long.

    Raises:
        PlanError: no rates, or one of them, or ``seconds``, cannot be used.
    """
    stages = [Stage(rate, seconds) for rate in rates]
    if not stages:
        raise PlanError("A plan needs at least one rate.", next_step="for example --rates 2,4,8")
    return stages


def linear_ramp(start: float, end: float, seconds: float, steps: int) -> list[Stage]:
    """``steps`` stages with rates from ``start`` to ``end`` in equal steps, ``seconds`` long together.

    Raises:
        PlanError: fewer than two steps, or a rate or the length cannot be used.
    """
    if steps < 2:
        raise PlanError(f"A ramp needs at least 2 steps, not {steps}.", next_step="for a single rate use one stage.")
    _check(start, "The first rate", "give it in messages per second.")
    _check(end, "The last rate", "give it in messages per second.")
    return staircase(np.linspace(start, end, steps).tolist(), seconds / steps)


def parse_rates(text: str) -> list[float]:
    """The rates in ``"2,4,8"``, in messages per second.

    Raises:
        PlanError: an entry is no number above zero, or there is none.
    """
    rates = []
    for entry in text.split(","):
        try:
            rate = float(entry)
        except ValueError:
            raise PlanError(
                f"'{entry.strip()}' in the rates '{text}' is not a number.",
                next_step="give messages per second with commas between them, for example --rates 2,4,8",
            ) from None
        _check(rate, "A rate", "give messages per second with commas between them, for example --rates 2,4,8")
        rates.append(rate)
    return rates


@dataclass(frozen=True)
class Plan:
    """Stages end to end, and how the messages lie within each.

    Attributes:
        stages: at least one.
        spacing: ``even`` puts message ``k`` of a stage ``k / rate`` seconds after its start. ``poisson`` draws as many
            moments evenly from the stage and sorts them, which is a Poisson process of which the count is known
            (its arrivals are then independent and uniform), so that the rate is exact in both.
        seed: for ``poisson``.

    Raises:
        PlanError: no stage, an unknown spacing, or more than a million messages.
    """

    stages: Sequence[Stage]
    spacing: Spacing = "even"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if not self.stages:
            raise PlanError("A plan needs at least one stage.")
        if self.spacing not in get_args(Spacing):
            raise PlanError(
                f"There is no spacing called '{self.spacing}'.", next_step=f"choose {' or '.join(get_args(Spacing))}."
            )
        messages = sum(stage.messages for stage in self.stages)  # len() takes no number of more than 64 bits
        if messages > MAX_MESSAGES:
            raise PlanError(
                f"The plan would send {messages:,.6g} messages; the most is {MAX_MESSAGES:,}.",
                next_step="lower the rates or shorten the stages.",
            )

    def __len__(self) -> int:
        """How many messages the plan sends."""
        return sum(stage.messages for stage in self.stages)

    @property
    def duration_s(self) -> float:
        """Length of the whole plan in seconds."""
        return sum(stage.duration_s for stage in self.stages)

    @cached_property
    def stage_starts_s(self) -> np.ndarray:
        """Start of each stage, and last the end of the plan: float seconds from the start, shape (stages + 1,)."""
        return np.concatenate([[0.0], np.cumsum([stage.duration_s for stage in self.stages])])

    @cached_property
    def offsets_s(self) -> np.ndarray:
        """When each message is due: float seconds from the start of the plan, ascending, shape (messages,)."""
        random = np.random.default_rng(self.seed)
        parts = []
        for stage, start in zip(self.stages, self.stage_starts_s[:-1], strict=True):
            if self.spacing == "even":
                within = np.arange(stage.messages) / stage.rate
            else:
                within = np.sort(random.uniform(0.0, stage.duration_s, stage.messages))
            parts.append(start + within)
        return np.concatenate(parts)

    @cached_property
    def stage_numbers(self) -> np.ndarray:
        """The 0-based stage of each message: int64, shape (messages,)."""
        return np.repeat(np.arange(len(self.stages)), [stage.messages for stage in self.stages])
