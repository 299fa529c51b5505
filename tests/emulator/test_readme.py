"""The commands that the README shows, run as a newcomer would."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import documentation

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text("utf-8")

# They install or run for ever, or are this very run; each has a test of its own below, or is `make test` itself.
NOT_IN_TURN = {"make test", "make demo", "make lab", "docker compose up"}


def commands() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A newcomer's: nothing but a home and a path."""
    home = tmp_path_factory.mktemp("home")
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LAB_STATE_DIR": str(home / "state")}


def test_the_first_screen_has_the_picture_and_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:25])
    picture = re.search(r"!\[.+?\]\((.+?)\)", first_screen)
    assert picture is not None
    assert (PROJECT / picture[1]).stat().st_size > 10_000
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_every_linked_file_is_there() -> None:
    links = [link for link in re.findall(r"\]\((.+?)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (PROJECT / link.partition("#")[0]).exists()] == []


def test_every_command_works_in_its_order(environment: dict[str, str]) -> None:
    if not (PROJECT / ".venv" / "bin" / "lab").exists():
        pytest.skip("the environment is not in .venv")
    in_turn = [command for command in commands() if command not in NOT_IN_TURN]
    assert len(in_turn) >= 6
    for command in in_turn:
        run = subprocess.run(
            shlex.split(command), cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"


def test_make_demo_writes_the_sample_answer_and_loses_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    summary = make_demo(environment, tmp_path)
    documentation.validate(summary, "summary")
    assert set(summary) == {
        "schema_version",
        "target",
        "name",
        "plan",
        "machine",
        "account",
        "interrupted",
        "interrupted_by",
        "clock",
        "versions",
        "timing_s",
        "sample",
        "stages",
        "search",
        "saturation",
        "reconciliation",
        "words",
    }
    sample = summary["sample"]
    assert sample["stats"]["text_length"] == 540
    assert sample["stats"]["avg_word_length"] == pytest.approx(4.5773, abs=5e-5)
    assert (sample["stats"]["num_digits"], sample["stats"]["num_special_chars"]) == (0, 22)
    assert (sample["tokens"], sample["distinct"]) == (100, 78)
    assert sample["top"] == [["the", 5], ["my", 5], ["and", 4]]
    assert len(sample["states"]) == 4
    assert all(state["duration_s"] > 0 for state in sample["states"])

    accounts = summary["reconciliation"]
    assert accounts["lost"] == accounts["unobserved"] == accounts["duplicated"] == 0
    assert accounts["sent"] == sum(accounts[key] for key in ("succeeded", "failed", "dead_lettered", "still_queued"))
    # The pilot and the stages that were sent again are in the account, too.
    assert accounts["sent"] > sum(stage["sent"] for stage in summary["stages"])
    rates = [stage["offered_rate"] for stage in summary["stages"]]
    assert rates == sorted(set(rates)) == sorted({entry["offered_rate"] for entry in summary["search"]})
    assert len(summary["search"]) * 3 <= 45
    assert summary["words"]["matches_expected"] is True
    assert set(summary["stages"][0]) == {
        "offered_rate",
        "achieved_rate",
        "send_lag_p99_s",
        "sent",
        "completed",
        "duration_p50_s",
        "duration_p99_s",
        "end_to_end_p99_s",
        "valid",
        "invalid_reason",
        "duration_p999_s",
        "duration_beyond_p99",
        "end_to_end_p999_s",
        "end_to_end_beyond_p99",
    }
    assert set(summary["timing_s"]) == {"start", "provision", "first_message", "total"}


def make_demo(environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """`make demo` in a copy of the project that shares its environment, so that `out/` is the copy's."""
    if not (PROJECT / ".venv" / "lab.installed").exists():
        pytest.skip("the environment is not in .venv")
    copy = folder / "express lab"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".venv", ".git", ".lab", "out", ".*_cache"))
    (copy / ".venv").symlink_to(PROJECT / ".venv")
    run = subprocess.run(
        ["make", "demo"], cwd=copy, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "out/report.html" in run.stdout
    assert (copy / "out" / "report.html").stat().st_size > 100_000
    return dict(json.loads((copy / "out" / "summary.json").read_text("utf-8")))


def test_make_lab_opens_the_workshop_and_ctrl_c_ends_it(environment: dict[str, str]) -> None:
    if not (PROJECT / ".venv" / "lab.installed").exists():
        pytest.skip("the environment is not in .venv")
    process = subprocess.Popen(
        ["make", "lab"],
        cwd=PROJECT,
        env=environment | {"BROWSER": "true"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        deadline = time.monotonic() + 120
        while "00_start_here.ipynb" not in "".join(lines):
            assert time.monotonic() < deadline
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    left = list(Path(environment["LAB_STATE_DIR"]).glob("*/emulator.json"))
    assert left == []
