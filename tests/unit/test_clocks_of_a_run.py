"""What two clocks do to a run: latencies are corrected for their difference, and what cannot be known is void."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from lab.analysis.clocks import Clocks, compare_clocks, told, voided
from lab.clock import UNKNOWN, Break, Difference
from lab.load import messages as bodies
from lab.observe import parse_execution_events
from lab.session import void_stages, write_ramp
from lab.session.outcome import RampResult, analyse
from lab.target import Target
from tests import documentation
from tests.unit import analysis_data as data

RATE, TOOK_S = 10.0, 0.200
PLANNED = [number / RATE for number in range(30)]  # three stages of a second
STAGES = [number // 10 for number in range(30)]
AHEAD = [0.6, -0.6, 3.0, -3.0, 90.0, -90.0]


def run(
    ahead_s: float = 0.0,
    *,
    later_s: float | None = None,
    received: bool = True,
    dates: Difference = UNKNOWN,
    breaks: tuple[Break, ...] = (),
    same_machine: bool = False,
) -> RampResult:
    """A run whose host is ahead by `ahead_s`, and from the middle of stage 1 on by `later_s`.

    Each call takes 5 ms, half-way SQS stamps, and the execution ends `TOOK_S` after the message was planned.
    """
    sends = data.sends(PLANNED, stages=STAGES, rate=RATE)
    sent = list(bodies.generate(30, seed=1, run_id="r"))
    sends["lab_id"] = [message.lab_id for message in sent]
    ahead = [ahead_s if later_s is None or number < 15 else later_s for number in range(30)]
    numbers = list(range(30))
    stamped = [round(when + 0.0025 - off, 3) for when, off in zip(PLANNED, ahead, strict=True)]
    started = [when + 0.1 - off for when, off in zip(PLANNED, ahead, strict=True)]
    finished = [when + TOOK_S - off for when, off in zip(PLANNED, ahead, strict=True)]
    seen = data.received(numbers, stamped, started)
    ran = data.executions(numbers, started, finished)
    seen["lab_id"] = ran["lab_id"] = sends["lab_id"]
    _, states = parse_execution_events([])
    return analyse(
        "r",
        sent,
        sends,
        None,
        ran,
        states,
        seen if received else seen[:0],
        dead_letters=seen[:0],
        undrained=0,
        drained=True,
        interrupted=False,
        dates=dates,
        breaks=breaks,
        same_machine=same_machine,
    )


def broken(after_s: float, before_s: float, reason: str = "this machine slept for 60.0 s") -> Break:
    began = data.ORIGIN.value
    return Break(began + round(after_s * 1e9), began + round(before_s * 1e9), reason)


def valid(result: RampResult) -> list[bool]:
    return [bool(each) for each in result.stages["valid"]]


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_latencies_are_corrected_for_the_difference(ahead_s: float) -> None:
    result = run(ahead_s)
    assert result.clocks.whole.ahead_s == pytest.approx(ahead_s, abs=0.004)
    assert result.clocks.whole.uncertainty_s < 0.005
    assert valid(result) == [True] * 3
    for column in ("end_to_end_s", "naive_s"):
        assert result.messages[column].to_numpy() == pytest.approx(TOOK_S, abs=0.004)
    # The backlog and the rates are computed of the same instants.
    assert result.stages["completed_rate"].sum() == pytest.approx(28.0, abs=2)
    assert result.saturation.rate == RATE
    # What the service measured by itself is as it was.
    assert result.messages["queue_wait_s"].to_numpy() == pytest.approx(0.0975, abs=0.001)


def test_clocks_that_may_agree_are_left_alone() -> None:
    result = run(0.001)
    assert result.clocks.as_dict() == {
        "ahead_s": 0.0,
        "uncertainty_s": pytest.approx(0.0035, abs=0.002),
        "corrected": False,
    }
    assert result.messages["finished"].tolist() == result.executions["finished"].tolist()
    assert result.clocks.sentence() == ""


def test_one_machine_has_one_clock_unless_something_forbids_it() -> None:
    assert run(0.0, same_machine=True).clocks.whole == Difference(0.0, 0.0)
    assert run(3.0, same_machine=True).clocks.whole.ahead_s == pytest.approx(3.0, abs=0.004)


def test_where_the_function_wrote_nothing_the_dates_stand_in() -> None:
    result = run(3.0, received=False, dates=Difference(2.96, 3.02))
    assert valid(result) == [True] * 3
    assert result.messages["end_to_end_s"].to_numpy() == pytest.approx(TOOK_S, abs=0.03)


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        (Difference(2.5, 3.5), "the service's clock is known to within 500 ms only, and half of the messages took"),
        (UNKNOWN, "how far this machine's clock is from the service's is not known"),
        (Difference(-1.0, 0.0), "a message ended before it was sent"),
    ],
)
def test_what_cannot_be_known_is_void_with_its_reason(dates: Difference, reason: str) -> None:
    result = run(3.0, received=False, dates=dates)
    assert valid(result) == [False] * 3
    assert all(reason in said for said in result.stages["invalid_reason"])
    assert result.messages["end_to_end_s"].isna().all()
    assert result.stages["end_to_end_p99_s"].isna().all()
    assert reason in result.saturation.reason
    assert len(void_stages(result.stages)) == 3


def test_the_same_uncertainty_is_no_harm_to_what_takes_longer() -> None:
    assert valid(run(0.0, received=False, dates=Difference(-0.15, 0.15))) == [True] * 3
    assert valid(run(0.0, received=False, dates=Difference(-0.25, 0.25))) == [False] * 3


@pytest.mark.parametrize(
    ("after_s", "before_s", "void"),
    [
        (1.4, 1.6, [1]),
        (0.5, 0.7, [0]),
        (1.05, 1.08, [0, 1]),  # messages of stage 0 were still under way
        (-0.5, -0.3, []),
        (3.4, 3.6, []),  # all had come to their end
        (0.5, 2.6, [0, 1, 2]),
    ],
)
def test_a_break_voids_the_stages_that_were_under_way(after_s: float, before_s: float, void: list[int]) -> None:
    result = run(breaks=(broken(after_s, before_s),))
    assert result.stages.loc[~result.stages["valid"], "stage"].tolist() == void
    assert set(result.stages.loc[void, "invalid_reason"]) <= {"this machine slept for 60.0 s"}
    assert result.messages["end_to_end_s"].isna().sum() == 10 * len(void)
    assert not result.reconciliation.lost


@pytest.mark.parametrize("later_s", [60.0, -90.0, 0.3])
def test_stages_before_and_after_a_jump_are_corrected_each_by_its_own(later_s: float) -> None:
    """Both the host and the embedded emulator saw it: 0.6 s ahead until then, something else from then on."""
    result = run(0.6, later_s=later_s, breaks=(broken(1.4, 1.6),))
    assert valid(result) == [True, False, True]
    for stage in (0, 2):
        own = result.messages[result.messages["stage"] == stage]
        assert own["end_to_end_s"].to_numpy() == pytest.approx(TOOK_S, abs=0.004)
    assert "each stage has its own difference" in result.clocks.sentence()


def test_a_service_whose_clock_was_set_is_noticed_without_a_break_of_the_host() -> None:
    result = run(0.0, later_s=5.0)
    assert valid(result) == [True, False, True]
    assert "ran apart" in result.stages["invalid_reason"].iloc[1]


def test_the_senders_own_reason_stays() -> None:
    result = run(breaks=(broken(1.4, 1.6),))
    table = result.stages.assign(valid=False, invalid_reason="the sender lagged")
    assert voided(table, {1: "slept"})["invalid_reason"].tolist() == [
        "the sender lagged",
        "the sender lagged; slept",
        "the sender lagged",
    ]


def test_a_message_that_is_in_the_queue_twice_is_bounded_by_its_own_answer() -> None:
    """The first try's answer was lost, and its message waited; the second was acknowledged before the first arrived."""
    sends = data.sends([0.0])
    late = data.received([0], [7.0], [7.1]).assign(message_id="another")
    both = pd.concat([data.received([0], [0.003], [0.1]), late], ignore_index=True)
    found = compare_clocks(sends, both).whole
    assert found.holds
    assert found.low_s <= 0 <= found.high_s


def test_other_peoples_records_say_nothing() -> None:
    foreign = data.received([0], [99.0], [99.1]).assign(lab_id="x-0", message_id="theirs")
    assert compare_clocks(data.sends([0.0]), foreign).whole == UNKNOWN


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference(2.998, 3.002), "3.00 s ahead of the service's (to within 2 ms)"),
        (Difference(-1.1, -0.1), "0.6 s behind the service's (to within 500 ms)"),
        (Difference(-0.5, 0.5), ""),
        (UNKNOWN, ""),
    ],
)
def test_the_difference_is_told_where_there_is_one(difference: Difference, said: str) -> None:
    assert said in told(difference)
    assert bool(told(difference)) == bool(said)


def test_the_summary_tells_the_difference_and_the_reasons(tmp_path: Path) -> None:
    result = run(3.0, breaks=(broken(1.4, 1.6),))
    write_ramp(Target("localstack", "t", endpoint_url="http://127.0.0.1:1"), result, tmp_path)
    written = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    documentation.validate(written, "summary")
    assert written["clock"]["ahead_s"] == pytest.approx(3.0, abs=0.004)
    assert written["clock"]["corrected"] is True
    assert [stage["invalid_reason"] for stage in written["stages"]] == ["", "this machine slept for 60.0 s", ""]
    assert (tmp_path / "report.html").exists()


def test_a_run_that_is_void_throughout_leaves_a_report_too(tmp_path: Path) -> None:
    said: list[str] = []
    result = run(3.0, received=False)
    write_ramp(Target("localstack", "t", endpoint_url="http://127.0.0.1:1"), result, tmp_path, say=said.append)
    written = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    documentation.validate(written, "summary")
    assert written["clock"] == {"ahead_s": None, "uncertainty_s": None, "corrected": False}
    assert said == []
    assert (tmp_path / "report.html").exists()


def test_nothing_is_known_of_clocks_before_a_run() -> None:
    assert math.isnan(Clocks().whole.ahead_s)
    assert Clocks().as_dict()["corrected"] is False
