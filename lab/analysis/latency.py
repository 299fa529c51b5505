"""How long messages take: the table `messages`, percentiles, stages.

Latency is counted from the time at which a message was *planned* to leave (`end_to_end_s`). Counted from the time at
which it did leave (`naive_s`), a sender that was held up hides the very delay that its users would have felt; wrk2
calls that coordinated omission and corrects it the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "max": 1.0}
LATENCIES = ("queue_wait_s", "start_delay_s", "duration_s", "end_to_end_s", "naive_s")
_STAGE_COLUMNS = (
    *("offered_rate", "achieved_rate", "send_lag_p99_s", "sent", "completed"),
    *("duration_p50_s", "duration_p99_s", "end_to_end_p99_s", "valid"),
    *("stage", "seconds", "start_s", "end_s", "planned", "dropped", "failed", "invalid_reason", "completed_rate"),
)
_SERVICES = ("sent", "first_received", "started", "finished")
_BEST_FIRST = {"SUCCEEDED": 0, "FAILED": 1, "TIMED_OUT": 1, "ABORTED": 1}


def seconds_between(start: pd.Series, end: pd.Series) -> pd.Series:
    """end − start as float seconds; NaN where one is missing."""
    return (end - start).dt.total_seconds().astype(float)


def owners(sends: pd.DataFrame, lab_ids: Iterable[Any], message_ids: Iterable[Any]) -> list[str | None]:
    """For each thing seen, the `lab_id` of the message in `sends` that it belongs to; None if there is none.

    A body that carries a `lab_id` says so itself. A plain one is known by its SQS message id, if the answer to the
    send told it.
    """
    known = set(sends["lab_id"])
    by_message = {
        message_id: lab_id
        for message_id, lab_id in zip(sends["message_id"], sends["lab_id"], strict=True)
        if isinstance(message_id, str)
    }
    return [
        lab_id if lab_id in known else by_message.get(message_id)
        for lab_id, message_id in zip(lab_ids, message_ids, strict=True)
    ]


def join_messages(
    sends: pd.DataFrame,
    received: pd.DataFrame,
    executions: pd.DataFrame,
    ahead_s: Mapping[int, float] | None = None,
) -> pd.DataFrame:
    """The table `messages`: one row a planned message, with all that is known of its way.

    A message that ran more than once counts with the execution that succeeded first; if none did, with the one that
    ended first. The sender's instants come from the host's clock, all others from the service's; these are moved onto
    the host's, which is the one that nobody sets during a run.

    Args:
        sends, received, executions: tables as ARCHITECTURE.md describes them.
        ahead_s: by how many seconds the host's clock is ahead of the service's, for each stage, see
            `lab.analysis.clocks`; where it says nothing they are taken to agree.

    Returns:
        The rows and columns of `sends`, in their order, and the columns that ARCHITECTURE.md lists for `messages`.
    """
    ran = executions.assign(
        owner=pd.Series(owners(sends, executions["lab_id"], executions["name"]), index=executions.index, dtype=object),
        grade=executions["status"].map(_BEST_FIRST).fillna(2),
    ).dropna(subset=["owner"])
    chosen = ran.sort_values(["grade", "finished", "started"], kind="stable", na_position="last")
    chosen = chosen.drop_duplicates("owner").set_index("owner")

    seen = received.assign(
        owner=pd.Series(owners(sends, received["lab_id"], received["message_id"]), index=received.index, dtype=object)
    ).dropna(subset=["owner"])
    # The record that started the chosen execution, else one that started any, else the first one.
    started_it = seen["execution_arn"] == seen["owner"].map(chosen["execution_arn"])
    seen = seen.assign(grade=np.where(started_it, 0, np.where(seen["execution_arn"].notna(), 1, 2)))
    seen = seen.sort_values("grade", kind="stable").drop_duplicates("owner").set_index("owner")

    messages = sends.reset_index(drop=True)
    for column in ("sent", "first_received"):
        messages[column] = _look_up(seen[column], messages["lab_id"])
    for column in ("execution_arn", "started", "finished", "status"):
        messages[column] = _look_up(chosen[column], messages["lab_id"])
    ahead = messages["stage"].map(dict(ahead_s or {})).astype(float).fillna(0.0)
    if ahead.any():
        for column in _SERVICES:
            messages[column] = messages[column] + pd.to_timedelta(ahead, unit="s")
    messages["send_lag_s"] = seconds_between(messages["t_planned"], messages["t_sent"])
    messages["queue_wait_s"] = seconds_between(messages["sent"], messages["first_received"])
    messages["start_delay_s"] = seconds_between(messages["first_received"], messages["started"])
    messages["duration_s"] = seconds_between(messages["started"], messages["finished"])
    messages["end_to_end_s"] = seconds_between(messages["t_planned"], messages["finished"])
    messages["naive_s"] = seconds_between(messages["t_sent"], messages["finished"])
    return messages


def _look_up(values: pd.Series, keys: pd.Series) -> pd.Series:
    found = values.reindex(pd.Index(keys, dtype=object))
    if found.dtype == object:
        found = found.where(found.notna(), None)
    return found.reset_index(drop=True)


def quantile(values: pd.Series | np.ndarray, share: float) -> float:
    """The exact quantile by nearest rank: the smallest value that at least `share` of all values do not exceed.

    NumPy calls it `inverted_cdf` (definition 1 of Hyndman & Fan, 1996). It always is a value that occurred, and p99 of
    fewer than 100 values is their maximum. Missing values do not count; NaN if there are no others.
    """
    present = np.asarray(values, dtype=float)
    present = present[~np.isnan(present)]
    return float(np.quantile(present, share, method="inverted_cdf")) if present.size else float("nan")


def quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """p50 to maximum of each column, one row a column."""
    return pd.DataFrame({name: frame.apply(quantile, share=share) for name, share in QUANTILES.items()})


def percentiles(frame: pd.DataFrame, column: str, by: str | list[str] = "stage") -> pd.DataFrame:
    """Exact percentiles of a column for each group.

    Args:
        frame: any table with the columns `column` and `by`.
        column: what to summarise, such as `end_to_end_s`.
        by: one column or several to group by.

    Returns:
        One row a group: the column(s) `by`, `count` (values present) and, for `end_to_end_s`, `end_to_end_p50_s`,
        `end_to_end_p90_s`, `end_to_end_p99_s`, `end_to_end_max_s`. What has no value, such as the latency of a message
        that never finished, is not in the percentiles: read them beside the number of messages sent.
    """
    keys = [by] if isinstance(by, str) else by
    stem, unit = (column[:-2], "_s") if column.endswith("_s") else (column, "")
    names = {f"{stem}_{name}{unit}": share for name, share in QUANTILES.items()}
    rows = []
    for key, values in frame.groupby(keys, sort=True)[column]:
        row: dict[str, Any] = dict(zip(keys, key, strict=True))
        row["count"] = int(values.notna().sum())
        rows.append(row | {name: quantile(values, share) for name, share in names.items()})
    return pd.DataFrame(rows, columns=[*keys, "count", *names])


def corrected_and_naive(messages: pd.DataFrame, by: str = "stage") -> pd.DataFrame:
    """Percentiles counted from the planned send time and from the actual one, side by side.

    One row a group: `by`, `count`, `end_to_end_p50_s` … `end_to_end_max_s`, `naive_p50_s` … `naive_max_s`.
    """
    naive = percentiles(messages, "naive_s", by).drop(columns="count")
    return percentiles(messages, "end_to_end_s", by).merge(naive, on=by)


def state_durations(states: pd.DataFrame, messages: pd.DataFrame, by: str = "offered_rate") -> pd.DataFrame:
    """How long each state takes, for each stage or rate.

    One row a group and state, in the order in which the states are entered: `by`, `state`, `count`, `duration_s` (the
    mean), `duration_p50_s` … `duration_max_s`. Means can be stacked, for they add up; percentiles cannot.
    """
    visits = states.merge(messages[["execution_arn", by]].dropna(subset=["execution_arn"]), on="execution_arn")
    table = percentiles(visits, "duration_s", [by, "state"])
    if visits.empty:
        return table.drop(columns="count").assign(count=0, duration_s=0.0)
    means = visits.groupby([by, "state"], as_index=False)["duration_s"].mean()
    order = {state: place for place, state in enumerate(states["state"].drop_duplicates())}
    table = table.merge(means, on=[by, "state"])
    table = table.assign(place=table["state"].map(order)).sort_values([by, "place"], ignore_index=True)
    return table.drop(columns="place")


def stage_windows(messages: pd.DataFrame) -> pd.DataFrame:
    """When each stage was: `stage`, `offered_rate` (mean), `start`, `end`, `seconds`, `planned` (messages).

    A stage starts with its first planned message and ends one mean interval after its last one, or when the next
    stage starts, whichever is earlier.
    """
    grouped = messages.groupby("stage", sort=True)
    windows = pd.DataFrame(
        {
            "offered_rate": grouped["offered_rate"].mean().astype(float),
            "start": grouped["t_planned"].min(),
            "end": grouped["t_planned"].max(),
            "planned": grouped.size(),
        }
    ).reset_index()
    windows["end"] = windows["end"] + pd.to_timedelta(1 / windows["offered_rate"], unit="s")
    following = windows["start"].sort_values().shift(-1).sort_index()  # a stage that was repeated came last
    windows["end"] = windows["end"].where(following.isna() | (following > windows["end"]), following)
    windows["seconds"] = seconds_between(windows["start"], windows["end"])
    return windows[["stage", "offered_rate", "start", "end", "seconds", "planned"]]


def stage_table(messages: pd.DataFrame, sender_stages: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a stage: what was asked for, what was sent, what came out and how long it took.

    Args:
        messages: the table `messages`.
        sender_stages: the sender's own account of its stages (`SendResult.stages`); it knows which ones are void
            because the sender itself lagged. Without it every stage is valid.

    Returns:
        First the columns of `stages` in `summary.json`: `offered_rate`, `achieved_rate` (messages that left, a second),
        `send_lag_p99_s`, `sent` (messages that left), `completed` (of these, how many succeeded, sooner or later),
        `duration_p50_s`, `duration_p99_s`, `end_to_end_p99_s`, `valid`; then `stage`, `seconds`, `start_s`, `end_s`
        (since the first planned message), `planned`, `dropped`, `failed`, `invalid_reason`, `completed_rate`
        (executions of whatever stage that ended during this one, a second), and p50, p90, p99 and maximum of every
        latency (`end_to_end_p50_s` …).
    """
    origin = messages["t_planned"].min()
    finished = messages["finished"].dropna().sort_values()
    rows = []
    for window in stage_windows(messages).itertuples():
        own = messages[messages["stage"] == window.stage]
        left = own[own["t_sent"].notna()]
        # A sender that falls behind needs longer than the stage lasts; its rate is over that longer time.
        needed_s = (left["t_sent"].max() - window.start).total_seconds() if len(left) else 0.0
        ended = int(((finished >= window.start) & (finished < window.end)).sum())
        rows.append(
            {
                "offered_rate": float(window.offered_rate),
                "achieved_rate": len(left) / max(window.seconds, needed_s),
                "send_lag_p99_s": quantile(left["send_lag_s"], 0.99),
                "sent": len(left),
                "completed": int((own["status"] == "SUCCEEDED").sum()),
                "duration_p50_s": quantile(own["duration_s"], 0.50),
                "duration_p99_s": quantile(own["duration_s"], 0.99),
                "end_to_end_p99_s": quantile(own["end_to_end_s"], 0.99),
                "valid": True,
                "stage": int(window.stage),
                "seconds": float(window.seconds),
                "start_s": (window.start - origin).total_seconds(),
                "end_s": (window.end - origin).total_seconds(),
                "planned": int(window.planned),
                "dropped": int((own["outcome"] == "dropped").sum()),
                "failed": int(own["status"].isin(["FAILED", "TIMED_OUT", "ABORTED"]).sum()),
                "invalid_reason": "",
                "completed_rate": ended / window.seconds,
            }
        )
    table = pd.DataFrame(rows, columns=list(_STAGE_COLUMNS))
    for column in LATENCIES:
        measured = percentiles(messages, column).drop(columns="count")
        table = table.merge(measured[["stage", *(name for name in measured if name not in table)]], on="stage")
    return table if sender_stages is None else _as_the_sender_saw_it(table, sender_stages)


def _as_the_sender_saw_it(table: pd.DataFrame, sender_stages: pd.DataFrame) -> pd.DataFrame:
    told = sender_stages.set_index("stage").reindex(table["stage"])
    valid = told["valid"].map(lambda value: True if pd.isna(value) else bool(value)).to_numpy(dtype=bool)
    reason = told["reason"].fillna("").to_numpy(dtype=object) if "reason" in told else ""
    table = table.assign(valid=valid, invalid_reason=np.where(valid, "", reason))
    if "achieved_rate" in told:
        known = told["achieved_rate"].to_numpy(dtype=float)
        table["achieved_rate"] = np.where(np.isnan(known), table["achieved_rate"], known)
    return table
