"""The solved notebooks are tests: nbval runs each of them and compares its outputs with the committed ones.

All of them work with one embedded lab that belongs to this test session; a lab of the same name that somebody is
working with is not touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
CELL_TIMEOUT_S = 300.0

_closing = pytest.StashKey[contextlib.ExitStack]()
_prepared = pytest.StashKey[Path]()
_environment = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.option.nbval = True
    config.option.nbval_current_env = True
    config.option.nbval_cell_timeout = CELL_TIMEOUT_S
    config.option.nbval_sanitize_with = str(ROOT / "tests" / "notebooks" / "sanitize.cfg")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The learner's edition has no outputs to compare with: tests/notebooks/test_exercises.py runs it."""
    learners = collection_path.suffix == ".ipynb" and collection_path.parent == ROOT / "notebooks"
    return True if learners else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """The kernel of a notebook starts here, and gets its environment from this process."""
    if item.path.suffix != ".ipynb":
        return (yield)
    from tests.notebooks import execute

    with execute.in_environment(notebook_lab(item.config)):
        if item.path != item.config.stash.get(_prepared, None):
            execute.prepare(item.path)
            item.config.stash[_prepared] = item.path
        return (yield)


def notebook_lab(config: pytest.Config) -> dict[str, str]:
    """The environment that leads to the session's lab, which is started when it is first asked for."""
    if _environment not in config.stash:
        from tests.notebooks import execute

        closing = config.stash[_closing] = contextlib.ExitStack()
        config.stash[_environment] = closing.enter_context(execute.empty_lab())
    return config.stash[_environment]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _closing in config.stash:
        config.stash[_closing].close()


@pytest.fixture(scope="session")
def lab_environment(pytestconfig: pytest.Config) -> dict[str, str]:
    """The variables that lead a subprocess to the session's lab."""
    return notebook_lab(pytestconfig)
