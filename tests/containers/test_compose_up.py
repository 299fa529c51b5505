"""``docker compose up``, as somebody with Docker and no Python has the lab: in this order, since it is one story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lab import paths
from lab.emulator.environment import EXECUTOR_CLASS
from lab.emulator.health import executor_at
from tests.containers.conftest import PROJECT_NAME, TOKEN, Composed

NOTEBOOKS = ("00_start_here", "solutions/01_provision", "solutions/02_first_message")


def lab(composed: Composed, state: Path, *words: str) -> str:
    """The ``lab`` command of this machine on the LocalStack of the compose project."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "lab"), *words],
        env=variables
        | {"LAB_TARGET": "localstack", "LAB_ENDPOINT_URL": composed.endpoint_url, "LAB_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_both_services_are_healthy_and_published_on_this_machine_only(composed: Composed) -> None:
    services = composed.services()
    assert {name: entry["Health"] for name, entry in services.items()} == {
        "localstack": "healthy",
        "notebook": "healthy",
    }
    for entry in services.values():
        publishers = [port for port in entry["Publishers"] if port["PublishedPort"]]  # type: ignore[attr-defined]
        assert [port["URL"] for port in publishers] == ["127.0.0.1"]


def test_localstack_runs_the_labs_executor_with_every_hook_and_knows_no_docker(composed: Composed) -> None:
    assert executor_at(composed.endpoint_url) == EXECUTOR_CLASS
    with urllib.request.urlopen(f"{composed.endpoint_url}/_localstack/express-lab") as answer:
        assert set(json.load(answer)["hooks"].values()) == {"on"}
    composed.inside("localstack", "sh", "-c", "test ! -e /var/run/docker.sock")


@pytest.mark.parametrize("service", ["localstack", "notebook"])
def test_nobody_is_root_nothing_builds_and_the_code_cannot_be_changed(composed: Composed, service: str) -> None:
    composed.inside(service, "sh", "-c", 'test "$(id -u)" = 1000')
    composed.inside(service, "sh", "-c", "! command -v gcc cc make uv git")
    composed.inside(service, "sh", "-c", "! touch /opt/express-lab/lab/errors.py /opt/lab/bin/new 2>/dev/null")
    left = composed.inside(service, "ls", "-A", "/opt/express-lab").split()
    assert {"tests", ".git", ".venv", "bench", ".lab"} & set(left) == set()


def test_from_the_machine_itself_a_message_and_a_ramp_arrive_and_no_invocation_is_refused(
    composed: Composed, tmp_path: Path
) -> None:
    lab(composed, tmp_path, "up")
    assert "Statistics: 540 characters, 4.5773 characters a word" in lab(composed, tmp_path, "send")
    lab(composed, tmp_path, "ramp", "--rates", "10,20", "--seconds", "3", "--out", str(tmp_path / "out"))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["reconciliation"]["succeeded"] == 90
    assert summary["reconciliation"]["lost"] == 0
    lab(composed, tmp_path, "down")


def test_queue_urls_lead_to_the_queue_on_the_machine_and_in_the_notebook(composed: Composed, tmp_path: Path) -> None:
    program = (
        "import urllib.request; from lab.target import resolve; sqs = resolve().client('sqs');"
        "url = sqs.create_queue(QueueName='where')['QueueUrl'];"
        "print(url, urllib.request.urlopen(url + '?Action=GetQueueAttributes').status)"
    )
    assert composed.inside("notebook", "python", "-c", program).split() == [
        "http://localstack:4566/queue/us-east-1/000000000000/where",
        "200",
    ]
    variables = {"LAB_TARGET": "localstack", "LAB_ENDPOINT_URL": composed.endpoint_url}
    here = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | variables, capture_output=True, text=True, timeout=60
    )
    assert here.stdout.split() == [f"{composed.endpoint_url}/queue/us-east-1/000000000000/where", "200"], here.stderr


def test_the_page_is_at_the_printed_address_and_asks_for_the_token(composed: Composed) -> None:
    page = f"http://127.0.0.1:{composed.notebook_port}/lab/tree/notebooks/00_start_here.ipynb?token={TOKEN}"
    assert page in composed.run("logs", "notebook")
    status = f"http://127.0.0.1:{composed.notebook_port}/api/contents/notebooks/00_start_here.ipynb"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(status)
    with urllib.request.urlopen(f"{status}?token={TOKEN}") as answer:
        assert json.load(answer)["type"] == "notebook"


def test_the_first_notebooks_run_in_the_notebook_container(composed: Composed) -> None:
    for notebook in NOTEBOOKS:
        composed.inside(
            "notebook",
            *"python -m nbconvert --to notebook --execute --output-dir /tmp/executed".split(),
            f"workshop/notebooks/{notebook}.ipynb",
        )
    assert "Nothing of the lab 'workshop' is left" in composed.inside("notebook", "lab", "down")


def test_what_a_learner_writes_survives_down_and_the_rest_starts_empty(composed: Composed) -> None:
    composed.inside("notebook", "sh", "-c", "echo mine > workshop/notebooks/00_start_here.ipynb")
    composed.down()
    composed.run("up", "--detach", "--wait", deadline_s=300.0)
    assert composed.inside("notebook", "cat", "workshop/notebooks/00_start_here.ipynb") == "mine\n"
    assert "missing" not in composed.inside("notebook", "lab", "doctor").lower()


def test_down_with_volumes_leaves_nothing(composed: Composed) -> None:
    composed.down("--volumes")
    label = f"label=com.docker.compose.project={PROJECT_NAME}"
    for kind in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        left = subprocess.run(["docker", *kind, "--quiet", "--filter", label], capture_output=True, text=True)
        assert (left.returncode, left.stdout) == (0, "")
    assert paths.PROJECT.is_dir()
