"""Functions that fail as planned for one run: deployed with the wrapper before their handler, and put back after it.

A function is wrapped as it is deployed at that moment, learners' own code included: the very package is fetched, gets
one more file, and is deployed again as it was. Where the lab is killed meanwhile, the wrapper is still named as the
handler: `left_in` finds it, ``lab up`` deploys the lab's own functions again, ``lab down`` deletes them.
"""

from __future__ import annotations

import contextlib
import io
import json
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import signals
from lab.errors import UnavailableError
from lab.faults import wrapper
from lab.faults.plan import Faults
from lab.stack import Names, functions, waiting
from lab.stack.names import FUNCTIONS

_FETCH_TIMEOUT_S = 30.0
_PARALLEL = len(FUNCTIONS)


class FaultsLeftError(UnavailableError):
    """Functions still fail on purpose, though no run wants them to."""


@dataclass(frozen=True)
class _Deployed:
    """A function as it was before the run."""

    folder: str
    code: bytes
    handler: str
    variables: dict[str, str]


def left_in(names: Names) -> list[str]:
    """Folders of the functions that fail on purpose at this moment."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        found = pool.map(lambda folder: functions.find(names, folder), FUNCTIONS)
        return [folder for folder, current in zip(FUNCTIONS, found, strict=True) if current and _is_wrapped(current)]


def check_none_left(names: Names) -> None:
    """See that no function fails on purpose.

    Raises:
        FaultsLeftError: some do.
    """
    if left := left_in(names):
        raise FaultsLeftError(
            f"{_and(left)} still fail{'s' if len(left) == 1 else ''} on purpose; nothing was sent.",
            cause="a run with faults goes on elsewhere, or was killed before it could put the functions back.",
            next_step=f"lab up{names.target.options}, which deploys them as they were made, when no such run goes on",
        )


@contextlib.contextmanager
def failing(names: Names, faults: Faults, run_id: str, say: Callable[[str], None]) -> Iterator[None]:
    """The functions fail as planned until the block ends, however it ends.

    Raises:
        FaultsLeftError: a function could not be put back. Where the block itself failed, its error goes on, and ``say``
            gets this one.
    """
    wanted = [folder for folder in FUNCTIONS if faults.for_function(folder, run_id, "")]
    before: list[_Deployed] = []
    try:
        # Asked first and together: what is fetched here is what comes back.
        before += _side_by_side(lambda folder: _fetch(names, folder), wanted)
        _side_by_side(lambda deployed: _wrap(names, deployed, faults, run_id), before)
        yield
    except BaseException:
        try:
            _put_back_all(names, before)
        except FaultsLeftError as error:
            say(error.render())
        raise
    _put_back_all(names, before)


def _fetch(names: Names, folder: str) -> _Deployed:
    answer = names.target.client("lambda").get_function(FunctionName=names.function(folder))
    # An emulator's answer comes from this machine, whatever proxies there are.
    handlers = [urllib.request.ProxyHandler({})] if names.target.is_emulator else []
    with urllib.request.build_opener(*handlers).open(answer["Code"]["Location"], timeout=_FETCH_TIMEOUT_S) as response:
        code = response.read()
    current = answer["Configuration"]
    return _Deployed(folder, code, current["Handler"], _variables(current))


def _wrap(names: Names, deployed: _Deployed, faults: Faults, run_id: str) -> None:
    plan = faults.for_function(deployed.folder, run_id, deployed.handler)
    variables = deployed.variables | {wrapper.VARIABLE: json.dumps(plan, separators=(",", ":"))}
    # With the code first, a run that is killed in between leaves a file that nobody asks for.
    _deploy_code(names, deployed.folder, with_wrapper(deployed.code))
    _configure(names, deployed.folder, wrapper.HANDLER, variables)


def with_wrapper(code: bytes) -> bytes:
    """A function's package with the wrapper in it."""
    archive = io.BytesIO(code)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as package:
        entry = zipfile.ZipInfo(wrapper.FILE, date_time=(1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        package.writestr(entry, Path(wrapper.__file__).read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _put_back_all(names: Names, before: list[_Deployed]) -> None:
    with signals.held_off():  # an impatient Ctrl-C must not leave functions that fail
        try:
            _side_by_side(lambda deployed: _put_back(names, deployed), before)
        except Exception as error:
            raise FaultsLeftError(
                f"Functions may still fail on purpose: they could not be put back ({type(error).__name__}: {error}).",
                cause="the emulator has ended, and then nothing is left; or AWS refused the change.",
                next_step=f"lab up{names.target.options}",
            ) from error


def _put_back(names: Names, deployed: _Deployed) -> None:
    current = functions.find(names, deployed.folder)
    if current is None:
        return  # deleted meanwhile, and the faults with it
    if _is_wrapped(current):  # else somebody has deployed it anew
        _configure(names, deployed.folder, deployed.handler, deployed.variables)
        _deploy_code(names, deployed.folder, deployed.code)


def _deploy_code(names: Names, folder: str, code: bytes) -> None:
    client = names.target.client("lambda")
    waiting.through_propagation(lambda: client.update_function_code(FunctionName=names.function(folder), ZipFile=code))
    functions.wait_until_ready(names, folder)


def _configure(names: Names, folder: str, handler: str, variables: dict[str, str]) -> None:
    client = names.target.client("lambda")
    waiting.through_propagation(
        lambda: client.update_function_configuration(
            FunctionName=names.function(folder), Handler=handler, Environment={"Variables": variables}
        )
    )
    functions.wait_until_ready(names, folder)


def _is_wrapped(current: dict[str, Any]) -> bool:
    return current.get("Handler") == wrapper.HANDLER or wrapper.VARIABLE in _variables(current)


def _variables(current: dict[str, Any]) -> dict[str, str]:
    return dict((current.get("Environment") or {}).get("Variables") or {})


def _side_by_side(action: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """The action on each item at once; the first failure is raised when all have ended."""
    if not items:
        return []
    with ThreadPoolExecutor(_PARALLEL) as pool:
        running = [pool.submit(action, item) for item in items]
    return [future.result() for future in running]


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
