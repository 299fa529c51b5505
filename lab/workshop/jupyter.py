"""Opens the workshop in JupyterLab, with the emulator running, until Ctrl-C; what ``make lab`` does."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from lab import paths, variables
from lab.emulator import launcher, processes
from lab.errors import LabError
from lab.target import Target

USUAL_PORT = 8888
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
START_DEADLINE_S = 60.0
STOP_GRACE_S = 10.0


class JupyterError(LabError):
    """JupyterLab could not be started, or ended by itself."""


def serve(
    target: Target,
    *,
    open_browser: bool = True,
    port: int | None = None,
    say: Callable[[str], None] = print,
    folder: Path = paths.PROJECT,
    listen: str = "127.0.0.1",
    token: str | None = None,
    published_port: int | None = None,
) -> None:
    """Start the emulator if the target is embedded, then JupyterLab, and wait for Ctrl-C (or SIGTERM, SIGHUP).

    When it returns or raises, JupyterLab, its kernels and the emulator have ended. An emulator that was running
    before (``lab up``) goes on: it is not ours to stop.

    Args:
        target: the lab that the notebooks work with; they get it as ``LAB_TARGET`` and ``LAB_NAME``.
        open_browser: whether to open the page in the user's browser; its address is said in any case.
        port: JupyterLab's port; default is 8888, or any free one when that is taken.
        say: gets whole sentences.
        folder: what JupyterLab shows; holds ``notebooks/00_start_here.ipynb``.
        listen: the address that JupyterLab binds; another one than the default in a container alone.
        token: what the address ends in; default is a random one.
        published_port: the port of the address that is said, where a container's port is published as another.

    Raises:
        JupyterError: it did not start, or ended by itself.
        LabError: the emulator could not be started.
    """
    server: subprocess.Popen[bytes] | None = None
    ours = False
    with _signals_interrupt():
        try:
            if target.kind == "embedded":
                ours = processes.find(target.name) is None
                emulator = launcher.start(target.name, owned=True, say=say)
                say(f"The emulator answers at {emulator.endpoint_url}.")
            token = token or secrets.token_urlsafe(9)
            chosen = _choose_port(port)
            log_file = paths.state_folder(target.name) / "jupyter.log"
            server = _launch(target, folder, listen, chosen, token, log_file)
            _wait_until_ready(server, chosen, token, log_file)
            url = f"http://127.0.0.1:{published_port or chosen}/lab/tree/{FIRST_NOTEBOOK}?token={token}"
            say(f"The workshop is open at {url}")
            say("Ctrl-C stops JupyterLab" + (" and the emulator, with all that the lab holds." if ours else "."))
            if open_browser:
                webbrowser.open(url)
            server.wait()
            raise _ended(log_file)
        except KeyboardInterrupt:
            say("Stopping ...")
        finally:
            with _signals_ignored():
                if server is not None:
                    _end(server)
                if ours:
                    launcher.stop(target.name)
    if target.kind == "embedded" and not ours:
        say(f"The emulator of lab '{target.name}' was running before and goes on; lab down ends it.")


def _launch(
    target: Target, folder: Path, listen: str, port: int, token: str, log_file: Path
) -> subprocess.Popen[bytes]:
    home = log_file.parent / "jupyter"
    labconfig = home / "labconfig"
    labconfig.mkdir(parents=True, exist_ok=True)
    # No question about news on the first page, and no request to a server elsewhere. Jupytext, which the tests install,
    # would open every Python file as a notebook.
    page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True, "jupyterlab-jupytext": True}}
    (labconfig / "page_config.json").write_text(json.dumps(page), "utf-8")
    server = {"ServerApp": {"jpserver_extensions": {"jupyterlab_jupytext": False}}}
    (home / "jupyter_server_config.json").write_text(json.dumps(server), "utf-8")
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--ServerApp.ip={listen}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.use_redirect_file=False",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # In a container everybody is root, and the server listens to this machine only.
        "--ServerApp.allow_root=True",
    ]
    inherited = variables.everything()
    environment = (
        inherited
        | {
            "LAB_TARGET": target.kind,
            "LAB_NAME": target.name,
            "LAB_STATE_DIR": str(paths.state_root()),
            # So that `lab status` works in a terminal of JupyterLab.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
            # Not on the command line, which every user of the machine can read.
            "JUPYTER_TOKEN": token,
            "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [str(home), inherited.get("JUPYTER_CONFIG_PATH")])),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            # Our own kernel, even where the user has one of the same name.
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        | home_for_jupyter(home)
    )
    with log_file.open("wb") as log:
        # A session of its own: Ctrl-C in the terminal reaches us alone, and we end things in the right order.
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def home_for_jupyter(instead: Path) -> dict[str, str]:
    """The variable that gives JupyterLab and its kernels ``instead`` for a home that cannot be written."""
    try:
        with tempfile.TemporaryDirectory(dir=Path.home()):
            return {}
    except (OSError, RuntimeError):  # there is none, or it belongs to somebody else
        return {"HOME": str(instead)}


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, token: str, log_file: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers={"Authorization": f"token {token}"})
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise _ended(log_file)
        try:
            with opener.open(request, timeout=2.0):
                return
        except (OSError, ValueError):
            time.sleep(0.1)
    raise JupyterError(
        f"JupyterLab did not answer within {START_DEADLINE_S:.0f} s. Its log is {log_file}.",
        cause="the machine is very busy.",
        next_step="make lab",
    )


def _ended(log_file: Path) -> JupyterError:
    lines = log_file.read_text("utf-8", errors="replace").splitlines()[-6:]
    return JupyterError(
        "JupyterLab ended. The last lines of its log, {}:\n{}".format(
            log_file, "\n".join(f"    {line}" for line in lines)
        ),
        next_step="make lab",
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """SIGTERM, which lets JupyterLab shut its kernels down; whatever is left after a grace period is killed."""
    try:
        family = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    server.terminate()
    try:
        server.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=STOP_GRACE_S)


def _choose_port(wanted: int | None) -> int:
    """``wanted``, else the usual port, else any free one.

    Raises:
        JupyterError: ``wanted`` is in use.
    """
    for candidate in (wanted,) if wanted else (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise JupyterError(f"Port {wanted} is in use.", next_step="lab notebook, which chooses a free port")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end us as Ctrl-C does, so that a closed terminal leaves no process either."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handlers(dict.fromkeys(("SIGINT", "SIGTERM", "SIGHUP"), interrupt)):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """A second, impatient Ctrl-C must not leave a process behind."""
    with _handlers(dict.fromkeys(("SIGINT", "SIGTERM", "SIGHUP"), signal.SIG_IGN)):
        yield


@contextmanager
def _handlers(wanted: dict[str, Any]) -> Iterator[None]:
    numbers = {getattr(signal, name): handler for name, handler in wanted.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
