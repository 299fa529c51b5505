"""A plan of faults: what goes wrong on purpose in a run, for which share of the messages, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lab.errors import UsageError
from lab.faults import wrapper
from lab.load.messages import BrokenKind, Message, broken
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, START_FUNCTION

BODY = "body"
SENDER = "sender"
# Each kind of fault, and where it can happen; the first entry is where it happens unless the plan says otherwise.
PLACES: dict[str, tuple[str, ...]] = {
    "raises": FUNCTIONS,
    "slow": FUNCTIONS,
    "times_out": FUNCTIONS,
    "dies": FUNCTIONS,
    "throttled": FUNCTIONS,
    "delivered_twice": (START_FUNCTION,),
    "start_refused": (START_FUNCTION,),
    "answer_lost": (SENDER,),
    "broken": (BODY,),
}
WORDS = {
    "raises": "the handler raises",
    "slow": "the handler is slow",
    "times_out": "the function times out",
    "dies": "the function's process dies",
    "throttled": "Lambda throttles the invocation",
    "delivered_twice": "the message is delivered twice",
    "start_refused": "StartExecution is refused",
    "answer_lost": "the answer to a send is lost",
    "broken": "the body is broken",
}
COLUMNS = ("lab_id", "fault", "where", "attempts", "detail")
# Of the variable that carries a function's rules: Lambda takes 4 KB for all variables of a function.
MOST_RULES = 20
_ADVICE = "lab ramp --help names the presets; docs/faults.md has an example of a file"


class FaultError(UsageError):
    """A plan of faults cannot be used; nothing was sent."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: a key of `PLACES`.
        percent: of the messages, at each of the places, above 0 and up to 100.
        where: folders in ``lambdas/``; empty means the four functions of the workflow, or the only place there is.
        attempts: how many attempts of a message are hit, so that the next one succeeds; None hits every one.
        seconds: how long a slow handler sleeps.
        bodies: the ways in which ``broken`` breaks; all by default.

    Raises:
        FaultError: something of it makes no sense.
    """

    kind: str
    percent: float
    where: tuple[str, ...] = ()
    attempts: int | None = 1
    seconds: float = 1.0
    bodies: tuple[str, ...] = tuple(BrokenKind)

    def __post_init__(self) -> None:
        if self.kind not in PLACES:
            raise FaultError(f"There is no fault '{self.kind}'.", next_step=f"choose one of {', '.join(PLACES)}.")
        if not _is_number(self.percent) or not 0 < self.percent <= 100:
            raise self._wrong(f"percent is {self.percent!r}, not a number above 0 and up to 100", "percent = 5")
        if not _is_number(self.seconds) or not 0 < self.seconds <= 900:
            raise self._wrong(f"seconds is {self.seconds!r}, not a number above 0 and up to 900", "seconds = 2")
        if self.attempts is not None and (type(self.attempts) is not int or not 1 <= self.attempts <= 100):
            raise self._wrong(
                f'attempts is {self.attempts!r}, not a whole number from 1 to 100, or "all"', "attempts = 1"
            )
        possible = PLACES[self.kind]
        usual = PIPELINE_FUNCTIONS if len(possible) > 1 else possible
        where = self.where or usual
        for place in where:
            if place not in possible:
                raise self._wrong(f"it cannot happen in {place!r}", f'where = "{possible[0]}", or {_or(possible[1:])}')
        object.__setattr__(self, "where", tuple(dict.fromkeys(where)))
        for kind in self.bodies:
            if kind not in tuple(BrokenKind):
                raise self._wrong(f"there is no broken body {kind!r}", f"bodies of {', '.join(BrokenKind)}")
        if not self.bodies:
            raise self._wrong("it names no body", 'bodies = ["not_json"], or leave the line out')

    def _wrong(self, what: str, advice: str) -> FaultError:
        return FaultError(f"The fault '{self.kind}' cannot be used: {what}.", next_step=f"for example {advice}")

    def sentence(self) -> str:
        """The fault in words, such as ``5 % the handler raises (base64_decoder)``."""
        places = "" if len(PLACES[self.kind]) == 1 else f" ({', '.join(self.where)})"
        return f"{self.percent:g} % {WORDS[self.kind]}{places}"


@dataclass(frozen=True)
class Faults:
    """All that goes wrong in a run.

    Attributes:
        faults: in the order in which they are looked at.
        seed: with the same seed, the messages with the same numbers are hit.

    Raises:
        FaultError: no fault, or too many.
    """

    faults: tuple[Fault, ...]
    seed: int = 1
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(self.faults))
        if not self.faults:
            raise FaultError("A plan of faults needs at least one.", next_step=_ADVICE)
        if len(self.faults) > MOST_RULES:
            raise FaultError(f"A plan of {len(self.faults)} faults is too long; {MOST_RULES} is the most.")
        if type(self.seed) is not int or self.seed < 0:
            raise FaultError(f"The seed {self.seed!r} is not a whole number of 0 or more.", next_step="seed = 1")

    def sentence(self) -> str:
        """The plan in words."""
        return f"Faults on purpose (seed {self.seed}): {'; '.join(fault.sentence() for fault in self.faults)}."

    def numbered(self, *kinds: str) -> list[tuple[int, Fault]]:
        """The faults of some kinds, each with its number."""
        return [(number, fault) for number, fault in enumerate(self.faults) if fault.kind in kinds]

    def for_function(self, folder: str, run_id: str, handler: str) -> dict[str, Any] | None:
        """What the wrapper of one function is told; None when nothing is planned there."""
        rules = [
            [number, fault.kind, fault.percent / 100, fault.attempts or 0, fault.seconds]
            for number, fault in enumerate(self.faults)
            if folder in fault.where
        ]
        return {"handler": handler, "where": folder, **self._base(run_id), "rules": rules} if rules else None

    def _base(self, run_id: str) -> dict[str, Any]:
        spared = [[number, fault.percent / 100] for number, fault in self.numbered("broken")]
        return {"run": run_id, "seed": self.seed, "spared": spared}

    def chooses(self, number: int, where: str, lab_id: str, run_id: str) -> bool:
        """Whether fault ``number`` hits a message at one place."""
        return wrapper.chosen(self._base(run_id), number, self.faults[number].percent / 100, where, lab_id)

    def broken_as(self, lab_id: str) -> str | None:
        """How a message of this id is broken; None when it is not."""
        for number, fault in self.numbered("broken"):
            drawn = wrapper.share_of(self.seed, number, BODY, lab_id) / (fault.percent / 100)
            if drawn < 1:
                return fault.bodies[int(drawn * len(fault.bodies))]
        return None

    def broken_among(self, messages: Sequence[Message]) -> list[Message]:
        """The messages of a run, some of them broken as planned."""
        kinds = [self.broken_as(message.lab_id) for message in messages]
        return [
            message if kind is None else broken(kind, message.lab_id)
            for message, kind in zip(messages, kinds, strict=True)
        ]

    def table(self, messages: Sequence[Message], run_id: str) -> pd.DataFrame:
        """Which message is hit by what: the table ``faults``, but for lost answers, which only the run can tell."""
        rows: list[tuple[str, str, str, int, str | None]] = []
        for message in messages:
            if kind := self.broken_as(message.lab_id):
                rows.append((message.lab_id, "broken", BODY, 0, kind))
            rows += [
                (message.lab_id, fault.kind, where, fault.attempts or 0, None)
                for number, fault in enumerate(self.faults)
                for where in fault.where
                if where not in (BODY, SENDER) and self.chooses(number, where, message.lab_id, run_id)
            ]
        return table_of(rows)


def in_words(table: pd.DataFrame) -> str:
    """How many messages of a run each fault was planned for, or met."""
    if table.empty:
        return "No message of this run was chosen for a fault."
    counts = table.groupby("fault", sort=False)["lab_id"].nunique()
    parts = "; ".join(f"{count} × {WORDS[kind]}" for kind, count in counts.items())
    return f"{table['lab_id'].nunique()} messages were chosen for faults: {parts}. tables/faults.csv names them."


def table_of(rows: Sequence[tuple[str, str, str, int, str | None]]) -> pd.DataFrame:
    """The table ``faults``; ``attempts`` 0 means every one."""
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in COLUMNS]
    types = ("object", "object", "object", "int64", "object")
    return pd.DataFrame(
        {name: pd.Series(values, dtype=type_) for name, values, type_ in zip(COLUMNS, columns, types, strict=True)}
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _or(names: Sequence[str]) -> str:
    return ", ".join(names) or "leave the line out"
