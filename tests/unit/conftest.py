"""What the unit tests share: handlers loaded by path, sample events."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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
