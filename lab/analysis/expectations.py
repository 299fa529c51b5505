"""What a run must show to be called good, in a line each: ``p99<500ms@40``, ``lost=0``, ``saturation>=60``.

    measure  comparison  number [unit] [@rate]

A *latency* (``p50``, ``p90``, ``p99``, ``max``: end to end, from the planned send time) has the unit ``ms`` or ``s``.
A *rate* (``achieved``, ``completed``, ``saturation``) is in messages a second, with ``/s`` behind it or without. A
*count* is one of the account: ``lost``, ``failed`` and the others of `COUNTS`. Latencies, ``achieved`` and
``completed`` are asked of the stage with the rate behind ``@``, or, without one, of every stage.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab.errors import UsageError

LATENCIES = ("p50", "p90", "p99", "max")
STAGE_RATES = ("achieved", "completed")
RATES = (*STAGE_RATES, "saturation")
COUNTS = (
    *("sent", "succeeded", "failed", "dead_lettered", "still_queued", "unobserved", "lost"),
    *("duplicated", "unexpected", "never_arrived", "not_sent", "extra_executions"),
)
MEASURES = (*LATENCIES, *RATES, *COUNTS)
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
UNITS = {"ms": 0.001, "s": 1.0}
EXAMPLES = '--expect "p99<500ms@40" --expect "lost=0" --expect "saturation>=60"'
# Two rates are the same when they are written the same.
_SAME_RATE = 1e-6
_FORM = re.compile(r"\s*([a-z_0-9-]+)\s*(<=|>=|==|=<|=>|!=|<|>|=)\s*([^@]*?)\s*(@.*)?", re.DOTALL)
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(.*)", re.DOTALL)


class ExpectationError(UsageError):
    """An expectation that cannot be read, or that this run can never meet."""


@dataclass(frozen=True)
class Expectation:
    """One of them.

    Attributes:
        text: as it was written.
        measure: one of `MEASURES`.
        comparison: one of `COMPARISONS`.
        limit: the number: seconds for a latency, messages a second for a rate, messages for a count.
        rate: of the stage that it is asked of; None for every stage, or where it is asked of the whole run.
    """

    text: str
    measure: str
    comparison: str
    limit: float
    rate: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is as expected; one that is not known is not."""
        return math.isfinite(value) and COMPARISONS[self.comparison](value, self.limit)


@dataclass(frozen=True)
class Verdict:
    """What came of an expectation.

    Attributes:
        expectation: the one.
        met: whether the run is as expected.
        observed: in words, what was seen instead of it or as it.
    """

    expectation: Expectation
    met: bool
    observed: str

    def sentence(self) -> str:
        """For the terminal."""
        return f"{'met' if self.met else 'NOT MET':<7}  {self.expectation.text}: {self.observed}"

    def as_dict(self) -> dict[str, Any]:
        """An entry of ``expectations`` in summary.json."""
        return {"expectation": self.expectation.text, "met": self.met, "observed": self.observed}


def on_page() -> str:
    """What can be expected, for docs/commands.md."""
    rows = (
        (
            LATENCIES,
            "`ms` or `s`",
            "latency from the planned send time to the end of the workflow",
            "one stage, or all",
        ),
        (STAGE_RATES, "messages a second", "messages that left, and that were completed", "one stage, or all"),
        (("saturation",), "messages a second", "the highest rate that the system kept up with", "the run"),
        (COUNTS, "messages", "the account, as in `summary.json`", "the run"),
    )
    lines = [
        f"| {', '.join(f'`{name}`' for name in names)} | {meaning} | {unit} | {of} |"
        for names, unit, meaning, of in rows
    ]
    comparisons = ", ".join(f"`{comparison}`" for comparison in COMPARISONS)
    return (
        f"`lab ramp {EXAMPLES}`\n\n"
        f"An expectation is a measure, one of {comparisons}, and a number with its unit. `@` and a rate behind it ask "
        "it of one stage; without, it is asked of every stage. A stage that does not count meets no expectation.\n\n"
        "| measure | what it is | unit | asked of |\n|---|---|---|---|\n" + "\n".join(lines)
    )


def parsed(text: str) -> Expectation:
    """The expectation that a line says.

    Raises:
        ExpectationError: it says none; the message tells what is wrong with it, and shows one that is right.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise _error(text, "is not of the form: measure, comparison, number")
    measure, comparison, number, place = found[1].replace("-", "_"), found[2], found[3], found[4]
    if measure not in MEASURES:
        raise _error(text, f"has no measure '{found[1]}'; there are {', '.join(MEASURES)}")
    if comparison not in COMPARISONS:
        meant = {"==": "=", "=<": "<=", "=>": ">="}.get(comparison)
        raise _error(text, f"has '{comparison}'" + (f"; write {meant}" if meant else "; there are < <= = >= >"))
    limit = _limit(text, measure, number)
    return Expectation(" ".join(text.split()), measure, comparison, limit, _rate(text, measure, place))


def _limit(text: str, measure: str, number: str) -> float:
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise _error(text, f"needs a number behind the comparison, not '{number}'" if number else "ends too early")
    value, unit = float(found[1]), found[2]
    if measure in LATENCIES:
        if unit not in UNITS:
            needs = f"needs a unit behind {found[1]}: ms or s"
            raise _error(text, needs if not unit else f"has the unit '{unit}'; a latency is in ms or s")
        return value * UNITS[unit]
    if measure in RATES:
        if unit not in ("", "/s"):
            raise _error(text, f"has the unit '{unit}'; a rate is in messages a second: {found[1]} or {found[1]}/s")
        return value
    if unit or value != int(value):
        raise _error(text, f"needs a whole number of messages, not '{number}'")
    return value


def _rate(text: str, measure: str, place: str | None) -> float | None:
    if place is None:
        return None
    if measure not in LATENCIES + STAGE_RATES:
        raise _error(text, f"names a rate, but '{measure}' is one number for the whole run; leave {place.strip()} out")
    number = place[1:].strip().removesuffix("/s").strip()
    found = _NUMBER.fullmatch(number)
    if found is None or found[2] or not float(found[1]):
        raise _error(text, f"needs a rate in messages a second behind the @, not '{number}'")
    return float(found[1])


def _error(text: str, what: str) -> ExpectationError:
    return ExpectationError(f"The expectation '{text}' {what}.", next_step=f"for example {EXAMPLES}")


def check(expectations: Sequence[Expectation], rates: Sequence[float] | None, highest: float) -> None:
    """Whether a plan can meet them at all.

    Args:
        expectations: of the run.
        rates: of its stages; None where a search chooses them.
        highest: the highest rate that is offered.

    Raises:
        ExpectationError: a rate is not in the plan, or the saturation lies above all of it. Nothing was sent.
    """
    for one in expectations:
        if one.rate is not None and rates is None:
            raise ExpectationError(
                f"The expectation '{one.text}' names a rate, and with --find the lab chooses the rates.",
                next_step="name the stages with --rates and leave --find out, or expect a saturation",
            )
        if one.rate is not None and rates is not None and not any(_same(one.rate, rate) for rate in rates):
            named = ", ".join(f"{rate:g}" for rate in rates)
            raise ExpectationError(
                f"The expectation '{one.text}' names {one.rate:g} messages/s, which is no stage of the plan: {named}.",
                next_step=f"put {one.rate:g} into --rates, or name one of these",
            )
        beyond = one.limit >= highest if one.comparison == ">" else one.limit > highest
        if one.measure == "saturation" and one.comparison in (">", ">=", "=") and beyond:
            raise ExpectationError(
                f"The expectation '{one.text}' can never be met: the highest rate that is offered is {highest:g}.",
                next_step=f"offer {one.limit:g} messages/s or more, or expect less",
            )


def judge(
    expectations: Sequence[Expectation], stages: pd.DataFrame, saturation: float | None, account: Mapping[str, Any]
) -> list[Verdict]:
    """What came of them.

    Args:
        expectations: of the run.
        stages: its table of stages, see `lab.analysis.latency.stage_table`. A stage that does not count meets nothing.
        saturation: the highest rate that passed; None if none did.
        account: its counts, as in the part ``reconciliation`` of summary.json.
    """
    return [_judged(one, stages, saturation, account) for one in expectations]


def _judged(one: Expectation, stages: pd.DataFrame, saturation: float | None, account: Mapping[str, Any]) -> Verdict:
    if one.measure == "saturation":
        if saturation is None:
            return Verdict(one, False, "no stage passed")
        return Verdict(one, one.holds(saturation), f"{saturation:g} messages/s")
    if one.measure in COUNTS:
        count = account.get(one.measure)
        return Verdict(one, one.holds(float("nan" if count is None else count)), f"{count}")
    own = stages if one.rate is None else stages[[_same(one.rate, rate) for rate in stages["offered_rate"]]]
    if own.empty:
        return Verdict(one, False, "no such stage was sent")
    seen = [(stage, _value(one.measure, stage)) for stage in own.to_dict("records")]
    wrong = [(stage, value) for stage, value in seen if not stage["valid"] or not one.holds(value)]
    shown = wrong or seen
    at = f"{len(shown)} of {len(own)} stages, " if wrong and len(own) > 1 else ""
    return Verdict(one, not wrong, at + "; ".join(_seen(one.measure, stage, value) for stage, value in shown[:3]))


def _value(measure: str, stage: Mapping[str, Any]) -> float:
    column = f"end_to_end_{measure}_s" if measure in LATENCIES else f"{measure}_rate"
    value = stage.get(column)
    return float("nan") if value is None else float(value)


def _seen(measure: str, stage: Mapping[str, Any], value: float) -> str:
    unit = f"{value * 1000:,.0f} ms" if measure in LATENCIES else f"{value:.4g} messages/s"
    words = f"{unit if math.isfinite(value) else 'nothing was measured'} at {stage['offered_rate']:g}/s"
    if stage["valid"]:
        return words
    return f"{words}, but that stage does not count: {stage['invalid_reason'] or 'the sender lagged'}"


def _same(rate: float, other: float) -> bool:
    return math.isclose(rate, other, rel_tol=_SAME_RATE)
