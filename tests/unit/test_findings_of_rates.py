"""The titles of the charts against the rate hold on the numbers that are drawn, read back from the axes."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import charts
from tests.unit.findings_reading import (
    DURATION,
    RATE,
    at_most,
    factor_of,
    few,
    in_seconds,
    marks,
    plain,
    points,
    rates,
    same,
    says_which_are_void,
)

pytestmark = pytest.mark.slow

latencies = st.one_of(st.floats(0.002, 5.0), st.sampled_from([0.03, 0.5, 1.0, 1.2]), st.just(math.nan))


@st.composite
def stage_tables(draw: Any) -> pd.DataFrame:
    rows = []
    for number in range(draw(st.integers(1, 6))):
        p99, rate, valid = draw(latencies), draw(rates), draw(st.booleans())
        held_up = draw(st.sampled_from([0.0, 0.0005, 0.3]))
        rows.append(
            {
                "stage": number,
                "offered_rate": rate,
                "end_to_end_p50_s": p99 / 3,
                "end_to_end_p90_s": p99 / 2,
                "end_to_end_p99_s": p99,
                "end_to_end_max_s": p99 * draw(st.sampled_from([1.0, 4.0])),
                "naive_p99_s": p99 - min(held_up, p99 / 2),
                "completed_rate": rate * draw(st.sampled_from([0.2, 0.7, 0.94, 0.96, 1.0, 1.3])),
                "achieved_rate": rate,
                "valid": valid,
                "invalid_reason": "" if valid else "the sender lagged",
            }
        )
    table = pd.DataFrame(rows)
    gaps = [draw(st.sampled_from([0.0, 1.0])) for _ in rows]
    return table.assign(naive_max_s=table["end_to_end_max_s"] - np.minimum(gaps, table["end_to_end_max_s"] / 2))


def a_table(p99: list[float], completed: list[float], void: tuple[int, ...] = ()) -> pd.DataFrame:
    """Stages of rising rates with these p99 (seconds) and these shares completed."""
    rate, slowest = 2.0 ** np.arange(len(p99)), np.array(p99)
    valid = [place not in void for place in range(len(p99))]
    return pd.DataFrame(
        {
            "stage": range(len(p99)),
            "offered_rate": rate,
            **{
                f"end_to_end_{name}_s": slowest / part
                for name, part in (("p50", 3), ("p90", 2), ("p99", 1), ("max", 1))
            },
            "naive_p99_s": slowest,
            "naive_max_s": slowest,
            "completed_rate": rate * np.array(completed),
            "valid": valid,
            "invalid_reason": ["" if counts else "the sender lagged" for counts in valid],
        }
    )


@given(stage_tables())
@example(a_table([0.1, 0.9, 0.3], [1, 1, 1]))
@example(a_table([0.03, 0.453, 0.035], [1, 1, 1], void=(1,)))
@example(a_table([0.03, math.nan, 0.035], [1, 1, 1], void=(1,)))  # not drawn, for a clock cannot be trusted
@few
def test_latency_by_rate(table: pd.DataFrame) -> None:
    chart = charts.latency_by_rate(table)
    finding = chart.finding
    if table["end_to_end_p99_s"].isna().all():
        assert finding == "No latency to show yet"
        return
    (axes,) = chart.axes
    says_which_are_void(chart, table)
    factor = factor_of(axes)
    counted, others = ([(x, y * factor) for x, y in drawn] for drawn in marks(axes, "#D55E00", "D"))
    values = [y for _, y in counted]
    if not counted:
        assert finding.startswith("No stage is valid; p99 was ")
        told = [in_seconds(text) for text in re.findall(DURATION, finding)]
        assert same(told[-1], max(y for _, y in others))
        assert same(told[0], min(y for _, y in others))
        return
    about, _, rest = finding.partition("; not counted: ")
    assert bool(rest) == bool(others)
    if others:
        told = [in_seconds(text) for text in re.findall(DURATION, rest)]
        assert same(told[-1], max(y for _, y in others))
        assert len(others) == 1 or rest.startswith(f"{len(others)} stages, the highest ")
    last = max(y for x, y in counted if x == counted[-1][0])
    first = max(y for x, y in counted if x == counted[0][0])
    if match := re.fullmatch(rf"p99 stays at or below {DURATION} up to {RATE}", about):
        assert all(at_most(in_seconds(match[1]), y) for y in values)
        assert all(x <= plain(match[2]) for x, _ in counted)
    elif match := re.fullmatch(rf"p99 passes one second at {RATE}", about):
        assert all(y <= 1 for x, y in counted if x < plain(match[1]))
        slower = {x: max(y for other, y in counted if other == x) for x, _ in counted}
        assert all(y > 1 for x, y in slower.items() if x >= plain(match[1]))
    elif match := re.fullmatch(rf"p99 grows from {DURATION} at {RATE} to {DURATION} at ([\d.]+)", about):
        assert same(in_seconds(match[1]), first)
        assert same(in_seconds(match[3]), last)
        assert last == max(values)
        assert (plain(match[2]), plain(match[4])) == (counted[0][0], counted[-1][0])
    elif match := re.fullmatch(rf"p99 is highest at {RATE}, {DURATION}; it is {DURATION} at ([\d.]+)", about):
        assert same(in_seconds(match[2]), max(values))
        assert plain(match[1]) in {x for x, y in counted if y == max(values)}
        assert same(in_seconds(match[3]), last)
    elif match := re.fullmatch(rf"p99 is over one second from the first stage on, at {RATE}", about):
        assert all(max(y for other, y in counted if other == x) > 1 for x, _ in counted)
    elif match := re.fullmatch(rf"p99 is {DURATION}(?: to {DURATION})? in (\d+) stages of {RATE}", about):
        assert same(in_seconds(match[1]), min(values))
        assert same(in_seconds(match[2] or match[1]), max(values))
        assert int(match[3]) == len(counted)
    else:
        match = re.fullmatch(rf"p99 is {DURATION} at {RATE}, the maximum {DURATION}", about)
        assert match, finding
        assert len(counted) == 1
        assert same(in_seconds(match[1]), values[0])


@given(stage_tables())
@few
def test_corrected_and_naive(table: pd.DataFrame) -> None:
    chart = charts.corrected_and_naive(table)
    if table["end_to_end_p99_s"].isna().all():
        assert chart.finding == "No latency to compare yet"
        return
    (axes,) = chart.axes
    says_which_are_void(chart, table)
    factor, (_, void) = factor_of(axes), marks(axes, "#0072B2", "o")
    corrected, naive = points(axes, "#D55E00", "-"), points(axes, "#0072B2", "-")
    top, naive_top = points(axes, "#D55E00", ":"), points(axes, "#0072B2", ":")
    gaps = [(one[1] - other[1]) * factor for one, other in zip(corrected, naive, strict=True)]
    gaps_of_max = [(one[1] - other[1]) * factor for one, other in zip(top, naive_top, strict=True)]
    wide = [gap > max(0.01, 0.05 * y * factor) for gap, (_, y) in zip(gaps, corrected, strict=True)]
    if match := re.fullmatch(
        rf"The naive p99 hides {DURATION} at {RATE}(, in a stage that does not count)?", chart.finding
    ):
        told = in_seconds(match[1])
        assert any(same(told, gap) and x == plain(match[2]) for gap, (x, _) in zip(gaps, corrected, strict=True))
        assert at_most(told, max(gap for gap, hides in zip(gaps, wide, strict=True) if hides))
        if match[3]:
            assert void
        return
    assert not any(wide)
    match = re.search(rf"p99 differs by at most {DURATION}", chart.finding)
    assert match
    assert all(abs(gap) <= in_seconds(match[1]) * 1.06 + 1e-6 for gap in gaps)
    if "the sender kept its plan" in chart.finding:
        assert not void
    if chart.finding.startswith("Both clocks agree"):
        assert all(gap <= max(0.0101, 0.0501 * y * factor) for gap, (_, y) in zip(gaps_of_max, top, strict=True))
    else:
        match = re.search(rf"but the maximum by up to {DURATION}", chart.finding)
        assert match
        assert same(in_seconds(match[1]), max(gaps_of_max))


@given(stage_tables(), st.one_of(st.none(), rates))
@example(a_table([0.1] * 3, [1, 0.7, 1]), None)
@example(a_table([0.1] * 3, [0.7, 1, 1]), None)
@few
def test_completed_against_offered(table: pd.DataFrame, limit: float | None) -> None:
    chart = charts.completed_against_offered(table, limit)
    (axes,) = chart.axes
    says_which_are_void(chart, table)
    counted, others = marks(axes, "#009E73", "o")
    assert axes.get_ylim()[1] >= max(y for _, y in counted + others)
    finding = chart.finding
    if not counted:
        match = re.fullmatch(rf"No stage is valid; the most .* was {RATE}", finding)
        assert match
        assert same(plain(match[1]), max(y for _, y in others))
        return
    about, _, rest = finding.partition("; not counted: ")
    assert bool(rest) == bool(others)
    about, _, rule = about.partition("; by the rule of saturation the limit is ")
    if rule:
        assert plain(rule) == limit
    follows = {x: all(y >= 0.95 * x - 1e-9 for other, y in counted if other == x) for x, _ in counted}
    most = max(y for _, y in counted)
    if match := re.fullmatch(rf"Completed keeps up with offered, up to {RATE}", about):
        assert all(follows.values())
        assert plain(match[1]) == max(follows)
        assert rule or limit in (None, max(follows))
    elif match := re.fullmatch(rf"Completed keeps up to {RATE} and tops out at ([\d.]+)", about):
        assert all(keeps == (x <= plain(match[1])) for x, keeps in follows.items())
        assert same(plain(match[2]), most)
        assert rule or limit in (None, plain(match[1]))
    elif match := re.fullmatch(rf"Completed stays behind offered at (?:every rate|{RATE}); the most was {RATE}", about):
        assert all(y < 0.95 * x for x, y in counted)
        assert same(plain(match[2]), most)
    else:
        match = re.fullmatch(
            rf"Completed stays behind offered in (\d+) of (\d+) stages, most at {RATE}, with ([\d.]+) completed", about
        )
        assert match, about
        behind = [(x, y) for x, y in counted if y < 0.95 * x]
        assert (int(match[1]), int(match[2])) == (len(behind), len(counted))
        assert any(x == plain(match[3]) and same(plain(match[4]), y) for x, y in behind)
