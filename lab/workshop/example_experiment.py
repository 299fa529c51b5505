"""Where a learner's experiment does not count because the machine was busy: a kept one of another machine to go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lab import paths
from lab.session import FACTORS, Design, Experiment
from lab.workshop.example_run import MARK
from lab.workshop.page import filled

FOLDER = paths.NOTEBOOKS / "example-run" / "experiment"
_TABLES = ("runs", "messages", "usual")


def experiment_that_counts(
    experiment: Experiment, *, folder: Path = FOLDER, say: Callable[[str], None] = print
) -> Experiment:
    """The learner's experiment where all its runs count; else say what to do, and go on with the example."""
    if experiment.counts:
        say(filled("All eight runs of your experiment count. The charts below show them."))
        return experiment
    say(filled(f"Your experiment does not count. {experiment.why_not}."))
    say(
        filled(
            "close other programs, plug the laptop in, and run the cell with run_experiment again and those below.",
            "Next: ",
        )
    )
    say(filled(f"The charts below show an example until then. {MARK}: its numbers are another machine's."))
    return read(folder)


def read(folder: Path = FOLDER) -> Experiment:
    """An experiment with the usual five factors, as :func:`write` has kept it."""
    runs, messages, usual = (pd.read_csv(folder / f"{name}.csv", dtype={"why": object}) for name in _TABLES)
    for column in ("t_planned", "t_sent"):
        messages[column] = pd.to_datetime(messages[column], utc=True)
    runs["why"], usual["why"] = runs["why"].fillna(""), usual["why"].fillna("")
    return Experiment(Design(FACTORS), runs, messages, usual, MARK)


def write(experiment: Experiment, folder: Path) -> None:
    """Keep the tables of an experiment as CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TABLES:
        getattr(experiment, name).to_csv(folder / f"{name}.csv", index=False)
