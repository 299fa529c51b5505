"""Opens the workshop in JupyterLab, with the emulator running, until Ctrl-C; what ``make lab`` does."""

from __future__ import annotations

import secrets
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from lab import paths, signals
from lab.emulator import launcher
from lab.errors import UnavailableError
from lab.target import Target
from lab.workshop import browser, jupyter_settings, working_copy

USUAL_PORT = 8888
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
START_DEADLINE_S = 60.0
STOP_GRACE_S = 10.0
REFUSED_FOR_S = 5.0


class JupyterError(UnavailableError):
    """JupyterLab could not be started, or ended by itself."""


def serve(
    target: Target,
    *,
    open_browser: bool = True,
    port: int | None = None,
    say: Callable[[str], None] = print,
    folder: Path | None = None,
    listen: str = "127.0.0.1",
    token: str | None = None,
    published_port: int | None = None,
) -> None:
    """Start the emulator if the target is embedded, then JupyterLab, and wait for Ctrl-C (or SIGTERM, SIGHUP).

    When it returns or raises, JupyterLab, its kernels and the emulator have ended. An emulator that was running
    before (``lab up``) goes on: it is not ours to stop. So does one that another ``lab notebook`` uses, until that one
    ends.

    Args:
        target: the lab that the notebooks work with; they get it as ``LAB_TARGET`` and ``LAB_NAME``.
        open_browser: whether to open the page in the user's browser; its address is said in any case.
        port: JupyterLab's port; default is 8888, or any free one when that is taken.
        say: gets whole sentences.
        folder: what JupyterLab shows, the learner's copy of the workshop; it is made or brought up to date first.
            Default is the one that ``lab.paths`` knows.
        listen: the address that JupyterLab binds; another one than the default in a container alone.
        token: what the address ends in; default is a random one.
        published_port: the port of the address that is said, where a container's port is published as another.

    Raises:
        JupyterError: it did not start, or ended by itself.
        WorkingCopyError: the copy cannot be written.
        LabError: the emulator could not be started.
    """
    folder = folder or paths.working_copy()
    working_copy.update(folder, say)
    server: subprocess.Popen[bytes] | None = None
    ours = gone = False
    with signals.interrupting():
        try:
            if target.kind == "embedded":
                emulator = launcher.start(target.name, owned=True, say=say)
                ours = emulator.mark.owned
                say(f"The emulator answers at {emulator.endpoint_url}.")
            token = token or secrets.token_urlsafe(9)
            chosen = _choose_port(port)
            log_file = paths.state_folder(target.name) / "jupyter.log"
            server = _launch(target, folder, listen, chosen, token, log_file)
            _wait_until_ready(server, chosen, token, log_file)
            url = f"http://127.0.0.1:{published_port or chosen}/lab/tree/{FIRST_NOTEBOOK}?token={token}"
            say(f"Your copy of the notebooks is {folder}")
            say(f"The workshop is open at {url}")
            say("Ctrl-C stops JupyterLab" + (" and the emulator, with all that the lab holds." if ours else "."))
            if open_browser:
                browser.open_page(url, say)
            server.wait()
            raise _ended(log_file)
        except KeyboardInterrupt:
            say("Stopping ...")
        finally:
            with signals.held_off():
                if server is not None:
                    _end(server)
                if ours:
                    gone = launcher.leave(target.name)
    if gone:
        say(
            "The emulator has ended, and what the lab held with it; your notebooks and predictions are kept. "
            f"To go on another day: make lab, then in a terminal of JupyterLab: lab up{target.options}"
        )
    if target.kind == "embedded" and not gone:
        why = "is used by another command" if ours else "was running before"
        say(f"The emulator of lab '{target.name}' {why} and goes on; lab down{target.options} ends it.")


def _launch(
    target: Target, folder: Path, listen: str, port: int, token: str, log_file: Path
) -> subprocess.Popen[bytes]:
    home = log_file.parent / "jupyter"
    jupyter_settings.write(home)
    with log_file.open("wb") as log:
        # A session of its own: Ctrl-C in the terminal reaches us alone, and we end things in the right order.
        return subprocess.Popen(
            jupyter_settings.command(folder, listen, port),
            cwd=folder,
            env=jupyter_settings.environment(target, home, token, folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, token: str, log_file: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers={"Authorization": f"token {token}"})
    deadline = time.monotonic() + START_DEADLINE_S
    refused, refused_until = "", 0.0
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise _ended(log_file)
        try:
            with opener.open(request, timeout=2.0):
                return
        except urllib.error.HTTPError as error:  # it answers, but not as it was told to
            if not refused:
                refused, refused_until = f"HTTP status {error.code}", time.monotonic() + REFUSED_FOR_S
            elif time.monotonic() > refused_until:
                raise _misled(f"answers with {refused}", log_file) from None
        except (OSError, ValueError):
            refused = ""
        time.sleep(0.1)
    if "is running at:" in log_file.read_text("utf-8", errors="replace"):
        raise _misled("runs, but does not answer at its address", log_file)
    raise JupyterError(
        f"JupyterLab did not answer within {START_DEADLINE_S:.0f} s. Its log is {log_file}.",
        cause="the machine is very busy.",
        next_step="make lab",
    )


def _misled(what: str, log_file: Path) -> JupyterError:
    """The user's own configuration is not read, but an administrator's is."""
    return JupyterError(
        f"JupyterLab {what}. Its log is {log_file}.",
        cause="a configuration of Jupyter for the whole machine, in /etc/jupyter or /usr/local/etc/jupyter.",
        next_step=f"{shlex.quote(sys.executable)} -m jupyter --paths, which lists the folders (config) to look into",
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
