"""What the live view is told of a run: the backlog that there was, though the logs are read only now and then."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab import live
from lab.clock import Difference
from lab.load import Plan, Stage
from lab.session import follow

RUN = "run"
BEGAN_NS = 1_800_000_000_000_000_000


class Simulation:
    """A queue before one server of ``capacity`` messages a second; its log is read in one second, every four.

    ``service_ahead_s`` is by how much the service's clock is ahead of the sender's.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rate: float, capacity: float, service_ahead_s: float = 0.0):
        self.now_s = 0.0
        self.plan = Plan([Stage(rate, 20.0)])
        self.sent_s = np.asarray(self.plan.offsets_s)
        ended, free = [], 0.0
        for sent_s in self.sent_s:
            free = max(free, sent_s) + 1 / capacity
            ended.append(free + 0.03)
        self.ended_s = np.array(ended)
        self.read_s = 0.0
        self.shown: list[dict[str, Any]] = []
        self.service_ahead_s = service_ahead_s
        monkeypatch.setattr(follow, "now_ns", lambda: BEGAN_NS + round(self.now_s * 1e9))
        monkeypatch.setattr(follow, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        clock: Any = SimpleNamespace(difference=Difference(-service_ahead_s - 0.001, -service_ahead_s + 0.001))
        watch: Any = SimpleNamespace(
            names=SimpleNamespace(target=SimpleNamespace(kind="embedded")),
            finished=lambda mine: sum(mine(None, f"{RUN}-{number:06d}") for number in self.known()),
            recently_finished=lambda count: [
                (f"{RUN}-{n:06d}", BEGAN_NS + round((self.ended_s[n] + service_ahead_s) * 1e9))
                for n in self.known()[-count:]
            ],
        )
        self.follower = follow.Follower(watch, self.plan, self.show, RUN, clock)

    def known(self) -> list[int]:
        return [int(number) for number in np.flatnonzero(self.ended_s <= self.read_s)]

    def show(self, **said: Any) -> None:
        self.shown.append({"at_s": self.now_s, **said})

    def sent_by(self, at_s: float) -> int:
        return int((self.sent_s <= at_s).sum())

    def backlog(self, at_s: float) -> int:
        return self.sent_by(at_s) - int((self.ended_s <= at_s).sum())

    def run(self) -> list[dict[str, Any]]:
        began = None
        for step in range(100):
            self.now_s = step / 5
            if step % 20 == 10:
                began = self.now_s
            if step % 20 == 15 and began is not None:  # what could be read a tenth of a second before its end
                self.read_s = self.now_s - 0.1
                self.follower._take_stock(began)
            sent = self.sent_by(self.now_s)
            progress: Any = SimpleNamespace(elapsed_s=self.now_s, sent=sent, refused=0)
            self.follower.sent(progress)
        return [said for said in self.shown if said["at_s"] >= 4]


@pytest.mark.parametrize(("rate", "capacity"), [(30, 60), (60, 30), (60, 58)])
@pytest.mark.parametrize("service_ahead_s", [0.0, 2.5, -2.5])
def test_the_backlog_is_the_one_that_there_was_at_the_time_that_is_said(
    monkeypatch: pytest.MonkeyPatch, rate: float, capacity: float, service_ahead_s: float
) -> None:
    simulation = Simulation(monkeypatch, rate, capacity, service_ahead_s)
    for said in simulation.run():
        assert said["age_s"] < 5
        assert said["backlog"] == pytest.approx(simulation.backlog(said["at_s"] - said["age_s"]), abs=3)


def test_a_system_that_keeps_up_shows_no_saw_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Simulation(monkeypatch, 60, 200).run()
    moments = [live.Moment(s["at_s"], s["sent"], s["finished"], s["backlog"], s["p99_s"], s["age_s"]) for s in said]
    (curve,) = live.panels(moments)["backlog (messages)"]
    assert max(value for _, value in curve.points) <= 5
    # While the logs were left alone, 200 messages and more left: that is what used to be drawn.
    assert max(s["sent"] - s["finished"] for s in said) > 200


def test_a_system_that_has_stopped_shows_a_backlog_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(monkeypatch, 30, 60)
    simulation.ended_s[simulation.sent_s > 6] = np.inf
    backlogs = [said["backlog"] for said in simulation.run()]
    assert backlogs[-1] > 300
    assert backlogs[-1] == pytest.approx(simulation.backlog(19.0 - 1.5), abs=60)


def test_refused_messages_are_not_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(monkeypatch, 30, 60)
    progress: Any = SimpleNamespace(elapsed_s=1.0, sent=30, refused=12)
    simulation.follower.sent(progress)
    assert simulation.shown[-1]["sent"] == 18


def test_the_words_say_how_old_a_number_is() -> None:
    old = live.Moment(10.0, 500, 300, 12, 0.2, 3.2)
    assert old.words() == "sent 500 · 3 s ago: finished 300 · backlog 12 · p99 200 ms"
    assert live.Moment(10.0, 500, 300, 12, 0.2, 1.0).words() == "sent 500 · finished 300 · backlog 12 · p99 200 ms"
    assert "ago" not in live.Moment(10.0, 500, 500, 0, 0.2, 3.2).words()
