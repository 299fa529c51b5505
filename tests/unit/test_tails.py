"""On how many values a percentile rests, and the distribution in the format of HdrHistogram."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from lab.analysis import tails
from lab.analysis.latency import quantile
from lab.report.content import stage_note, stage_row
from lab.session import notes_on_stages, stages_as_table
from lab.session.summary import ramp_summary
from tests.unit.test_session import run_of


@pytest.mark.parametrize(
    ("count", "share", "beyond"),
    [
        (999, 0.99, 9),
        (1000, 0.99, 10),
        (10_000, 0.999, 10),
        (9_999, 0.999, 9),
        (100, 0.9, 10),
        (1, 0.99, 0),
        (0, 0.5, 0),
    ],
)
def test_how_many_values_lie_beyond_a_percentile(count: int, share: float, beyond: int) -> None:
    assert tails.beyond(count, share) == beyond
    values = np.arange(count, dtype=float)
    if count:
        assert int((values > quantile(values, share)).sum()) == beyond
    assert tails.needed(share) == round(10 / (1 - share))


def test_p999_is_there_with_ten_thousand_messages_and_not_before() -> None:
    values = pd.Series(np.arange(10_000, dtype=float))
    assert tails.tail_of(values)["p999"] == quantile(values, 0.999)
    assert math.isnan(tails.tail_of(values[1:])["p999"])


def test_a_p99_that_rests_on_few_is_marked_in_terminal_report_and_summary() -> None:
    stages = run_of(60).stages
    console = Console(width=120)
    with console.capture() as shown:
        console.print(stages_as_table(stages))
    assert shown.get().count("ms*") == 2
    assert notes_on_stages(stages)[0] == tails.FEW_NOTE
    (row,) = ramp_summary(run_of(60))["stages"]
    assert (row["end_to_end_beyond_p99"], math.isnan(row["end_to_end_p999_s"])) == (0, True)
    assert stage_row(row)["cells"][-1].endswith("*")
    assert stage_note([row]) == tails.FEW_NOTE
    enough = stages.assign(end_to_end_beyond_p99=10, duration_beyond_p99=10, end_to_end_p999_s=0.9)
    with console.capture() as shown:
        console.print(stages_as_table(enough))
    assert "*" not in shown.get()
    assert "900 ms" in shown.get()
    assert notes_on_stages(enough) == []
    assert stage_note(enough.to_dict("records")) == ""


# The percentile levels that HdrHistogram's own iterator visits, with five steps for each halving of what is left.
LEVELS = "0 10 20 30 40 50 55 60 65 70 75 77.5 80 82.5 85 87.5 88.75 90 91.25 92.5 93.75 94.375 95"


def test_the_distribution_has_the_lines_of_hdr_histogram() -> None:
    values = np.random.default_rng(1).lognormal(-3.4, 0.7, 5_000)
    lines = tails.percentile_distribution(values).splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert lines[1] == ""
    rows = [line.split() for line in lines[2:] if not line.startswith("#")]
    assert [float(row[1]) * 100 for row in rows[:23]] == pytest.approx([float(level) for level in LEVELS.split()])
    for row in rows[:-1]:
        value, share = float(row[0]), float(row[1])
        assert value == pytest.approx(1000 * quantile(values, share) if share else 1000 * values.min(), abs=6e-4)
        fewest, most = ((values * 1000 <= value + rounding).sum() for rounding in (-6e-4, 6e-4))
        assert fewest <= int(row[2]) <= most
        assert float(row[3]) == pytest.approx(1 / (1 - share), abs=0.006)
    assert rows[-1][1:] == ["1.000000000000", "5000"]
    assert float(rows[-1][0]) == pytest.approx(1000 * values.max(), abs=6e-4)
    assert [line.split()[0] for line in lines[-3:]] == ["#[Mean", "#[Max", "#[Buckets"]


@pytest.mark.parametrize("values", [[], [math.nan], [0.5], [0.5, math.nan, 0.5]])
def test_a_distribution_of_nothing_or_of_one_value(values: list[float]) -> None:
    text = tails.percentile_distribution(np.array(values))
    assert text.count("1.000000000000") == (1 if any(value == value for value in values) else 0)
    assert "nan" not in text
