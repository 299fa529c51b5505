"""A run whose rows were kept as CSV files, read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lab.analysis.saturation import Saturation, find_saturation

INSTANTS = ("t_planned", "t_sent", "t_acked", "sent", "first_received", "started", "finished")
# What a run without a void stage would leave empty, and pandas would read back as missing numbers.
_WORDS = ("invalid_reason",)


@dataclass(frozen=True)
class KeptRun:
    """What the charts of a run are drawn from. The tables are those of ARCHITECTURE.md, "The tables"."""

    messages: pd.DataFrame = field(repr=False)
    stages: pd.DataFrame = field(repr=False)
    saturation: Saturation


def read_run(folder: Path) -> KeptRun:
    """Read ``messages.csv`` and ``stages.csv``, and find saturation anew."""
    messages = pd.read_csv(folder / "messages.csv")
    for name in INSTANTS:
        messages[name] = pd.to_datetime(messages[name], utc=True, format="ISO8601").astype("datetime64[ns, UTC]")
    stages = pd.read_csv(folder / "stages.csv", dtype=dict.fromkeys(_WORDS, object))
    stages[list(_WORDS)] = stages[list(_WORDS)].fillna("")
    return KeptRun(messages, stages, find_saturation(messages, stages))
