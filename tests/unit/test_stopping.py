"""Runs that are stopped: Ctrl-C, from outside, by a fault."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.load import (
    Plan,
    Progress,
    Sender,
    Stage,
    read_ledger,
)
from lab.load import run as sender_run
from lab.load import sender as sender_module
from lab.load.judge import STOPPED
from tests.unit.queue_stand_in import (
    TIMEOUT,
    WALL_NS,
    FakeClock,
    FakeQueue,
    first,
    interpreter,
    make_sender,
    send,
    small_messages,
)


@pytest.fixture
def eager_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_run, "_PROGRESS_EVERY_S", 0.001)


class StuckQueue(FakeQueue):
    """Answers three calls; the fourth waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = threading.Event()
        self.let_go = threading.Event()
        self.behave = self._wait

    def _wait(self, number: int, entries: list[dict[str, Any]]) -> None:
        if number == 3:
            self.stuck.set()
            assert self.let_go.wait(timeout=10)


@pytest.mark.usefixtures("eager_progress")
def test_ctrl_c_gives_calls_under_way_time_to_be_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = StuckQueue()

    class Watched(sender_run.Run):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            queue.let_go = self._halt  # the call is answered once the run has taken note of Ctrl-C

    monkeypatch.setattr(sender_module, "Run", Watched)

    def interrupt(progress: Progress) -> None:
        if queue.stuck.is_set() and not queue.let_go.is_set():
            raise KeyboardInterrupt

    path = tmp_path / "ledger"
    result = make_sender(queue).send(
        Plan([Stage(10, 0.3), Stage(10, 1)]), small_messages(13), on_progress=interrupt, ledger_path=path
    )
    assert result.interrupted
    assert result.sends["outcome"].tolist() == ["acked"] * 4 + ["dropped"] * 9
    assert result.sends.loc[4, "error"] == STOPPED
    assert result.stages["valid"].tolist() == [True, False]
    assert result.stages.loc[1, "reason"] == "stopped early: 9 of 10 messages were not sent"
    pd.testing.assert_frame_equal(read_ledger(path), result.sends)


@pytest.mark.usefixtures("eager_progress")
def test_ctrl_c_does_not_wait_for_ever(tmp_path: Path) -> None:
    queue = StuckQueue()

    def interrupt(progress: Progress) -> None:
        if queue.stuck.is_set() and progress.in_flight:
            raise KeyboardInterrupt

    path = tmp_path / "ledger"
    result = make_sender(queue, grace_s=0.01).send(
        Plan([Stage(10, 1)]), small_messages(10), on_progress=interrupt, ledger_path=path
    )
    queue.let_go.set()
    assert result.sends["outcome"].tolist() == ["acked"] * 3 + ["unknown"] + ["dropped"] * 6
    row = result.sends.iloc[3]
    assert (row["attempts"], row["error"]) == (1, STOPPED)
    assert not pd.isna(row["t_sent"])
    pd.testing.assert_frame_equal(read_ledger(path), result.sends)


def test_interpreter_pauses_less_while_sending_and_as_before_afterwards() -> None:
    before = interpreter()
    seen = []
    send(FakeQueue(lambda number, entries: seen.append(interpreter())), Plan([Stage(1, 1)]))
    ((interval_s, thresholds, frozen),) = seen
    assert interval_s < before[0]
    assert thresholds[2] > before[1][2]
    assert frozen
    assert interpreter() == before
    with pytest.raises(ZeroDivisionError):
        send(FakeQueue(lambda number, entries: 1 // 0), Plan([Stage(1, 1)]))
    assert interpreter() == before


def test_stop_from_outside() -> None:
    stop = threading.Event()
    queue = FakeQueue(lambda number, entries: stop.set() if number == 4 else None)
    result = make_sender(queue).send(Plan([Stage(10, 1)]), small_messages(10), stop=stop)
    assert result.interrupted
    assert result.sends["outcome"].tolist() == ["acked"] * 5 + ["dropped"] * 5


def test_stop_ends_the_waits_between_tries() -> None:
    stop = threading.Event()
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if queue.calls:
            stop.set()

    queue = FakeQueue(first(9, TIMEOUT))
    sender = Sender(queue, "queue", threads=1, clock=clock, sleep=sleep, wall_ns=lambda: WALL_NS)
    run = sender_run.Run(sender.means, Plan([Stage(1, 1)]), small_messages(1), None, stop)
    object.__setattr__(run._delivery, "uniform", lambda low, high: 3_600.0)
    result = run.carry_out(None)
    assert len(queue.calls) == 1
    assert result.sends.loc[0, "outcome"] == "unknown"
    assert (result.finished - result.started).total_seconds() < 1


@pytest.mark.usefixtures("eager_progress")
def test_fault_in_the_progress_display_stops_the_sending() -> None:
    queue = StuckQueue()

    def broken(progress: Progress) -> None:
        if queue.stuck.is_set():
            raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        make_sender(queue, grace_s=0).send(Plan([Stage(10, 1)]), small_messages(10), on_progress=broken)
    queue.let_go.set()
    assert len(queue.calls) == 4


def test_progress_tells_stage_rate_and_what_is_due() -> None:
    seen: list[Progress] = []
    make_sender(FakeQueue()).send(Plan([Stage(2, 1), Stage(5, 1)]), small_messages(7), on_progress=seen.append)
    last = seen[-1]
    assert (last.stage, last.offered_rate) == (1, 5)
    assert (last.planned, last.due, last.sent, last.acked) == (7, 7, 7, 7)
