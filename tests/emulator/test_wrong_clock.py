"""A host whose clock is wrong: nothing is lost, counted twice or mis-timed, and the difference is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lab import session, stack, workshop
from lab.clock import host
from lab.commands import app
from lab.load import messages
from lab.session import RampOptions, results
from lab.stack import Names
from lab.target import Target
from tests.emulator.running import own_lab

NAME = "clocks"
AHEAD = [0.6, -0.6, 3.0, -3.0, 90.0, -90.0]
Wrong = Callable[[float], None]


@pytest.fixture(scope="module")
def lab_up(state_folder: Path) -> Iterator[Target]:
    with own_lab(NAME) as target:
        session.up(target)
        yield target
        session.down(target)


@pytest.fixture(autouse=True)
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the runs, and have tests of their own."""
    monkeypatch.setattr(results, "drawn", lambda figures, say: {})


@pytest.fixture
def target(lab_up: Target) -> Target:
    """The lab as a command finds it: nothing is known of its clock yet."""
    return Target("embedded", NAME)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Wrong:
    """Sets the host's clock, of this process and of nobody else's."""
    right = time.time_ns

    def be_ahead(seconds: float) -> None:
        monkeypatch.setattr(host, "wall_ns", lambda: right() + round(seconds * 1e9))

    return be_ahead


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--name", NAME], catch_exceptions=False)


def ramped(folder: Path) -> dict[str, Any]:
    done = lab("ramp", "--rates", "2", "--seconds", "3", "--out", str(folder))
    assert done.exit_code == 0, done.output
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text("utf-8"))
    return summary | {"said": " ".join(done.output.split())}


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_a_ramp_and_a_message_before_it(lab_up: Target, tmp_path: Path, wrong: Wrong, ahead_s: float) -> None:
    wrong(ahead_s)
    sent = lab("send")
    assert sent.exit_code == 0, sent.output
    assert "SUCCEEDED" in sent.output

    found = ramped(tmp_path)
    account = found["reconciliation"]
    assert (account["sent"], account["succeeded"], account["lost"]) == (6, 6, 0)
    # The message of a moment ago, and those of the test before, are no part of this run.
    assert (account["duplicated"], account["foreign"], account["unexpected"]) == (0, 0, 0)
    assert found["words"]["matches_expected"]

    assert abs(found["clock"]["ahead_s"] - ahead_s) <= found["clock"]["uncertainty_s"] < abs(ahead_s)
    assert found["clock"]["corrected"]
    assert f" s {'ahead of' if ahead_s > 0 else 'behind'} the service's" in found["said"]
    (stage,) = found["stages"]
    assert "clock" not in stage["invalid_reason"]  # on a busy machine the sender itself may lag
    assert stage["duration_p50_s"] <= stage["end_to_end_p99_s"]


def test_a_right_clock_is_not_talked_about(lab_up: Target, tmp_path: Path) -> None:
    found = ramped(tmp_path)
    assert found["clock"] == {"ahead_s": 0.0, "uncertainty_s": 0.0, "corrected": False}
    assert "machine's clock" not in found["said"]


@pytest.mark.parametrize("ahead_s", [3.0, -3.0])
def test_what_a_notebook_watches_and_follows(target: Target, wrong: Wrong, ahead_s: float) -> None:
    names, queue_url = Names(target), stack.describe(target)["queue_url"]
    session.send(target, [messages.SAMPLE_BODY])
    wrong(ahead_s)
    watch = session.Watch(names)  # everybody's executions, from now on
    sqs = target.client("sqs")
    sent = [sqs.send_message(QueueUrl=queue_url, MessageBody=messages.SAMPLE_BODY)["MessageId"] for _ in range(3)]
    assert watch.until_drained(3, patience_s=30)
    executions, _, received = watch.tables()
    assert sorted(executions["name"]) == sorted(received["message_id"]) == sorted(sent)

    followed, states = workshop.follow(target, names.log_group, sent[0], say=lambda text: None)
    assert list(followed["status"]) == ["SUCCEEDED"]
    assert len(states) == 4


def test_a_clock_that_is_set_while_messages_are_sent_voids_that_stage(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, began = time.time_ns, time.monotonic()
    monkeypatch.setattr(host, "wall_ns", lambda: right() + (time.monotonic() - began > 3.0) * 5_000_000_000)
    result = session.ramp(target, RampOptions(rates="2,4,6", seconds=2), interactive=False)
    voided = result.stages[result.stages["invalid_reason"].str.contains("this machine's clock was set forward by 5.0")]
    assert len(voided) in (1, 2)  # two, if a message of the stage before was still under way
    assert not voided["valid"].any()
    void = result.messages["stage"].isin(voided["stage"])
    assert result.messages.loc[void, "end_to_end_s"].isna().all()
    assert result.messages.loc[~void, "end_to_end_s"].between(0, 5).all()
    assert not result.reconciliation.lost
