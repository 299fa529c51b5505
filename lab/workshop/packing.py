"""Packs a function that was written in a notebook, with all that it uses, as Lambda needs it."""

from __future__ import annotations

import ast
import builtins
import linecache
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from lab.errors import LabError
from lab.stack.functions import package


class NotPackableError(LabError):
    """A function uses something of the notebook that cannot be sent to Lambda."""


def package_of(handler: Callable[..., Any]) -> bytes:
    """A zip archive with a function of the notebook as ``handler.py``: helpers and imports that it uses included.

    Raises:
        NotPackableError: it uses a thing of the notebook that is no function, class, module or plain value.
    """
    return archive({"handler.py": source_of(handler)})


def archive(files: Mapping[str, str]) -> bytes:
    """A zip archive of some files, by name, as Lambda takes a function's code."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, "utf-8")
        return package(Path(folder))


def source_of(handler: Callable[..., Any]) -> str:
    """The module that defines ``handler`` as the notebook does: what is needed first comes first."""
    assert isinstance(handler, FunctionType)
    gathered: dict[str, str] = {}
    _gather(handler.__name__, handler.__globals__, _statements(handler), gathered, set())
    return "\n\n\n".join(dict.fromkeys(gathered.values())) + "\n"


def _gather(
    name: str, notebook: dict[str, Any], cell: dict[str, tuple[ast.stmt, str]], gathered: dict[str, str], met: set[str]
) -> None:
    """Add the statement that defines ``name`` to ``gathered``, after those of all that it needs."""
    if name in met:
        return
    met.add(name)
    if name not in cell and name not in notebook:
        return  # a built-in, or a mistake that Lambda will name
    value = notebook.get(name)
    if name not in cell and _was_written_here(value, notebook):
        cell = {**cell, **_statements(value)}
    if name not in cell:
        gathered[name] = _elsewhere(name, value)
        return
    statement, text = cell[name]
    for used in _names_in(statement):
        _gather(used, notebook, cell, gathered, met)
    gathered[name] = text


def _statements(written: Any) -> dict[str, tuple[ast.stmt, str]]:
    """Each name that the cell of a function or class defines, with the statement that does so and its text."""
    code = written if isinstance(written, FunctionType) else _first_method(written)
    source = "".join(linecache.getlines(code.__code__.co_filename)) if code else ""
    found: dict[str, tuple[ast.stmt, str]] = {}
    for statement in ast.parse(source).body:
        for name in _defined_by(statement):
            found[name] = (statement, _text(source, statement))
    return found


def _text(source: str, statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(source.splitlines()[first - 1 : statement.end_lineno])


def _first_method(written: Any) -> FunctionType | None:
    return next((value for value in vars(written).values() if isinstance(value, FunctionType)), None)


def _defined_by(statement: ast.stmt) -> Iterable[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(alias.asname or alias.name).partition(".")[0] for alias in names]
        case ast.Assign() | ast.AnnAssign():
            return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and _is_set(node)]
    return []


def _is_set(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _names_in(statement: ast.stmt) -> list[str]:
    names = [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and not _is_set(node)]
    return [name for name in dict.fromkeys(names) if not hasattr(builtins, name)]


def _was_written_here(value: Any, notebook: dict[str, Any]) -> bool:
    return isinstance(value, FunctionType | type) and value.__module__ == notebook.get("__name__")


def _elsewhere(name: str, value: Any) -> str:
    """The statement that gives ``name`` its value in another module.

    Raises:
        NotPackableError: there is none.
    """
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}"
    module, original = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(module, str) and isinstance(original, str):
        return f"from {module} import {original} as {name}" if original != name else f"from {module} import {name}"
    try:
        if ast.literal_eval(repr(value)) == value:
            return f"{name} = {value!r}"
    except (ValueError, SyntaxError, TypeError):
        pass
    raise NotPackableError(
        f"Your function uses “{name}”, a {type(value).__name__} of this notebook, which Lambda does not have.",
        next_step="make it inside the function, or hand it over in the event, and run this cell again",
    )
