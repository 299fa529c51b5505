"""Bodies that people send by mistake, ten in one batch: each ends under its own name and takes nobody along."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session, stack
from lab.emulator import launcher
from lab.stack import Names
from lab.target import Target
from tests.emulator.conftest import wait_until


def encoded(text: str, encoding: str = "utf-8") -> str:
    return json.dumps({"input": base64.b64encode(text.encode(encoding)).decode()})


# What start_execution says of each; None where an execution starts.
REFUSED = {
    encoded("good"): None,
    encoded("हिन्दी भाषा, cafe\u0301"): None,
    encoded("Hello", "utf-16-le"): None,
    '{"input": "SGk=", "x": ' + "[" * 99 + "]" * 99 + "}": None,
    '{"input": "SGk=", "x": ' + "9" * 300 + "}": None,
    '{"input": "SGk=", "x": NaN}': "InvalidNumberError",
    '{"input": "SGk=", "x": 1e400}': "InvalidNumberError",
    '{"input": "SGk=", "x": "\\ud800"}': "InvalidMessageError",
    '{"input": "SGk=", "x": ' + "[" * 500 + "]" * 500 + "}": "NestedTooDeepError",
    '{"lab_id": ' + "[" * 500 + "]" * 500 + "}": "NestedTooDeepError",
}


@pytest.fixture(scope="module")
def target(state_folder: Path) -> Iterator[Target]:
    target = Target("embedded", "bodies")
    launcher.start(target.name, owned=True)
    session.up(target)
    yield target
    session.down(target)


def test_each_ends_under_its_own_name_and_alone(target: Target) -> None:
    names = Names(target)
    watch = session.Watch(names)
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(REFUSED)]
    answer = target.client("sqs").send_message_batch(QueueUrl=stack.describe(target)["queue_url"], Entries=entries)
    sent = {entry["MessageId"]: list(REFUSED)[int(entry["Id"])] for entry in answer["Successful"]}

    def all_ended() -> bool:
        watch.look()
        executions, _, received = watch.tables()
        ended = set(executions.loc[executions["finished"].notna(), "name"])
        return len(ended | set(received.loc[received["error"].notna(), "message_id"])) == len(REFUSED) == 10

    wait_until(all_ended, what="the end of all ten")
    executions, _, received = watch.tables()
    assert {sent[row["message_id"]]: row["error"] for row in received.to_dict("records")} == REFUSED
    ends = {sent[row["name"]]: row["error"] or row["status"] for row in executions.to_dict("records")}
    started = [body for body, error in REFUSED.items() if error is None]
    assert ends == dict.fromkeys(started, "SUCCEEDED") | {encoded("Hello", "utf-16-le"): "InvalidTextError"}
    outputs = {sent[row["name"]]: row["output"] for row in executions.to_dict("records")}
    assert json.loads(outputs[list(REFUSED)[1]])["word_counts"] == {"हिन्दी": 1, "भाषा": 1, "café": 1}


def test_a_run_of_another_script_in_a_folder_with_brackets_on_a_terminal_without_either(
    target: Target, tmp_path: Path
) -> None:
    (tmp_path / "कथा [1].txt").write_bytes("हिन्दी भाषा, cafe\u0301! The sea.\r\n".encode() * 60)
    ended = subprocess.run(
        [
            *(Path(sys.executable).with_name("lab"), "ramp", "--name", target.name, "--rates", "5", "--seconds", "2"),
            *("--text=~/कथा [1].txt", "--out=~/a[/b] [old]"),
        ],
        env=os.environ | {"HOME": str(tmp_path), "PYTHONIOENCODING": "ascii", "MPLCONFIGDIR": str(tmp_path / "mpl")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    folder = tmp_path / "a[" / "b] [old]"
    assert f"{folder}/report.html" in ended.stdout
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["words"]["matches_expected"] is True
    assert summary["words"]["total"] == 10 * 100
    assert summary["reconciliation"]["lost"] == 0
