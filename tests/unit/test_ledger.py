"""The account on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.load import (
    LedgerError,
    Plan,
    Stage,
    read_ledger,
)
from tests.unit.queue_stand_in import BUSY, OUTCOMES, FakeQueue, first, make_sender, small_messages


def test_plan_is_on_disk_before_the_first_message_leaves(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "ledger.jsonl"
    on_disk: list[pd.DataFrame] = []

    def behave(number: int, entries: list[dict[str, Any]]) -> None:
        on_disk.append(read_ledger(path))

    plan = Plan([Stage(10, 0.5)])
    result = make_sender(FakeQueue(behave)).send(plan, small_messages(5), ledger_path=path)
    # Had it been killed during call k: k results, one call that nobody knows about, the rest never left.
    for number, table in enumerate(on_disk):
        assert table["outcome"].tolist() == ["acked"] * number + ["unknown"] + ["dropped"] * (4 - number)
        assert table["t_planned"].tolist() == result.sends["t_planned"].tolist()
        assert table.loc[number, "attempts"] == 1
        assert table.loc[number, "t_sent"] == result.sends.loc[number, "t_sent"]


def test_ledger_cut_anywhere_still_tells(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    make_sender(FakeQueue(first(1, BUSY))).send(Plan([Stage(10, 0.3)]), small_messages(3), ledger_path=path)
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 17), len(whole) - 1, len(whole)}:
        path.write_bytes(whole[:length])
        table = read_ledger(path)
        lines = [json.loads(line) for line in whole[:length].split(b"\n")[:-1]]
        assert len(table) == sum(line["kind"] == "planned" for line in lines)
        left = {name for line in lines if line["kind"] == "sending" for name in line["lab_ids"]}
        assert set(table.loc[table["outcome"] == "dropped", "lab_id"]).isdisjoint(left)
        assert set(table["outcome"]) <= OUTCOMES
        assert str(table["t_planned"].dtype) == "datetime64[ns, UTC]"


def test_ledger_of_another_run_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("precious")
    queue = FakeQueue()
    with pytest.raises(LedgerError, match="exists already"):
        make_sender(queue).send(Plan([Stage(1, 1)]), small_messages(1), ledger_path=path)
    assert path.read_text() == "precious"
    assert queue.calls == []


def test_ledger_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder\n")
    with pytest.raises(LedgerError, match="Cannot write"):
        make_sender(FakeQueue()).send(Plan([Stage(1, 1)]), small_messages(1), ledger_path=blocked / "ledger")
    with pytest.raises(LedgerError, match="Cannot read"):
        read_ledger(tmp_path / "absent")
    with pytest.raises(LedgerError, match="Line 1 of"):
        read_ledger(blocked)
