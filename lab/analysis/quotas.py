"""Which quota of AWS a ramp meets first, and how a plan is made to fit a small account. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

# The functions of the workflow that each message calls, one after the other.
INVOCATIONS_PER_MESSAGE = 4
# An account up to this Lambda concurrency gets its mapping held back, so that the workflow's functions have the rest.
SMALL_CONCURRENCY = 50
SMALLEST_MAPPING_CONCURRENCY = 2  # AWS takes no less
# What one invocation occupies while the first ones start cold, in seconds; warm ones take a tenth.
CAUTIOUS_FUNCTION_S = 0.1
# Lambda serves so many synchronous requests a second for each unit of concurrency, however short they are:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html ("Lambda API requests").
REQUESTS_PER_CONCURRENCY_S = 10
# How a mapping of a standard queue scales, unless MaximumConcurrency holds it lower:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
MAPPING_FIRST_BATCHES = 5
MAPPING_MORE_BATCHES_PER_MINUTE = 300
MAPPING_MOST_BATCHES = 1_250  # older editions of that page say 1,000


@dataclass(frozen=True)
class Quotas:
    """What an account may do at once in one region.

    Attributes:
        lambda_concurrency: invocations of all its functions at once; 1,000 usually, 10 in many new accounts.
        start_express_per_s: StartExecution calls for Express Workflows a second, sustained.
        source: where the second number is from.
    """

    lambda_concurrency: int
    start_express_per_s: float
    source: str

    @property
    def is_small(self) -> bool:
        """Whether the account's concurrency is that of a new one."""
        return self.lambda_concurrency <= SMALL_CONCURRENCY

    @property
    def mapping_concurrency(self) -> int | None:
        """What to hold the event source mapping to; None when there is enough for all."""
        return SMALLEST_MAPPING_CONCURRENCY if self.is_small else None


def ceilings(
    quotas: Quotas, *, function_s: float = CAUTIOUS_FUNCTION_S, start_s: float = 0.1, batch_size: int = 10
) -> pd.DataFrame:
    """The rate at which a ramp meets each quota.

    By Little's law the invocations at work are rate × time: ``4 × function_s`` for the workflow's functions, and
    ``start_s / batch_size`` for ``start_execution``, whose share of the concurrency is put aside where it is held back.
    Functions that take less than 100 ms meet another limit first: ten requests a second for each unit of concurrency.

    Args:
        quotas: of the account.
        function_s: how long one invocation of a function of the workflow takes, in seconds.
        start_s: how long one invocation of ``start_execution`` takes, in seconds.
        batch_size: messages in one invocation of ``start_execution``.

    Returns:
        One row a quota: ``quota``, ``limit``, ``unit``, ``messages_per_s``; the one that is met first comes first.
    """
    held = quotas.mapping_concurrency
    workflow_s = INVOCATIONS_PER_MESSAGE * function_s
    requests_per_s = REQUESTS_PER_CONCURRENCY_S * quotas.lambda_concurrency
    rows: list[tuple[str, float, str, float]] = []
    if held is None:
        rows.append(
            (
                "Lambda: concurrent executions",
                quotas.lambda_concurrency,
                "invocations at once",
                quotas.lambda_concurrency / (workflow_s + start_s / batch_size),
            )
        )
    else:
        rows.append(
            (
                "Lambda: the four functions at once",
                quotas.lambda_concurrency - held,
                "invocations at once",
                (quotas.lambda_concurrency - held) / workflow_s,
            )
        )
        rows.append(
            (
                "Lambda: concurrency of the mapping",
                held,
                "batches at once",
                held * batch_size / _shortest_turn_s(start_s),
            ),
        )
    rows.append(
        (
            "Lambda: requests",
            requests_per_s,
            "requests a second",
            requests_per_s / (INVOCATIONS_PER_MESSAGE + 1 / batch_size),
        )
    )
    rows.append(
        (
            "Step Functions: StartExecution, Express",
            quotas.start_express_per_s,
            "calls a second",
            quotas.start_express_per_s,
        )
    )
    table = pd.DataFrame(rows, columns=["quota", "limit", "unit", "messages_per_s"])
    return table.sort_values("messages_per_s", kind="stable", ignore_index=True)


def mapping_rate(
    after_s: float, *, start_s: float = 0.1, batch_size: int = 10, most_batches: int = MAPPING_MOST_BATCHES
) -> float:
    """Messages a second that a mapping hands out so long after a burst began: the first limit that the burst meets.

    Args:
        after_s: seconds since the queue, idle until then, began to fill.
        start_s: how long one invocation of ``start_execution`` takes, in seconds.
        batch_size: messages in one invocation.
        most_batches: batches at once at most; ``MaximumConcurrency`` where it is set.
    """
    grown = MAPPING_FIRST_BATCHES + MAPPING_MORE_BATCHES_PER_MINUTE * after_s / 60
    return min(grown, most_batches) * batch_size / _shortest_turn_s(start_s)


def _shortest_turn_s(function_s: float) -> float:
    """Seconds from one invocation of an execution environment to its next at least."""
    return max(function_s, 1 / REQUESTS_PER_CONCURRENCY_S)


def fit_rates(rates: Sequence[float], quotas: Quotas) -> tuple[list[float], str]:
    """Rates that the account can carry: those over its lowest ceiling are lowered to it.

    Returns:
        The rates, and a sentence about what was changed; empty when nothing was.
    """
    first = ceilings(quotas).iloc[0]
    ceiling = float(first["messages_per_s"])
    fitted = [min(rate, ceiling) for rate in rates]
    if fitted == list(rates):
        return fitted, ""
    return fitted, (
        f"Rates over {ceiling:g}/s are lowered to it: this account's quota “{first['quota']}” is "
        f"{first['limit']:g} {first['unit']}."
    )
