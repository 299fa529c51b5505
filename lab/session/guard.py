"""What stands between a learner and a bill: an estimate, a budget, and a plan that the account can carry."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab import variables
from lab.analysis import cost
from lab.analysis.quotas import ceilings, fit_rates
from lab.errors import UsageError
from lab.load import parse_rates
from lab.load.messages import Message
from lab.session import quotas
from lab.session.lifecycle import Say
from lab.target import Target

DEFAULT_BUDGET_USD = 1.0
ESTIMATE = "Estimate for"


class BudgetError(UsageError):
    """A run on AWS would cost more than the learner allowed."""


def budget_usd(given: float | None = None) -> float:
    """What a run may cost: the argument, else ``LAB_BUDGET_USD``, else 1 US dollar.

    Raises:
        VariableError: the variable is no amount.
    """
    if given is not None:
        return given
    allowed: float | None = variables.value("LAB_BUDGET_USD")
    return DEFAULT_BUDGET_USD if allowed is None else allowed


def fit(target: Target, rates: str, say: Say) -> str:
    """Rates such as ``"2,4,8"`` as the account can carry them; on an emulator as they are."""
    if target.is_emulator:
        return rates
    fitted, changed = fit_rates(parse_rates(rates), quotas.read(target))
    if not changed:
        return rates
    say(changed)
    return ",".join(f"{rate:g}" for rate in fitted)


def highest_rate(target: Target, say: Say) -> float:
    """The highest rate that the account can carry; on an emulator there is none."""
    if target.is_emulator:
        return math.inf
    read = quotas.read(target)
    highest = float(ceilings(read)["messages_per_s"].iloc[0])
    say(fit_rates([highest * 2], read)[1])
    return highest


def check_budget(target: Target, messages: Sequence[Message], allowed_usd: float | None, say: Say) -> None:
    """Say what these messages will cost on AWS; on an emulator they cost nothing.

    Raises:
        BudgetError: more than the budget allows. Nothing was sent.
    """
    if target.is_emulator:
        return
    allowed = budget_usd(allowed_usd)
    estimate = estimate_of(messages)
    say(f"{ESTIMATE} {len(messages)} messages, at most: {estimate.sentence()}.")
    if estimate.total_usd > allowed:
        raise BudgetError(
            f"This would cost about {estimate.total_usd:.2f} USD on AWS; the budget is {allowed:.2f} USD. "
            "Nothing was sent.",
            cause="many messages, or long ones: most of it is for their logs.",
            next_step=f"lower --rates or --seconds, or allow it: --budget {estimate.total_usd * 1.1:.2f}",
        )


def estimate_of(messages: Sequence[Message]) -> cost.Bill:
    """The estimate for messages, by the length of their bodies. The logs hold each body about 18 times."""
    if not messages:
        return cost.estimate(0)
    mean_bytes = sum(len(message.body) for message in messages) / len(messages)
    log_bytes = round(22 * cost.EVENT_BYTES + 18 * mean_bytes)
    return cost.estimate(len(messages), cost.Shape(body_bytes=round(mean_bytes), log_bytes=log_bytes))


def announcement(target: Target, messages: int) -> str:
    """What is asked before anything is made on AWS: where, and what it costs."""
    cost_usd = max(cost.estimate(messages).total_usd, 0.0001)
    return (
        f"This makes resources in the AWS account {target.account}, region {target.region}, as lab '{target.name}'.\n"
        f"They cost nothing while nothing is sent, but for the polls of the queue, under 0.01 USD a day.\n"
        f"{messages} message{'s' if messages != 1 else ''} cost at most about {cost_usd:.4f} USD. "
        "'lab down' removes all of it."
    )
