"""Expectations: what can be written and what cannot, what a run must show, and how it is told."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab import session
from lab.analysis.expectations import COUNTS, MEASURES, ExpectationError, check, judge, parsed
from lab.analysis.reconcile import Reconciliation
from lab.session import FindOptions, OutputFolderError, RampOptions
from lab.target import Target
from tests import documentation
from tests.unit.find_stand_in import System

HERE = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
STAGES = pd.DataFrame(
    {
        "offered_rate": [10.0, 40.0, 80.0],
        "valid": [True, True, False],
        "invalid_reason": ["", "", "the sender lagged"],
        "end_to_end_p50_s": [0.02, 0.03, 0.1],
        "end_to_end_p99_s": [0.1, 0.4996, np.nan],
        "achieved_rate": [10.0, 40.0, 71.0],
        "completed_rate": [10.0, 39.5, 60.0],
    }
)
ACCOUNT = {"lost": 0, "failed": 2, "sent": 130}


@pytest.mark.parametrize(
    ("text", "measure", "comparison", "limit", "rate"),
    [
        ("p99<500ms@40", "p99", "<", 0.5, 40.0),
        ("p99 <= 0.5 s @ 40/s", "p99", "<=", 0.5, 40.0),
        ("p50<20ms", "p50", "<", 0.02, None),
        ("max<2s@2.5", "max", "<", 2.0, 2.5),
        ("lost=0", "lost", "=", 0.0, None),
        ("still-queued=0", "still_queued", "=", 0.0, None),
        ("dead_lettered <= 3", "dead_lettered", "<=", 3.0, None),
        ("saturation>=60", "saturation", ">=", 60.0, None),
        ("saturation > 62.5/s", "saturation", ">", 62.5, None),
        ("completed>=39@40", "completed", ">=", 39.0, 40.0),
    ],
)
def test_what_can_be_written(text: str, measure: str, comparison: str, limit: float, rate: float | None) -> None:
    read = parsed(text)
    assert (read.measure, read.comparison, read.rate) == (measure, comparison, rate)
    assert read.limit == pytest.approx(limit)
    assert read.text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not of the form: measure, comparison, number"),
        ("p99", "is not of the form"),
        ("500ms>p99", "is not of the form|has no measure"),
        ("p95<500ms", "has no measure 'p95'; there are p50, p90, p99, max"),
        ("P99<500ms", "is not of the form"),
        ("p99<", "ends too early"),
        ("p99<@40", "ends too early"),
        ("p99<fast", "needs a number behind the comparison, not 'fast'"),
        ("p99<-5ms", "needs a number behind the comparison, not '-5ms'"),
        ("p99<500", "needs a unit behind 500: ms or s"),
        ("p99<5m", "has the unit 'm'; a latency is in ms or s"),
        ("p99<nan s", "needs a number"),
        ("p99<1e3ms", "has the unit 'e3ms'"),
        ("p99=<500ms", "has '=<'; write <="),
        ("lost==0", "has '=='; write ="),
        ("lost!=0", "has '!='; there are < <= = >= >"),
        ("lost=0.5", "needs a whole number of messages"),
        ("lost=0%", "needs a whole number of messages"),
        ("lost=0@40", "names a rate, but 'lost' is one number for the whole run; leave @40 out"),
        ("saturation>=60@40", "names a rate, but 'saturation' is one number"),
        ("saturation>=60ms", "has the unit 'ms'; a rate is in messages a second: 60 or 60/s"),
        ("p99<500ms@", "needs a rate in messages a second behind the @, not ''"),
        ("p99<500ms@fast", "needs a rate in messages a second behind the @, not 'fast'"),
        ("p99<500ms@0", "needs a rate"),
        ("p99<500ms@40@80", "needs a rate"),
    ],
)
def test_what_cannot_be_written_is_told_with_an_example(text: str, words: str) -> None:
    with pytest.raises(ExpectationError, match=words) as caught:
        parsed(text)
    assert f"The expectation '{text}' " in caught.value.what
    assert '--expect "lost=0"' in caught.value.next_step
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p99<500ms@41", "names 41 messages/s, which is no stage of the plan: 10, 40, 80"),
        ("saturation>80", "can never be met: the highest rate that is offered is 80"),
        ("saturation>=81", "can never be met"),
        ("saturation=81", "can never be met"),
    ],
)
def test_what_the_plan_can_never_meet_is_told_before_anything_is_sent(text: str, words: str) -> None:
    with pytest.raises(ExpectationError, match=words):
        check([parsed(text)], [10, 40, 80], 80)


def test_what_the_plan_can_meet_is_no_error() -> None:
    check([parsed(text) for text in ("p99<1s@40.0", "saturation>=80", "saturation<100", "lost=0")], [10, 40, 80], 80)


def test_where_the_lab_chooses_the_rates_none_can_be_named() -> None:
    with pytest.raises(ExpectationError, match="with --find the lab chooses the rates"):
        session.read_expectations(["p99<500ms@40"], FindOptions())
    assert session.read_expectations(["saturation>=60", "p99<60s"], FindOptions())
    with pytest.raises(ExpectationError, match="no stage of the plan: 2, 4, 8"):
        session.read_expectations(["p99<500ms@40"], RampOptions())


@pytest.mark.parametrize(
    ("text", "met", "observed"),
    [
        ("p99<500ms@40", True, "500 ms at 40/s"),
        ("p99<499ms@40", False, "500 ms at 40/s"),
        ("p99<500ms@80", False, "nothing was measured at 80/s, but that stage does not count: the sender lagged"),
        ("p50<1s@80", False, "100 ms at 80/s, but that stage does not count: the sender lagged"),
        ("p50<1s", False, "1 of 3 stages, 100 ms at 80/s, but that stage does not count: the sender lagged"),
        ("completed>=39@40", True, "39.5 messages/s at 40/s"),
        ("completed>=39.6@40", False, "39.5 messages/s at 40/s"),
        ("p99<1s@20", False, "no such stage was sent"),
        ("lost=0", True, "0"),
        ("failed=0", False, "2"),
        ("failed<=2", True, "2"),
        ("failed<2", False, "2"),
        ("failed>=2", True, "2"),
        ("sent>130", False, "130"),
        ("unobserved=0", False, "None"),
        ("saturation>=40", True, "40 messages/s"),
        ("saturation>40", False, "40 messages/s"),
        ("saturation=40", True, "40 messages/s"),
    ],
)
def test_the_verdict_and_what_was_seen(text: str, met: bool, observed: str) -> None:
    (verdict,) = judge([parsed(text)], STAGES, 40.0, ACCOUNT)
    assert (verdict.met, verdict.observed) == (met, observed)
    assert verdict.sentence().startswith("met" if met else "NOT MET")


def test_no_saturation_meets_nothing() -> None:
    (verdict,) = judge([parsed("saturation<100")], STAGES, None, ACCOUNT)
    assert (verdict.met, verdict.observed) == (False, "no stage passed")


def test_without_a_rate_every_stage_has_to_be_so() -> None:
    (verdict,) = judge([parsed("p99<200ms")], STAGES[:2], 40.0, ACCOUNT)
    assert (verdict.met, verdict.observed) == (False, "1 of 2 stages, 500 ms at 40/s")
    (verdict,) = judge([parsed("p99<501ms")], STAGES[:2], 40.0, ACCOUNT)
    assert (verdict.met, verdict.observed) == (True, "100 ms at 10/s; 500 ms at 40/s")


def test_every_count_is_one_of_the_account() -> None:
    ids = [field.name for field in fields(Reconciliation) if field.type == "Ids"]
    account = Reconciliation(**dict.fromkeys(ids, ()), extra_executions=0).as_dict()  # type: ignore[arg-type]
    assert set(COUNTS) <= set(account)
    assert len(set(MEASURES)) == len(MEASURES)


def run_with(*texts: str) -> session.RampResult:
    options = RampOptions(rates="5", seconds=2)
    expected = session.read_expectations(texts, options)
    result = System(27)(HERE, options.plan(), options.messages(10, "run"))
    return session.judged(result, expected)


def test_junit_has_a_case_for_each_expectation_and_two_for_the_account(tmp_path: Path) -> None:
    result = run_with("p99<1ms@5", "lost=0")
    session.write_junit(result, tmp_path / "lab.xml")
    root = ElementTree.parse(tmp_path / "lab.xml").getroot()
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    failure = cases["p99<1ms@5"].find("failure")
    assert failure is not None
    assert "57 ms at 5/s" in str(failure.get("message"))
    assert cases["lost=0"].find("failure") is None
    assert cases["every message is accounted for"].find("failure") is None


def test_where_junit_goes_is_tried_before_anything_is_sent(tmp_path: Path) -> None:
    session.make_room_for(tmp_path / "new" / "lab.xml")
    assert (tmp_path / "new").is_dir()
    with pytest.raises(OutputFolderError, match="is a folder"):
        session.make_room_for(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputFolderError):
        session.make_room_for(tmp_path / "file" / "lab.xml")


def test_summary_and_report_hold_the_verdicts(tmp_path: Path) -> None:
    session.write_ramp(HERE, run_with("p99<1ms@5", "lost=0"), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    documentation.validate(summary, "summary")
    assert [(one["expectation"], one["met"]) for one in summary["expectations"]] == [
        ("p99<1ms@5", False),
        ("lost=0", True),
    ]
    report = (tmp_path / "report.html").read_text("utf-8")
    assert 'id="expectations"' in report
    assert "p99&lt;1ms@5" in report
    session.write_ramp(HERE, run_with(), tmp_path)
    assert 'id="expectations"' not in (tmp_path / "report.html").read_text("utf-8")
    assert "expectations" not in json.loads((tmp_path / "summary.json").read_text("utf-8"))
