"""Where a learner's own run names no limit: what to do, and a kept run of another machine to go on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lab import paths
from lab.session import KeptRun, RampResult, read_run
from lab.workshop.page import filled

FOLDER = paths.NOTEBOOKS / "example-run"
MARK = "Example run of another machine, not yours"


@dataclass(frozen=True)
class Shown:
    """The run that the charts show: the learner's own, or the example.

    Attributes:
        mark: empty for the learner's own run; else what a chart has to say.
    """

    messages: pd.DataFrame = field(repr=False)
    stages: pd.DataFrame = field(repr=False)
    saturation: object = field(repr=False)
    mark: str = ""


def run_with_limit(result: RampResult | KeptRun, *, folder: Path = FOLDER, say: Callable[[str], None] = print) -> Shown:
    """The learner's run where it names a limit; else say what to do, and go on with the example run."""
    saturation = result.saturation
    if saturation.rate is not None and saturation.reached:
        say(filled("Your run names a limit. The charts below show your run."))
        return Shown(result.messages, result.stages, saturation)
    say(filled(f"Your run names no limit. {saturation.reason}"))
    say(filled(_next_step(result), "Next: "))
    say(filled(f"The charts below show an example until then. {MARK}: its numbers are another machine's."))
    example = read_run(folder)
    return Shown(example.messages, example.stages, example.saturation, MARK)


def _next_step(result: RampResult | KeptRun) -> str:
    rates, valid = result.stages["offered_rate"], result.stages["valid"].astype(bool)
    best = result.saturation.rate
    if best is None and valid.any():
        return "choose a tenth of these rates in the cell that makes the plan, and run the notebook again from there."
    if best is None or not valid[rates > best].all():
        return (
            "close other programs, plug the laptop in, and run the cell that sends the staircase again, with those "
            "below it."
        )
    return f"put {2 * rates.max():g} behind the last rate of the plan, and run the notebook again from there."
