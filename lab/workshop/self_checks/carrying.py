"""The exercises of notebook 11."""

from __future__ import annotations

import math
from collections.abc import Callable

from lab.analysis.aws_rules import Rules, Workload
from lab.analysis.scaling import simulate
from lab.load import Plan
from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe

RANDOM = Exercise(
    "11.1",
    hints=(
        "One stage, whose rate is a share of the capacity. A plan has a second setting besides its stages: notebook 03 "
        "names it among its roads not taken.",
        "The setting is called spacing, and the name of random arrivals is that of the mathematician after whom the "
        "distribution of their number is called.",
    ),
    recipe="Six tenths of the capacity, and arrivals at random:\n    return Plan([Stage(0.6 * capacity, 4)], "
    'spacing="poisson")',
)
AT_ONCE = Exercise(
    "11.2",
    hints=(
        "Little's law once more: how many batches arrive in a second, and for how long does each keep its place? Then "
        "think of what is not a whole number, and of the least that AWS takes.",
        "A batch that is over sooner than in a tenth of a second keeps its place for a tenth all the same: ten "
        "requests a second. And half a batch too few is a queue that grows: round up.",
    ),
    recipe="Batches a second, times the time that each keeps its place:\n"
    "    turn_s = max(start_s, 0.1)\n"
    "    return max(2, math.ceil(rate / batch_size * turn_s))",
)
ASK_FOR = Exercise(
    "11.3",
    hints=(
        "Begin at the mapping: held to a few batches more than the rate needs, it keeps in the queue what the rest "
        "cannot take. Then work out what everything behind it must take, when that many batches are at once at work.",
        "A held mapping hands out so many batches, ten messages each, ten times a second. Lambda needs a concurrency "
        "for 4.1 requests a message, ten for each unit; that exceeds what the time of the functions asks for. And Step "
        "Functions must start as many as the mapping hands out.",
    ),
    recipe="A fifth more than the rate, from the front to the back:\n"
    "    batches = math.ceil(1.2 * rate / 10 * 0.1)\n"
    "    most = batches * 10 / 0.1\n"
    "    return Rules(\n"
    "        most_batches=batches,\n"
    "        lambda_concurrency=math.ceil(most * 4.1 / 10),\n"
    "        start_bucket=most,\n"
    "        start_refill_per_s=most,\n"
    "    )",
)
ENOUGH = 2.0  # times of what the rate needs


def exercise_random(plan_for: Callable[[float], Plan]) -> None:
    """11, exercise 1: a plan of arrivals at random, at six tenths of the capacity."""
    tell(
        RANDOM,
        [
            observe(
                f"a lab that carries {capacity:g} a second gets {messages} messages in four seconds, at random moments",
                f"{messages} messages, poisson",
                lambda capacity=capacity: _written(plan_for(capacity)),  # type: ignore[misc]
            )
            for capacity, messages in ((100.0, 240), (50.0, 120), (162.5, 390))
        ],
    )


def _written(plan: Plan) -> str:
    if len(plan.stages) != 1 or not math.isclose(plan.stages[0].seconds, 4):
        return f"{len(plan.stages)} stages, {sum(stage.seconds for stage in plan.stages):g} s"
    return f"{len(plan)} messages, {plan.spacing}"


def exercise_at_once(at_once: Callable[[float, float, int], int]) -> None:
    """11, exercise 2: to how many batches at once a mapping can be held that has to carry a rate."""
    tell(
        AT_ONCE,
        [
            observe(
                f"{rate:g} messages/s, batches of {size} that take {start_s:g} s",
                batches,
                lambda case=(rate, start_s, size): int(at_once(*case)),  # type: ignore[misc]
            )
            for rate, start_s, size, batches in (
                (80.0, 0.5, 10, 4),
                (90.0, 0.5, 10, 5),
                (1000.0, 0.02, 10, 10),
                (10.0, 0.1, 10, 2),
                (300.0, 1.0, 5, 60),
            )
        ],
    )


def exercise_ask_for(ask_for: Callable[[float], Rules]) -> None:
    """11, exercise 3: what an account and its mapping need for a rate, tried in the simulation."""
    tell(ASK_FOR, [outcome for rate in (2_000.0, 10_000.0, 20_000.0) for outcome in _tried(ask_for, rate)])


def _tried(ask_for: Callable[[float], Rules], rate: float) -> list[Outcome]:
    def failed() -> int:
        end = simulate(Workload([(rate, 60)]), ask_for(rate), drain_s=60).end()
        return round(end["failed"] + end["dead_lettered"])

    def left() -> int:
        end = simulate(Workload([(rate, 60)]), ask_for(rate), drain_s=180).end()
        return round(end["queued"] + end["at_work"])

    def greedy() -> bool:
        rules = ask_for(rate)
        needed = rate * 4.1 / 10
        return rules.lambda_concurrency > ENOUGH * needed or rules.start_refill_per_s > ENOUGH * max(rate, 6_000)

    each = f"{rate:,.0f} messages a second for a minute"
    return [
        observe(f"{each}: none fails", 0, failed),
        observe(f"{each}: three minutes later all are through", 0, left),
        observe(f"{each}: and you do not ask AWS for more than twice what that needs", False, greedy),
    ]
