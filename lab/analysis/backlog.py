"""How many messages are under way: backlog over time, its slope, and Little's law.

A message is *in the system* from the moment it left the sender until its execution ended, and *in the queue* from the
moment SQS had it until it was first received. One that never ended stays in the system, for that is what was seen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.analysis.latency import stage_windows

_SLOPE_POINTS = 400


def _seconds(instants: pd.Series, origin: pd.Timestamp) -> np.ndarray:
    """Seconds after `origin`; +inf where missing: it has not happened yet."""
    return np.asarray((instants - origin).dt.total_seconds().fillna(np.inf), dtype=float)


def entered_system(messages: pd.DataFrame) -> pd.DataFrame:
    """The messages that count as sent: those that left, and were not refused for good."""
    return messages[messages["t_sent"].notna() & (messages["outcome"] != "refused")]


def count_under_way(arrivals: np.ndarray, departures: np.ndarray, instants: np.ndarray) -> np.ndarray:
    """How many have arrived and not departed at each instant (at the very instant of a departure: gone)."""
    # Clocks of different machines can make a message leave before it came; nobody waits minus once.
    departures = np.maximum(departures, arrivals)
    arrived = np.searchsorted(np.sort(arrivals), instants, side="right")
    departed = np.searchsorted(np.sort(departures), instants, side="right")
    return arrived - departed


def backlog_over_time(messages: pd.DataFrame, step_s: float = 0.1) -> pd.DataFrame:
    """The backlog every `step_s` seconds, from the first planned message until the last one ended.

    Returns:
        `time_s` (since the first planned message), `time` (UTC), `backlog` (messages in the system), `in_queue`.
    """
    columns = {"time_s": float, "time": "datetime64[ns, UTC]", "backlog": int, "in_queue": int}
    if messages.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    origin = messages["t_planned"].min()
    under_way = entered_system(messages)
    arrivals, departures = _seconds(under_way["t_sent"], origin), _seconds(under_way["finished"], origin)
    # Without a record of start_execution, SQS's own time is not known; the answer to the send is just after it.
    queued = under_way["sent"].fillna(under_way["t_acked"]).fillna(under_way["t_sent"])
    # An execution that was seen has left the queue even if the record of its receipt is missing.
    received = under_way["first_received"].fillna(under_way["started"])
    enqueued, dequeued = _seconds(queued, origin), _seconds(received, origin)
    last = max((values[np.isfinite(values)].max(initial=0.0) for values in (arrivals, departures)), default=0.0)
    planned = float((messages["t_planned"].max() - origin).total_seconds())
    instants = np.arange(0.0, max(last, planned) + step_s, step_s)
    return pd.DataFrame(
        {
            "time_s": instants,
            "time": origin + pd.to_timedelta(instants, unit="s"),
            "backlog": count_under_way(arrivals, departures, instants),
            "in_queue": count_under_way(enqueued, dequeued, instants),
        }
    ).astype({"time": columns["time"]})


def stage_backlog(messages: pd.DataFrame) -> pd.DataFrame:
    """Backlog and Little's law for each stage.

    Little's law says that the mean number in the system is the rate at which messages arrive times the mean time that
    they stay, L = λ·W (Little, 1961). It holds whatever the distributions are, but for a system that neither fills
    nor empties: while a backlog builds up, the messages of a stage stay far longer than the stage lasts, and λ·W runs
    ahead of L.

    Returns:
        One row a stage: `stage`, `offered_rate`, `seconds`, `slope` (messages a second by which the number in the
        system grows, least squares over the stage), `arrival_rate` (λ, a second), `mean_time_s` (W, of the messages
        that arrived during the stage), `mean_in_system` (L, exact time average), `little_in_system` (λ·W) and
        `deviation` (λ·W / L − 1; NaN while something is unknown).
    """
    under_way = entered_system(messages)
    rows = []
    for window in stage_windows(messages).itertuples():
        arrivals = _seconds(under_way["t_sent"], window.start)
        departures = _seconds(under_way["finished"], window.start)
        rows.append(
            {
                "stage": int(window.stage),
                "offered_rate": float(window.offered_rate),
                "seconds": float(window.seconds),
                "slope": slope(arrivals, departures, window.seconds),
                **littles_law(arrivals, departures, window.seconds),
            }
        )
    return pd.DataFrame(rows)


def slope(arrivals: np.ndarray, departures: np.ndarray, seconds: float) -> float:
    """By how many messages a second the number in the system grows between 0 and `seconds`, by least squares."""
    instants = np.linspace(0.0, seconds, _SLOPE_POINTS)
    under_way = count_under_way(arrivals, departures, instants)
    from_middle = instants - instants.mean()
    return float((from_middle * under_way).sum() / (from_middle**2).sum()) if seconds > 0 else float("nan")


def littles_law(arrivals: np.ndarray, departures: np.ndarray, seconds: float) -> dict[str, float]:
    """L, λ, W and their deviation between 0 and `seconds` (times in seconds; +inf for what has not happened)."""
    stays = np.clip(np.minimum(departures, seconds) - np.maximum(arrivals, 0.0), 0.0, None)
    mean_in_system = float(stays.sum() / seconds) if seconds > 0 else float("nan")
    within = (arrivals >= 0.0) & (arrivals < seconds)
    rate = float(within.sum() / seconds) if seconds > 0 else float("nan")
    times = (departures - arrivals)[within]
    mean_time = float(times.mean()) if times.size and np.isfinite(times).all() else float("nan")
    expected = rate * mean_time
    return {
        "arrival_rate": rate,
        "mean_time_s": mean_time,
        "mean_in_system": mean_in_system,
        "little_in_system": expected,
        "deviation": expected / mean_in_system - 1 if mean_in_system > 0 else float("nan"),
    }
