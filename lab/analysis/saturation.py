"""The rate up to which the system keeps up, by a rule, and two second opinions.

The rule: a stage passes if the messages offered in it were completed, the number in the system did not grow, and the
99th percentile of the latency stayed near that of an unloaded system, or under half a second. Saturation is the highest
rate that passes. Kneedle looks for the bend of the throughput curve, the Universal Scalability Law for its peak;
neither decides.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lab.analysis.backlog import stage_backlog
from lab.analysis.latency import seconds_between, stage_table, stage_windows

COMPLETED_RATIO = 0.99
LATENCY_FACTOR = 5.0
# A fast pipeline has an unloaded p99 of some 30 ms, and one pause of the machine that it runs on is many times that.
LATENCY_FLOOR_S = 0.5
GROWTH_RATIO = 0.05
GROWTH_MESSAGES = 2.0


@dataclass(frozen=True)
class ScalabilityFit:
    """The Universal Scalability Law, X(N) = λN / (1 + σ(N−1) + κN(N−1)), fitted to throughput over concurrency.

    Attributes:
        rate_of_one: λ, messages a second with one message in the system.
        contention: σ, the share of work that is done one after the other.
        coherency: κ, the cost of keeping all parts in step.
        peak_concurrency: messages in the system where throughput is greatest; infinite if κ is 0.
        peak_rate: the throughput there, a second; for κ = 0 the rate λ/σ that it approaches.
    """

    rate_of_one: float
    contention: float
    coherency: float
    peak_concurrency: float
    peak_rate: float


@dataclass(frozen=True)
class Saturation:
    """Where the system stopped keeping up.

    Attributes:
        rate: offered rate of the highest stage that passed, messages a second; None if none did.
        stage: its number.
        reached: whether a higher stage failed; if not, the system can do more than was asked of it.
        reason: one or two sentences that say so.
        checks: one row a stage: `stage`, `offered_rate`, `valid`, `completed_ratio`, `slope`, `growth`,
            `end_to_end_p99_s`, `limit_s`, `passed`, `failed_on`.
        knee_rate: offered rate at the bend of the throughput curve by Kneedle, if it finds one.
        scalability: the fit of the Universal Scalability Law, if four stages or more allow one.
    """

    rate: float | None
    stage: int | None
    reached: bool
    reason: str
    checks: pd.DataFrame = field(repr=False)
    knee_rate: float | None
    scalability: ScalabilityFit | None


def find_saturation(
    messages: pd.DataFrame, stages: pd.DataFrame | None = None, *, factor: float = LATENCY_FACTOR
) -> Saturation:
    """Apply the rule to the table `messages`.

    Args:
        messages: the table `messages`.
        stages: what `stage_table` made of it, which knows the invalid stages; they do not count.
        factor: how many times the smallest p99 of all stages a p99 may be; `LATENCY_FLOOR_S` is always allowed.
    """
    stages = stage_table(messages) if stages is None else stages
    backlog = stage_backlog(messages)
    checks = check_stages(messages, stages, backlog, factor)
    valid = checks[checks["valid"]]
    passed = valid[valid["passed"]]
    usable = stages[stages["valid"]].merge(backlog[["stage", "mean_in_system"]], on="stage")
    opinions: dict[str, Any] = {
        "checks": checks,
        "knee_rate": knee(usable["offered_rate"], usable["completed_rate"]),
        "scalability": fit_scalability(usable["mean_in_system"], usable["completed_rate"]),
    }
    if valid.empty:
        reason = _why_void(stages, "in each of them the sender itself was the bottleneck")
        why = f"No stage counts: {reason}." if len(checks) else "No stages."
        return Saturation(None, None, False, why, **opinions)
    if passed.empty:
        first = valid.sort_values("offered_rate", kind="stable").iloc[0]
        why = f"No stage passed, not even the lowest one: at {_rate(first)} {first['failed_on']}."
        return Saturation(None, None, True, why, **opinions)
    best = passed.loc[passed["offered_rate"].idxmax()]
    above = valid[valid["offered_rate"] > best["offered_rate"]].sort_values("offered_rate", kind="stable")
    if above.empty:
        why = f"Not reached: {_rate(best)}, the highest rate that was offered, still passed."
        higher = stages[stages["offered_rate"] > best["offered_rate"]]
        if len(higher):
            reason = _why_void(higher, "the sender itself lagged")
            why = f"Not reached: {_rate(best)} still passed, and above it no stage counts: {reason}."
    else:
        failed = above.iloc[0]
        why = f"{_rate(best)} is the highest rate that passed; at {_rate(failed)} {failed['failed_on']}."
    return Saturation(float(best["offered_rate"]), int(best["stage"]), not above.empty, why, **opinions)


def check_stages(messages: pd.DataFrame, stages: pd.DataFrame, backlog: pd.DataFrame, factor: float) -> pd.DataFrame:
    """What the rule says of each stage; columns as in `Saturation.checks`.

    `completed_ratio` is the share of the stage's messages that succeeded before its end or shortly after: the last
    ones may take as long as the limit on the latency. `growth` is by how many messages the backlog grew in all;
    a few messages are no trend, whatever the rate.
    """
    checks = stages[["stage", "offered_rate", "valid", "end_to_end_p99_s"]].merge(
        backlog[["stage", "seconds", "slope"]], on="stage"
    )
    baseline = checks.loc[checks["valid"], "end_to_end_p99_s"].min()
    limit = max(factor * baseline, LATENCY_FLOOR_S) if np.isfinite(baseline) else np.nan
    windows = stage_windows(messages).set_index("stage")
    late = seconds_between(messages["stage"].map(windows["end"]), messages["finished"])
    in_time = (messages["status"] == "SUCCEEDED") & (late <= limit)
    checks["completed_ratio"] = checks["stage"].map(in_time.groupby(messages["stage"]).mean()).astype(float)
    checks["growth"] = checks["slope"] * checks["seconds"]
    checks["limit_s"] = limit
    checks["failed_on"] = [_failures(row, baseline, factor) for row in checks.to_dict("records")]
    checks["passed"] = checks["failed_on"] == ""
    columns = "stage offered_rate valid completed_ratio slope growth end_to_end_p99_s limit_s passed failed_on"
    return checks[columns.split()]


def _failures(check: dict[str, Any], baseline: float, factor: float) -> str:
    """What a stage failed on, in words; empty if it passed."""
    found = []
    if not check["completed_ratio"] >= COMPLETED_RATIO:
        found.append(f"only {_percent(check['completed_ratio'])} of the messages were completed in time")
    offered = check["offered_rate"] * check["seconds"]
    if not check["growth"] <= max(GROWTH_RATIO * offered, GROWTH_MESSAGES):
        found.append(f"the backlog grew by {check['slope']:.1f} messages a second")
    p99 = check["end_to_end_p99_s"]
    if np.isnan(p99):
        found.append("nothing finished")
    elif p99 > check["limit_s"]:
        allowed = f"{factor:g} times" if check["limit_s"] > LATENCY_FLOOR_S else f"{LATENCY_FLOOR_S:g} s"
        found.append(
            f"p99 was {p99:.2f} s, {p99 / baseline:.1f} times the {baseline:.2f} s of the calmest stage "
            f"(at most {allowed})"
        )
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def _why_void(stages: pd.DataFrame, otherwise: str) -> str:
    """Why these stages, all of them void, do not count, where they say so themselves."""
    told = dict.fromkeys(filter(None, stages["invalid_reason"])) if "invalid_reason" in stages else ()
    return "; ".join(list(told)[:2]) or otherwise


def _percent(ratio: float) -> str:
    # Rounded down: 98.97 % must not read as the 99 % that would have passed.
    return f"{np.floor(ratio * 1000) / 10:g} %"


def _rate(stage: pd.Series) -> str:
    return f"{stage['offered_rate']:.3g} messages/s"


def knee(offered: pd.Series, completed: pd.Series) -> float | None:
    """The offered rate at which the throughput curve bends, by Kneedle (Satopää et al., 2011); None if it does not."""
    curve = pd.DataFrame({"x": offered.to_numpy(float), "y": completed.to_numpy(float)}).dropna()
    curve = curve.groupby("x", as_index=False)["y"].mean()
    if len(curve) < 3:
        return None
    from kneed import KneeLocator  # half a second of imports, for few of those who import this module

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = KneeLocator(
                curve["x"].to_numpy(), curve["y"].to_numpy(), curve="concave", direction="increasing"
            ).knee
    except (ValueError, IndexError, ZeroDivisionError, FloatingPointError):
        return None
    return None if found is None else float(found)


def fit_scalability(concurrency: pd.Series, throughput: pd.Series) -> ScalabilityFit | None:
    """The Universal Scalability Law (Gunther, 2007) through these points, by least squares; None if they allow none.

    Args:
        concurrency: mean number of messages in the system, one value a stage.
        throughput: completions a second.
    """
    n, x = concurrency.to_numpy(float), throughput.to_numpy(float)
    usable = np.isfinite(n) & np.isfinite(x) & (n > 0) & (x > 0)
    n, x = n[usable], x[usable]
    if len(np.unique(n)) < 4:
        return None
    from scipy.optimize import OptimizeWarning, curve_fit  # as in knee()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            (one, sigma, kappa), _ = curve_fit(
                _scalability, n, x, p0=(float((x / n).max()), 0.1, 1e-3), bounds=(0.0, [np.inf, np.inf, np.inf])
            )
    except (RuntimeError, ValueError):
        return None
    peak = float(np.sqrt((1 - sigma) / kappa)) if kappa > 1e-9 and sigma < 1 else float("inf")
    if np.isfinite(peak):
        peak = max(peak, 1.0)
        peak_rate = float(_scalability(np.array(peak), one, sigma, kappa))
    else:
        # With σ of 1 or more, one message in the system is as fast as it gets.
        peak_rate = float(one / sigma) if sigma > 1e-9 else float("inf")
    return ScalabilityFit(float(one), float(sigma), float(kappa), peak, peak_rate)


def _scalability(n: np.ndarray, one: float, sigma: float, kappa: float) -> np.ndarray:
    return one * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))
