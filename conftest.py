"""The solved notebooks are tests: nbval runs each of them and compares its outputs with the committed ones.

All of them work with one embedded lab that belongs to this test session; a lab of the same name that somebody is
working with is not touched.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent
CELL_TIMEOUT_S = 300.0
ONE_AT_A_TIME = ("containers", "browser")
# What looks for the emulators of the whole machine, and ends those that a killed run left.
SEE_ALL_EMULATORS = ("test_launcher", "test_processes")

_closing = pytest.StashKey[contextlib.ExitStack]()
_prepared = pytest.StashKey[Path]()
_environment = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.option.nbval = True
    config.option.nbval_current_env = True
    config.option.nbval_cell_timeout = CELL_TIMEOUT_S
    config.option.nbval_sanitize_with = str(ROOT / "tests" / "notebooks" / "sanitize.cfg")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # What a shell starts in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def group_of(nodeid: str) -> str:
    """What runs in one process, in its order: a file; a folder whose files share ports and images; or a single test."""
    file = Path(nodeid.partition("::")[0])
    if file.stem in SEE_ALL_EMULATORS:
        return "emulators"
    if "unit" in file.parts or "test_the_learners_edition_runs" in nodeid:
        return nodeid
    return str(file.parent if file.parent.name in ONE_AT_A_TIME else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """By files. The marker `xdist_group` has no effect with pytest 9 and pytest-xdist 3.8."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


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
