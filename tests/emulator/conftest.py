"""Embedded LocalStack for the tests: one for the session, others where a test needs settings of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.emulator.runtime.hooks.registry import NAMES, switched_off
from tests.emulator.running import Function, LocalStack, deploy, start_localstack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--also-without-hook",
        action="store_true",
        help="run tests that need a hook that is off, too: they fail",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """With ``LAB_HOOKS_OFF=name`` the tests of that hook are skipped, and all others hold."""
    for marker in item.iter_markers("needs_hook"):
        assert set(marker.args) <= set(NAMES), f"there is no such hook: {marker.args}"
        if item.config.getoption("--also-without-hook", default=False):
            continue
        if off := sorted(switched_off(os.environ).intersection(marker.args)):
            pytest.skip(f"needs what is switched off: {', '.join(off)}")


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All labs of the tests keep their state in a temporary folder."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_STATE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def localstack(state_folder: Path) -> Iterator[LocalStack]:
    """The LocalStack that most tests share."""
    running = start_localstack({})
    yield running
    running.kill()


@pytest.fixture(scope="module")
def stock(state_folder: Path) -> Iterator[LocalStack]:
    """A LocalStack without any hook."""
    running = start_localstack({"LAB_HOOKS": "off"})
    yield running
    running.kill()


@pytest.fixture(params=["hooked", "stock"])
def either(request: pytest.FixtureRequest, localstack: LocalStack) -> LocalStack:
    """LocalStack with all hooks, then with none."""
    if request.param == "hooked":
        return localstack
    running: LocalStack = request.getfixturevalue("stock")
    return running


@pytest.fixture
def other_localstack(state_folder: Path) -> Iterator[Callable[..., LocalStack]]:
    """Starts further LocalStacks with settings of their own; all end with the test."""
    started: list[LocalStack] = []

    def start(**variables: str) -> LocalStack:
        running = start_localstack(variables)
        started.append(running)
        return running

    yield start
    for running in started:
        running.kill()


@pytest.fixture
def function(localstack: LocalStack) -> Iterator[Callable[..., Function]]:
    """Deploys functions into the shared LocalStack and deletes them after the test."""
    deployed: list[Function] = []

    def make(source: str, **arguments: Any) -> Function:
        made = deploy(localstack, source, **arguments)
        deployed.append(made)
        return made

    yield make
    for made in deployed:
        made.delete()
