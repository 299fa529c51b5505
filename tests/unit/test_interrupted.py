"""Runs that are cut off: an emulator that goes away, a sender that was killed, and what is told of both."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session
from lab.load import messages
from lab.load.ledger import Ledger
from lab.runs import STARTED
from lab.session import RampOptions, started
from lab.session.pulse import Pulse
from lab.target import Target
from tests.unit.queue_stand_in import FakeQueue, make_sender

RUN_ID = "261126-120000-abcd"


def nobody_listens() -> Target:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Target("localstack", "lab", endpoint_url=f"http://127.0.0.1:{probe.getsockname()[1]}")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    yield tmp_path
    for file in list(started._held):
        started.end(file, followed=True)


def killed_run(target: Target, folder: Path, *, answered: int = 3, options: RampOptions | None = None) -> RampOptions:
    """A run of six messages whose sender was killed in the call after ``answered`` ones."""
    options = options or RampOptions(rates="6", seconds=1)
    started.begin(folder, target, RUN_ID, since_ms=1_764_000_000_000, options=options)
    plan, made = options.plan(), options.messages(6, RUN_ID)
    make_sender(FakeQueue()).send(plan, made, ledger_path=folder / started.LEDGER)
    # What a killed sender leaves: nothing after the line of the call that was under way.
    lines = (folder / started.LEDGER).read_text("utf-8").splitlines(keepends=True)
    last = [at for at, line in enumerate(lines) if '"sending"' in line][answered]
    (folder / started.LEDGER).write_text("".join(lines[: last + 1]), "utf-8")
    os.close(started._held.pop(folder))  # the lock goes with the process
    return options


def test_an_emulator_that_is_gone_is_felt_within_moments() -> None:
    said: list[str] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Pulse(Target("localstack", "t", endpoint_url=url), said.append, every_s=0.02) as pulse:
            # It takes connections and answers nothing: that is a busy one, not one that is gone.
            assert not pulse.gone.wait(0.3)
            assert pulse.sentence == ""
            listener.close()
            assert pulse.lost()
    gone = f"LocalStack is gone: nothing answers at {url} any more."
    assert said == [f"{gone} Nothing more is sent; what was measured so far is kept."]


def test_on_aws_nothing_is_felt() -> None:
    with Pulse(Target("aws", "t"), print, every_s=0.01) as pulse:
        assert not pulse.lost()
        assert "pulse" not in [thread.name for thread in threading.enumerate()]


def test_a_killed_sender_is_told_from_its_ledger_alone_when_the_lab_is_gone(state: Path) -> None:
    target, folder = nobody_listens(), state / "run"
    killed_run(target, folder)
    said: list[str] = []
    result = session.resume(target, session.find_started(target, folder), say=said.append)
    assert said[0] == (
        "The sender was stopped after 4 of 6 messages had left it. 3 of them were acknowledged, 1 have no known answer."
    )
    assert "this tells what the ledger knows" in said[1]
    rows = list(zip(result.account["fate"], result.account["what"], strict=True))
    assert rows == [
        *[("unobserved", "taken by the queue, then not followed to its end")] * 3,
        ("never_arrived", "sent without an answer, and not seen"),
        *[("not_sent", "not sent, the run was stopped before their turn")] * 2,
    ]
    assert result.interrupted
    assert result.reconciliation.lost == ()
    assert not result.stages["valid"].any()
    session.write_ramp(target, result, folder)
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["interrupted_by"].startswith("The sender was stopped after 4 of 6 messages")
    # The lab may come back: it can be resumed again.
    assert session.find_started(target, folder).run_id == RUN_ID


def test_a_run_is_found_by_its_id_and_an_unknown_one_is_named_with_those_that_are_known(state: Path) -> None:
    target = nobody_listens()
    folder = session.run_folder(target, RUN_ID)
    killed_run(target, folder)
    assert session.find_started(target, RUN_ID).folder == folder
    with pytest.raises(session.NoSuchRunError, match=f"these were not finished: {RUN_ID}") as unknown:
        session.find_started(target, "nonsense")
    assert unknown.value.next_step == f"lab ramp --resume {RUN_ID}{target.options}"


def test_a_run_that_came_to_its_end_is_not_followed_again(state: Path) -> None:
    target, folder = nobody_listens(), state / "run"
    killed_run(target, folder)
    started.end(folder, followed=True)
    with pytest.raises(session.NoSuchRunError, match=r"came to its end: nothing is left") as ended:
        session.find_started(target, folder)
    assert ended.value.next_step == f"open {folder / 'report.html'}"


def test_a_run_of_another_lab_says_whose_it_is(state: Path) -> None:
    folder = state / "run"
    killed_run(nobody_listens(), folder)
    with pytest.raises(session.NoSuchRunError, match="belongs to the lab 'lab' on target 'localstack'") as other:
        session.find_started(Target("embedded", "mine"), folder)
    assert other.value.next_step == f"lab ramp --resume {folder} --target localstack --name lab"


def test_a_run_that_goes_on_is_left_alone(state: Path) -> None:
    target, folder = nobody_listens(), state / "run"
    killed_run(target, folder)
    with (folder / STARTED).open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(session.NoSuchRunError, match="is still going on"):
            session.find_started(target, folder)
    assert session.find_started(target, folder).run_id == RUN_ID


@pytest.mark.parametrize("ledger", ["none", "without a start"])
def test_a_sender_that_was_killed_before_its_first_message_sent_nothing(state: Path, ledger: str) -> None:
    target, folder = nobody_listens(), state / "run"
    run = started.begin(folder, target, RUN_ID, since_ms=0, options=RampOptions())
    if ledger != "none":
        Ledger(run.ledger).close()
    with pytest.raises(session.NoSuchRunError, match="it sent nothing"):
        session.resume(target, run)


def test_the_ledger_of_an_earlier_run_in_the_folder_is_kept_beside(state: Path) -> None:
    target, folder = nobody_listens(), state / "run"
    killed_run(target, folder)
    text = (folder / started.LEDGER).read_text("utf-8")
    started.begin(folder, target, "261126-130000-0000", since_ms=0)
    assert not (folder / started.LEDGER).exists()
    assert (folder / f"ledger-{RUN_ID}.jsonl").read_text("utf-8") == text


def test_the_words_of_a_killed_run_are_those_of_its_options(state: Path) -> None:
    from lab.session.resume import _messages

    target, folder = nobody_listens(), state / "run"
    text = state / "text.txt"
    text.write_text("one two two")
    killed_run(target, folder, options=RampOptions(rates="6", seconds=1, text_file=text))
    run = session.find_started(target, folder)
    sends = session.resume(target, run).sends
    nothing = session.resume(target, run).executions
    assert messages.expected_word_counts(_messages(run, sends, nothing)) == {"one": 6, "two": 12}
    # The file was changed since: what went in is known from the log alone.
    text.write_text("three")
    logged = messages.text_message(f"{RUN_ID}-000000", "one two two")
    seen = nothing.reindex(range(3)).assign(input=[logged.body, "not json", None])
    assert messages.expected_word_counts(_messages(run, sends, seen)) == {"one": 1, "two": 2}


def test_a_call_without_an_answer_is_never_taken_for_one_with(state: Path) -> None:
    """Each place at which the sender may have been killed: sent, unknown and not sent always make up the plan."""
    target = nobody_listens()
    for answered in (0, 2, 5):
        folder = state / f"run-{answered}"
        killed_run(target, folder, answered=answered)
        account = session.resume(target, session.find_started(target, folder)).account
        assert list(account["fate"]) == ["unobserved"] * answered + ["never_arrived"] + ["not_sent"] * (5 - answered)
