"""A sender and a LocalStack that are killed in mid-run: what was measured is kept, and nothing is invented."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from lab import session
from lab.emulator import processes
from lab.load import read_ledger
from lab.target import Target
from tests.emulator.running import own_lab, wait_until

LAB = Path(sys.executable).with_name("lab")
# So long that the run is under way for certain when something is killed.
PLANNED_S, PLANNED = "150", 3_000


@pytest.fixture
def target(state_folder: Path) -> Iterator[Target]:
    with own_lab("interrupted") as target:
        session.up(target)
        yield target


def lab(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [LAB, "ramp", "--name", "interrupted", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


def results_of(ledger: Path) -> int:
    return ledger.read_text("utf-8").count('"kind": "result"') if ledger.exists() else 0


def test_a_killed_sender_leaves_an_account_that_is_exact(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sender = lab("--rates", "20", "--seconds", PLANNED_S, "--out", str(folder))
    wait_until(lambda: results_of(folder / "ledger.jsonl") >= 40, deadline_s=90.0, what="40 results in the ledger")

    busy = lab("--resume", str(folder))
    said, _ = busy.communicate(timeout=60)
    assert busy.returncode == 2
    assert "is still going on" in said

    sender.send_signal(signal.SIGKILL)
    sender.communicate(timeout=30)
    sends = read_ledger(folder / "ledger.jsonl")
    acked = int((sends["outcome"] == "acked").sum())
    assert 40 <= acked < len(sends) == PLANNED

    resumed = lab("--resume", str(folder))
    said, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, said
    assert (
        f"The sender was stopped after {int((sends['attempts'] > 0).sum())} of {PLANNED} messages had left it" in said
    )
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    counts = summary["reconciliation"]
    assert summary["interrupted"]
    assert counts["sent"] == counts["succeeded"] == acked + counts["recovered"]
    assert counts["lost"] == counts["unexpected"] == 0
    assert counts["sent"] + counts["never_arrived"] + counts["not_sent"] == PLANNED
    assert summary["words"]["matches_expected"]
    assert not summary["stages"][0]["valid"]
    account = pd.read_csv(folder / "tables" / "account.csv")
    assert len(account) == PLANNED
    fates = account["fate"].value_counts().to_dict()
    assert fates["succeeded"] == counts["succeeded"]
    assert fates["not_sent"] == counts["not_sent"]
    assert "This run was interrupted." in (folder / "report.html").read_text("utf-8")

    again = lab("--resume", str(folder))
    said, _ = again.communicate(timeout=60)
    assert again.returncode == 2
    assert "came to its end" in said


def test_a_killed_localstack_is_told_within_five_seconds_and_what_was_measured_is_kept(
    target: Target, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run = lab("--rates", "20", "--seconds", PLANNED_S, "--out", str(folder))
    wait_until(lambda: results_of(folder / "ledger.jsonl") >= 200, deadline_s=90.0, what="200 results in the ledger")
    emulator = processes.find(target.name)
    assert emulator is not None
    os.kill(emulator.pid, signal.SIGKILL)
    killed = time.monotonic()
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if "LocalStack is gone" in line:
            break
    told_s = time.monotonic() - killed
    said.append(run.communicate(timeout=120)[0])
    text = "".join(said)
    assert "LocalStack is gone" in text, text
    assert told_s < 5
    assert run.returncode == 1
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["interrupted_by"].startswith("LocalStack is gone")
    counts = summary["reconciliation"]
    assert counts["lost"] == 0
    assert counts["sent"] >= 200
    # The logs are read every few seconds.
    assert counts["succeeded"] > 0
    assert counts["sent"] == counts["succeeded"] + counts["unobserved"]
    assert len(pd.read_csv(folder / "tables" / "executions.csv")) > 0
    assert "This run was interrupted. LocalStack is gone" in (folder / "report.html").read_text("utf-8")

    resumed = lab("--resume", str(folder))
    text, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 1
    assert "this tells what the ledger knows" in text
