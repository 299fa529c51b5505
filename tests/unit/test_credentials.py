"""Credentials never reach a log, an output, a report or the text of an error: looked for by marker values."""

from __future__ import annotations

import io
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from lab import commands, doctor, session, stack
from lab.commands import options
from lab.doctor import probes
from lab.session import summary
from lab.target import Target, explain
from tests.unit.aws_stand_in import Account

MARKERS = {
    "AWS_ACCESS_KEY_ID": "AKIAMARKERMARKER0001",
    "AWS_SECRET_ACCESS_KEY": "MARKER/secret/MARKER/0002",
    "AWS_SESSION_TOKEN": "MARKER-token-0003",
}


@pytest.fixture
def marked(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in MARKERS.items():
        monkeypatch.setenv(name, value)
    return account


def leaks(text: str) -> list[str]:
    return [name for name, value in MARKERS.items() if value in text]


def test_the_search_finds_a_leak() -> None:
    assert leaks(f"key {MARKERS['AWS_SESSION_TOKEN']}") == ["AWS_SESSION_TOKEN"]


def new_target(account: Account) -> Target:
    target = Target("aws", "a")
    account.watch(target)
    credentials = target.session.get_credentials()
    assert credentials is not None
    assert credentials.secret_key == MARKERS["AWS_SECRET_ACCESS_KEY"], "the markers are what the lab works with"
    return target


@pytest.mark.usefixtures("no_back_off")
def test_no_output_of_the_lab_and_no_file_of_it_shows_them(
    marked: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("lab").addHandler(handler)
    said: list[str] = []
    with caplog.at_level(logging.DEBUG, logger="lab"):
        target = new_target(marked)
        session.up(target, say=said.append)
        said += [repr(target), repr(stack.Names(target)), session.announcement(target, 10)]
        said.append(json.dumps(stack.describe(target)))
        said += [str(finding) for finding in doctor.examine(target)]
        said += stack.survivors(target) + session.down(target, say=said.append)
        said.append(str(summary.versions()))
    logging.getLogger("lab").removeHandler(handler)
    assert any("123456789012" in line for line in said)
    assert leaks("\n".join(said) + log.getvalue() + caplog.text) == []
    files = [file.read_text("utf-8") for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert files
    assert leaks("\n".join(files)) == []


def test_no_call_carries_them_into_the_account(marked: Account) -> None:
    target = new_target(marked)
    stack.provision(target)
    assert len(marked.parameters) > 30
    assert leaks(repr(marked.parameters)) == []


@pytest.mark.parametrize(
    ("code", "status"),
    [("AccessDenied", 403), ("ExpiredToken", 403), ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)],
)
def test_no_error_tells_them_even_where_aws_repeats_them(marked: Account, code: str, status: int) -> None:
    target = new_target(marked)
    marked.fail("sqs.CreateQueue", code, f"the request had {' and '.join(MARKERS.values())}", times=9, status=status)
    with pytest.raises(ClientError) as raised:
        stack.provision(target)
    told = explain(raised.value)
    assert told is not None, f"{code} ends in a traceback, which shows AWS's own text"
    assert leaks(told.render() + repr(told)) == []
    # What Jupyter prints in place of a traceback.
    assert leaks("\n".join(told._render_traceback_())) == []


def test_the_command_line_tells_none_of_them(marked: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def watched(kind: str | None = None, name: str | None = None) -> Target:
        made.append(new_target(marked))
        return made[-1]

    monkeypatch.setattr(options, "resolve", watched)
    run = CliRunner()
    outputs = [run.invoke(commands.app, arguments, input="n\n") for arguments in (
        ["policy"],
        ["up"],
        ["up", "--yes"],
        ["status"],
        ["status", "--json"],
        ["doctor"],
        ["ramp", "--budget", "0", "--rates", "1", "--seconds", "2"],
        ["down"],
    )]  # fmt: skip
    assert outputs[1].exit_code == 1
    assert "Nothing was made." in outputs[1].output
    assert outputs[2].exit_code == 0, outputs[2].output
    assert isinstance(outputs[6].exception, session.BudgetError)
    for result in outputs:
        trace = "".join(traceback.format_exception(result.exception)) if result.exception else ""
        assert leaks(result.output + trace) == []


@pytest.mark.usefixtures("no_back_off")
def test_a_probe_uses_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MARKERS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(probes.EndpointError) as raised:
        probes.probe("http://127.0.0.1:1")
    assert leaks(raised.value.render()) == []
