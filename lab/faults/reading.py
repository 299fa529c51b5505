"""A plan of faults from a preset's name, or from a file of TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from lab.faults.plan import Fault, FaultError, Faults
from lab.faults.presets import PRESETS
from lab.load.messages import read_text

_KEYS = ("kind", "percent", "where", "attempts", "seconds", "bodies")
_EXAMPLE = 'write, for example:\nseed = 1\n[[fault]]\nkind = "raises"\npercent = 5\nwhere = ["base64_decoder"]'


def read_faults(text: str) -> Faults:
    """The plan that a preset's name or the path of a file means.

    Raises:
        FaultError: there is neither, or the file holds no plan.
        TextFileError: the file cannot be read as text.
    """
    if text in PRESETS:
        return named(text)
    path = Path(text).expanduser()
    if not path.is_file():
        raise FaultError(
            f"There is no plan of faults '{text}': neither a preset nor a file.",
            next_step=f"a file that ends in .toml or .json, or one of {', '.join(PRESETS)}.",
        )
    return parse(read_text(path), path)


def named(name: str) -> Faults:
    """A preset, with its name."""
    return Faults(PRESETS[name].faults, PRESETS[name].seed, name=name)


def parse(text: str, path: Path) -> Faults:
    """The plan that a file's text holds; JSON when the file's name ends so, else TOML.

    Raises:
        FaultError: it holds none; says where it is wrong.
    """
    try:
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise FaultError(f"{path} is not {kind}: {error}.", next_step=_EXAMPLE) from None
    try:
        return _plan(document, path)
    except FaultError as error:
        if str(path) in error.what:
            raise
        raise FaultError(f"{path}: {error.what}", cause=error.cause, next_step=error.next_step) from None


def _plan(document: Any, path: Path) -> Faults:
    if not isinstance(document, dict) or not isinstance(document.get("fault"), list):
        raise FaultError(f"{path} holds no list 'fault'.", next_step=_EXAMPLE)
    _only(document, ("seed", "fault"), f"{path} has")
    return Faults(
        tuple(_fault(entry, number) for number, entry in enumerate(document["fault"], 1)),
        document.get("seed", 1),
        name=path.name,
    )


def _fault(entry: Any, number: int) -> Fault:
    if not isinstance(entry, dict):
        raise FaultError(f"Fault {number} is not a table of keys.", next_step=_EXAMPLE)
    _only(entry, _KEYS, f"fault {number} has")
    for key in ("kind", "percent"):
        if key not in entry:
            raise FaultError(f"Fault {number} has no '{key}'.", next_step=_EXAMPLE)
    values = dict(entry)
    for key in ("where", "bodies"):
        if key in values:
            values[key] = _texts(values[key], f"'{key}' of fault {number}")
    if values.get("attempts") == "all":
        values["attempts"] = None
    elif "attempts" in values and values["attempts"] is None:
        raise FaultError(f"'attempts' of fault {number} is null.", next_step='a whole number, or "all".')
    if not isinstance(values["kind"], str):
        raise FaultError(f"'kind' of fault {number} is not a text.", next_step=_EXAMPLE)
    return Fault(**values)


def _texts(value: Any, what: str) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not texts or not all(isinstance(text, str) for text in texts):
        raise FaultError(f"{what} is neither a text nor a list of texts.", next_step=_EXAMPLE)
    return tuple(texts)


def _only(document: dict[str, Any], keys: tuple[str, ...], what: str) -> None:
    if unknown := [key for key in document if key not in keys]:
        raise FaultError(
            f"{what} the key '{unknown[0]}', which means nothing here.", next_step=f"the keys are {', '.join(keys)}."
        )
