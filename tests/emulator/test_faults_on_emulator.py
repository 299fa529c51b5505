"""Faults on demand: each does what it says to the messages that it chose, and nothing of it is left afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import session
from lab.faults import Fault, FaultError, Faults, FaultsLeftError, injected, left_in
from lab.load import Plan, messages, staircase
from lab.stack import Names, Settings, functions
from lab.stack.names import FUNCTIONS
from lab.target import Target
from tests.emulator.running import own_lab, wait_until

LAB = Path(sys.executable).with_name("lab")


@pytest.fixture(scope="module")
def target(state_folder: Path) -> Iterator[Target]:
    with own_lab("faults") as target:
        session.up(target, Settings(function_timeout_s=1, max_receive_count=3))
        yield target
        session.down(target)


def as_deployed(target: Target) -> dict[str, Any]:
    names = Names(target)
    found = {folder: functions.find(names, folder) or {} for folder in FUNCTIONS}
    keys = ("CodeSha256", "Handler", "Environment", "Timeout")
    return {folder: [configuration.get(key) for key in keys] for folder, configuration in found.items()}


def run(target: Target, count: int, rate: float, *faults: Fault) -> session.RampResult:
    plan = Plan(staircase([rate], count / rate))
    return session.run_plan(
        target, plan, list(messages.generate(count, words=(3, 6))), faults=Faults(faults, seed=6), interactive=False
    )


def hit_by(result: session.RampResult, kind: str) -> set[str]:
    return set(result.faults.loc[result.faults["fault"] == kind, "lab_id"])


@pytest.mark.needs_hook("injected_throttles")
def test_faults_of_the_workflow_fail_the_messages_that_they_chose_and_leave_nothing(target: Target) -> None:
    before = as_deployed(target)
    result = run(
        target,
        60,
        15,
        Fault("raises", 15, ("base64_decoder",)),
        Fault("slow", 15, ("base64_decoder",), seconds=0.4),
        Fault("throttled", 15, ("stats_generator",)),
        Fault("dies", 10, ("string_cleaner",)),
        Fault("times_out", 10, ("tokenizer_counter",)),
    )
    expected: dict[str, str] = {}
    # In the order of the states: the first fault ends the execution.
    for kind, error in (
        ("raises", "InjectedFaultError"),
        ("throttled", "Lambda.TooManyRequestsException"),
        ("dies", "Runtime.ExitError"),
        ("times_out", "Sandbox.Timedout"),
    ):
        assert hit_by(result, kind), "this seed chooses some"
        for lab_id in hit_by(result, kind):
            expected.setdefault(lab_id, error)
    failed = result.executions[result.executions["status"] != "SUCCEEDED"]
    assert dict(zip(failed["lab_id"], failed["error"], strict=True)) == expected
    assert set(result.reconciliation.failed) == set(expected)
    assert not result.reconciliation.lost
    decoded = result.states[result.states["state"] == "Decode base64 string"].merge(
        result.executions, on="execution_arn"
    )
    slow = hit_by(result, "slow") - hit_by(result, "raises")
    assert slow
    assert all(decoded.loc[decoded["lab_id"].isin(slow), "duration_s_x"] >= 0.4)
    assert as_deployed(target) == before
    assert left_in(Names(target)) == []


def test_faults_before_the_workflow_are_survived_by_the_queue(target: Target) -> None:
    result = run(
        target,
        40,
        20,
        Fault("delivered_twice", 20),
        Fault("start_refused", 20),
        Fault("answer_lost", 10),
    )
    twice, refused, lost = (hit_by(result, kind) for kind in ("delivered_twice", "start_refused", "answer_lost"))
    assert twice
    assert refused
    assert lost
    account = result.reconciliation
    assert set(account.succeeded) == set(result.sends["lab_id"])
    assert (account.lost, result.words.matches, result.drained) == ((), True, True)
    errors = result.received[result.received["error"].notna()]
    assert set(errors["error"]) == {"ExecutionLimitExceeded"}
    assert set(errors["lab_id"]) == refused
    # Where both deliveries are refused, it comes a third time, and then once.
    assert set(account.duplicated) == lost | (twice - refused)
    assert set(result.sends.loc[result.sends["attempts"] > 1, "lab_id"]) == lost


def test_a_start_that_raises_takes_its_batch_back_to_the_queue(target: Target) -> None:
    result = run(target, 20, 20, Fault("raises", 20, ("start_execution",)))
    assert hit_by(result, "raises")
    assert set(result.reconciliation.succeeded) == set(result.sends["lab_id"])


@pytest.mark.needs_hook("injected_throttles")
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_when_the_run_breaks_off(target: Target, error: type[BaseException]) -> None:
    before = as_deployed(target)
    faults = Faults((Fault("raises", 5), Fault("throttled", 5), Fault("start_refused", 5)))

    def break_off() -> None:
        with injected(target, faults, list(messages.generate(3))):
            assert left_in(Names(target)) == list(FUNCTIONS)
            raise error

    with pytest.raises(error):
        break_off()
    assert as_deployed(target) == before


def test_a_function_that_was_deployed_anew_meanwhile_is_left_as_it_is(target: Target) -> None:
    with injected(target, Faults((Fault("raises", 5),)), list(messages.generate(3))):
        session.up(target, Settings(function_timeout_s=1, max_receive_count=3, memory_mb=192))
        assert left_in(Names(target)) == []
    assert functions.find(Names(target), "base64_decoder")["MemorySize"] == 192  # type: ignore[index]


def test_a_killed_run_is_told_of_and_mended(target: Target) -> None:
    before = as_deployed(target)
    killed = subprocess.Popen(
        [LAB, "ramp", "--name", target.name, "--rates", "1", "--seconds", "60", "--faults", "flaky-functions"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: len(left_in(Names(target))) == 4, what="the faults in place")
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    status = subprocess.run([LAB, "status", "--name", target.name], capture_output=True, text=True, check=True).stdout
    assert "These functions fail on purpose" in status
    assert "lab up --name faults" in status
    found = json.loads(subprocess.check_output([LAB, "status", "--json", "--name", target.name]))
    assert found["failing_on_purpose"] == [folder for folder in FUNCTIONS if folder != "start_execution"]
    plan = Plan(staircase([1], 1))
    for faults in (None, Faults((Fault("raises", 5),))):
        with pytest.raises(FaultsLeftError, match="nothing was sent"):
            session.run_plan(target, plan, list(messages.generate(1)), faults=faults, interactive=False)
    subprocess.run([LAB, "up", "--name", target.name], check=True, stdout=subprocess.DEVNULL)
    session.up(target, Settings(function_timeout_s=1, max_receive_count=3, memory_mb=192))
    assert as_deployed(target) == before


def test_without_its_hook_no_throttle_is_promised(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.emulator.health.hooks_at", lambda url: {"injected_throttles": "off"})
    with (
        pytest.raises(FaultError, match="cannot be made here"),
        contextlib.suppress(FaultsLeftError),
        injected(target, Faults((Fault("throttled", 5),)), []),
    ):
        pytest.fail("nothing may begin")


def test_the_command_says_what_it_breaks_and_whom_it_hit(target: Target, tmp_path: Path) -> None:
    plan = tmp_path / "faults.toml"
    plan.write_text('seed = 2\n[[fault]]\nkind = "raises"\npercent = 50\nwhere = "string_cleaner"\n', "utf-8")
    options = ["--name", target.name, "--rates", "8", "--seconds", "1", "--out", str(tmp_path / "out")]
    ended = subprocess.run([LAB, "ramp", *options, "--faults", str(plan)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "Faults on purpose (seed 2): 50 % the handler raises (string_cleaner)." in ended.stdout
    assert "messages were chosen for faults" in ended.stdout
    rows = (tmp_path / "out" / "tables" / "faults.csv").read_text("utf-8").splitlines()
    assert rows[0] == "lab_id,fault,where,attempts,detail"
    assert 1 < len(rows) < 9
