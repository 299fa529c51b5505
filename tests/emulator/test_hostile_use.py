"""What people do to the lab, driven through the real command: no traceback, no wrong "lost", no process left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

LAB = Path(sys.executable).with_name("lab")
NAME = "hostile"
DEADLINE_S = 150.0


@dataclass
class Ended:
    """A command that has ended: its exit code, and all that it printed."""

    code: int
    said: str


@dataclass
class Desk:
    """A learner's folder with a lab's state in it."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state [1]"

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LAB_")}
        return subprocess.Popen(
            [str(LAB), *words],
            cwd=self.folder,
            env=environment | {"LAB_STATE_DIR": str(self.state), "LAB_NAME": NAME} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def lab(self, *words: str, **variables: str) -> Ended:
        return ended(self.start(*words, **variables))

    def emulators(self) -> list[int]:
        """Every LocalStack that was started at this desk, whatever the lab itself knows of it."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline"]):
            try:
                if "localstack.runtime.main" in (process.info["cmdline"] or []):
                    found += (
                        [process.pid] if str(self.folder) in process.environ().get("LAB_EMULATOR_REPORT", "") else []
                    )
            except psutil.Error:
                continue
        return found


def ended(process: subprocess.Popen[str]) -> Ended:
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert "Traceback" not in said, said
    return Ended(process.returncode, said)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A lab that is up, in a folder whose name is as people name folders."""
    folder = tmp_path_factory.mktemp("my desk") / "lab [old]"
    folder.mkdir()
    here = Desk(folder)
    assert here.lab("up").code == 0
    yield here
    here.lab("down")
    for pid in here.emulators():
        psutil.Process(pid).kill()


def account_of(folder: Path) -> dict[str, int]:
    return dict(json.loads((folder / "summary.json").read_text("utf-8"))["reconciliation"])


def chapter() -> bytes:
    return ("A line of a long book. " * 20_000).encode()


FILES = {
    "utf16.txt": "Grüße an alle".encode("utf-16"),
    "windows.txt": "Grüße an alle".encode("cp1252"),
    "chapter.txt": chapter(),
    "picture.png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "it's [a] file.txt": "words and words".encode("utf-8-sig"),
    "lines.txt": b"one\r\ntwo\r\n",
    "empty.txt": b"",
}
WRONG: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (("send", "--file", "missing [x].txt"), {}),
    (("send", "--file", "utf16.txt"), {}),
    (("send", "--file", "windows.txt"), {}),
    (("send", "--file", "picture.png"), {}),
    (("send", "--file", "chapter.txt"), {}),
    (("send", "--file", "."), {}),
    (("ramp", "--text", "windows.txt"), {}),
    (("ramp", "--rates", "0"), {}),
    (("ramp", "--rates", "a[/b]"), {}),
    (("ramp", "--rates", "2", "--seconds", "nan"), {}),
    (("ramp", "--seed", "-1"), {}),
    (("ramp", "--out", "utf16.txt"), {}),
    (("ramp", "--out", "/proc/out"), {}),
    (("ramp", "--out", "x" * 300), {}),
    (("demo", "--out", "utf16.txt/a[/b]"), {}),
    (("demo", "--name", NAME), {}),
    (("notebook", "--no-browser", "--port", "80000"), {}),
    (("status",), {"LAB_PORT": "tcp://10.43.0.7:80x", "LAB_TARGET": "localstack"}),
    (("up",), {"LAB_PORT": "70000"}),
    (("up",), {"LAB_PORT": "-1"}),
    (("up",), {"LAB_REGION": "us east 1"}),
    (("up",), {"LAB_REGION": "nowhere"}),
    (("up", "--name", "A lab"), {}),
    (("status",), {"LAB_TARGET": "the cloud"}),
    (("status",), {"LAB_TARGET": "localstack", "LAB_ENDPOINT_URL": "http://[::1"}),
]


@pytest.mark.parametrize(("words", "variables"), WRONG, ids=lambda value: " ".join(value)[:40] if value else "")
def test_what_is_wrong_is_one_message_and_changes_nothing(
    desk: Desk, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    for name, content in FILES.items():
        (desk.folder / name).write_bytes(content)
    before = desk.emulators()
    refused = desk.lab(*words, **variables)
    assert refused.code in (1, 2, 3), refused.said
    assert refused.said.strip()
    assert {name: (desk.folder / name).read_bytes() for name in FILES} == FILES, "a learner's own file was touched"
    assert desk.emulators() == before


@pytest.mark.parametrize("file", ["it's [a] file.txt", "lines.txt", "empty.txt"])
def test_what_is_merely_unusual_works(desk: Desk, file: str) -> None:
    (desk.folder / file).write_bytes(FILES[file])
    sent = desk.lab("send", "--file", file, PYTHONIOENCODING="ascii", LANG="C")
    assert sent.code == 0, sent.said


def test_a_ramp_of_ones_own_text_into_a_folder_with_brackets_loses_nothing(desk: Desk) -> None:
    (desk.folder / "lines.txt").write_bytes(FILES["lines.txt"])
    ran = desk.lab("ramp", "--rates", "4", "--seconds", "2", "--text", "lines.txt", "--out", "out [old]/a")
    assert ran.code == 0, ran.said
    account = account_of(desk.folder / "out [old]" / "a")
    assert (account["sent"], account["succeeded"], account["lost"], account["unexpected"]) == (8, 8, 0, 0)


@pytest.mark.parametrize("after_s", [0.3, 3.5])
def test_ctrl_c_at_a_bad_moment_leaves_an_account_and_no_wrong_loss(desk: Desk, after_s: float) -> None:
    out = desk.folder / f"stopped-{after_s}"
    running = desk.start("ramp", "--rates", "5", "--seconds", "8", "--out", str(out))
    time.sleep(after_s)
    running.send_signal(signal.SIGINT)
    stopped = ended(running)
    assert stopped.code in (130, -signal.SIGINT), stopped.said
    if (out / "summary.json").exists():
        assert account_of(out)["lost"] == 0
    assert desk.lab("status").code == 0, "the lab itself goes on"


def test_three_at_once_and_a_folder_that_was_cleaned_leave_no_process(desk: Desk) -> None:
    variables = {"LAB_NAME": "crowd"}
    before = desk.emulators()
    for up in [desk.start("up", **variables) for _ in range(3)]:
        assert ended(up).code == 0
    assert len(set(desk.emulators()) - set(before)) == 1
    desk.state.joinpath("crowd").rename(desk.folder / "swept away")
    down = desk.lab("down", **variables)
    assert set(desk.emulators()) <= set(before), down.said
