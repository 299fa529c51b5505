"""A queue that is filled first, and a look at the processors, on the emulator itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import observe, session, stack
from lab.analysis import queueing
from lab.emulator import processes
from lab.load import messages
from lab.stack import Names, mapping, queues
from tests.emulator.running import own_lab


@pytest.fixture(scope="module")
def names(state_folder: object) -> Iterator[Names]:
    with own_lab("carrying-test") as target:
        yield stack.provision(target)


def test_a_full_queue_is_emptied_and_its_processor_time_counted(names: Names) -> None:
    to_send = list(messages.generate(30, seed=4))
    with session.Processors(names.target, every_s=0.05) as processors:
        emptied = session.empty_filled_queue(names.target, to_send)
    assert (emptied.sent, emptied.drained) == (30, True)
    assert set(emptied.executions["lab_id"]) == {message.lab_id for message in to_send}
    assert emptied.executions["status"].unique().tolist() == ["SUCCEEDED"]
    assert queueing.drain_rate(emptied.executions["finished"]) > 0
    found = mapping.find(names)
    assert found is not None
    assert found["State"] == "Enabled"
    table = processors.table()
    used = table[["emulator_s", "workers_s", "lab_s", "machine_s"]]
    steps = used.diff().dropna()
    assert steps[(steps < 0).any(axis=1)].empty
    assert table["time"].is_monotonic_increasing
    spent = used.iloc[-1] - used.iloc[0]
    assert (spent > 0).all()
    assert spent[["emulator_s", "workers_s", "lab_s"]].sum() <= spent["machine_s"] + 0.5
    emulator = processes.require(names.target.name).process()
    assert emulator is not None
    assert 0 < table["emulator_s"].iloc[-1] <= sum(emulator.cpu_times()[:2])


def test_nobody_works_on_the_queue_while_it_is_filled(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    enabled = mapping.set_enabled

    def set_enabled(of: Names, value: bool) -> None:
        if value:
            found = mapping.find(of)
            depth = observe.queue_depth(of.target.client("sqs"), queues.url(of, of.queue))
            seen.append((found and found["State"], depth.total))
        enabled(of, value)

    monkeypatch.setattr(mapping, "set_enabled", set_enabled)
    assert session.empty_filled_queue(names.target, list(messages.generate(12, seed=5))).drained
    assert seen == [("Disabled", 12)]


def test_a_mapping_works_again_when_filling_fails(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no watch")

    monkeypatch.setattr("lab.session.filled.Watch", broken)
    with pytest.raises(RuntimeError, match="no watch"):
        session.empty_filled_queue(names.target, list(messages.generate(3, seed=6)))
    found = mapping.find(names)
    assert found is not None
    assert found["State"] == "Enabled"
