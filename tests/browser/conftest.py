"""A browser, and the workshop opened in JupyterLab as ``make lab`` opens it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, sync_playwright

from lab import stack
from lab.target import resolve
from lab.workshop import jupyter_settings, working_copy
from tests.browser.find import HOW_TO_GET_ONE, find_browser
from tests.notebooks.execute import in_environment
from tests.ports import free_port

START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 40.0
QUIET = (
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SERVE = """
import os, signal, sys, threading
from pathlib import Path
from lab import target
from lab.workshop import jupyter

def stop_with_the_tests():  # whoever kills them leaves no process either
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=stop_with_the_tests, daemon=True).start()
jupyter.serve(target.resolve(), open_browser=False, port=int(sys.argv[2]), folder=Path(sys.argv[1]),
              say=lambda text: print(text, flush=True))
"""


@dataclass
class Served:
    """A running ``lab notebook``: where it is, what it said, and all processes that it had."""

    process: subprocess.Popen[str]
    folder: Path
    home: Path
    said: list[str] = field(default_factory=list)
    family: list[psutil.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address that it printed, with its token; empty as long as it printed none."""
        found = re.search(r"http://\S+/lab/tree/\S+", "\n".join(self.said))
        return found[0] if found else ""

    def page(self, notebook: str) -> str:
        """The address of another notebook, as somebody meets it who opens the workshop for the first time."""
        shutil.rmtree(self.home / "workspaces", ignore_errors=True)
        jupyter_settings.write(self.home)
        return self.url.replace("00_start_here", notebook)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Press Ctrl-C; returns the exit code. ``family`` then holds every process that was below it."""
        own = psutil.Process(self.process.pid)
        self.family = [own, *own.children(recursive=True)]
        self.process.send_signal(number)
        return self.process.wait(STOP_DEADLINE_S)

    def end(self) -> None:
        """Whatever happened, leave no process."""
        if self.process.poll() is None:
            self.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"There is no browser on this machine. Next: {HOW_TO_GET_ONE}")
        pytest.skip(f"There is no browser on this machine: {HOW_TO_GET_ONE}")
    # Chromium's sandbox does not work for root, as one is in a container.
    alone = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*QUIET, *alone])
        yield started
        started.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("state")
    settings = state / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # JupyterLab draws only the cells in sight otherwise, and a page longer than the screen could not be looked at.
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}), "utf-8")
    copy = tmp_path_factory.mktemp("project") / "my-workshop"
    working_copy.update(copy)
    without_outputs(copy)
    running = start(copy, {"LAB_STATE_DIR": str(state), "JUPYTERLAB_SETTINGS_DIR": str(state / "settings")})
    with in_environment({"LAB_STATE_DIR": str(state), "LAB_TARGET": "embedded", "LAB_NAME": "workshop"}):
        stack.provision(resolve())  # so that any notebook can be looked at by itself
    yield running
    running.end()


def without_outputs(copy: Path) -> None:
    """What is seen was made here, in the solved notebooks too."""
    for file in (copy / "notebooks").rglob("*.ipynb"):
        notebook = nbformat.read(file, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, file)


def start(folder: Path, variables: dict[str, str]) -> Served:
    """Start what ``make lab`` starts, and return when it says that the workshop is open."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    environment |= {"LAB_PORT": str(free_port()), "LAB_TARGET": "embedded", "LAB_NAME": "workshop", **variables}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder), str(free_port())],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Served(process, folder, Path(variables["LAB_STATE_DIR"]) / "workshop" / "jupyter")
    opened = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.said.append(line.rstrip())
            if "Ctrl-C stops" in line:
                opened.set()
        opened.set()

    threading.Thread(target=listen, daemon=True).start()
    if not opened.wait(START_DEADLINE_S) or not running.url:
        running.end()
        pytest.fail("lab notebook did not open the workshop:\n" + "\n".join(running.said))
    return running
