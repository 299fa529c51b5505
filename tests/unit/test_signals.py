"""How a command is stopped: every signal as Ctrl-C, what was ignored stays ignored, and the exit code tells."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from lab import paths, signals
from lab.commands import app
from lab.commands.terminal import stoppable
from lab.session import demo as run_demo
from lab.session import lifecycle, sending
from lab.signals import StoppedError
from lab.target import Target

TARGET = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals._last = signal.SIGINT


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_stopped_ends_with_a_sentence_and_the_code_of_its_signal(
    number: signal.Signals, code: int
) -> None:
    with pytest.raises(StoppedError, match="Stopped") as caught:
        stoppable(lambda: signal.raise_signal(number))()
    assert caught.value.exit_code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_was_ignored_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with signals.interrupting():
        signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_IGN
    with signals.held_off():
        pass
    assert signal.getsignal(number) == signal.SIG_IGN


def test_an_impatient_second_ctrl_c_is_held_off() -> None:
    with signals.held_off():
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        (r"signal\.signal\(", ["lab/signals.py"]),
        (r"webbrowser\.open", ["lab/workshop/browser.py"]),
        (r"create_time\(|owner_pid|owner_started", []),
        (r"localstack\.runtime\.main", ["lab/emulator/container.py", "lab/emulator/launcher.py"]),
    ],
)
def test_the_rules_of_contributing_hold(pattern: str, places: list[str]) -> None:
    found = [
        str(file.relative_to(paths.PROJECT))
        for file in sorted((paths.PROJECT / "lab").rglob("*.py"))
        if re.search(pattern, file.read_text("utf-8")) and "runtime" not in file.parts
    ]
    assert found == places


def test_every_command_is_stoppable() -> None:
    assert all(command.callback.__wrapped__ for command in app.registered_commands)  # type: ignore[union-attr]


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("survivors", "words"), [([], "nothing of it is left"), (["queue q"], "survived: queue q")])
def test_a_demo_that_is_stopped_says_what_was_removed(
    survivors: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(lifecycle, "up", interrupted)
    monkeypatch.setattr(lifecycle, "down", lambda target: survivors)
    with pytest.raises(StoppedError, match=words):
        run_demo(TARGET, tmp_path)


def test_a_send_of_the_demo_that_is_stopped_takes_the_lab_down_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    def stopped(*_: Any) -> None:
        raise StoppedError("nothing was removed")

    monkeypatch.setattr(lifecycle, "up", lambda *_, **__: lifecycle.Timing(1.0, 1.0))
    monkeypatch.setattr(lifecycle, "down", lambda target: [])
    monkeypatch.setattr(sending, "send", stopped)
    with pytest.raises(StoppedError, match="was taken down; nothing of it is left"):
        run_demo(TARGET, tmp_path)


def test_a_send_that_is_stopped_says_how_many_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(target: Target, bodies: list[str], message_ids: list[str], say: Any) -> None:
        message_ids += ["m1", "m2"]
        raise KeyboardInterrupt

    monkeypatch.setattr(sending, "_send", some)
    with pytest.raises(StoppedError, match="2 of 3 messages had been sent") as caught:
        sending.send(TARGET, ["a", "b", "c"])
    assert caught.value.exit_code == 130


def test_an_up_that_is_stopped_says_what_may_be_left() -> None:
    assert "some resources may be there" in lifecycle.stopped(TARGET).what
    assert "lab down --target localstack --name t" in lifecycle.stopped(TARGET).next_step
