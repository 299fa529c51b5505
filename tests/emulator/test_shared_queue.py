"""One lab, several people: what others send to the same queue is nobody's loss, and no part of anybody's account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session, stack
from lab.load import messages
from lab.target import Target
from tests.emulator.running import own_lab

LAB = Path(sys.executable).with_name("lab")


@pytest.fixture(scope="module")
def shared(state_folder: Path) -> Iterator[Target]:
    with own_lab("shared") as target:
        session.up(target)
        yield target
        session.down(target)


def ramp(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [LAB, "ramp", "--name", "shared", "--rates", "4", "--seconds", "5", "--out", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


def summary_of(run: subprocess.Popen[str], folder: Path) -> dict[str, int]:
    said, wrong = run.communicate(timeout=120)
    assert run.returncode == 0, said + wrong
    return dict(json.loads((folder / "summary.json").read_text("utf-8"))["reconciliation"])


def test_two_ramps_and_single_messages_at_once_are_all_right(shared: Target, tmp_path: Path) -> None:
    first, second = ramp(tmp_path / "first"), ramp(tmp_path / "second", "--seed", "2")
    by_hand = 0
    while first.poll() is None and second.poll() is None:
        executions, _ = session.send(shared, [messages.SAMPLE_BODY])
        assert list(executions["status"]) == ["SUCCEEDED"]
        by_hand += 1
    for run, folder in ((first, tmp_path / "first"), (second, tmp_path / "second")):
        account = summary_of(run, folder)
        assert (account["sent"], account["succeeded"], account["lost"], account["unexpected"]) == (20, 20, 0, 0)
    assert by_hand > 0


def test_an_old_broken_message_in_the_queue_fails_no_run(shared: Target, tmp_path: Path) -> None:
    sqs, queue_url = shared.client("sqs"), stack.describe(shared)["queue_url"]
    sqs.send_message(QueueUrl=queue_url, MessageBody=messages.broken("not_json").body)
    account = summary_of(run := ramp(tmp_path / "out"), tmp_path / "out")
    assert run.returncode == 0
    assert (account["sent"], account["succeeded"], account["still_queued"], account["lost"]) == (20, 20, 0, 0)
