"""Tables for the tests of `lab.analysis`: messages that leave, wait for servers and finish, computed exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from lab.analysis.latency import join_messages

ORIGIN = pd.Timestamp("2026-03-01T10:00:00Z").as_unit("ns")
RECEIVED = "message_id lab_id sent first_received started_at execution_arn error request_id".split()


def instants(seconds: Sequence[float] | np.ndarray) -> pd.Series:
    """Seconds after ORIGIN as instants; NaN gives NaT."""
    return pd.Series(ORIGIN + pd.to_timedelta(np.asarray(seconds, dtype=float), unit="s"))


def text(values: Sequence[str | None]) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def sends(
    planned: Sequence[float], *, lag: float = 0.0, stages: Sequence[int] | None = None, rate: float = 1.0
) -> pd.DataFrame:
    """The table `sends`: everything acknowledged 5 ms after it left, `lag` seconds late."""
    count = len(planned)
    times = np.asarray(planned, dtype=float)
    return pd.DataFrame(
        {
            "lab_id": text([f"r-{number}" for number in range(count)]),
            "stage": pd.Series([0] * count if stages is None else list(stages), dtype=np.int64),
            "offered_rate": rate,
            "t_planned": instants(times),
            "t_sent": instants(times + lag),
            "t_acked": instants(times + lag + 0.005),
            "message_id": text([f"sqs-{number}" for number in range(count)]),
            "attempts": 1,
            "outcome": text(["acked"] * count),
            "error": text([None] * count),
        }
    )


def executions(
    numbers: Sequence[int],
    started: Sequence[float],
    finished: Sequence[float],
    status: Sequence[str] | str = "SUCCEEDED",
    *,
    plain: bool = False,
    run: int = 0,
) -> pd.DataFrame:
    """The table `executions` of messages `r-<number>`."""
    count = len(numbers)
    begin, end = instants(started), instants(finished)
    return pd.DataFrame(
        {
            "execution_arn": text([f"arn-{number}-{run}" for number in numbers]),
            "name": text([f"sqs-{number}" for number in numbers]),
            "lab_id": text([None if plain else f"r-{number}" for number in numbers]),
            "started": begin,
            "finished": end,
            "duration_s": (end - begin).dt.total_seconds(),
            "status": text([status] * count if isinstance(status, str) else status),
            "output": text([None] * count),
        }
    )


def received(
    numbers: Sequence[int], sent: Sequence[float], first: Sequence[float], *, run: int | None = 0, plain: bool = False
) -> pd.DataFrame:
    """The table `received`; `run` None stands for a try that failed."""
    count = len(numbers)
    return pd.DataFrame(
        {
            "message_id": text([f"sqs-{number}" for number in numbers]),
            "lab_id": text([None if plain else f"r-{number}" for number in numbers]),
            "sent": instants(sent),
            "first_received": instants(first),
            "started_at": instants(first),
            "execution_arn": text([None if run is None else f"arn-{number}-{run}" for number in numbers]),
            "error": text(["Broken" if run is None else None] * count),
            "request_id": text(["request"] * count),
        }
    )


def run_through(
    rates: Sequence[float],
    *,
    seconds: float = 10.0,
    capacity: float = 20.0,
    work_s: float = 0.05,
    lose: Callable[[int, int], bool] = lambda stage, number: False,
    jitter: np.random.Generator | None = None,
) -> pd.DataFrame:
    """The table `messages` of a staircase through one server that starts at most `capacity` messages a second."""
    stages, planned, offered = [], [], []
    begin = 0.0
    for stage, rate in enumerate(rates):
        for number in range(round(rate * seconds)):
            stages.append(stage)
            offered.append(float(rate))
            planned.append(begin + number / rate)
        begin += seconds
    free = 0.0
    started, finished = [], []
    for stage, time in zip(stages, planned, strict=True):
        start = max(free, time + 0.01)
        free = start + (1 / capacity if jitter is None else float(jitter.gamma(4, 1 / capacity / 4)))
        started.append(start)
        finished.append(np.nan if lose(stage, len(started)) else free + work_s)
    numbers = list(range(len(planned)))
    sent = sends(planned, lag=0.001, stages=stages)
    sent["offered_rate"] = offered
    status = ["RUNNING" if np.isnan(end) else "SUCCEEDED" for end in finished]
    queued = np.asarray(planned) + 0.002
    return join_messages(sent, received(numbers, queued, started), executions(numbers, started, finished, status))
