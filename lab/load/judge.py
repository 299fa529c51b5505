"""Whether a stage counts: did the sender keep to the plan, and if not, was it the sender's own fault?

A message leaves late for one of two reasons. Either every sender thread was waiting for an answer when it was due:
then the endpoint (or its network) is saturated, which is a finding. Or the thread that took it had been idle and was
late all the same: then the sender lagged, what was offered is not what was planned, and the stage is void.

So of a message's send lag the sender's own part is t_sent - max(t_planned, the moment the thread became free).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lab.load.plan import Plan
from lab.load.sends import SendRow

SEND_LAG_LIMIT_S = 0.010
OWN_CPU_LIMIT = 0.90

# What ``error`` says of a message that was never sent.
TOO_LATE = "TooLate"
STOPPED = "Stopped"


@dataclass
class Trace:
    """What the sender did besides its rows. Times are nanoseconds since 1970 UTC.

    Attributes:
        start_ns: when the plan began.
        threads: how many sender threads there were.
        own_cpu: pairs of a time and the CPU seconds that this process had used by then.
    """

    start_ns: int
    threads: int
    own_cpu: list[tuple[int, float]] = field(default_factory=list)


def stage_table(plan: Plan, rows: Sequence[SendRow], trace: Trace) -> pd.DataFrame:
    """One row a stage.

    Columns: ``stage``; ``offered_rate`` (messages/s); ``seconds``; ``planned``, ``sent``, ``acked``, ``unknown``,
    ``refused``, ``dropped`` (messages); ``achieved_rate`` (messages that left within the stage, over its length);
    ``send_lag_p50_s``, ``send_lag_p99_s``, ``send_lag_max_s`` (of messages that left; NaN if none did);
    ``own_lag_p99_s`` (the part that is the sender's own, of messages that left or were dropped as too late);
    ``retries``, ``throttles`` (messages tried again, told to slow down, each time counted); ``own_cpu`` (CPU seconds of
    this process per second: 1.0 is one core, which is all that Python threads can use); ``endpoint_saturated``;
    ``valid``; ``reason`` (why it is void, or that the endpoint was saturated; else empty).

    Quantiles are observed values: the smallest that at least 99 of 100 messages did not exceed.
    """
    numbers = plan.stage_numbers
    planned_s = _seconds([row.planned_ns for row in rows], trace)
    sent_s = _seconds([row.sent_ns for row in rows], trace)
    lag_s = sent_s - planned_s
    too_late = np.array([row.error == TOO_LATE for row in rows])
    free_s = _seconds([row.free_ns for row in rows], trace)
    left_s = np.where(too_late, _seconds([row.taken_ns for row in rows], trace), sent_s)
    own_lag_s = left_s - np.fmax(planned_s, free_s)
    outcomes = np.array([row.outcome for row in rows], dtype=object)
    stopped = np.array([row.error == STOPPED for row in rows])
    records = []
    for number, stage in enumerate(plan.stages):
        start, end = plan.stage_starts_s[number : number + 2]
        mine = numbers == number
        # A message is not late before the limit; else the last one of a stage would fall out of it at the first breath.
        in_time = mine & (sent_s < end + SEND_LAG_LIMIT_S)
        lag_p50, lag_p99, lag_max = _quantiles(lag_s[mine], (0.5, 0.99, 1.0))
        (own_lag_p99,) = _quantiles(own_lag_s[mine], (0.99,))
        own_cpu = _cpu_share(start, end, trace)
        reason = _why_void(int(stopped[mine].sum()), stage.messages, own_lag_p99, own_cpu)
        saturated = bool(lag_p99 > SEND_LAG_LIMIT_S or too_late[mine].any()) and not own_lag_p99 > SEND_LAG_LIMIT_S
        late = f"all {trace.threads} sender threads were waiting for answers" if saturated else ""
        records.append(
            {
                "stage": number,
                "offered_rate": float(stage.rate),
                "seconds": float(stage.duration_s),
                "planned": stage.messages,
                "sent": int(np.isfinite(sent_s[mine]).sum()),
                **{name: int((outcomes[mine] == name).sum()) for name in ("acked", "unknown", "refused", "dropped")},
                "achieved_rate": float(in_time.sum() / stage.duration_s),
                "send_lag_p50_s": lag_p50,
                "send_lag_p99_s": lag_p99,
                "send_lag_max_s": lag_max,
                "own_lag_p99_s": own_lag_p99,
                "retries": sum(row.retries for row, its in zip(rows, mine, strict=True) if its),
                "throttles": sum(row.throttles for row, its in zip(rows, mine, strict=True) if its),
                "own_cpu": own_cpu,
                "endpoint_saturated": saturated,
                "valid": not reason,
                "reason": reason or (f"endpoint saturated: {late}" if saturated else ""),
            }
        )
    return pd.DataFrame(records)


def _why_void(stopped: int, planned: int, own_lag_p99_s: float, own_cpu: float) -> str:
    reasons = []
    if stopped:
        reasons.append(f"stopped early: {stopped} of {planned} messages were not sent")
    if own_lag_p99_s > SEND_LAG_LIMIT_S:
        reasons.append(
            f"the sender lagged: p99 {own_lag_p99_s * 1000:.1f} ms late with threads idle "
            f"(limit {SEND_LAG_LIMIT_S * 1000:.0f} ms)"
        )
    if own_cpu > OWN_CPU_LIMIT:
        reasons.append(f"the sender itself was busy: {own_cpu:.0%} of a core (limit {OWN_CPU_LIMIT:.0%})")
    return "; ".join(reasons)


def _seconds(times_ns: Sequence[int | None], trace: Trace) -> np.ndarray:
    """Seconds since the plan began, NaN where there is no time."""
    return np.array([np.nan if time is None else (time - trace.start_ns) / 1e9 for time in times_ns], dtype="float64")


def _quantiles(values: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return [float("nan")] * len(shares)
    return np.quantile(known, shares, method="inverted_cdf").tolist()


def _cpu_share(start_s: float, end_s: float, trace: Trace) -> float:
    """CPU seconds per second of the process between two times of the plan; NaN when nothing was sampled."""
    if not trace.own_cpu:
        return float("nan")
    times = _seconds([time for time, _ in trace.own_cpu], trace)
    used = np.array([cpu for _, cpu in trace.own_cpu])
    begin, end = np.clip([start_s, end_s], times[0], times[-1])
    if end <= begin:
        return 0.0
    before, after = np.interp([begin, end], times, used)
    return float((after - before) / (end - begin))
