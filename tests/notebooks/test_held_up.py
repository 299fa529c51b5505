"""Notebook 04, the sender that is held up: what the prose says of its clocks holds, on a busy machine, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jupytext
import pandas as pd
import pytest

from lab import paths
from lab.analysis import latency
from lab.load import Plan, Sender, Stage, messages
from lab.workshop import self_checks
from lab.workshop.self_checks import SelfCheckError

SOURCE = paths.NOTEBOOKS / "source" / "04_latency.py"


class Clock:
    """Stands still until somebody sleeps."""

    now = 1000.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)


class Queue:
    """Answers after so many seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.clock.sleep(self.seconds)
        return {"Successful": [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in request["Entries"]]}


def cells() -> Iterator[str]:
    """The code cells of the experiment at the sender."""
    inside = False
    for cell in jupytext.read(SOURCE, fmt="py:percent").cells:
        inside = (inside or "class HeldUp" in cell.source) and "two clocks to the end" not in cell.source
        if inside and cell.cell_type == "code" and "workshop.compare" not in cell.source:
            yield cell.source


def experiment(monkeypatch: pytest.MonkeyPatch, call_s: float) -> dict[str, Any]:
    """What the cells of the notebook know when a call takes so long, and one of them a second longer."""
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)

    def sender(client: Any, queue_url: str, threads: int) -> Sender:
        return Sender(client, queue_url, threads=threads, clock=clock.read, sleep=clock.sleep)

    def run_plan(_here: Any, plan: Plan, to_send: list[messages.Message], sender: Sender) -> Any:
        return SimpleNamespace(messages=sender.send(plan, to_send).sends)

    room = {"time": time, "pd": pd, "latency": latency, "messages": messages, "Plan": Plan, "Stage": Stage}
    room |= {"self_checks": self_checks, "Sender": sender, "session": SimpleNamespace(run_plan=run_plan)}
    room |= {"sqs": Queue(clock, call_s), "queue_url": "queue", "here": None}
    for cell in cells():
        exec(cell, room)
    return room


@pytest.mark.parametrize("call_ms", [0, 3, 30, 100, 150])
def test_the_naive_clock_sees_one_call_and_not_those_that_waited_for_it(
    call_ms: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room = experiment(monkeypatch, call_ms / 1000)
    assert capsys.readouterr().out.count("Right: ") == 4
    assert room["late"] >= 15
    assert 1 <= room["seen"] <= 4
    assert room["at_the_sender"].loc["naive", "p90"] <= call_ms + 1
    assert room["at_the_sender"].loc["corrected", "p90"] >= 250
    assert room["at_the_sender"]["max"].min() >= 1000


def test_where_every_call_is_slow_the_check_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SelfCheckError, match=r"this machine was busy:\s+run the cells again"):
        experiment(monkeypatch, 0.4)
