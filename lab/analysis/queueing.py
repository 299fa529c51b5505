"""What theory says of a pipeline from its calm stages: how busy it is, how long messages wait, where it saturates.

The utilisation law (Denning & Buzen, 1978): a resource that works D seconds for each message and completes X of them a
second is busy for U = X·D of the time. No distribution is assumed, so D, measured while all is calm, says at which rate
the resource is full. M/M/c (Erlang, 1917) also says how long messages wait, and assumes much more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lab.analysis.aws_rules import Rules, Workload
from lab.analysis.backlog import stage_backlog
from lab.analysis.latency import stage_windows

CALM_SHARE = 0.6  # of the forecast: stages above it are not used for it
FEWEST_STAGES = 3
# One Python process does the work of one processor at most: its lock lets one thread at a time.
EMULATOR, SERVICE, ALL = "the emulator's process", "emulator and workers", "emulator, workers and sender"
PARTS = {EMULATOR: ("emulator",), SERVICE: ("emulator", "workers"), ALL: ("emulator", "workers", "lab")}
# What fills a queue is not at work while it empties.
_WITHOUT_SENDER = (EMULATOR, SERVICE)


@dataclass(frozen=True)
class Forecast:
    """Where the pipeline saturates, as its calm stages say.

    Attributes:
        rate: messages a second that it completes from a queue that is full; NaN where nothing can be said.
        sending_rate: the same while the sender works on the same machine.
        resources: one row a resource: ``resource``, ``idle`` (processors busy without any message), ``demand_s`` (of
            processor time for each message), ``limit`` (processors that it can have), ``rate`` (at which it is full).
        stages: numbers of the stages that it is made of.
        reason: why nothing can be said; empty otherwise.
    """

    rate: float
    sending_rate: float
    resources: pd.DataFrame = field(repr=False)
    stages: tuple[int, ...]
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return not self.reason

    @property
    def bottleneck(self) -> str:
        """The resource that is full first."""
        rows = self.resources[self.resources["resource"].isin(_WITHOUT_SENDER)]
        return "" if rows.empty else str(rows.loc[rows["rate"].idxmin(), "resource"])

    def demand_s(self, resource: str) -> float:
        """Seconds of processor time that a message takes of a resource."""
        found = self.resources.set_index("resource")["demand_s"]
        return float(found.get(resource, math.nan))


def busy_by_stage(messages: pd.DataFrame, stages: pd.DataFrame, processors: pd.DataFrame) -> pd.DataFrame:
    """How many processors each part kept busy during each stage, beside how many messages it completed.

    Args:
        messages, stages: tables of a run.
        processors: what ``lab.session.Processors.table`` gives; may be empty.

    Returns:
        One row a stage: ``stage``, ``offered_rate``, ``valid``, ``rate`` (completed a second), ``emulator``,
        ``workers``, ``lab``, ``others`` (busy processors; NaN where nobody looked), ``processors``; ``mean_time_s``,
        ``mean_in_system``, ``little_in_system`` and ``deviation`` of :func:`lab.analysis.backlog.stage_backlog`.
    """
    parts = ("emulator", "workers", "lab", "machine")
    seconds = processors["time"].astype("int64").to_numpy() / 1e9 if len(processors) else np.array([])
    rows = []
    for window in stage_windows(messages).itertuples():
        begin, end = window.start.timestamp(), window.end.timestamp()
        busy = dict.fromkeys(parts, math.nan)
        if len(seconds) and seconds[0] <= begin and end <= seconds[-1]:
            for part in parts:
                used = np.interp([begin, end], seconds, processors[f"{part}_s"].to_numpy(float))
                busy[part] = float(np.diff(used)[0]) / (end - begin)
        others = max(busy.pop("machine") - sum(busy.values()), 0.0) if len(seconds) else math.nan
        rows.append({"stage": int(window.stage), **busy, "others": others})
    table = stages[["stage", "offered_rate", "valid", "completed_rate"]].rename(columns={"completed_rate": "rate"})
    little = stage_backlog(messages)[["stage", "mean_time_s", "mean_in_system", "little_in_system", "deviation"]]
    count = float(processors["processors"].max()) if len(processors) else math.nan
    columns = ["stage", *parts[:-1], "others"]
    return (
        table.merge(pd.DataFrame(rows, columns=columns), on="stage").assign(processors=count).merge(little, on="stage")
    )


def forecast(busy: pd.DataFrame) -> Forecast:
    """Where the pipeline saturates, of the stages of :func:`busy_by_stage` below 60 % of that.

    Each resource gets a straight line, busy = idle + demand × rate, with nothing below zero. A stage counts whether its
    messages left on time or not: the law asks how many came through, and what they took.
    """
    usable = busy.dropna(subset=["rate", "emulator", "workers", "lab"])
    usable = usable[usable["rate"] > 0].sort_values("rate")
    if usable.empty:
        return _unknown("nobody could look at the emulator's processes, which only an embedded lab has")
    while len(usable) >= FEWEST_STAGES:
        resources = pd.DataFrame([_resource(usable, name) for name in PARTS])
        rate = float(resources.loc[resources["resource"].isin(_WITHOUT_SENDER), "rate"].min())
        if not math.isfinite(rate):
            return _unknown("no message took any processor time that could be measured")
        calm = usable[usable["rate"] <= CALM_SHARE * rate]
        if len(calm) == len(usable):
            return Forecast(rate, float(resources["rate"].min()), resources, tuple(usable["stage"].astype(int)))
        usable = usable.iloc[:-1]  # the fastest; the line through the others may lie elsewhere
    return _unknown(f"fewer than {FEWEST_STAGES} stages were calm enough")


def _unknown(reason: str) -> Forecast:
    empty = pd.DataFrame(columns=["resource", "idle", "demand_s", "limit", "rate"])
    return Forecast(math.nan, math.nan, empty, (), reason)


def _resource(stages: pd.DataFrame, name: str) -> dict[str, object]:
    from scipy.optimize import nnls  # a tenth of a second of imports, for few of those who import this module

    rates = stages["rate"].to_numpy(float)
    (idle, demand_s), _ = nnls(np.column_stack([np.ones_like(rates), rates]), stages[[*PARTS[name]]].sum(axis=1))
    limit = 1.0 if name == EMULATOR else float(stages["processors"].max())
    rate = max(limit - idle, 0.0) / demand_s if demand_s > 0 else math.inf
    return {"resource": name, "idle": float(idle), "demand_s": float(demand_s), "limit": limit, "rate": float(rate)}


def drain_rate(finished: pd.Series | np.ndarray) -> float:
    """Messages a second that came out of a queue that was filled first, without the first and the last tenth.

    Args:
        finished: instants at which executions ended, as times or in seconds; missing ones do not count.
    """
    known = pd.Series(finished).dropna().sort_values()
    if known.empty:
        return math.nan
    if pd.api.types.is_datetime64_any_dtype(known):
        known = (known - known.min()).dt.total_seconds()
    seconds = known.to_numpy(float)
    first, last = len(seconds) // 10, len(seconds) - 1 - len(seconds) // 10
    if last <= first or seconds[last] <= seconds[first]:
        return math.nan
    return float((last - first) / (seconds[last] - seconds[first]))


def erlang_c(servers: int, load: float) -> float:
    """The probability that a message has to wait in M/M/c (Erlang's C formula); 1 from saturation on.

    Args:
        servers: c, how many work at the same time.
        load: arrivals a second times seconds of work each, in servers.
    """
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang's B formula, by its recursion, which stays within numbers for any c
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    share = load / servers
    return blocked / (1 - share + share * blocked)


def waiting_s(rate: float, service_s: float, servers: int = 1) -> float:
    """Mean wait of a message in M/M/c before it is served, in seconds; infinite from saturation on.

    Args:
        rate: arrivals a second, at random (Poisson).
        service_s: mean time of service, exponentially distributed.
        servers: c, how many work at the same time.
    """
    load = rate * service_s
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * service_s / (servers - load) if service_s > 0 else 0.0


def expected_times(busy: pd.DataFrame, service_s: float, servers: int = 1) -> pd.Series:
    """Mean time in the system of each stage by M/M/c: what the calmest stage took, and the wait that is added.

    Args:
        busy: of :func:`busy_by_stage`.
        service_s: of the resource in which messages wait for each other.
        servers: how many of it there are.

    Returns:
        Seconds, for the rows of ``busy``; missing where no stage has a mean time.
    """
    known = busy.dropna(subset=["mean_time_s"])
    if known.empty:
        return pd.Series(math.nan, index=busy.index, name="expected_s")
    calmest = known.loc[known["offered_rate"].idxmin()]
    there_s = waiting_s(float(calmest["offered_rate"]), service_s, servers)
    waits = np.array([waiting_s(float(rate), service_s, servers) for rate in busy["offered_rate"]])
    # Where even the calmest stage is beyond saturation, nothing is expected of any.
    added = waits - there_s if math.isfinite(there_s) else np.full(len(waits), math.inf)
    return pd.Series(float(calmest["mean_time_s"]) + added, index=busy.index, name="expected_s")


def as_workload(
    stages: list[tuple[float, float]], *, batches: int, batch_s: float, batch_size: int = 10
) -> tuple[Workload, Rules]:
    """The embedded lab in the words of the simulation: a mapping with so many batches at once, and no other limit.

    Args:
        stages: (messages per second, seconds), one after the other.
        batches: at once, from the beginning on.
        batch_s: how long one invocation of ``start_execution`` takes.
        batch_size: messages in it.
    """
    none = 1e9
    rules = Rules(
        lambda_concurrency=none,
        requests_per_concurrency_s=none,
        growth=none,
        start_bucket=none,
        start_refill_per_s=none,
        first_batches=batches,
        most_batches=batches,
    )
    return Workload(stages, function_s=0.005, start_s=batch_s, batch_size=batch_size), rules
