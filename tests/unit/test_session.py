"""What the commands make of results: options, account, summary for scripts, and lines for a person."""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lab import observe, workshop
from lab.analysis.latency import join_messages
from lab.errors import LabError
from lab.load import PlanError
from lab.load import messages as bodies
from lab.session import (
    RampOptions,
    body_of,
    save_tables,
    throw_away_name,
    write_ramp,
)
from lab.session.outcome import RampResult, analyse, since
from lab.session.results import OutputFolderError, make_folder
from lab.session.summary import ramp_summary, write_summary
from lab.target import Target
from tests import documentation

START = pd.Timestamp("2026-01-01", tz="UTC")


def run_of(count: int, *, lose: int = 0, fail: int = 0) -> RampResult:
    """A made-up run of ``count`` messages at 10/s, each finished half a second after it was planned."""
    sent = list(bodies.generate(count, seed=3, run_id="run"))
    planned = START + pd.to_timedelta(np.arange(count) * 0.1, unit="s")
    sends = pd.DataFrame(
        {
            "lab_id": [message.lab_id for message in sent],
            "stage": 0,
            "offered_rate": 10.0,
            "t_planned": planned,
            "t_sent": planned + pd.Timedelta(milliseconds=1),
            "t_acked": planned + pd.Timedelta(milliseconds=5),
            "message_id": [f"m{number}" for number in range(count)],
            "attempts": 1,
            "outcome": "acked",
            "error": None,
        }
    )
    seen = range(count - lose)
    failed = [number < fail for number in seen]
    executions = pd.DataFrame(
        {
            "execution_arn": [f"arn:{number}" for number in seen],
            "name": [f"m{number}" for number in seen],
            "lab_id": [sent[number].lab_id for number in seen],
            "started": [planned[number] + pd.Timedelta(milliseconds=300) for number in seen],
            "finished": [planned[number] + pd.Timedelta(milliseconds=500) for number in seen],
            "duration_s": 0.2,
            "status": ["FAILED" if bad else "SUCCEEDED" for bad in failed],
            "error": None,
            "cause": None,
            "input": "{}",
            "output": [
                None
                if bad
                else json.dumps(
                    {
                        "word_counts": bodies.expected_word_counts([sent[number]]),
                        "stats": {"text_length": 5, "avg_word_length": 2.0, "num_digits": 0, "num_special_chars": 0},
                    }
                )
                for number, bad in zip(seen, failed, strict=True)
            ],
            "events": 22,
        }
    )
    states = pd.DataFrame(
        {
            "execution_arn": executions["execution_arn"],
            "state": "Only",
            "entered": executions["started"],
            "exited": executions["finished"],
            "duration_s": 0.2,
            "error": None,
        }
    )
    received = pd.DataFrame(
        {
            "message_id": executions["name"],
            "lab_id": executions["lab_id"],
            "sent": [planned[number] + pd.Timedelta(milliseconds=3) for number in seen],
            "first_received": executions["started"],
            "started_at": executions["started"],
            "execution_arn": executions["execution_arn"],
            "error": None,
            "request_id": "r",
        }
    )
    return analyse(
        "run",
        sent,
        sends,
        None,
        executions,
        states,
        received,
        dead_letters=pd.DataFrame(columns=["message_id", "lab_id"]),
        undrained=0,
        drained=True,
        interrupted=False,
    )


@pytest.mark.parametrize("rates", ["0", "-1", "two", "", "nan", "inf", "1,,2"])
def test_rates_that_make_no_sense_are_refused_before_anything_is_sent(rates: str) -> None:
    with pytest.raises(PlanError):
        RampOptions(rates=rates).plan()


def test_a_learners_text_is_repeated_until_the_plan_is_full(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("just a few words")
    made = RampOptions(text_file=file).messages(5, "run")
    assert [message.text for message in made] == ["just a few words"] * 5
    assert len({message.lab_id for message in made}) == 5
    assert bodies.expected_word_counts(made)["words"] == 5


def test_a_throw_away_name_can_be_a_name_of_a_lab() -> None:
    assert Target("embedded", throw_away_name()).name != throw_away_name()


def test_a_chapter_is_refused_before_it_is_sent_with_the_way_that_works(tmp_path: Path) -> None:
    chapter = tmp_path / "chapter one.txt"
    chapter.write_text("It was a long text, and every state had to hand it over. " * 2_200)
    with pytest.raises(bodies.MessageTooLargeError) as refused:
        body_of(chapter, " --name mine")
    assert "'Decode base64 string' hands over" in refused.value.what
    assert refused.value.next_step.startswith(f"lab ramp --name mine --text '{chapter}'")


def test_a_whole_run_is_accounted_for_and_its_words_match() -> None:
    summary = ramp_summary(run_of(30))
    assert summary["reconciliation"]["sent"] == summary["reconciliation"]["succeeded"] == 30
    assert summary["reconciliation"]["lost"] == 0
    assert summary["words"]["matches_expected"] is True
    assert summary["stages"][0]["completed"] == 30


def test_a_lost_message_shows_in_the_account() -> None:
    result = run_of(30, lose=2)
    assert ramp_summary(result)["reconciliation"]["lost"] == 2
    assert not result.reconciliation.holds


def test_failed_messages_are_no_missing_words() -> None:
    summary = ramp_summary(run_of(30, fail=3))
    assert summary["reconciliation"]["failed"] == 3
    assert summary["words"]["matches_expected"] is True


def test_tables_are_read_back_by_pandas(tmp_path: Path) -> None:
    result = run_of(12)
    save_tables(result, tmp_path)
    sends = pd.read_csv(tmp_path / "sends.csv", parse_dates=["t_planned", "t_sent", "t_acked"])
    executions = pd.read_csv(tmp_path / "executions.csv", parse_dates=["started", "finished"])
    received = pd.read_csv(tmp_path / "received.csv", parse_dates=["sent", "first_received", "started_at"])
    again = join_messages(sends, received, executions)
    assert again["end_to_end_s"].tolist() == pytest.approx(result.messages["end_to_end_s"].tolist())


def test_a_ramp_writes_summary_report_charts_and_tables(tmp_path: Path) -> None:
    summary = write_ramp(Target("localstack", "t", endpoint_url="http://127.0.0.1:1"), run_of(20), tmp_path)
    written = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    documentation.validate(written, "summary")
    assert written["stages"][0]["sent"] == 20
    assert "20" in (tmp_path / "report.html").read_text("utf-8")
    assert (tmp_path / "latency_by_rate.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "tables" / "messages.csv").exists()
    assert summary["target"] == "localstack"


def test_numbers_that_json_cannot_hold_become_null(tmp_path: Path) -> None:
    write_summary({"a": float("nan"), "b": [np.float64("inf"), np.int64(3)]}, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text("utf-8")) == {"a": None, "b": [None, 3]}


def test_a_folder_for_results_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(OutputFolderError, match="--out ~"):
        write_ramp(target, run_of(2), tmp_path / "file" / "out")


def test_a_disk_that_is_nearly_full_is_said_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3_000_000))
    with pytest.raises(OutputFolderError, match="3 MB are free"):
        make_folder(tmp_path / "out")


def test_results_that_cannot_be_written_after_all_are_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tables").touch()  # in the way of the folder
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(OutputFolderError, match=r"Tables and summary are in .*express-lab-"):
        write_ramp(target, run_of(2), tmp_path / "out")
    (rescued,) = tmp_path.glob("express-lab-*")
    assert len(pd.read_csv(rescued / "tables" / "messages.csv")) == 2
    assert (rescued / "summary.json").exists()


def test_a_demo_whose_end_fails_has_kept_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = importlib.import_module("lab.session.demo")  # the package has a function of that name
    one = pd.DataFrame([{"execution_arn": "x", "name": "m", "output": None, "status": "SUCCEEDED"}])
    states = pd.DataFrame({"execution_arn": ["x"], "state": ["One"], "duration_s": [0.1]})

    def down(target: Target) -> list[str]:
        raise LabError("no answer")

    monkeypatch.setattr(demo.lifecycle, "up", lambda *args, **more: demo.lifecycle.Timing(1.0, 2.0))
    monkeypatch.setattr(demo.lifecycle, "down", down)
    monkeypatch.setattr(demo.sending, "send", lambda *args: (one, states))
    monkeypatch.setattr(demo, "find", lambda *args, **more: run_of(4))
    with pytest.raises(LabError, match="no answer"):
        demo.demo(Target("localstack", "t", endpoint_url="http://127.0.0.1:1"), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text("utf-8"))["reconciliation"]["sent"] == 4
    assert len(pd.read_csv(tmp_path / "tables" / "messages.csv")) == 4


def test_dead_letters_of_an_earlier_run_are_not_of_this_one() -> None:
    times = [START - pd.Timedelta(hours=1), START + pd.Timedelta(milliseconds=-4), START, pd.NaT]
    dead = pd.DataFrame({"message_id": list("abcd"), "sent": pd.Series(times).dt.tz_convert("UTC")})
    since_ms = START.value // 1_000_000 - 10  # the service's time, as the log is read from
    assert since(dead, since_ms)["message_id"].tolist() == ["b", "c", "d"]
    assert len(since(dead[:0], since_ms)) == 0


def test_a_kept_run_is_read_back_and_does_not_tell_whose_machine_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    result = run_of(5)
    folder = workshop.keep(Target("embedded", "test"), result)
    assert len(pd.read_csv(folder / "messages.csv")) == 5
    printed = capsys.readouterr().out
    assert printed.startswith("kept in runs/run: account.csv, executions.csv, messages.csv, ")
    assert str(tmp_path) not in printed


def test_a_run_of_which_nothing_was_seen_is_a_result(tmp_path: Path) -> None:
    """The mapping was disabled, or every body was broken, or the logs are off: then this is what there is to tell."""
    sent = run_of(3)
    executions, states = observe.parse_execution_events([])
    messages = list(bodies.generate(3, seed=3, run_id="run"))
    result = analyse(
        "run",
        messages,
        sent.sends,
        None,
        executions,
        states,
        observe.parse_received([]),
        dead_letters=observe.parse_received([]),
        undrained=3,
        drained=False,
        interrupted=False,
    )
    assert result.state_times.empty
    assert result.reconciliation.as_dict()["still_queued"] == 3
    summary = write_ramp(Target("localstack", "t", endpoint_url="http://127.0.0.1:1"), result, tmp_path)
    documentation.validate(json.loads((tmp_path / "summary.json").read_text("utf-8")), "summary")
    assert summary["stages"][0]["completed"] == 0
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "tables" / "sends.csv").exists()


def test_a_run_that_is_not_followed_to_its_end_says_so_and_calls_nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("lab.session.ramp")  # the package has a function of that name
    whole = run_of(3)
    empty = observe.parse_execution_events([])

    def impatient(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    watch = SimpleNamespace(
        since_ms=0,
        until_drained=impatient,
        tables=lambda: (*empty, observe.parse_received([])),
        dead_letters=lambda: observe.parse_received([]),
        queued=lambda: 1,
        most_receives=lambda: 5,
    )
    sent = SimpleNamespace(sends=whole.sends, stages=None, started=START, interrupted=False)
    monkeypatch.setattr(module.stack, "describe", lambda target: {"queue_url": "queue"})
    monkeypatch.setattr(module, "Names", lambda target: None)
    monkeypatch.setattr(module, "check_none_left", lambda names: None)
    monkeypatch.setattr(module, "Watch", lambda names: watch)
    monkeypatch.setattr(module, "Follower", lambda *_: nullcontext(SimpleNamespace(sent=None)))
    sender = SimpleNamespace(send=lambda *_, **__: sent)
    messages = list(bodies.generate(3, seed=3, run_id="run"))
    plan = RampOptions(rates="3", seconds=1).plan()
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    result = module.run_plan(target, plan, messages, sender=sender, interactive=False)
    account = ramp_summary(result)
    assert account["interrupted"] is True
    assert (account["reconciliation"]["still_queued"], account["reconciliation"]["lost"]) == (3, 0)


def test_a_chart_that_cannot_be_drawn_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("latex was not found")

    monkeypatch.setattr("lab.charts.latency_by_rate", broken)
    said: list[str] = []
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    write_ramp(target, run_of(20), tmp_path, say=said.append)
    assert said == ["The chart latency_by_rate could not be drawn: RuntimeError: latex was not found"]
    assert not (tmp_path / "latency_by_rate.png").exists()
    assert (tmp_path / "backlog_over_time.png").exists()
    assert (tmp_path / "report.html").exists()


def test_results_are_there_before_the_first_chart_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lab.charts.latency_by_rate", interrupted)
    said: list[str] = []
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(KeyboardInterrupt):
        write_ramp(target, run_of(20), tmp_path, say=said.append)
    assert json.loads((tmp_path / "summary.json").read_text("utf-8"))["stages"][0]["sent"] == 20
    assert (tmp_path / "tables" / "sends.csv").exists()
    assert str(tmp_path) in said[0]
