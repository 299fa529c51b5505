"""What the commands end with: 0 fine, 1 the run says no, 2 usage, 3 the target; through the command itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import commands, session
from lab.errors import EXIT_CODES, LabError, UnavailableError, UsageError
from lab.target import Target
from tests import documentation
from tests.unit.find_stand_in import System

HERE = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")
ramp_command = importlib.import_module("lab.commands.ramp")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command: takes its arguments, gives its exit code."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["lab", *arguments])
        with pytest.raises(SystemExit) as ended:
            commands.main()
        return int(ended.value.code or 0)

    return run


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A system that carries 27 messages a second; what is put into the dictionary its account says besides."""
    says: dict[str, Any] = {}

    def ramp(target: Target, options: session.RampOptions, **_: Any) -> session.RampResult:
        result = System(27)(target, options.plan(), options.messages(len(options.plan()), "run"))
        return replace(result, reconciliation=replace(result.reconciliation, **says))

    monkeypatch.setattr(session, "ramp", ramp)
    monkeypatch.setattr(session, "write_ramp", lambda *_, **__: None)
    monkeypatch.setattr(ramp_command, "chosen", lambda target, name: HERE)
    monkeypatch.chdir(tmp_path)
    return says


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 0, ""),
        (("--expect", "p99<500ms@10", "--expect", "lost=0"), 0, "met      p99<500ms@10: "),
        (("--expect", "p99<500ms@10", "--expect", "p50<1ms"), 1, "NOT MET  p50<1ms: "),
        (("--expect", "p99<500"), 2, "needs a unit"),
        (("--expect", "p99<500ms@11"), 2, "no stage of the plan: 10"),
    ],
)
def test_an_expectation_that_is_not_met_ends_with_1(
    lab: Callable[..., int],
    sent: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
    code: int,
    words: str,
) -> None:
    assert lab("ramp", "--rates", "10", "--seconds", "2", "--junit", "lab.xml", *arguments) == code
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
    assert Path("lab.xml").exists() is (code < 2)


def test_a_lost_message_ends_with_1(lab: Callable[..., int], sent: dict[str, Any]) -> None:
    sent.update(lost=("run-1",))
    assert lab("ramp", "--rates", "10", "--seconds", "2") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ramp", "--rates", "fast"), 2),
        (("ramp", "--rates", "10", "--seconds", "0"), 2),
        (("ramp", "--find", "--rates", "1,2"), 2),
        (("ramp", "--find", "--expect", "p99<1s@10"), 2),
        (("ramp", "--most-seconds", "10"), 2),
        (("ramp", "--no-such-option"), 2),
        (("no-such-command",), 2),
        (("ramp", "--out", "/dev/null/x"), 2),
        (("ramp", "--junit", "/dev/null/x/lab.xml"), 2),
        (("status", "--target", "cloud"), 2),
        (("status", "--name", "Not A Name"), 2),
        (("ramp", "--name", "never-started"), 3),
        (("ramp", "--find", "--name", "never-started"), 3),
        (("send", "--name", "never-started"), 3),
        (("status", "--target", "localstack"), 3),
        (("version",), 0),
        (("down", "--name", "never-started"), 0),
    ],
)
def test_usage_ends_with_2_and_the_target_with_3(
    lab: Callable[..., int], monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], code: int
) -> None:
    monkeypatch.setenv("LAB_ENDPOINT_URL", "http://127.0.0.1:1")
    assert lab(*arguments) == code


def errors_of(kind: type[LabError]) -> set[type[LabError]]:
    return {kind} | {below for child in kind.__subclasses__() for below in errors_of(child)}


def test_every_error_that_a_user_can_meet_has_a_code_of_the_table() -> None:
    kinds = errors_of(LabError)
    assert {kind.exit_code for kind in kinds} <= set(EXIT_CODES)
    assert UsageError.exit_code == 2
    assert UnavailableError.exit_code == 3
    assert {kind.__name__ for kind in kinds if kind.exit_code == 2} >= {"PlanError", "BudgetError", "VariableError"}
    assert {kind.__name__ for kind in kinds if kind.exit_code == 3} >= {
        "EmulatorNotRunningError",
        "UnreachableError",
        "DeniedError",
        "CredentialsError",
        "StackMissingError",
    }


def test_the_codes_are_on_the_page_of_commands() -> None:
    page = documentation.COMMANDS_PAGE.read_text("utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in page
