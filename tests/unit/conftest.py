"""What the unit tests share: handlers loaded by path, sample events."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import botocore.session
import hypothesis
import pytest

from tests.unit.installing import make_clone, make_installed

# When jsonschema is imported it builds the grammar of international addresses, three seconds, if this package is there.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# `make test` looks at the same examples each time: it tells of the change, not of the dice.
# `make quick` looks at fewer, and at others each time.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("quick", max_examples=hypothesis.settings.default.max_examples // 5)

PROJECT = Path(__file__).resolve().parents[2]
EVENTS = Path(__file__).parent / "events"


def load_handler_module(function: str) -> ModuleType:
    """The module of one function. All five files are called handler.py, so a plain import cannot tell them apart."""
    path = PROJECT / "lambdas" / function / "handler.py"
    spec = importlib.util.spec_from_file_location(f"handler_of_{function}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_handler() -> Callable[[str], ModuleType]:
    return load_handler_module


@pytest.fixture(scope="session")
def load_event() -> Callable[[str], dict[str, Any]]:
    """A fresh copy of one of the sample events in ``events/``."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every chart takes seconds to draw."""
    for item in items:
        if "every_chart" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


# botocore reads its service models anew for each session, and takes half a second; here one session's do for all.
LOADER = botocore.session.create_loader()


@pytest.fixture(autouse=True)
def one_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sessions of the tests share what botocore has read."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda *_: LOADER)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """An AWS account in this process, region us-east-1, with the environment of somebody who may do all in it."""
    from moto import mock_aws

    from tests.unit.aws_stand_in import Account

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # a tenth of a second a test, for nothing here
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "LAB_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    with mock_aws(config={"core": {"service_whitelist": None}}):
        yield Account()


@pytest.fixture
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 tries again at once, where it would wait some seconds for an endpoint that is not there."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clock of everything that waits for AWS: it goes on by itself when somebody sleeps."""
    from tests.unit.aws_stand_in import Clock

    clock = Clock()
    monkeypatch.setattr("lab.stack.waiting.time", clock)
    return clock


@pytest.fixture
def target(account: Any, clock: Any) -> Any:
    """A lab in that account."""
    from tests.unit.aws_stand_in import new_target

    return new_target(account)


@pytest.fixture
def recorded(load_event: Callable[[str], Any]) -> dict[str, list[str]]:
    """Log events of executions as LocalStack wrote them: name of a case → messages."""
    return load_event("execution_events")


@pytest.fixture(scope="session")
def busy() -> Any:
    """The table `messages` of a run that outgrows what the system can carry."""
    from tests.unit.chart_data import run_of

    return run_of()


@pytest.fixture(scope="session")
def calm() -> Any:
    """The table `messages` of a run that stays far below it."""
    from tests.unit.chart_data import run_of

    return run_of((2, 4, 8), 5, 60)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of a clone, in a folder with a space in its path."""
    return make_clone(tmp_path / "express lab")


@pytest.fixture
def installed(clone: Path) -> Path:
    """A clone whose environment is up to date, with one package of one file."""
    return make_installed(clone)
