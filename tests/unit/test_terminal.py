"""What the lab prints is text, whatever came from outside, and whatever the terminal can show."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from rich.table import Table

from lab import paths
from lab.commands import terminal
from lab.doctor.probes import Result
from tests.unit.test_documentation import COMMANDS

OUTSIDE = [
    *("out [old]", "a[/b]", "[red]x[/red]", "[link=file:///x]y[/link]"),
    *(":cat: :warning:", "[", "\\[x]", "[/]", "100% $x$"),
]


def console(width: int = 200) -> tuple[terminal.PlainConsole, io.StringIO]:
    written = io.StringIO()
    return terminal.PlainConsole(file=written, width=width, force_terminal=False), written


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_came_from_outside_is_shown_as_it_is(text: str) -> None:
    plain, written = console()
    plain.print(text)
    plain.print(f"in {text}/report.html", soft_wrap=True)
    table = Table("seen", text, box=None)
    table.add_row(text, "x")
    plain.print(table)
    lines = written.getvalue().splitlines()
    assert lines[:2] == [text, f"in {text}/report.html"]
    assert text in lines[2]
    assert lines[3].strip().startswith(text)


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_spinner_and_an_error_show_it_as_it_is_too(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(terminal, "out", terminal.PlainConsole(file=written, width=200, force_terminal=True))
    with terminal.spinner(text) as update:
        update(f"Removed {text}")
    assert f"Removed {text}" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue())


def test_a_sentence_of_progress_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, written = console()
    monkeypatch.setattr(terminal, "out", plain)
    terminal.teller(lambda text: None)("It is in out [old]/a[/b].")
    assert written.getvalue() == "It is in out [old]/a[/b].\n"


def test_what_would_move_the_cursor_is_written_out() -> None:
    plain, written = console()
    plain.print("\x1b[2J\x1b]0;title\x07 \x9b31m \r gone\tand\nkept")
    assert "\x1b" not in written.getvalue()
    assert r"\x1b[2J\x1b]0;title\x07 \x9b31m \x0d gone" in written.getvalue()
    assert written.getvalue().endswith("and\nkept\n")


def test_the_probes_table_shows_what_an_endpoint_said() -> None:
    from lab.commands.doctor import as_table

    plain, written = console()
    plain.print(as_table([Result("queues", "missing", "[/x] said [bold]no", "02")]))
    assert "[/x] said [bold]no" in written.getvalue()


PRINT = """
from pathlib import Path
from lab.commands import terminal
terminal.make_output_printable()
terminal.out.print("a bar: ███ – “café” …")
terminal.err.print("हिन्दी")
terminal.out.print(Path(b"broken \\xff name".decode("utf-8", "surrogateescape")).as_posix())
"""


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("ascii", b'a bar: ### - "caf?" ...'),
        ("latin-1", b'a bar: ### - "caf\xe9" ...'),
        ("cp1252", b"a bar: ### \x96 \x93caf\xe9\x94 \x85"),
        ("utf-8", "a bar: ███ – “café” …".encode()),
    ],
)
def test_a_terminal_gets_what_it_can_show(encoding: str, line: bytes) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PRINT],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [line, b"broken ? name"]


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_all_help_and_any_name_are_shown_anywhere(variables: dict[str, str]) -> None:
    program = (
        "import sys\nfrom lab.commands import app, main\nfrom lab.commands.terminal import make_output_printable\n"
        f"make_output_printable()\nfor name in {sorted(COMMANDS)!r}:\n"
        "    app([name, '--help'], standalone_mode=False)\nmain()\n"
    )
    name = "caf\u00e9 [/b].txt".encode()
    ended = subprocess.run(
        [sys.executable, "-c", program, "doctor", "--endpoint-url", "http://x", "--ca-bundle", name],
        env=os.environ | variables,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert b"Traceback" not in ended.stderr
    assert ended.returncode == 2
    assert b"[/b].txt" in ended.stderr


def test_nobody_prints_by_another_way() -> None:
    """Commands print through `terminal.out`, `terminal.err` and `terminal.spinner`, or write JSON for scripts."""
    other_ways = re.compile(
        r"\bConsole\(|(?<!session)\.status\(|(?<![.\w])print\(|markup=|typer\.echo|"
        r"^(from|import) rich(?!\.table import Table)",
        re.MULTILINE,
    )
    for file in sorted((paths.PROJECT / "lab").rglob("*.py")):
        source = file.read_text("utf-8")
        if file.parent.name == "commands" and file.name != "terminal.py":
            assert other_ways.findall(source) == [], file
            assert all("json.dumps" in line for line in source.splitlines() if "stdout.write" in line), file
        elif file.parent.name != "commands":
            assert not re.search(r"^(from|import) rich(?!\.table import Table)", source, re.MULTILINE), file
