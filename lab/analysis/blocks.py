"""How far chance reaches in a stage: the bootstrap over blocks of time.

Latencies of messages that were sent one after the other are alike: a pause of the machine, or a backlog, makes a whole
second of them slow. So what is drawn anew is not single messages but blocks of time, an eighth of a stage each. Where
even neighbouring blocks are alike, chance reaches further by as much as their correlation says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.analysis.latency import quantile

SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}
COMPLETED = "completed"
SHORTEST_S = 0.5
_PARTS, _LONGEST_S = 8, 5.0
_SHORTEST_LATENCY_S = 1e-6
_MOST_ALIKE = 0.8
_AT_ONCE = 2_000_000  # weights held in memory


@dataclass(frozen=True)
class Stage:
    """The latencies of a stage, by block of time."""

    values: np.ndarray
    blocks: np.ndarray
    count: int
    ended: np.ndarray
    ended_blocks: np.ndarray

    @classmethod
    def of(cls, own: pd.DataFrame, start: pd.Timestamp, seconds: float, measure: str) -> Stage:
        length = min(max(seconds / _PARTS, SHORTEST_S), _LONGEST_S)
        count = max(int(seconds / length + 0.5), 1)
        since = (own["t_planned"] - start).dt.total_seconds().to_numpy(float)
        block = np.clip((since / seconds * count).astype(int), 0, count - 1)
        values = own[f"{measure}_s"].to_numpy(float)
        known = ~np.isnan(values)
        left = own["t_sent"].notna().to_numpy()
        ended = (own["status"] == "SUCCEEDED").to_numpy(float)
        return cls(values[known], block[known], count, ended[left], block[left])


@dataclass(frozen=True)
class Estimate:
    """A number of one run and how far chance reaches, on the scale on which it is compared."""

    value: float
    scaled: float
    error: float
    freedom: int
    count: int


def correlation(stages: Iterable[Stage]) -> float:
    """How alike neighbouring blocks are, over all these stages: from 0, not at all, to 0.8.

    A few blocks look less alike than they are, since their own mean is taken off; that bias is taken back.
    """
    products = squares = blocks = number = 0.0
    for stage in stages:
        if stage.count < 3 or not len(stage.values):
            continue
        logs = np.log(np.maximum(stage.values, _SHORTEST_LATENCY_S))
        counts = np.bincount(stage.blocks, minlength=stage.count)
        sums = np.bincount(stage.blocks, weights=logs, minlength=stage.count)
        means = sums[counts > 0] / counts[counts > 0]
        away = means - means.mean()
        products += float((away[1:] * away[:-1]).sum())
        squares += float((away**2).sum())
        blocks, number = blocks + len(means), number + 1
    if squares == 0:
        return 0.0
    length = blocks / number
    seen = products / squares * length / (length - 1)
    return float(np.clip((seen + 1 / length) / max(1 - 3 / length, 0.25), 0.0, _MOST_ALIKE))


def estimates(stage: Stage, random: np.random.Generator, repeats: int, alike: float = 0.0) -> dict[str, Estimate]:
    """p50, p90, p99 and the completed share of a stage, each with how far chance reaches.

    Args:
        alike: see :func:`correlation`.
    """
    wider = _wider(stage.count, alike)
    weights = random.multinomial(stage.count, np.full(stage.count, 1 / stage.count), size=repeats)
    found = {}
    order = np.argsort(stage.values, kind="stable")
    values, blocks = np.maximum(stage.values[order], _SHORTEST_LATENCY_S), stage.blocks[order]
    drawn = _weighted_quantiles(values, blocks, weights, list(SHARES.values()))
    for column, (what, share) in enumerate(SHARES.items()):
        value = quantile(stage.values, share)
        scaled = math.log(max(value, _SHORTEST_LATENCY_S)) if len(values) else math.nan
        error = float(np.nanstd(np.log(drawn[:, column]))) * wider if len(values) else math.nan
        found[what] = Estimate(value, scaled, error, stage.count - 1, len(values))
    found[COMPLETED] = _share(stage, weights, wider)
    return found


def drawn_logs(stage: Stage, share: float, random: np.random.Generator, repeats: int, alike: float = 0.0) -> np.ndarray:
    """Logarithms of one percentile in ``repeats`` drawings of the blocks, spread as far as chance reaches.

    Args:
        share: of the percentile, 0.5 for the median.
        alike: see :func:`correlation`.
    """
    order = np.argsort(stage.values, kind="stable")
    values, blocks = np.maximum(stage.values[order], _SHORTEST_LATENCY_S), stage.blocks[order]
    weights = random.multinomial(stage.count, np.full(stage.count, 1 / stage.count), size=repeats)
    logs = np.log(_weighted_quantiles(values, blocks, weights, [share])[:, 0])
    seen = math.log(max(quantile(stage.values, share), _SHORTEST_LATENCY_S)) if len(values) else math.nan
    return seen + (logs - seen) * _wider(stage.count, alike)


def _wider(count: int, alike: float) -> float:
    """Few blocks vary less among themselves than blocks in general do."""
    return math.sqrt(count / (count - 1) * (1 + alike) / (1 - alike)) if count > 1 else math.nan


def _share(stage: Stage, weights: np.ndarray, wider: float) -> Estimate:
    count = len(stage.ended)
    if not count:
        return Estimate(math.nan, math.nan, math.nan, stage.count - 1, 0)
    good = np.bincount(stage.ended_blocks, weights=stage.ended, minlength=stage.count)
    every = np.bincount(stage.ended_blocks, minlength=stage.count)
    with np.errstate(invalid="ignore"):
        shares = (weights @ good) / (weights @ every)
    value = float(stage.ended.mean())
    return Estimate(value, value, float(np.nanstd(shares)) * wider, stage.count - 1, count)


def _weighted_quantiles(
    values: np.ndarray, blocks: np.ndarray, weights: np.ndarray, shares: Sequence[float]
) -> np.ndarray:
    """Quantiles by nearest rank of sorted values, each counted as often as its block was drawn; a row a drawing."""
    found = np.full((len(weights), len(shares)), np.nan)
    if not len(values):
        return found
    step = max(_AT_ONCE // len(values), 1)
    for first in range(0, len(weights), step):
        counted = np.cumsum(weights[first : first + step][:, blocks], axis=1)
        total = counted[:, -1]
        for column, share in enumerate(shares):
            place = (counted < np.maximum(np.ceil(total * share - 1e-9), 1)[:, None]).sum(axis=1)
            some = total > 0
            found[first : first + step, column][some] = values[np.minimum(place, len(values) - 1)[some]]
    return found
