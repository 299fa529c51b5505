"""The search for the knee, the highest rate that the system keeps up with: from what was tried to what to try next.

Pure: it sends nothing and remembers nothing. All rates lie on one line of preferred numbers, ten to a decade, so that
each is some 1.25 times the one before and three steps are a doubling. The rate doubles until a stage fails; then the
gap between the highest rate that passed and the lowest that failed is halved until it is one step; then both are sent
again, to see whether they stay what they were.

A stage whose sender lagged does not count. What it showed all the same ("leaning") is a guide for the search: it speaks
half as loud as a stage that counts, and the rate is sent again, at most twice, before it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["passed", "failed", "void"]

# Renard's series R10, rounded as ISO 3 does.
_DECADE = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
DOUBLING = 3
MOST_TRIES = 3
_SURE = 2  # stages that agree


def rate_at(step: int) -> float:
    """The rate on this step of the line, messages a second; step 0 is 1."""
    decade, place = divmod(step, len(_DECADE))
    return float(f"{_DECADE[place] * 10.0**decade:.3g}")


def step_of(rate: float) -> int:
    """The step of the highest rate on the line that is not above ``rate``."""
    near = math.floor(len(_DECADE) * math.log10(rate))
    return max(step for step in range(near - 2, near + 3) if rate_at(step) <= rate * (1 + 1e-9))


@dataclass(frozen=True)
class Trial:
    """One stage that was sent.

    Attributes:
        step: of its rate.
        verdict: what it showed; ``void`` where the sender, not the system, was at fault.
        leaning: for a void stage, what it showed beyond what the sender explains; ``void`` where that is nothing.
    """

    step: int
    verdict: Verdict
    leaning: Verdict = "void"


@dataclass(frozen=True)
class Limits:
    """Where the search begins and ends.

    Attributes:
        first: the step that it begins at.
        lowest, highest: the steps that it stays within.
        seconds: how long a stage lasts.
        most_s: seconds of sending in all.
    """

    first: int
    lowest: int
    highest: int
    seconds: float
    most_s: float


@dataclass(frozen=True)
class Proposal:
    """What to do next.

    Attributes:
        step: of the rate to send; None when the search is over.
        why: ``double``, ``halve``, ``lower``, ``again`` (a void or contradicted stage), ``confirm``, ``above`` (the
            one below showed nothing in all its tries); at the end ``known``, ``highest`` (all that may be offered was
            carried), ``lowest`` (nothing was), ``time`` (used up).
    """

    step: int | None
    why: str


@dataclass(frozen=True)
class Found:
    """What is known of the knee.

    Attributes:
        passed: the highest step that passed below the lowest that failed; None if none did.
        failed: the lowest step that failed; None if none did.
        unknown: the lowest step above ``passed`` whose stages were all void and showed nothing; None if none was.
    """

    passed: int | None
    failed: int | None
    unknown: int | None

    @property
    def ceiling(self) -> int | None:
        """The lowest step that did not pass, for whatever reason."""
        return min((step for step in (self.failed, self.unknown) if step is not None), default=None)


def judged(trials: Iterable[Trial]) -> Verdict | None:
    """What the stages of one rate say together; None while they do not agree and another may be sent."""
    own = list(trials)
    passed, failed = (sum(_weight(trial, verdict) for trial in own) for verdict in ("passed", "failed"))
    if passed != failed:
        return "passed" if passed > failed else "failed"
    if len(own) < MOST_TRIES:
        return None
    # A pause of the machine makes a stage fail that would have passed; nothing makes an overloaded system pass.
    return "passed" if passed else "void"


def _weight(trial: Trial, verdict: Verdict) -> float:
    """How much a stage speaks for a verdict: one that does not count half as much as one that does."""
    return 1.0 if trial.verdict == verdict else 0.5 if (trial.verdict, trial.leaning) == ("void", verdict) else 0.0


def known(trials: Sequence[Trial]) -> Found:
    """What the stages so far say of the knee."""
    verdicts = _verdicts(trials)
    failed = min((step for step, verdict in verdicts.items() if verdict == "failed"), default=None)
    below = math.inf if failed is None else failed
    passed = max((step for step, verdict in verdicts.items() if verdict == "passed" and step < below), default=None)
    above = -math.inf if passed is None else passed
    unknown = (step for step, verdict in verdicts.items() if verdict == "void" and above < step < below)
    return Found(passed, failed, min(unknown, default=None))


def proposed(trials: Sequence[Trial], limits: Limits) -> Proposal:
    """What to send next, or why the search is over."""
    proposal = _wanted(trials, limits)
    if proposal.step is not None and (len(trials) + 1) * limits.seconds > limits.most_s + 1e-9:
        return Proposal(None, "time")
    return proposal


def _wanted(trials: Sequence[Trial], limits: Limits) -> Proposal:
    if not trials:
        return Proposal(limits.first, "double")
    verdicts = _verdicts(trials)
    for trial in reversed(trials):
        if verdicts[trial.step] is None:
            return Proposal(trial.step, "again")
    found = known(trials)
    floor, ceiling = found.passed, found.ceiling
    if ceiling is None:
        assert floor is not None  # something was sent, and nothing failed
        if floor >= limits.highest:
            return _confirmed(trials, [floor]) or Proposal(None, "highest")
        return Proposal(min(floor + DOUBLING, limits.highest), "double")
    if _contradicted(trials, verdicts, ceiling):
        return Proposal(ceiling, "again")
    if floor is None:
        if ceiling <= limits.lowest:
            return _confirmed(trials, [ceiling]) or Proposal(None, "lowest")
        return Proposal(max(ceiling - DOUBLING, limits.lowest), "lower")
    if ceiling - floor > 1:
        return Proposal((floor + ceiling) // 2, "halve")
    return _confirmed(trials, [ceiling, floor]) or _above(verdicts, found, limits) or Proposal(None, "known")


def _above(verdicts: dict[int, Verdict | None], found: Found, limits: Limits) -> Proposal | None:
    """A rate that was not tried yet, where the first above the knee showed nothing: it may fail beyond doubt."""
    if found.unknown is None:
        return None
    top = min(limits.highest, found.unknown + DOUBLING) if found.failed is None else found.failed - 1
    untried = (step for step in range(found.unknown + 1, top + 1) if step not in verdicts)
    return next((Proposal(step, "above") for step in untried), None)


def stages_left(trials: Sequence[Trial], limits: Limits) -> int | None:
    """How many stages are still to come if each goes well; None while no rate has failed, for then nobody knows."""
    found = known(trials)
    if found.ceiling is None:
        return None
    room = int(limits.most_s / limits.seconds + 1e-9) - len(trials)
    floor = limits.lowest if found.passed is None else found.passed
    gap = max(found.ceiling - floor, 1)
    # Both ends need two stages that count; one that is found by halving has its first already.
    repeats = sum(_wanting(trials, step) for step in (found.passed, found.ceiling) if step is not None)
    return max(min(math.ceil(math.log2(gap)) + repeats, room), 0)


def _verdicts(trials: Sequence[Trial]) -> dict[int, Verdict | None]:
    return {step: judged(trial for trial in trials if trial.step == step) for step in {trial.step for trial in trials}}


def _contradicted(trials: Sequence[Trial], verdicts: dict[int, Verdict | None], ceiling: int) -> bool:
    """Whether a single stage says that this rate is too high, and a higher rate passed."""
    higher = any(verdict == "passed" for step, verdict in verdicts.items() if step > ceiling)
    return higher and bool(_wanting(trials, ceiling))


def _confirmed(trials: Sequence[Trial], steps: Sequence[int]) -> Proposal | None:
    """The first of these rates that was not yet seen twice, if it may be sent again."""
    return next((Proposal(step, "confirm") for step in steps if _wanting(trials, step)), None)


def _wanting(trials: Sequence[Trial], step: int) -> int:
    """How many more stages this rate needs until two that count agree, within what it may have."""
    own = [trial.verdict for trial in trials if trial.step == step]
    agreeing = max(own.count("passed"), own.count("failed"))
    return min(max(_SURE - agreeing, 0), MOST_TRIES - len(own))
