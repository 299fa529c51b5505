"""`lab doctor --endpoint-url` tells the truth about embedded LocalStack: what it has, what differs, and cleans up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab.doctor import probes
from tests.emulator.running import LocalStack

# Found by the probes, and so in the documentation.
DIFFERS = {"resources by tag"}


def test_all_that_the_workshop_needs_is_there_and_nothing_is_left(localstack: LocalStack) -> None:
    results = probes.probe(localstack.endpoint_url)
    assert {result.capability: result.seen for result in results if result.verdict == "missing"} == {}
    assert {result.capability for result in results if result.verdict == "differs"} == DIFFERS
    assert results[-1].seen == "nothing is left"
    queues = localstack.client("sqs").list_queues(QueueNamePrefix="express-lab-probe")
    assert "QueueUrls" not in queues


def test_a_service_that_is_off_is_missing(other_localstack: object) -> None:
    running = other_localstack(SERVICES="sqs,sts,iam,lambda,logs")  # type: ignore[operator]
    verdicts = {result.capability: result.verdict for result in probes.probe(running.endpoint_url)}
    assert verdicts["queues with redrive"] == "works"
    assert verdicts["Express Workflow with logs"] == verdicts["execution events in the log"] == "missing"


def test_the_command_prints_the_table(localstack: LocalStack) -> None:
    lab = Path(sys.executable).parent / "lab"
    run = subprocess.run(
        [lab, "doctor", "--endpoint-url", localstack.endpoint_url],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    for word in ("capability", "verdict", "notebooks", "event source mapping"):
        assert word in run.stdout
