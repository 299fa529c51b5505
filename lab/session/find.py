"""The search for the knee: one stage after the other, each at the rate that the ones before ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from lab import live
from lab.analysis import search
from lab.analysis.search import Limits, Proposal, Trial
from lab.analysis.verdicts import concluded, counting, stage_verdicts
from lab.errors import LabError
from lab.load import Plan, PlanError, Stage, parse_rates
from lab.load import messages as bodies
from lab.session import guard
from lab.session.joining import after, joined, renumbered
from lab.session.lifecycle import Say
from lab.session.options import RampOptions
from lab.session.outcome import RampResult
from lab.session.ramp import run_plan
from lab.target import Target

_WHAT = "the knee, which is the highest rate that the system keeps up with"
# Nobody's machine carries more, and the sender sends no more.
_HIGHEST = 2_000.0
# With fewer messages than that, the p99 of a stage is one unlucky message.
_FEWEST_MESSAGES = 5
# The pilot's number among the stages, and how long it lasts.
_PILOT, _PILOT_S = -1, 1.0


class NothingComesThroughError(LabError):
    """Not one message of the pilot came to a good end."""


@dataclass(frozen=True)
class FindOptions(RampOptions):
    """What is sent in a search.

    Attributes:
        rates: the rate to begin at, one number.
        seconds: how long each stage lasts.
        most_s: seconds of sending at most, all stages together.
        highest: no stage is faster than that, in messages per second.
        most_wall_s: seconds for all of it at most, what is done between the stages included.
    """

    rates: str = "10"
    most_s: float = 240.0
    highest: float = _HIGHEST
    most_wall_s: float = math.inf

    def limits(self) -> Limits:
        """Where the search begins and ends.

        Raises:
            PlanError: a number makes no sense, or there is no time for three stages.
        """
        rates = parse_rates(self.rates)
        if len(rates) != 1:
            raise PlanError(
                f"A search begins at one rate, and '{self.rates}' names {len(rates)}.",
                next_step="lab ramp --find --rates 10",
            )
        Stage(self.highest, self.seconds)
        if self.most_s < 3 * self.seconds:
            raise PlanError(
                f"{self.most_s:g} s of sending are too few to search with stages of {self.seconds:g} s.",
                next_step=f"--most-seconds {12 * self.seconds:g}, or shorter stages with --seconds",
            )
        highest = search.step_of(self.highest)
        lowest = min(search.step_of(_FEWEST_MESSAGES / self.seconds) + 1, highest)
        first = min(max(search.step_of(rates[0]), lowest), highest)
        return Limits(first, lowest, highest, self.seconds, self.most_s)

    @property
    def most_messages(self) -> int:
        """More than these are never sent."""
        return round(self.most_s * self.highest)


@dataclass(frozen=True)
class _Try:
    """One stage that was sent."""

    step: int
    result: RampResult = field(repr=False)
    messages: Sequence[bodies.Message] = field(repr=False)


def find(target: Target, options: FindOptions | None = None, *, say: Say = lambda text: None) -> RampResult:
    """Search for the highest rate that the system keeps up with; says what it does and how long it still takes.

    Args:
        target: a lab that is up.
        options: what is sent.
        say: gets sentences for the user.

    Returns:
        In ``messages`` and ``stages`` each rate once, by the stage that stands for it, the lowest rate first and
        numbered in the order in which they were sent. All other tables, and the account, hold every message that was
        sent. ``saturation`` is what the search found.

    Raises:
        BudgetError: on AWS already the first stage would cost more than the budget.
        LabError: the options make no sense, or the lab is not up. Nothing was sent then.
    """
    options = options or FindOptions()
    options = replace(options, highest=min(options.highest, guard.highest_rate(target, say)))
    limits = options.limits()
    say(
        f"Looking for {_WHAT}: a stage is one rate, held for {limits.seconds:g} s. The rate doubles from "
        f"{search.rate_at(limits.first):g} messages/s until the system does not keep up; then the lab tries rates in "
        f"between until it knows the knee to a factor of 1.25. That is at most {limits.most_s:g} s of sending. (p99: "
        f"99 of 100 messages took no longer, from the planned send time to the end of the workflow.)"
    )
    if not target.is_emulator:
        say(f"On AWS it costs no more than the budget, {guard.budget_usd(options.budget_usd):.2f} USD.")
    began = time.monotonic()
    budget = _Budget(target, guard.budget_usd(options.budget_usd))
    pilot = _sent(target, options, limits.first, _PILOT, budget, say)
    if pilot.result.interrupted:
        say("The search was stopped before it began.")
        return renumbered(pilot.result, {_PILOT: 0})
    _check(target, pilot.result)
    say(f"The pilot, {len(pilot.messages)} messages that wake everything up and do not count, came through.")
    tries: list[_Try] = []
    proposal = search.proposed([], limits)
    while proposal.step is not None:
        stage_began = time.monotonic()
        try:
            tries.append(_sent(target, options, proposal.step, len(tries), budget, say))
        except guard.BudgetError:
            if not tries:
                raise
            say("The budget allows no further stage: the search ends.")
            proposal = Proposal(None, "budget")
            break
        except KeyboardInterrupt:
            if not tries:
                raise
            # It came between two stages: what was measured until then is not gone.
            tries[-1] = replace(tries[-1], result=replace(tries[-1].result, interrupted=True))
        trials, verdicts = _judged(tries)
        latest = tries[-1].result
        if latest.interrupted or not latest.drained:
            say(
                "The search ends here: "
                + ("it was stopped." if latest.interrupted else "messages are still under way.")
            )
            proposal = Proposal(None, "stopped")
            break
        proposal = search.proposed(trials, limits)
        now = time.monotonic()
        if proposal.step is not None and now - began + (now - stage_began) > options.most_wall_s:
            proposal = Proposal(None, "time")
        say(_told(verdicts.iloc[-1].to_dict(), trials, limits, proposal))
    return _result(pilot, tries, proposal.why)


class _Budget:
    """What may still be spent on AWS."""

    def __init__(self, target: Target, allowed_usd: float) -> None:
        self._free = target.is_emulator
        self.left_usd = allowed_usd

    def spend(self, messages: Sequence[bodies.Message]) -> None:
        if not self._free:
            self.left_usd -= guard.estimate_of(messages).total_usd


def _sent(target: Target, options: FindOptions, step: int, number: int, budget: _Budget, say: Say) -> _Try:
    rate, seed = search.rate_at(step), options.seed + number + 1
    seconds = max(_PILOT_S, 1 / rate) if number == _PILOT else options.seconds
    plan = Plan([Stage(rate, seconds)], spacing="poisson" if options.poisson else "even", seed=seed)
    to_send = replace(options, seed=seed).messages(len(plan), bodies.new_run_id())
    result = run_plan(target, plan, to_send, view=live.nobody_looks, budget_usd=budget.left_usd, say=_important(say))
    budget.spend(to_send)
    return _Try(step, renumbered(result, {0: number}), to_send)


def _check(target: Target, pilot: RampResult) -> None:
    """A search of a system that lets nothing through would find nothing, and take long over it."""
    if not pilot.reconciliation.succeeded:
        raise NothingComesThroughError(
            f"Of the pilot's messages none came to a good end: {pilot.reconciliation.explain()}",
            cause="a function, the state machine or the mapping of the queue was changed so that it does not work.",
            next_step=f"lab send{target.options}, which shows what becomes of one message",
        )


def _important(say: Say) -> Say:
    """What each stage says of its costs, the search says once."""
    return lambda text: None if text.startswith(guard.ESTIMATE) else say(text)


def _judged(tries: Sequence[_Try]) -> tuple[list[Trial], pd.DataFrame]:
    messages, stages = (after(getattr(one.result, name) for one in tries) for name in ("messages", "stages"))
    verdicts = stage_verdicts(messages, stages)
    trials = [
        Trial(one.step, row["verdict"], row["leaning"])
        for one, row in zip(tries, verdicts.to_dict("records"), strict=True)
    ]
    by_step = {
        step: search.judged(trial for trial in trials if trial.step == step) for step in {t.step for t in trials}
    }
    return trials, verdicts.assign(judged=[by_step[trial.step] or trial.verdict for trial in trials])


def _result(pilot: _Try, tries: Sequence[_Try], ended: str) -> RampResult:
    """All stages as one run. The pilot is in the account alone."""
    trials, verdicts = _judged(tries)
    chosen = counting(verdicts)
    tables = {name: after(getattr(one.result, name) for one in tries) for name in ("messages", "stages")}
    messages, stages = (table[table["stage"].isin(chosen)].reset_index(drop=True) for table in tables.values())
    stages = stages.sort_values("offered_rate", kind="stable", ignore_index=True)
    sent = [message for one in (pilot, *tries) for message in one.messages]
    whole = joined([one.result for one in (pilot, *tries)], messages, stages, sent)
    standing = verdicts[verdicts["stage"].isin(chosen)]
    found = concluded(whole.saturation, search.known(trials), standing, ended)
    # No plan was made of the whole: the first one is the pilot's.
    return replace(whole, plan=None, saturation=found, tries=verdicts)


def _told(row: Mapping[str, Any], trials: Sequence[Trial], limits: Limits, proposal: Proposal) -> str:
    """One line on the stage that has just ended, and what comes next."""
    rate, p99 = f"{row['offered_rate']:g} messages/s", f"p99 {row['end_to_end_p99_s'] * 1000:,.0f} ms"
    if row["verdict"] == "passed":
        line = f"{rate}: kept up, {p99}."
    elif row["verdict"] == "failed":
        line = f"{rate}: did not keep up, {row['why']}."
    elif not row["sender_late"]:
        line = f"{rate}: does not count, {row['why']}."
    else:
        late = f"this machine was busy and sent messages up to {row['lag_s'] * 1000:,.0f} ms late"
        line = (
            f"{rate}: does not count, {late}. "
            + {
                "void": "That may be why the system did not keep up.",
                "passed": f"The system kept up all the same, {p99}.",
                "failed": f"Beyond that {row['shown']}.",
            }[row["leaning"]]
        )
    return f"{line} {_next(proposal, trials, limits)}"


def _next(proposal: Proposal, trials: Sequence[Trial], limits: Limits) -> str:
    if proposal.step is None:
        return {"time": "The time for the search is over."}.get(proposal.why, "The search is over.")
    rate = f"{search.rate_at(proposal.step):g}"
    what = {
        "double": f"Next {rate}",
        "halve": f"Next {rate}, between the two",
        "lower": f"Next {rate}, lower",
        "again": f"Next {rate} again",
        "confirm": f"Next {rate} once more, to be sure",
        "above": f"Next {rate}, where it may be plainer",
    }[proposal.why]
    left = search.stages_left(trials, limits)
    rest_s = limits.most_s - len(trials) * limits.seconds
    time = f"at most {rest_s:.0f} s" if left is None else f"about {max(left, 1) * limits.seconds:.0f} s"
    return f"{what} ({time} of sending left)."
