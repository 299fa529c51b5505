"""A system with a known limit in place of ``run_plan``: one server that takes so many messages a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lab import observe
from lab.load import Plan
from lab.load import messages as bodies
from lab.session import RampResult
from lab.session.outcome import analyse
from lab.target import Target
from tests.unit.analysis_data import executions, instants, received

LAGGED = "the sender lagged: p99 25.0 ms late with threads idle (limit 10 ms)"


class System:
    """Carries ``capacity`` messages a second, one after the other.

    Attributes:
        lag_s: by how many seconds the sender is late, for each stage in turn (by its number and its rate).
        ends: what the results of all but the first say besides, such as ``interrupted``.
        rates: of the stages that were sent, the pilot first.
        budgets: what each stage was allowed to cost.
    """

    def __init__(
        self, capacity: float, *, lag_s: Callable[[int, float], float] = lambda number, rate: 0.0, **ends: Any
    ) -> None:
        self.capacity, self.lag_s, self.ends = capacity, lag_s, ends
        self.rates: list[float] = []
        self.budgets: list[float | None] = []

    def __call__(
        self,
        target: Target,
        plan: Plan,
        to_send: Sequence[bodies.Message],
        *,
        budget_usd: float | None = None,
        **_: Any,
    ) -> RampResult:
        number, (stage,) = len(self.rates), plan.stages
        self.rates.append(stage.rate)
        self.budgets.append(budget_usd)
        lag_s = self.lag_s(number, stage.rate)
        result = self._run(plan, [message.lab_id for message in to_send], to_send, 100.0 * number, lag_s)
        stages = result.stages.assign(valid=not lag_s, invalid_reason=LAGGED if lag_s else "")
        return replace(result, stages=stages, **(self.ends if number else {}))

    def _run(
        self, plan: Plan, lab_ids: list[str], to_send: Sequence[bodies.Message], begin: float, lag_s: float
    ) -> RampResult:
        planned = begin + plan.offsets_s
        left, free, ended = planned + lag_s, 0.0, []
        for due in left:
            free = max(free, due) + 1 / self.capacity
            ended.append(free + 0.02)
        ids, numbers = pd.Series(lab_ids, dtype=object), list(range(len(plan)))
        sends = pd.DataFrame(
            {
                "lab_id": ids,
                "stage": plan.stage_numbers,
                "offered_rate": plan.stages[0].rate,
                "t_planned": instants(planned),
                "t_sent": instants(left),
                "t_acked": instants(left + 0.004),
                "message_id": [f"sqs-{lab_id}" for lab_id in lab_ids],
                "attempts": 1,
                "outcome": "acked",
                "error": None,
            }
        )
        outputs = [json.dumps({"word_counts": dict(message.word_counts)}) for message in to_send[: len(plan)]]
        own = {"lab_id": ids, "execution_arn": [f"arn-{lab_id}" for lab_id in lab_ids]}
        started = np.array(ended) - 0.01
        runs = executions(numbers, started.tolist(), ended).assign(name=sends["message_id"], output=outputs, **own)
        seen = received(numbers, (left + 0.002).tolist(), started.tolist()).assign(
            message_id=sends["message_id"], **own
        )
        result = analyse(
            lab_ids[0].rpartition("-")[0],
            to_send,
            sends,
            None,
            runs,
            observe.parse_execution_events([])[1],
            seen,
            dead_letters=observe.parse_received([]),
            undrained=0,
            drained=True,
            interrupted=False,
        )
        return replace(result, plan=plan)
