"""What AWS allows a pipeline of queue, functions and Express Workflow to do, and what is asked of it.

Each number has its source. :mod:`lab.analysis.scaling` puts the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.analysis.cost import Shape
from lab.analysis.quotas import (
    MAPPING_FIRST_BATCHES,
    MAPPING_MORE_BATCHES_PER_MINUTE,
    MAPPING_MOST_BATCHES,
    REQUESTS_PER_CONCURRENCY_S,
)

MAPPING = "event source mapping: batches at once"
CONCURRENCY = "Lambda: concurrent executions"
REQUESTS = "Lambda: requests"
GROWTH = "Lambda: growth of a function"
START = "Step Functions: StartExecution, Express"
LIMITS = (MAPPING, CONCURRENCY, REQUESTS, GROWTH, START)

_ROUNDING_S = 1e-9  # in sums of tenths of a second

# What to ask AWS for, or to change, when a limit binds.
REMEDIES = {
    MAPPING: "provisioned mode of the event source mapping, or larger batches",
    CONCURRENCY: "a higher quota “Concurrent executions” of Lambda, or functions that take less time",
    REQUESTS: "a higher quota “Concurrent executions” of Lambda (requests follow it), or fewer functions a message",
    GROWTH: "provisioned concurrency of the functions: their growth itself cannot be raised",
    START: "a higher quota for StartExecution of Express Workflows",
}


@dataclass(frozen=True)
class Rules:
    """What AWS allows. The defaults are those of a usual account.

    Attributes:
        lambda_concurrency: invocations of all functions at once
            (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
        requests_per_concurrency_s: requests a second for each unit of concurrency (same page).
        growth: execution environments that a function can get at once, refilled continuously within ``growth_s``;
            each serves as many requests a second as above
            (https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html).
        growth_s: see ``growth``.
        start_bucket: StartExecution calls that can be made at once, for Express Workflows
            (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
        start_refill_per_s: calls by which this token bucket fills again.
        first_batches: batches at once with which an idle mapping begins
            (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
        more_batches_per_minute: by which it grows while messages are left.
        most_batches: at once, at most; ``MaximumConcurrency`` where it is set.
    """

    lambda_concurrency: float = 1_000
    requests_per_concurrency_s: float = REQUESTS_PER_CONCURRENCY_S
    growth: float = 1_000
    growth_s: float = 10
    start_bucket: float = 6_000
    start_refill_per_s: float = 6_000
    first_batches: float = MAPPING_FIRST_BATCHES
    more_batches_per_minute: float = MAPPING_MORE_BATCHES_PER_MINUTE
    most_batches: float = MAPPING_MOST_BATCHES

    def provisioned(self, pollers: int, most_pollers: int = 2_000) -> Rules:
        """The same with the mapping in provisioned mode.

        Each poller works on up to ten batches at once, and the mapping grows by up to 1,000 a minute, to 20,000 at most
        (https://aws.amazon.com/blogs/aws/aws-lambda-enhances-sqs-processing-with-new-provisioned-mode-3x-faster-scaling-16x-higher-capacity).
        """
        changed = {
            "first_batches": 10.0 * pollers,
            "more_batches_per_minute": 1_000.0,
            "most_batches": min(10.0 * most_pollers, 20_000.0),
        }
        return Rules(**{**vars(self), **changed})


@dataclass(frozen=True)
class Workload:
    """What is asked of the pipeline.

    Attributes:
        stages: (messages per second, seconds), one after the other.
        function_s: time of one invocation of a function of the workflow.
        functions: that a message calls, one after the other.
        start_s: time of one invocation of ``start_execution``.
        batch_size: messages in one invocation of ``start_execution`` at most.
        retries: how often a state tries again when Lambda refuses it; 0 is the plain sample, which fails then.
        first_retry_s: mean wait before the first retry; each further one is twice as long.
        longest_retry_s: no wait is longer.
        visibility_s: for which a received message is hidden; the lab's queue does so for six times ten seconds.
        max_receive_count: receives after which a message is moved to the dead-letter queue.
        shape: of a message, for the costs only.
    """

    stages: Sequence[tuple[float, float]]
    function_s: float = 0.05
    functions: int = 4
    start_s: float = 0.1
    batch_size: int = 10
    retries: int = 0
    first_retry_s: float = 1.0
    longest_retry_s: float = 20.0
    visibility_s: float = 60.0
    max_receive_count: int = 5
    shape: Shape = field(default_factory=Shape)

    @property
    def seconds(self) -> float:
        """How long messages are sent."""
        return sum(seconds for _, seconds in self.stages)

    def rate_at(self, time_s: float) -> float:
        """Messages per second that are sent then."""
        for rate, seconds in self.stages:
            if time_s < seconds - _ROUNDING_S:
                return rate
            time_s -= seconds
        return 0.0
