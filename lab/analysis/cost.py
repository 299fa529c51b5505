"""What a run costs on AWS, by service: before it (an estimate) and after (measured). Pure arithmetic.

Left out, so that nobody is surprised by a larger bill: the free tier, which works by credits since July 2025.
Left out, and nearly nothing: storing the logs for seven days, and the polls of an idle mapping.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

GB = 1_000_000_000  # CloudWatch Logs bills decimal gigabytes
_MIB_PER_GIB = 1024
_HOUR_S = 3600.0
_SQS_REQUEST_BYTES = 65_536
_LOG_EVENT_OVERHEAD_BYTES = 26  # CloudWatch Logs counts them for each event, beside its UTF-8 bytes
_START_FUNCTION = "start_execution"


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars.

    Attributes:
        date: when they were read.
        source: where.
        sqs_request: a request to a standard queue, per 64 KB.
        lambda_request: an invocation.
        lambda_gib_s: one GiB of memory for one second, x86, first tier.
        express_request: the start of an Express Workflow.
        express_gib_hour: (up to so many GiB-hours a month, price of one); the last tier has no end.
        standard_transition: one state transition of a Standard Workflow.
        logs_gb: ingesting one gigabyte into CloudWatch Logs.
    """

    date: str
    region: str
    source: str
    sqs_request: float
    lambda_request: float
    lambda_gib_s: float
    express_request: float
    express_gib_hour: tuple[tuple[float, float], ...]
    standard_transition: float
    logs_gb: float


US_EAST_1 = Prices(
    date="2026-11-23",
    region="us-east-1",
    source="the pages aws.amazon.com/{sqs,lambda,step-functions,cloudwatch}/pricing",
    sqs_request=0.40 / 1_000_000,
    lambda_request=0.20 / 1_000_000,
    lambda_gib_s=0.0000166667,
    express_request=1.00 / 1_000_000,
    express_gib_hour=((1_000, 0.06), (5_000, 0.03), (math.inf, 0.01642)),
    standard_transition=0.025 / 1_000,
    logs_gb=0.50,
)


@dataclass(frozen=True)
class Shape:
    """What one message does, as far as it costs. The defaults are the sample message's, rounded up.

    The times of functions are assumptions, with room for cold starts, whose INIT is billed since August 2025. Where a
    run has left its REPORT lines, :func:`measured_usage` takes these.

    Attributes:
        body_bytes: of the message.
        duration_s: of its execution.
        function_s: of one invocation of a function of the workflow.
        functions: how many of these.
        start_s: of one invocation of ``start_execution``.
        batch_size: messages in one invocation of ``start_execution``; 1 is the most expensive.
        memory_mb: of each function.
        express_memory_mb: of the execution.
        log_bytes: of its execution events, level ALL with data.
        function_log_bytes: of one invocation's own log: START, END and REPORT.
        states: that it enters.
    """

    body_bytes: int = 1_000
    duration_s: float = 0.5
    function_s: float = 0.05
    functions: int = 4
    start_s: float = 0.2
    batch_size: int = 1
    memory_mb: int = 128
    express_memory_mb: int = 64
    log_bytes: int = 30_000
    function_log_bytes: int = 600
    states: int = 4


@dataclass(frozen=True)
class Usage:
    """What AWS counts. Memory times time is in GiB-seconds, logs in bytes."""

    sqs_requests: float
    lambda_requests: float
    lambda_gib_s: float
    express_requests: float
    express_gib_s: float
    log_bytes: float


def expected_usage(messages: int, shape: Shape | None = None) -> Usage:
    """What ``messages`` will use. Cautious: it assumes that nothing is sent or received in batches.

    Each message is sent, received and deleted: three SQS requests, more for a body over 64 KB.
    """
    shape = shape or Shape()
    invocations = messages / shape.batch_size
    return Usage(
        sqs_requests=messages * math.ceil(max(shape.body_bytes, 1) / _SQS_REQUEST_BYTES) + 2 * invocations,
        lambda_requests=messages * shape.functions + invocations,
        lambda_gib_s=shape.memory_mb
        / _MIB_PER_GIB
        * (messages * shape.functions * shape.function_s + invocations * shape.start_s),
        express_requests=messages,
        express_gib_s=messages * express_gib_s(shape.duration_s, shape.express_memory_mb),
        log_bytes=messages * (shape.log_bytes + shape.functions * shape.function_log_bytes)
        + invocations * 2 * shape.function_log_bytes,
    )


def measured_usage(
    sends: pd.DataFrame,
    received: pd.DataFrame,
    executions: pd.DataFrame,
    states: pd.DataFrame,
    invocations: pd.DataFrame | None = None,
    shape: Shape | None = None,
) -> Usage:
    """What a run has used, from its tables (columns: ARCHITECTURE.md, "The tables").

    Durations of executions are exact. The time of functions is what Lambda billed, where ``invocations`` says it: their
    mean, for as many invocations as the run had, since a line of a log may be missing and others may use the same
    functions. Without it a function of the workflow is taken to need as long as its state, which is too much, and
    ``start_execution`` what the shape assumes. The bytes of the logs follow from the inputs and outputs and the number
    of events: see :func:`log_bytes_of`.
    """
    shape = shape or Shape()
    memory_gib = shape.memory_mb / _MIB_PER_GIB
    calls = sends.loc[sends["attempts"] > 0, "t_sent"].nunique() + int((sends["attempts"] - 1).clip(lower=0).sum())
    batches = received["request_id"].nunique()
    # A function that raised an error was invoked, too: its state was never left, but has the error. Other types of
    # state (those of the workflow in JSONata) invoke nothing; runs of before say no types.
    visits = states[(states["exited"].notna() | states["error"].notna()) & _is_task(states)]
    in_states_s = visits["duration_s"].fillna(0.0).clip(lower=0.001)
    workflow_gib_s, start_gib_s = _billed_gib_s(invocations)
    workflow_gib_s = memory_gib * float(in_states_s.mean()) if math.isnan(workflow_gib_s) else workflow_gib_s
    start_gib_s = memory_gib * shape.start_s if math.isnan(start_gib_s) else start_gib_s
    durations_s = executions["duration_s"].fillna(0.0)
    return Usage(
        sqs_requests=calls + 2 * batches,
        lambda_requests=len(visits) + batches,
        lambda_gib_s=(len(visits) * workflow_gib_s if len(visits) else 0.0) + batches * start_gib_s,
        express_requests=len(executions),
        express_gib_s=float(sum(express_gib_s(value, shape.express_memory_mb) for value in durations_s)),
        log_bytes=float(log_bytes_of(executions, states).sum())
        + shape.function_log_bytes * (len(visits) + 2 * batches),
    )


def _is_task(states: pd.DataFrame) -> pd.Series:
    """Which visits are of a Task; of a table without types all are taken to be."""
    if "type" not in states:
        return pd.Series(True, index=states.index)
    return states["type"].isna() | (states["type"] == "Task")


def usage_without_events(
    sends: pd.DataFrame,
    received: pd.DataFrame,
    executions: pd.DataFrame,
    invocations: pd.DataFrame,
    *,
    logged: bool,
    shape: Shape | None = None,
) -> Usage:
    """What a run has used whose execution events were not read, since the workflow may have written none.

    As :func:`measured_usage`, but each execution is taken to have entered all states of the shape, and to have written
    what the shape says, or, where it is not ``logged``, nothing.
    """
    shape = shape or Shape()
    count = len(executions)
    batches = received["request_id"].nunique()
    workflow_gib_s, start_gib_s = _billed_gib_s(invocations)
    usual_s = shape.memory_mb / _MIB_PER_GIB
    workflow_gib_s = usual_s * shape.function_s if math.isnan(workflow_gib_s) else workflow_gib_s
    start_gib_s = usual_s * shape.start_s if math.isnan(start_gib_s) else start_gib_s
    return Usage(
        sqs_requests=sends.loc[sends["attempts"] > 0, "t_sent"].nunique() + 2 * batches,
        lambda_requests=count * shape.functions + batches,
        lambda_gib_s=count * shape.functions * workflow_gib_s + batches * start_gib_s,
        express_requests=count,
        express_gib_s=sum(
            express_gib_s(value, shape.express_memory_mb) for value in executions["duration_s"].fillna(0)
        ),
        log_bytes=(count * shape.log_bytes if logged else 0)
        + shape.function_log_bytes * (count * shape.functions + 2 * batches),
    )


def _billed_gib_s(invocations: pd.DataFrame | None) -> tuple[float, float]:
    """GiB-seconds that Lambda bills for a mean invocation: of the workflow's functions, and of ``start_execution``."""
    if invocations is None:
        return math.nan, math.nan
    billed = invocations["billed_s"] * invocations["memory_mb"] / _MIB_PER_GIB
    of_start = invocations["function"] == _START_FUNCTION
    return float(billed[~of_start].mean()), float(billed[of_start].mean())


def express_gib_s(duration_s: float, memory_mb: int = 64) -> float:
    """GiB-seconds that one Express execution is billed: time in steps of 100 ms, memory in steps of 64 MB."""
    # Rounded first, so that 0.3 s is three steps and not four by a stray bit.
    steps = max(math.ceil(round(duration_s / 0.1, 6)), 1)
    return steps * 0.1 * math.ceil(memory_mb / 64) * 64 / _MIB_PER_GIB


# Of one execution event, without the data in it, and with CloudWatch's own share. Measured with the sample message.
EVENT_BYTES = 420


def log_bytes_of(executions: pd.DataFrame, states: pd.DataFrame) -> pd.Series:
    """Bytes that the execution events of each execution take in CloudWatch Logs, estimated.

    The data of a message is in the events many times: as input and output of the execution, and with each state when
    it is entered and left and, of a Task, when it is scheduled and has succeeded. What travels is about as long as the
    longer of input and output.
    """
    data = np.maximum(executions["input"].fillna("").str.len(), executions["output"].fillna("").str.len())
    times = (2 + 2 * _is_task(states)).groupby(states["execution_arn"]).sum()
    return executions["events"] * EVENT_BYTES + data * (2 + executions["execution_arn"].map(times).fillna(0))


@dataclass(frozen=True)
class Bill:
    """What a usage costs. ``lines``: service, item, quantity, unit, US dollars."""

    lines: tuple[tuple[str, str, float, str, float], ...]
    prices: Prices

    @property
    def total_usd(self) -> float:
        """The sum."""
        return sum(line[4] for line in self.lines)

    def by_service(self) -> dict[str, float]:
        """US dollars by service, in the order in which a message meets them."""
        sums: dict[str, float] = {}
        for service, _, _, _, usd in self.lines:
            sums[service] = sums.get(service, 0.0) + usd
        return sums

    def table(self) -> pd.DataFrame:
        """Columns ``service``, ``item``, ``quantity``, ``unit``, ``usd``."""
        return pd.DataFrame(self.lines, columns=["service", "item", "quantity", "unit", "usd"])

    def sentence(self) -> str:
        """One line for the terminal."""
        parts = ", ".join(f"{service} {usd:.4f}" for service, usd in self.by_service().items())
        return f"{self.total_usd:.4f} USD ({parts}; list prices of {self.prices.region}, {self.prices.date})"


def bill(usage: Usage, prices: Prices = US_EAST_1) -> Bill:
    """The list price of a usage."""
    return Bill(
        (
            ("SQS", "requests", usage.sqs_requests, "requests", usage.sqs_requests * prices.sqs_request),
            ("Lambda", "requests", usage.lambda_requests, "requests", usage.lambda_requests * prices.lambda_request),
            ("Lambda", "duration", usage.lambda_gib_s, "GiB-s", usage.lambda_gib_s * prices.lambda_gib_s),
            (
                "Step Functions",
                "Express requests",
                usage.express_requests,
                "requests",
                usage.express_requests * prices.express_request,
            ),
            (
                "Step Functions",
                "Express duration",
                usage.express_gib_s,
                "GiB-s",
                tiered(usage.express_gib_s / _HOUR_S, prices.express_gib_hour),
            ),
            ("CloudWatch Logs", "ingested", usage.log_bytes / GB, "GB", usage.log_bytes / GB * prices.logs_gb),
        ),
        prices,
    )


def tiered(quantity: float, tiers: Iterable[tuple[float, float]]) -> float:
    """The price of a quantity whose units become cheaper: ``tiers`` are (up to, price of one unit)."""
    total, begin = 0.0, 0.0
    for end, price in tiers:
        total += max(min(quantity, end) - begin, 0.0) * price
        begin = end
    return total


def estimate(messages: int, shape: Shape | None = None, prices: Prices = US_EAST_1) -> Bill:
    """What ``messages`` will cost at most, roughly."""
    return bill(expected_usage(messages, shape), prices)


def express_usd(duration_s: float, *, memory_mb: int = 64, log_bytes: float = 0.0, prices: Prices = US_EAST_1) -> float:
    """US dollars of one Express execution, in the first tier, with its logs."""
    gib_hours = express_gib_s(duration_s, memory_mb) / _HOUR_S
    return prices.express_request + gib_hours * prices.express_gib_hour[0][1] + log_bytes / GB * prices.logs_gb


def standard_usd(transitions: int, prices: Prices = US_EAST_1) -> float:
    """US dollars of one Standard execution; each retry is a transition, too. Its history is free.

    AWS counts a transition each time a step is executed (https://aws.amazon.com/step-functions/pricing/). Whether Start
    and End are steps only a bill would tell: four states are four transitions, or six.
    """
    return transitions * prices.standard_transition


def break_even_s(transitions: int, *, memory_mb: int = 64, log_bytes: float = 0.0, prices: Prices = US_EAST_1) -> float:
    """The duration at which an Express execution costs as much as a Standard one of so many transitions, in seconds.

    Shorter ones are cheaper as Express. 0 when even the shortest is not. The steps of 100 ms are left out.
    """
    left = standard_usd(transitions, prices) - prices.express_request - log_bytes / GB * prices.logs_gb
    per_second = math.ceil(memory_mb / 64) * 64 / _MIB_PER_GIB / _HOUR_S * prices.express_gib_hour[0][1]
    return max(left / per_second, 0.0)
