"""Notebook 11: the learner's own forecast and its test, or those of a kept run where the own run allows none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lab.analysis import queueing
from lab.analysis.queueing import Forecast
from lab.session import Emptied
from lab.workshop.example_run import FOLDER, MARK
from lab.workshop.page import filled

CARRYING = FOLDER / "carrying"
_BUSY = 0.5  # processors that other programs keep busy, from which on it is said


@dataclass(frozen=True)
class Carried:
    """Calm stages and the forecast that they allow: the learner's own, or the example's.

    Attributes:
        busy: of :func:`lab.analysis.queueing.busy_by_stage`.
        mark: empty for the learner's own run; else what a chart has to say.
    """

    busy: pd.DataFrame = field(repr=False)
    forecast: Forecast = field(repr=False)
    mark: str = ""
    folder: Path = CARRYING

    def measured(self, emptied: Emptied) -> float:
        """Messages a second that came out of the filled queue: of the run to which the forecast belongs."""
        if self.mark:
            return queueing.drain_rate(pd.read_csv(self.folder / "emptied.csv")["finished_s"])
        return queueing.drain_rate(emptied.executions["finished"])

    def loaded(self, busy: pd.DataFrame) -> pd.DataFrame:
        """Calm stages and faster ones: of the run to which the forecast belongs."""
        faster = pd.read_csv(self.folder / "loaded.csv") if self.mark else busy
        return pd.concat([self.busy, faster], ignore_index=True)


def forecast_or_example(busy: pd.DataFrame, *, folder: Path = CARRYING, say: Callable[[str], None] = print) -> Carried:
    """The forecast of the learner's calm stages; where they allow none, say why, and go on with the example's."""
    own = queueing.forecast(busy)
    if own.known:
        say(filled(f"Your calm stages allow a forecast: {own.rate:.0f} messages a second."))
        others = float(busy["others"].mean())
        if others > _BUSY:
            say(
                filled(
                    f"Other programs kept {others:.1f} of {busy['processors'].max():.0f} processors busy meanwhile. "
                    "The forecast is for a machine of its own: less may be measured. Close them, and run the notebook "
                    "again from the cell that sends."
                )
            )
        return Carried(busy, own)
    example = pd.read_csv(folder / "calm.csv")
    say(filled(f"Your run allows no forecast: {own.reason}."))
    say(
        filled(
            "on an embedded lab, close other programs, halve the rates of the plan, and run the notebook again from "
            "the cell that sends.",
            "Next: ",
        )
    )
    say(filled(f"The charts below show an example until then. {MARK}: its numbers are another machine's."))
    return Carried(example, queueing.forecast(example), MARK, folder)


def say_how_good(
    forecast_rate: float, measured_rate: float, *, within: float = 0.25, say: Callable[[str], None] = print
) -> None:
    """Whether the forecast holds, and where to look when it does not."""
    if not measured_rate > 0:
        say(filled("Nothing was measured: too few messages came out of the queue. Run the cell that fills it again."))
        return
    off = forecast_rate / measured_rate - 1
    text = f"Forecast {forecast_rate:.0f}, measured {measured_rate:.0f} messages a second: {abs(off):.0%} "
    text += "too many" if off > 0 else "too few"
    if abs(off) <= within:
        say(filled(f"{text}. That is within {within:.0%}."))
    elif off > 0:
        say(
            filled(
                f"{text}. A forecast that is too high means that the lab did not get all the processor time that it "
                "counted on: other programs had it, or the machine runs slower when it is warm or on battery."
            )
        )
    else:
        say(
            filled(
                f"{text}. A forecast that is too low means that a message took more processor time in the calm stages "
                "than later: the machine saved power while it was calm, or other programs disturbed it."
            )
        )
