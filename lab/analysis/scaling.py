"""How the pipeline would behave on AWS at rates that no laptop reaches: a simulation of AWS's own rules.

A fluid model in steps of a tenth of a second: what flows are amounts of messages, not single ones, so that a hundred
thousand a second cost no more than ten. It knows nothing but the rules that AWS documents (:class:`Rules`) and what
the caller says of the work (:class:`Workload`). Where AWS says nothing, it takes the simplest: waiting requests are
served all alike, a batch that Lambda refuses stays in the queue, a mapping never comes down again, nothing starts cold.

    sent = succeeded + failed + dead-lettered + still queued + at work
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.analysis.aws_rules import CONCURRENCY, GROWTH, MAPPING, REMEDIES, REQUESTS, START, Rules, Workload
from lab.analysis.cost import Usage, express_gib_s

STEP_S = 0.1
_NOTHING = 1e-9  # of a message: below it, what is left is rounding
_HALVINGS = 40  # of the interval in which the served share lies
_ROUNDING = 1e-3  # what sums of many such steps may be off


@dataclass(frozen=True)
class Simulation:
    """What happened.

    Attributes:
        steps: one row a step: ``time_s`` (its end); ``sent``, ``succeeded``, ``failed``, ``dead_lettered`` so far;
            ``queued`` (hidden ones included), ``at_work`` (in executions), ``batches`` (that the mapping may have at
            once), ``oldest_s`` (age of the oldest message that can be received), ``limits`` (that held it back).
        usage: what AWS would count, for :func:`lab.analysis.cost.bill`.
    """

    steps: pd.DataFrame
    usage: Usage

    def end(self) -> pd.Series:
        """The last row."""
        return self.steps.iloc[-1]

    def first_limits(self) -> pd.DataFrame:
        """The limits that were met, in that order: ``limit``, ``time_s``, ``share`` of the steps, ``remedy``."""
        met = self.steps[["time_s", "limits"]].explode("limits").dropna()
        grouped = met.groupby("limits", sort=False)["time_s"]
        table = pd.DataFrame({"time_s": grouped.min(), "share": grouped.size() / len(self.steps)})
        table = table.rename_axis("limit").reset_index().sort_values("time_s", kind="stable", ignore_index=True)
        return table.assign(remedy=table["limit"].map(REMEDIES))


def simulate(
    workload: Workload, rules: Rules | None = None, *, drain_s: float = 60.0, seed: int | None = None
) -> Simulation:
    """Send the workload through the rules.

    Args:
        workload: what is sent, and what its work takes.
        rules: what the account allows.
        drain_s: how long to look on after the last message was sent; ends earlier when nothing is left.
        seed: messages arrive at random (Poisson); None: evenly.
    """
    pipeline = _Pipeline(workload, rules or Rules())
    random = np.random.default_rng(seed) if seed is not None else None
    rows = []
    for number in range(1, math.ceil((workload.seconds + drain_s) / STEP_S - _NOTHING) + 1):
        begin_s = (number - 1) * STEP_S
        arriving = workload.rate_at(begin_s) * STEP_S
        rows.append(pipeline.step(number, float(random.poisson(arriving)) if random else arriving))
        if begin_s >= workload.seconds and pipeline.is_empty:
            break
    return Simulation(pd.DataFrame(rows), pipeline.usage())


class _Pipeline:
    def __init__(self, workload: Workload, rules: Rules) -> None:
        self._work, self._rules = workload, rules
        # Amounts as (step in which they were sent, receives so far, amount); hidden ones by the step of their return.
        self._queue: deque[tuple[int, int, float]] = deque()
        self._hidden: dict[int, list[tuple[int, int, float]]] = {}
        self._visible = self._out_of_sight = 0.0
        # Executions that wait for their next function: [function, retries so far]; others by the step of their return.
        self._waiting = np.zeros((workload.functions, workload.retries + 1))
        self._returning: dict[int, np.ndarray] = {}
        self._batches = float(rules.first_batches)
        self._tokens = float(rules.start_bucket)
        self._environments = np.zeros(workload.functions)
        self._growth = np.full(workload.functions, float(rules.growth))
        self._totals = dict.fromkeys(("sent", "succeeded", "failed", "dead_lettered"), 0.0)
        self._at_work = self._calls = self._invocations = self._started = 0.0
        self._task_steps = round(workload.function_s / STEP_S)

    @property
    def is_empty(self) -> bool:
        return self._visible + self._out_of_sight < _ROUNDING and self._at_work < _ROUNDING

    def step(self, number: int, arriving: float) -> dict[str, object]:
        """One tenth of a second."""
        self._totals["sent"] += arriving
        if arriving:
            self._queue.append((number, 0, arriving))
            self._visible += arriving
        back = self._hidden.pop(number, [])
        self._queue.extendleft(reversed(back))  # what was refused is older than what is new
        self._visible += sum(amount for _, _, amount in back)
        self._out_of_sight -= sum(amount for _, _, amount in back)
        returned = self._returning.pop(number, None)
        if returned is not None:
            self._waiting += returned
        self._tokens += self._rules.start_refill_per_s * STEP_S
        limits: list[str] = []
        batches, taken = self._ask_for_batches(limits)
        admitted = self._admit(batches, taken, limits)
        self._start(number, taken * admitted, limits)
        self._calls += batches * admitted
        self._work_on_tasks(number, admitted, limits)
        return {
            "time_s": number * STEP_S,
            **self._totals,
            "queued": self._visible + self._out_of_sight,
            "at_work": self._at_work,
            "batches": self._batches,
            "oldest_s": (number - self._queue[0][0]) * STEP_S if self._queue else 0.0,
            "limits": tuple(dict.fromkeys(limits)),
        }

    def usage(self) -> Usage:
        """What AWS would count."""
        shape, work = self._work.shape, self._work
        gib = shape.memory_mb / 1024
        invocations = self._invocations + self._calls
        return Usage(
            sqs_requests=self._totals["sent"] / work.batch_size + 2 * self._calls,
            lambda_requests=invocations,
            lambda_gib_s=gib * (self._invocations * work.function_s + self._calls * work.start_s),
            express_requests=self._started,
            express_gib_s=self._started * express_gib_s(work.functions * work.function_s, shape.express_memory_mb),
            log_bytes=self._started * shape.log_bytes + invocations * shape.function_log_bytes,
        )

    def _ask_for_batches(self, limits: list[str]) -> tuple[float, float]:
        """How many batches the mapping would hand out in this step, and how many messages are in them."""
        rules, work = self._rules, self._work
        visible = max(self._visible, 0.0)
        turn_s = max(work.start_s, 1 / rules.requests_per_concurrency_s)
        possible = self._batches * STEP_S / turn_s
        taken = min(visible, possible * work.batch_size)
        if visible - taken > _NOTHING:
            limits.append(MAPPING)
            self._batches = min(self._batches + rules.more_batches_per_minute / 60 * STEP_S, rules.most_batches)
        # While there are fewer messages than batches, a batch holds one of them.
        return min(possible, taken), taken

    def _admit(self, batches: float, messages: float, limits: list[str]) -> float:
        """The share of all requests that Lambda serves in this step; the same for whoever asks."""
        rules = self._rules
        most_requests = rules.requests_per_concurrency_s * rules.lambda_concurrency * STEP_S
        most_busy_s = rules.lambda_concurrency * STEP_S

        def too_much(share: float) -> tuple[bool, bool]:
            requests, busy_s = self._served(share, batches, messages)
            return requests > most_requests, busy_s > most_busy_s

        over_requests, over_concurrency = too_much(1.0)
        if not (over_requests or over_concurrency):
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if any(too_much(middle)) else (middle, high)
        limits += [name for name, over in zip((REQUESTS, CONCURRENCY), too_much(high), strict=True) if over]
        return low

    def _served(self, share: float, batches: float, messages: float) -> tuple[float, float]:
        """Requests, and seconds of functions at work, if Lambda serves this share of whatever is asked of it."""
        work = self._work
        tasks, arriving = 0.0, min(messages * share, self._tokens)
        for waiting in self._waiting.sum(axis=1).tolist():
            served = (waiting + arriving) * share
            tasks += served
            # A short function lets its execution call the next one within the same step.
            arriving = served if self._task_steps == 0 else 0.0
        return batches * share + tasks, batches * share * work.start_s + tasks * work.function_s

    def _start(self, number: int, messages: float, limits: list[str]) -> None:
        """start_execution has these messages: what StartExecution refuses goes back, hidden for a while."""
        work = self._work
        started = min(messages, self._tokens)
        # The bucket overflows after the calls of the step: what fills it meanwhile is used by them.
        self._tokens = min(self._tokens - started, self._rules.start_bucket)
        refused = 1 - started / messages if messages > _NOTHING else 0.0
        if refused > _NOTHING:
            limits.append(START)
        back_at = number + max(round(work.visibility_s / STEP_S), 1)
        left = messages
        while left > _NOTHING and self._queue:
            sent, receives, amount = self._queue.popleft()
            now = min(amount, left)
            left -= now
            self._visible -= now
            if amount - now > _NOTHING:
                self._queue.appendleft((sent, receives, amount - now))
            again = now * refused
            if again <= _NOTHING:
                continue
            if receives + 1 >= work.max_receive_count:
                self._totals["dead_lettered"] += again
            else:
                self._hidden.setdefault(back_at, []).append((sent, receives + 1, again))
                self._out_of_sight += again
        self._waiting[0, 0] += started
        self._at_work += started
        self._started += started

    def _work_on_tasks(self, number: int, admitted: float, limits: list[str]) -> None:
        """Each execution that waits calls its next function; what Lambda refuses waits, or fails."""
        work = self._work
        for function in range(work.functions):
            served_share = admitted * self._grown(function, float(self._waiting[function].sum()) * admitted, limits)
            served = self._waiting[function] * served_share
            refused = self._waiting[function] - served
            self._waiting[function] = 0.0
            self._invocations += float(served.sum())
            self._advance(number, function, float(served.sum()))
            for tries, amount in enumerate(refused):
                if amount <= _NOTHING:
                    continue
                if tries == work.retries:
                    self._totals["failed"] += float(amount)
                    self._at_work -= float(amount)
                    continue
                wait_s = min(work.first_retry_s * 2**tries, work.longest_retry_s)
                self._later(number + max(round(wait_s / STEP_S), 1))[function, tries + 1] += amount

    def _advance(self, number: int, function: int, amount: float) -> None:
        """A function has answered: on to the next one, or to the end."""
        if function + 1 == self._work.functions:
            self._totals["succeeded"] += amount
            self._at_work -= amount
        elif self._task_steps == 0:
            self._waiting[function + 1, 0] += amount
        else:
            self._later(number + self._task_steps)[function + 1, 0] += amount

    def _grown(self, function: int, requests: float, limits: list[str]) -> float:
        """The share of the requests for which the function has environments, or gets new ones in time."""
        rules, environments, growth = self._rules, self._environments, self._growth
        growth[function] = min(growth[function] + rules.growth / rules.growth_s * STEP_S, rules.growth)
        turn_s = max(self._work.function_s, 1 / rules.requests_per_concurrency_s)
        needed = requests * turn_s / STEP_S
        granted = min(max(needed - environments[function], 0.0), growth[function])
        growth[function] -= granted
        environments[function] += granted
        if needed <= environments[function] + _NOTHING:
            return 1.0
        share = float(environments[function]) / needed
        limits.append(GROWTH)
        return share

    def _later(self, step: int) -> np.ndarray:
        empty = np.zeros((self._work.functions, self._work.retries + 1))
        return self._returning.setdefault(step, empty)
