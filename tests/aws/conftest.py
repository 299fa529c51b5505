"""Tests on a real AWS account: opt-in, since they cost money (a few cents) and make resources.

    LAB_TEST_AWS=1 LAB_BUDGET_USD=0.50 .venv/bin/python -m pytest tests/aws

They were written where AWS cannot be reached and have not been run yet: see CONTRIBUTING.md.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session, stack
from lab.target import Target

ASKED_FOR = os.environ.get("LAB_TEST_AWS") == "1"
COURSE_USD = 0.25


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not ASKED_FOR:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="costs money; LAB_TEST_AWS=1 runs it"))


@pytest.fixture(scope="session")
def budget() -> float:
    """What this session of tests may cost, in US dollars: refused before anything is made when it is too little."""
    allowed = session.budget_usd()
    if allowed < COURSE_USD:
        pytest.exit(f"The course may cost {COURSE_USD} USD, the budget LAB_BUDGET_USD is {allowed}.", returncode=1)
    return allowed


@pytest.fixture(scope="session")
def target(budget: float, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A lab of its own, proved to be gone at the end, whatever happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        chosen = Target("aws", f"test-{secrets.token_hex(3)}")
        try:
            yield chosen
        finally:
            assert stack.destroy(chosen) == []
