"""ARCHITECTURE.md says what the code is: its rooms, the arrows between them, and the way of one message."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import grimp
import pytest

from lab import paths

PAGE = (paths.PROJECT / "ARCHITECTURE.md").read_text("utf-8")
RUNTIME = "emulator/runtime"
MOST_LINES = 350
WAY = re.findall(r"^\d\. `([^`]+)` `([^`]+)`:", PAGE, re.MULTILINE)


def room_of(module: str) -> str:
    """`lab.load.messages.texts` → `load`."""
    parts = module.split(".")[1:]
    return RUNTIME if parts[:2] == RUNTIME.split("/") else parts[0] if parts else ""


@cache
def arrows_in_the_code() -> dict[str, set[str]]:
    graph = grimp.build_graph("lab", cache_dir=None)
    arrows: dict[str, set[str]] = {room_of(module): set() for module in graph.modules if room_of(module)}
    for module in graph.modules:
        used = {room_of(other) for other in graph.find_modules_directly_imported_by(module)}
        if room_of(module):
            arrows[room_of(module)] |= used - {room_of(module), ""}
    return arrows


def arrows_on_the_page() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `lab/([^`]+)` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
    return {
        name.removesuffix(".py").strip("/"): {used.strip() for used in uses.split(",") if used.strip()}
        for name, uses in rows
    }


def test_the_table_of_rooms_is_the_code() -> None:
    assert len(arrows_on_the_page()) > 10
    assert arrows_on_the_page() == arrows_in_the_code()


def test_the_way_of_a_message_is_a_list_of_functions_that_are_there() -> None:
    assert 5 <= len(WAY) <= 8
    for file, name in WAY:
        scope: list[ast.stmt] = ast.parse((paths.PROJECT / file).read_text("utf-8")).body
        for part in name.split("."):
            (found,) = [
                node for node in scope if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part
            ]
            scope = found.body


def test_the_way_of_a_message_never_comes_back_to_a_room_that_it_has_left() -> None:
    rooms = [Path(file).parts[:2] for file, _ in WAY]
    changes = [room for room, before in zip(rooms, [None, *rooms], strict=False) if room != before]
    assert len(changes) == len(set(changes))


def python_files() -> list[Path]:
    folders = ("lab", "bench", "lambdas", "tests")
    return [file for folder in folders for file in (paths.PROJECT / folder).rglob("*.py")]


def test_there_are_files_to_measure() -> None:
    assert len(python_files()) > 150


@pytest.mark.parametrize("file", python_files(), ids=lambda file: file.relative_to(paths.PROJECT).as_posix())
def test_no_file_has_to_be_scrolled_through(file: Path) -> None:
    assert len(file.read_text("utf-8").splitlines()) <= MOST_LINES
