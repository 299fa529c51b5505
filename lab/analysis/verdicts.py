"""What each stage of a search showed, and what all of them together say of the knee.

The rule is that of `lab.analysis.saturation`. A stage whose sender lagged is void by it. A search on a busy machine
would never end if such a stage said nothing at all, and often it does say something: a system that carried what came
late and bunched carries it on time, too; and one that was seconds late did not get that from a lag of milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from lab.analysis.backlog import stage_backlog
from lab.analysis.saturation import (
    GROWTH_MESSAGES,
    GROWTH_RATIO,
    LATENCY_FACTOR,
    LATENCY_FLOOR_S,
    Saturation,
    check_stages,
)
from lab.analysis.search import Found, Verdict, rate_at

# Late messages leave in a bunch: the last of them waits for the others once more.
_LAG_COUNTS = 2.0


def stage_verdicts(messages: pd.DataFrame, stages: pd.DataFrame, *, factor: float = LATENCY_FACTOR) -> pd.DataFrame:
    """What each stage showed.

    Args:
        messages: the table `messages`, with a number of its own for each stage.
        stages: what `stage_table` made of it.
        factor: see `find_saturation`.

    Returns:
        One row a stage: `stage`, `offered_rate`, `verdict` and `leaning` as in `lab.analysis.search.Trial`, `why` (what
        it failed on, in words; for a void stage why it is void), `shown` (what a void stage failed on all the same),
        `lag_s` (by how much the sender was late at most),
        `sender_late` (whether that is why it is void), `end_to_end_p99_s`.
    """
    backlog = stage_backlog(messages)
    strict = check_stages(messages, stages, backlog, factor).set_index("stage")
    # Were the sender never late, every stage would count.
    lenient = check_stages(messages, stages.assign(valid=True), backlog, factor).set_index("stage")
    lag_s = messages.groupby("stage")["send_lag_s"].max()
    rows = []
    for stage in stages.to_dict("records"):
        number = stage["stage"]
        check = strict.loc[number] if stage["valid"] else lenient.loc[number]
        late_s = float(lag_s.get(number, np.nan))
        outcome: Verdict = "passed" if check["passed"] else "failed"
        whole = stage["sent"] == stage["planned"] and np.isfinite(late_s) and np.isfinite(check["end_to_end_p99_s"])
        rows.append(
            {
                "stage": number,
                "offered_rate": float(stage["offered_rate"]),
                "verdict": outcome if stage["valid"] else "void",
                "leaning": _leaning(check, late_s) if whole and not stage["valid"] else "void",
                "why": check["failed_on"] if stage["valid"] else str(stage["invalid_reason"]),
                "shown": "" if stage["valid"] else check["failed_on"],
                "sender_late": not stage["valid"] and bool(whole),
                "lag_s": late_s,
                "end_to_end_p99_s": float(check["end_to_end_p99_s"]),
            }
        )
    return pd.DataFrame(rows)


def _leaning(check: pd.Series, lag_s: float) -> Verdict:
    """What a stage showed beyond what a sender that was late by so much explains."""
    if check["passed"]:
        return "passed"
    late = check["end_to_end_p99_s"] - _LAG_COUNTS * lag_s > check["limit_s"]
    seconds = check["growth"] / check["slope"] if check["slope"] else 0.0
    # On a busy machine a pause of the system is as likely as one of the sender: it is allowed what a latency is.
    allowed = max(GROWTH_RATIO * seconds, LATENCY_FLOOR_S + _LAG_COUNTS * lag_s) * check["offered_rate"]
    return "failed" if late or check["growth"] > max(allowed, GROWTH_MESSAGES) else "void"


def counting(verdicts: pd.DataFrame) -> list[int]:
    """For each rate the number of the one stage that stands for it: the first that showed what the rate's stages say.

    Args:
        verdicts: of `stage_verdicts`, with a column `judged`: what all stages of the rate say together.
    """
    order = verdicts.assign(
        odd=(verdicts["verdict"] != verdicts["judged"]).astype(int),
        odder=(verdicts["leaning"] != verdicts["judged"]).astype(int),
    )
    best = order.sort_values(["offered_rate", "odd", "odder", "stage"], kind="stable").drop_duplicates("offered_rate")
    return [int(stage) for stage in best["stage"]]


def concluded(saturation: Saturation, found: Found, standing: pd.DataFrame, ended: str) -> Saturation:
    """The saturation as the search found it.

    Args:
        saturation: of the stages that stand for their rates, for its table and its second opinions.
        found: what the search knows.
        standing: the rows of `stage_verdicts` that stand for their rates.
        ended: why the search is over, see `lab.analysis.search.Proposal`.
    """
    rows = {f"{row['offered_rate']:g}": row for row in standing.to_dict("records")}

    def at(step: int | None) -> Mapping[str, object]:
        return {} if step is None else rows[f"{rate_at(step):g}"]

    passed, failed, unknown = at(found.passed), at(found.failed), at(found.unknown)
    lowest, highest = f"{rate_at(found.passed):g} messages/s" if found.passed is not None else "", ""
    if failed:
        highest = f"at {failed['offered_rate']:g} messages/s {failed['shown'] or failed['why']}"
    if passed and failed:
        why = f"{lowest} is the highest rate that passed; {highest}."
    elif failed:
        why = f"No stage passed, not even the lowest one: {highest}."
    elif passed and unknown:
        why = f"Not reached: {lowest} still passed, and above it no stage counts: {unknown['why']}."
    elif passed:
        why = f"Not reached: {lowest}, the highest rate that was offered, still passed."
    else:
        why = f"No stage counts: {'; '.join(dict.fromkeys(standing['why']))}."
    if found.failed is not None and found.passed is not None and found.failed - found.passed > 1:
        why += (
            f" Between these two, at {unknown['offered_rate']:g} messages/s, no stage counts: {unknown['why']}."
            if unknown
            else " The time for the search was over before the rates between these two were tried."
        )
    why += "".join(_in_spite_of_the_sender(row) for row in (passed, failed) if row)
    return replace(
        saturation,
        rate=float(str(passed["offered_rate"])) if passed else None,
        stage=int(str(passed["stage"])) if passed else None,
        reached=bool(failed),
        reason=why if not (ended == "time" and not failed) else f"{why} The time for the search was over.",
    )


def _in_spite_of_the_sender(row: Mapping[str, object]) -> str:
    if row["verdict"] != "void":
        return ""
    lag_ms = float(str(row["lag_s"])) * 1000
    return (
        f" At {row['offered_rate']:g} messages/s the sender was late, too, by {lag_ms:,.0f} ms at most: "
        f"{'the system kept up all the same' if row['leaning'] == 'passed' else 'far too little to explain it'}."
    )
