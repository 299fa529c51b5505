"""How ``lab notebook`` behaves when things are not as they should be; the browser tests open the page itself."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from lab.target import Target
from lab.workshop import jupyter


def test_a_port_that_is_in_use_is_said_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(jupyter.JupyterError, match=f"Port {port} is in use"):
            jupyter._choose_port(port)


def test_without_a_wish_any_free_port_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(jupyter, "USUAL_PORT", taken.getsockname()[1])
        assert jupyter._choose_port(None) not in (0, jupyter.USUAL_PORT)


def test_a_jupyter_that_ends_at_once_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no such module\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    said: list[str] = []
    target = Target("localstack", "workshop", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(jupyter.JupyterError, match="no such module") as caught:
        jupyter.serve(target, open_browser=False, say=said.append)
    assert caught.value.next_step == "make lab"
    assert said == []


@pytest.mark.parametrize("home", ["/nonexistent/home", "/proc"])
def test_a_home_that_cannot_be_written_is_not_jupyters(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    assert jupyter.home_for_jupyter(tmp_path) == {"HOME": str(tmp_path)}
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jupyter.home_for_jupyter(tmp_path / "other") == {}
    assert list(tmp_path.iterdir()) == []
