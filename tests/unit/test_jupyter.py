"""How ``lab notebook`` behaves when things are not as they should be; the browser tests open the page itself."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path

import pytest
from jupyterlab_server.workspaces_handler import WorkspacesManager

from lab.commands import surroundings
from lab.target import Target
from lab.workshop import browser, jupyter, jupyter_settings


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
    monkeypatch.setenv("LAB_WORKSHOP_DIR", str(tmp_path / "copy"))
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
    assert jupyter_settings.home_for_jupyter(tmp_path) == {"HOME": str(tmp_path)}
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jupyter_settings.home_for_jupyter(tmp_path / "other") == {}
    assert list(tmp_path.iterdir()) == []


USERS_OWN = """
c.ServerApp.base_url = "/mine/"
c.ServerApp.certfile = "/nonexistent.pem"
c.ServerApp.sock = "/nonexistent/socket"
c.IdentityProvider.token = "of another server"
c.PasswordIdentityProvider.hashed_password = "argon2:of another server"
"""


@pytest.mark.slow
def test_the_users_jupyter_configuration_makes_no_other_server_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "user"
    users.mkdir()
    (users / "jupyter_server_config.py").write_text(USERS_OWN)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(users))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(users))
    monkeypatch.setenv("JUPYTER_PORT", "1")
    home = tmp_path / "ours"
    jupyter_settings.write(home)
    target = Target("localstack", "workshop", endpoint_url="http://127.0.0.1:1")
    environment = jupyter_settings.environment(target, home, "ours", tmp_path)
    command = jupyter_settings.command(tmp_path, "127.0.0.1", 4321)
    assert command[1] == "-c"
    asked = subprocess.run(
        [sys.executable, "-c", READ, *command[3:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout.splitlines()[-1]) == ["/", "", "", "ours", "", 4321]


# What the server itself makes of its configuration, command line and environment.
READ = """
import json, sys
from jupyter_server.serverapp import ServerApp
server = ServerApp()
server.initialize(sys.argv[1:], find_extensions=False, new_httpserver=False)
provider = server.identity_provider
of_server = [server.base_url, server.certfile, server.sock]
print(json.dumps([*of_server, provider.token, provider.hashed_password, server.port]))
"""


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_answers_otherwise_is_no_busy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter, "REFUSED_FOR_S", 0.2)
    refusing = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=refusing.serve_forever, daemon=True).start()
    with subprocess.Popen(["sleep", "60"]) as server:
        try:
            with pytest.raises(jupyter.JupyterError, match="answers with HTTP status 404") as caught:
                jupyter._wait_until_ready(server, refusing.server_port, "token", tmp_path / "log")
        finally:
            server.kill()
            refusing.shutdown()
            refusing.server_close()
    assert "configuration of Jupyter" in caught.value.cause


def test_a_browser_that_does_not_return_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-browser"
    opened = tmp_path / "opened"
    program.write_text(f"#!/bin/sh\necho $$ \"$1\" >'{opened}.new'; mv '{opened}.new' '{opened}'; exec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.setenv("BROWSER", str(program))
    began = time.monotonic()
    browser.open_page("http://127.0.0.1:1/page", lambda text: None)
    assert time.monotonic() - began < 30
    while not opened.exists() and time.monotonic() - began < 30:
        time.sleep(0.05)
    pid, url = opened.read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    assert url == "http://127.0.0.1:1/page"


@pytest.mark.parametrize(("name", "words"), [("/usr/bin/w3m", "only a text browser"), (None, "no browser")])
def test_where_only_text_can_be_shown_the_address_is_left_to_the_user(
    name: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "_name", lambda: name)
    monkeypatch.setattr(browser.subprocess, "Popen", lambda *_, **__: pytest.fail("it was started"))
    said: list[str] = []
    browser.open_page("http://127.0.0.1:1/", said.append)
    assert words in said[0]


@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent/home"])
def test_without_a_home_the_cache_of_the_charts_goes_to_the_labs_own_folder(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", "")
    monkeypatch.delenv("MPLCONFIGDIR")
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    surroundings.make_home_needless()
    assert "MPLCONFIGDIR" not in os.environ
    monkeypatch.setenv("HOME", home)
    surroundings.make_home_needless()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / ".matplotlib")


def test_jupyterlab_opens_without_side_bars_and_later_as_it_was_left(tmp_path: Path) -> None:
    jupyter_settings.write(tmp_path)
    manager = WorkspacesManager(str(tmp_path / "workspaces"))
    layout = manager.load("default")["data"]["layout-restorer:data"]
    assert (layout["left"]["collapsed"], layout["right"]["collapsed"]) == (True, True)
    (space,) = (tmp_path / "workspaces").iterdir()
    space.write_text(space.read_text().replace("true", "false"))
    jupyter_settings.write(tmp_path)
    assert '"collapsed": false' in space.read_text()


def test_the_server_starts_without_what_takes_long_and_nobody_needs() -> None:
    """jsonschema does without rfc3987_syntax, and JupyterLab's own main is there. `lab` itself loads no server."""
    server = jupyter_settings.command(Path(), "127.0.0.1", 1)[2]
    code = server.replace("sys.exit(main())", "import jsonschema; print(main.__self__.__name__, 'lark' in sys.modules)")
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (asked.stdout.split(), asked.returncode) == (["LabApp", "False"], 0), asked.stderr
    code = "import sys; from lab.workshop import jupyter_settings; print('jupyter_server' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=120).strip() == "False"
