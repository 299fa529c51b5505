"""Two runs side by side: what differs by more than chance, and by enough to matter.

How far chance reaches, ``blocks`` says: a bootstrap over blocks of time, since latencies of messages that were sent one
after the other are alike. Of the few blocks that a short stage has, the spread is known badly; the interval allows for
that with Student's t.

A difference is called one when three things hold. It rests on enough messages: ten beyond the percentile, in both
runs. The whole interval of the difference, wide enough for all comparisons together (Bonferroni), lies beyond zero.
And it lies beyond the smallest difference that matters: two runs never meet the same machine, and no run alone can
tell by how much another one would differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lab.analysis.blocks import COMPLETED, SHARES, SHORTEST_S, Estimate, Stage, correlation, estimates
from lab.analysis.latency import stage_windows
from lab.analysis.tails import FEW, beyond, needed

CONFIDENCE = 0.95
REPEATS = 1_000
# Two runs of one plan differ by this much for no reason that a learner changed; see docs/comparing.md.
MATTERS_RATIO = 1.25
MATTERS_S = 0.010
MATTERS_SHARE = 0.01
_LEAST_BLOCKS = 4


@dataclass(frozen=True)
class Measured:
    """A percentile of one stage of one run, with the interval in which chance would leave it.

    Attributes:
        value: seconds; for ``completed`` a share of the messages that left.
        low, high: of 19 intervals in 20, the ones that hold what a very long stage would show; NaN if not known.
        count: how many values it was found among.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Compared:
    """One percentile of one rate in both runs.

    Attributes:
        what: ``p50``, ``p90``, ``p99`` or ``completed``.
        ratio: B over A; for ``completed`` B minus A.
        low, high: its interval, as wide as all comparisons together need; NaN where nothing is judged.
        verdict: ``higher``, ``lower``, ``same``, or ``open``: too little to judge.
        why: of ``open``.
    """

    rate: float
    what: str
    a: Measured
    b: Measured
    ratio: float
    low: float
    high: float
    verdict: str
    why: str = ""

    @property
    def changed(self) -> bool:
        """Whether B differs from A by more than chance, and by enough to matter."""
        return self.verdict in ("higher", "lower")


@dataclass(frozen=True)
class Comparison:
    """Two runs of, at best, the same plan.

    Attributes:
        measure: the latency that was compared, such as ``end_to_end``.
        rows: each rate that both have, each percentile.
        only_a, only_b: offered rates that the other run does not have.
        void: rates that do not count, and why, in a sentence each.
    """

    measure: str
    rows: tuple[Compared, ...]
    only_a: tuple[float, ...] = ()
    only_b: tuple[float, ...] = ()
    void: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def changed(self) -> list[Compared]:
        """What differs."""
        return [row for row in self.rows if row.changed]

    @property
    def judged(self) -> int:
        """How many comparisons there were enough messages for."""
        return sum(row.verdict != "open" for row in self.rows)


def compare(
    a: tuple[pd.DataFrame, pd.DataFrame],
    b: tuple[pd.DataFrame, pd.DataFrame],
    *,
    measure: str = "end_to_end",
    seed: int = 1,
    repeats: int = REPEATS,
) -> Comparison:
    """Compare the stages of two runs that have the same offered rate.

    Args:
        a, b: ``messages`` and ``stages`` of each.
        measure: ``end_to_end``, ``naive``, ``duration``, ``queue_wait`` or ``start_delay``.
        seed: of the bootstrap: the same two runs always give the same answer.
        repeats: how often the blocks are drawn anew.
    """
    of_a, of_b = _by_rate(*a), _by_rate(*b)
    common = [key for key in of_a if key in of_b]
    random = np.random.default_rng(seed)
    pairs, void = [], []
    for key in common:
        reasons = [f"in {name} {row['why']}" for name, row in (("A", of_a[key]), ("B", of_b[key])) if row["why"]]
        if reasons:
            void.append(f"{key[0]:g} messages/s is not compared: {' and '.join(reasons)}.")
            continue
        stages = [Stage.of(row["own"], row["start"], row["seconds"], measure) for row in (of_a[key], of_b[key])]
        pairs.append((key[0], stages[0], stages[1]))
    alike = correlation(stage for _, *both in pairs for stage in both)
    drawn = [_drawn(rate, first, second, random, repeats, alike) for rate, first, second in pairs]
    rows = [row for rows in drawn for row in rows]
    judged = sum(not row.why for row in rows)
    return Comparison(
        measure=measure,
        rows=tuple(row.judge(1 - (1 - CONFIDENCE) / max(judged, 1)) for row in rows),
        only_a=tuple(key[0] for key in of_a if key not in of_b),
        only_b=tuple(key[0] for key in of_b if key not in of_a),
        void=tuple(void),
    )


def _by_rate(messages: pd.DataFrame, stages: pd.DataFrame) -> dict[tuple[float, int], dict[str, Any]]:
    """The stages by their rate; of a rate that comes twice, the first and the second apart."""
    known = stages.drop_duplicates("stage").set_index("stage")
    found: dict[tuple[float, int], dict[str, Any]] = {}
    for window in stage_windows(messages).to_dict("records"):
        rate = float(f"{window['offered_rate']:.6g}")
        place = sum(1 for other, _ in found if other == rate)
        why = ""
        if window["stage"] in known.index and not bool(known.loc[window["stage"], "valid"]):
            why = str(known.loc[window["stage"]].get("invalid_reason") or "") or "the stage does not count"
        own = messages[messages["stage"] == window["stage"]]
        found[rate, place] = {"own": own, "start": window["start"], "seconds": float(window["seconds"]), "why": why}
    return found


@dataclass(frozen=True)
class _Drawn:
    rate: float
    what: str
    a: Estimate
    b: Estimate
    why: str

    def judge(self, confidence: float) -> Compared:
        shares = self.what == COMPLETED
        difference = self.b.scaled - self.a.scaled
        low = high = math.nan
        verdict = "open"
        if not self.why:
            half = _half_width(self.a, self.b, confidence)
            low, high = difference - half, difference + half
            verdict = _verdict(low, high, self.a.value, self.b.value, shares)
        back = (lambda value: value) if shares else math.exp
        ratio, low, high = (back(value) if not math.isnan(value) else value for value in (difference, low, high))
        return Compared(
            self.rate,
            self.what,
            _measured(self.a, shares),
            _measured(self.b, shares),
            ratio,
            low,
            high,
            verdict,
            self.why,
        )


def _verdict(low: float, high: float, a: float, b: float, shares: bool) -> str:
    margin = MATTERS_SHARE if shares else math.log(MATTERS_RATIO)
    if not shares and abs(b - a) < MATTERS_S:
        return "same"
    return "higher" if low > margin else "lower" if high < -margin else "same"


def _half_width(a: Estimate, b: Estimate, confidence: float) -> float:
    """Welch's: two spreads, each known from few blocks."""
    total = a.error**2 + b.error**2
    if total == 0:
        return 0.0
    freedom = total**2 / (a.error**4 / a.freedom + b.error**4 / b.freedom)
    return _t(freedom, confidence) * math.sqrt(total)


def _t(freedom: float, confidence: float) -> float:
    from scipy.special import stdtrit  # a quarter of a second of imports, for few of those who import this module

    return float(stdtrit(freedom, 1 - (1 - confidence) / 2))


def _measured(estimate: Estimate, shares: bool) -> Measured:
    if math.isnan(estimate.error) or not estimate.freedom:
        return Measured(estimate.value, math.nan, math.nan, estimate.count)
    half = _t(estimate.freedom, CONFIDENCE) * estimate.error
    low, high = estimate.scaled - half, estimate.scaled + half
    if shares:
        return Measured(estimate.value, max(low, 0.0), min(high, 1.0), estimate.count)
    return Measured(estimate.value, math.exp(low), math.exp(high), estimate.count)


def _drawn(rate: float, a: Stage, b: Stage, random: np.random.Generator, repeats: int, alike: float) -> list[_Drawn]:
    of_a, of_b = (estimates(stage, random, repeats, alike) for stage in (a, b))
    return [_Drawn(rate, what, of_a[what], of_b[what], _why_open(what, of_a[what], of_b[what])) for what in of_a]


def _why_open(what: str, a: Estimate, b: Estimate) -> str:
    fewest = min(a.count, b.count)
    if what in SHARES and beyond(fewest, SHARES[what]) < FEW:
        return f"{fewest} messages; it takes {needed(SHARES[what]):,}"
    if min(a.freedom, b.freedom) < _LEAST_BLOCKS - 1:
        return f"the stage is too short: it takes {_LEAST_BLOCKS * SHORTEST_S:g} s"
    return "" if fewest else "no messages"
