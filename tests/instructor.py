"""The pages for instructors, read: the minutes of their tables, the rows of the agendas and what these leave out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat

from lab import paths
from tests.notebooks import authoring

PAGES = paths.PROJECT / "docs" / "instructor"
AGENDAS = (PAGES / "agendas.md").read_text("utf-8")
SOURCES = {file.stem: file.read_text("utf-8") for file in sorted(paths.NOTEBOOKS.glob("source/[0-9]*.py"))}


def rows(text: str) -> list[list[str]]:
    """The rows of all tables of a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = [number - 1 for number, row in enumerate(cells) if re.fullmatch(r"[|: -]+", "".join(row))]
    return [row for number, row in enumerate(cells) if number not in heads and number - 1 not in heads]


def part(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def own_time(source: str) -> int:
    """The minutes that a notebook says it takes."""
    found = re.search(r"^# \*\*Time:\*\* (\d+) minutes$", source, re.MULTILINE)
    assert found
    return int(found[1])


def sections(source: str) -> list[str]:
    """The headings of a notebook: its sections, and the exercises in them."""
    return re.findall(r"^# ###? (.+)$", source, re.MULTILINE)


def page(name: str) -> str:
    """The page of a notebook."""
    return (PAGES / "notebooks" / f"{name}.md").read_text("utf-8")


def timing(name: str) -> dict[str, int]:
    """The minutes of each section, as the page of a notebook says."""
    return {section: int(minutes) for section, minutes in rows(part(page(name), "Timing"))}


@dataclass(frozen=True)
class Item:
    """A row of an agenda."""

    at: int
    minutes: int
    notebook: str | None
    without: list[str]


def agendas() -> dict[str, tuple[int, list[Item]]]:
    """What each agenda takes in all, and its rows."""
    found = {}
    for heading in re.findall(r"^## (.+)$", AGENDAS, re.MULTILINE):
        text = part(AGENDAS, heading)
        total = re.search(r"^\*\*Total:\*\* (\d+) minutes$", text, re.MULTILINE)
        assert total, heading
        found[heading] = int(total[1]), [_item(*row) for row in rows(text)]
    return found


def _item(at: str, minutes: str, what: str, without: str) -> Item:
    hours, _, rest = at.partition(":")
    link = re.search(r"\(notebooks/(\w+)\.md\)", what)
    left_out = re.findall(r"“([^”]+)”", without)
    return Item(int(hours) * 60 + int(rest), int(minutes), link[1] if link else None, left_out)


def wrong_times(total: int, items: list[Item], times: dict[str, int]) -> list[str]:
    """What does not add up in an agenda, given the times that the notebooks say."""
    wrong, at = [], 0
    for item in items:
        if item.at != at:
            wrong.append(f"{item.notebook or 'a row'} begins at {item.at} and the one before it ends at {at}")
        if item.notebook:
            by_section = timing(item.notebook)
            wanted = times[item.notebook] - sum(by_section[section] for section in item.without)
            if item.minutes != wanted:
                wrong.append(f"{item.notebook} has {item.minutes} minutes and takes {wanted}")
        at += item.minutes
    return wrong if at == total else [*wrong, f"{at} minutes in all, not {total}"]


def cells(name: str) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """The cells of a notebook with its solutions, and the section that each is in."""
    [edition] = [each for each in authoring.editions() if each.solved and each.source.stem == name]
    section = ""
    for cell in authoring.build(edition).cells:
        if cell.cell_type == "markdown":
            section = [section, *re.findall(r"^###? (.+)$", cell.source, re.MULTILINE)][-1]
        yield section, cell


def unknown_names(name: str, without: list[str]) -> list[str]:
    """The names that the cells which are kept use, and which only a cell that is left out makes."""
    kept: set[str] = set()
    gone: set[str] = set()
    missing = []
    for section, cell in cells(name):
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used -= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        if section in without:
            gone |= _made(tree)
            continue
        missing += [f"{section}: {each}" for each in sorted(used & (gone - kept - _made(tree)))]
        kept |= _made(tree)
    return missing


def _made(tree: ast.AST) -> set[str]:
    made = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    named = (ast.FunctionDef, ast.ClassDef)
    made |= {node.name for node in ast.walk(tree) if isinstance(node, named)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return made | {alias.asname or alias.name for node in imports for alias in node.names}


SHORTENED = [
    (heading, item.notebook, item.without)
    for heading, (_, items) in agendas().items()
    for item in items
    if item.notebook and item.without
]
