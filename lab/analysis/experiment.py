"""A small designed experiment: several factors at two levels each, eight runs, and what each factor does.

Every run has its own mix of levels, and each factor is at its high level in four runs of eight. So its effect is the
mean of these four against the mean of the other four: all eight runs tell of each factor. Changing one factor at a time
would need as many runs for each single one.

Eight runs cannot tell everything apart. Where a combination of two factors changes sign together with a third factor,
the two are *aliases*: what is seen is their sum. :class:`Design` names them. (Box, Hunter and Hunter, *Statistics for
Experimenters*, 2005, chapter 6; https://www.itl.nist.gov/div898/handbook/pri/section3/pri334.htm)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lab.analysis.blocks import Stage, correlation, drawn_logs
from lab.analysis.compare import CONFIDENCE, MATTERS_RATIO
from lab.analysis.latency import quantile
from lab.errors import UsageError

RUNS = 8
REPEATS = 2_000
# What the letters behind the first three are products of, by the number of factors. With five, the four last ones form
# a ring (BC, CD, DE, EB) of combinations that are no alias of a single factor.
_GENERATORS: Mapping[int, tuple[str, ...]] = {3: (), 4: ("ABC",), 5: ("AB", "AC"), 6: ("AB", "AC", "ABC")}


class DesignError(UsageError):
    """Eight runs cannot be designed for these factors."""


@dataclass(frozen=True)
class Factor:
    """What is changed, and its two levels.

    Attributes:
        name: as it stands on charts, such as ``batch size``.
        low, high: the levels. Which of them is called low is a convention: effects are told as high against low.
        setting: the field of ``stack.Settings`` that it turns.
    """

    name: str
    low: Any
    high: Any
    setting: str = ""

    @property
    def change(self) -> str:
        """Both levels, such as ``1 → 10``."""
        return f"{self.low} → {self.high}"


@dataclass(frozen=True)
class Design:
    """Which run has which levels.

    Attributes:
        factors: three to six. The order matters: it decides what is an alias of what.

    Raises:
        DesignError: too few or too many factors, or two of one name.
    """

    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", tuple(self.factors))
        if len(self.factors) not in _GENERATORS:
            raise DesignError(
                f"Eight runs do for three to six factors, not for {len(self.factors)}.",
                next_step="leave some out, or begin with the three that you expect most of",
            )
        if len(set(self.names)) < len(self.names):
            raise DesignError("Two factors have one name.", next_step="give each a name of its own")

    @property
    def names(self) -> list[str]:
        """The factors' names, in their order."""
        return [factor.name for factor in self.factors]

    @cached_property
    def signs(self) -> pd.DataFrame:
        """One row a run, one column a factor: −1 for its low level and +1 for its high one."""
        letters = {
            letter: np.array(column) for letter, column in zip("ABC", zip(*_all_mixes(), strict=True), strict=True)
        }
        for letter, generator in zip("DEF", _GENERATORS[len(self.factors)], strict=False):
            letters[letter] = np.prod([letters[each] for each in generator], axis=0)
        columns = dict(zip(self.names, letters.values(), strict=True))
        return pd.DataFrame(columns, index=pd.RangeIndex(1, RUNS + 1, name="run"))

    def levels(self, run: int) -> dict[str, Any]:
        """The level of each factor in one run, 1 to 8."""
        signs = self.signs.loc[run]
        return {each.name: each.high if signs[each.name] > 0 else each.low for each in self.factors}

    @cached_property
    def columns(self) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        """All that eight runs can tell: a column of signs, and the combinations of two factors that share it.

        First the factors, then the columns that are left for combinations alone, called by the first of these.
        """
        found: dict[str, tuple[np.ndarray, list[str]]] = {
            name: (self.signs[name].to_numpy(), []) for name in self.names
        }
        for first, second in itertools.combinations(self.names, 2):
            column = (self.signs[first] * self.signs[second]).to_numpy()
            same = next((name for name, (known, _) in found.items() if np.array_equal(known, column)), None)
            if same is None:
                found[f"{first} × {second}"] = (column, [])
            else:
                found[same][1].append(f"{first} × {second}")
        return {name: (column, tuple(aliases)) for name, (column, aliases) in found.items()}

    def aliases(self) -> pd.DataFrame:
        """What is seen as one, in words: columns ``effect`` and ``cannot be told from``, one row a pair."""
        # A row each: pandas shows 50 characters of a cell, and two combinations are longer.
        rows = [(name, alias) for name, (_, aliases) in self.columns.items() for alias in aliases or ("–",)]
        return pd.DataFrame(rows, columns=["effect", "cannot be told from"])


def _all_mixes() -> list[tuple[int, ...]]:
    """All eight of three factors, the first one changing fastest."""
    return [mix[::-1] for mix in itertools.product((-1, 1), repeat=3)]


@dataclass(frozen=True)
class Experiment:
    """What an experiment has measured.

    Attributes:
        design: of it.
        runs: one row a run: ``run``, ``order``, a column of levels for each factor, ``p50_s``, ``p99_s``, ``batches``
            (invocations of ``start_execution``), ``messages``, ``usd_per_million``, ``valid``, ``why``.
        messages: one row a message: ``run``, ``stage``, ``offered_rate``, ``t_planned``, ``t_sent``, ``status``,
            ``end_to_end_s``.
        usual: the same two tables, of the settings as ``lab up`` makes them, before and after the eight runs.
        mark: what a chart of it has to say, such as whose it is.
    """

    design: Design
    runs: pd.DataFrame = field(repr=False)
    messages: pd.DataFrame = field(repr=False)
    usual: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    mark: str = ""

    @property
    def counts(self) -> bool:
        """Whether all eight runs are there and valid: with one less, no effect is a fair comparison."""
        return len(self.runs) == RUNS and bool(self.runs["valid"].astype(bool).all())

    @property
    def why_not(self) -> str:
        """Which runs do not count, and why; empty where all do."""
        void = self.runs[~self.runs["valid"].astype(bool)]
        return "; ".join(f"run {row.run}: {row.why}" for row in void.itertuples())

    @property
    def drift(self) -> float:
        """The usual settings' p50 after the runs, over that before them; NaN where it was not measured twice."""
        if len(self.usual) < 2:
            return math.nan
        return float(self.usual["p50_s"].iloc[-1] / self.usual["p50_s"].iloc[0])


def effects(experiment: Experiment, *, share: float = 0.5, seed: int = 1, repeats: int = REPEATS) -> pd.DataFrame:
    """What each factor does to a percentile of the latency, as a ratio, with its interval by bootstrap.

    The messages of each run are drawn anew in blocks of time, see :mod:`lab.analysis.blocks`, and each drawing gives
    an effect; the interval holds 95 of 100 of these. It says how far chance reaches within the runs, and nothing of a
    machine that was busy in one run and idle in the next. So an effect counts only when it is beyond the interval and
    also beyond ``MATTERS_RATIO``.

    Args:
        experiment: with eight valid runs.
        share: of the percentile: 0.5 for the median.
        seed: of the bootstrap: the same runs always give the same answer.
        repeats: how many drawings.

    Returns:
        One row a column of the design: ``effect``, ``change`` (the two levels; empty for combinations), ``ratio`` (the
        geometric mean of the four runs at the high level over that of the four others), ``low``, ``high``, ``verdict``
        (``higher``, ``lower``, ``same``), ``aliases``. A combination's ratio is by how much one factor's ratio grows
        when the other one is at its high level, to each side of its mean.
    """
    stages = [_stage(experiment.messages, run) for run in experiment.design.signs.index]
    random = np.random.default_rng(seed)
    alike = correlation(stages)
    logs = np.array([_log(quantile(stage.values, share)) for stage in stages])
    drawn = np.stack([drawn_logs(stage, share, random, repeats, alike) for stage in stages], axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    rows = []
    for name, (column, aliases) in experiment.design.columns.items():
        contrast = column / (RUNS / 2)
        low, high = np.nanpercentile(drawn @ contrast, [tail, 100 - tail])
        ratio, low, high = (math.exp(value) for value in (float(logs @ contrast), low, high))
        change = next((each.change for each in experiment.design.factors if each.name == name), "")
        rows.append((name, change, ratio, low, high, _verdict(ratio, low, high), ", ".join(aliases)))
    return pd.DataFrame(rows, columns=["effect", "change", "ratio", "low", "high", "verdict", "aliases"])


def count_effects(experiment: Experiment, column: str) -> pd.Series:
    """What each factor does to a number that is counted and not drawn by chance, such as the price: ratios by factor.

    Args:
        column: of ``runs``, with positive numbers.
    """
    logs = np.log(experiment.runs.set_index("run")[column].loc[experiment.design.signs.index].to_numpy(float))
    found = {
        name: math.exp(float(logs @ (experiment.design.columns[name][0] / (RUNS / 2))))
        for name in experiment.design.names
    }
    return pd.Series(found, name=column)


def strongest(table: pd.DataFrame, names: Sequence[str]) -> str:
    """The factor whose ratio is farthest from 1, in either direction."""
    own = table[table["effect"].isin(names)]
    return str(own.loc[np.log(own["ratio"]).abs().idxmax(), "effect"])


def _verdict(ratio: float, low: float, high: float) -> str:
    if min(low, ratio) > 1 and ratio >= MATTERS_RATIO:
        return "higher"
    return "lower" if max(high, ratio) < 1 and ratio <= 1 / MATTERS_RATIO else "same"


def _stage(messages: pd.DataFrame, run: Any) -> Stage:
    own = messages[messages["run"] == run]
    start = own["t_planned"].min()
    spacing = 1 / float(own["offered_rate"].mean())
    return Stage.of(own, start, (own["t_planned"].max() - start).total_seconds() + spacing, "end_to_end")


def _log(value: float) -> float:
    return math.log(max(value, 1e-6))
