"""The environment variables of the lab: nobody else reads any. Each is checked here, and docs/commands.md lists them.

What runs inside LocalStack reads its few in ``lab.emulator.runtime.settings``; they are checked here before it starts.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import UsageError

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_SWITCHES = {"on": True, "1": True, "true": True, "yes": True, "off": False, "0": False, "false": False, "no": False}


class VariableError(UsageError):
    """An environment variable holds what the lab cannot use."""


@dataclass(frozen=True)
class Variable:
    """One of them.

    Attributes:
        meaning: what it sets, for the documentation.
        usual: what holds without it, for the documentation.
        read: makes the value of the text; raises ValueError with the reason when it cannot.
        example: a value that works.
        ours: whether the lab sets it itself, in its image and for its own processes.
    """

    meaning: str
    usual: str = ""
    read: Callable[[str], Any] = str
    example: str = ""
    ours: bool = False


def port_number(text: str) -> int:
    """A port.

    Raises:
        ValueError: not 1 to 65,535.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise ValueError("a port is a number from 1 to 65535")
    return int(text)


def region_name(text: str) -> str:
    """The name of an AWS region, as far as its form tells.

    Raises:
        ValueError: no region is called so.
    """
    if not _REGION.fullmatch(text):
        raise ValueError("a region is called like us-east-1 or eu-central-1")
    return text


def folder_or_file(text: str | os.PathLike[str]) -> Path:
    """The path that somebody typed; ``~`` is a home folder also where the shell leaves it alone, as in ``--out=~/x``.

    Raises:
        ValueError: there is no such home folder.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder") from None


def _state_folder(text: str) -> Path:
    return folder_or_file(text).absolute()


def _dollars(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError("a budget is a number of US dollars, 0 or more")
    return amount


def _zero_or_one(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("it is 1 or 0")
    return text == "1"


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError("it is on or off")
    return _SWITCHES[text.lower()]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) >= 1):
        raise ValueError("it is a number from 1 to 9999")
    return int(text)


TABLE: dict[str, Variable] = {
    "LAB_TARGET": Variable("where the lab runs: `embedded`, `localstack` or `aws`, as `--target`", "embedded"),
    "LAB_NAME": Variable("name of the lab, as `--name`", "workshop"),
    "LAB_STATE_DIR": Variable(
        "folder for the state of every lab", "`.lab` in the project", _state_folder, "~/express-lab-state"
    ),
    "LAB_WORKSHOP_DIR": Variable(
        "folder of your copy of the workshop, which `lab notebook` opens",
        "`my-workshop` in the project",
        _state_folder,
        "~/my-workshop",
    ),
    "LAB_PORT": Variable(
        "port of the emulator, embedded or `localstack`", "4566, or any free one", port_number, "4599"
    ),
    "LAB_REGION": Variable("region of the lab", "us-east-1; on `aws` your own set-up's", region_name, "us-east-1"),
    "LAB_ENDPOINT_URL": Variable("where the LocalStack of the target `localstack` answers", "http://127.0.0.1:4566"),
    "LAB_BUDGET_USD": Variable("most that a ramp may cost on `aws`, in US dollars, as `--budget`", "1", _dollars, "1"),
    "LAB_LIVE": Variable(
        "whether a chart in a notebook updates in place: `1` or `0`", "where somebody has it open", _zero_or_one, "0"
    ),
    "LAB_NOTEBOOK_PORT": Variable("port of JupyterLab with Docker Compose", "8888", port_number, "8888"),
    "JUPYTER_TOKEN": Variable("what JupyterLab's address ends in, with Docker Compose", "a random one"),
    "LAB_PROBE_ACCESS_KEY": Variable("an endpoint's own access key, for `lab doctor --endpoint-url`"),
    "LAB_PROBE_SECRET_KEY": Variable("its other half"),
    "LAB_HOOKS": Variable("what makes the emulator fast: `on` or `off`", "on", _switch, "off"),
    "LAB_HOOKS_OFF": Variable("single hooks to turn off, with commas between"),
    "LAB_WORKERS_PER_FUNCTION": Variable(
        "most worker processes of a function in the emulator",
        "the cores, at least 2; behind a mapping one a batch, up to 10",
        _count,
        "4",
    ),
    "LAB_PURE_PYTHON_RUNTIME_CLIENT": Variable(
        "whether workers use the runtime client without its compiled part: `1` or `0`", "0", _switch, "1"
    ),
    "AWS_REGION": Variable("region on `aws` unless `LAB_REGION` names one", "", region_name, "us-east-1"),
    "LAB_IMAGE": Variable("`1` in the lab's own image", ours=True),
    "LAB_LISTEN": Variable("`container` where LocalStack is the program of that image", ours=True),
    "LAB_EMULATOR_MARK": Variable("what an emulator says of itself", ours=True),
    "LAB_EMULATOR_REPORT": Variable("file in which the emulator says what it loaded", ours=True),
}


def value(name: str, environment: Mapping[str, str] | None = None) -> Any:
    """What a variable of the table holds; None when it is not set, or set to nothing.

    Raises:
        VariableError: it holds what the lab cannot use.
    """
    text = (os.environ if environment is None else environment).get(name, "").strip()
    if not text:
        return None
    variable = TABLE[name]
    try:
        return variable.read(text)
    except ValueError as error:
        raise VariableError(
            f"{name} is '{text}', and {error}.",
            cause="Kubernetes sets it so for a service that is called 'lab'." if text.startswith("tcp://") else "",
            next_step=f"unset {name}, or for example: export {name}={variable.example}",
        ) from None


def check() -> None:
    """Look at the lab's own variables, so that a wrong one is told before anything is made.

    Raises:
        VariableError: the first that the lab cannot use.
    """
    for name in TABLE:
        if name.startswith("LAB_"):  # others are looked at where they are used: not every target reads them
            value(name)


def everything() -> dict[str, str]:
    """All variables of this process, for one that it starts."""
    return dict(os.environ)


def on_page() -> str:
    """The table for docs/commands.md, in Markdown."""
    own = [(name, variable) for name, variable in TABLE.items() if not variable.ours]
    rows = [f"| `{name}` | {variable.meaning} | {variable.usual} |" for name, variable in own]
    ours = "; ".join(f"`{name}`, {variable.meaning}" for name, variable in TABLE.items() if variable.ours)
    return "\n".join(
        [
            "| variable | sets | without it |",
            "|---|---|---|",
            *rows,
            "",
            f"The lab sets these itself, and nobody else should: {ours}.",
        ]
    )


def preset(name: str, text: str) -> None:
    """Set a variable for the libraries that read it, where the user has not."""
    os.environ.setdefault(name, text)
