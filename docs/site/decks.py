"""Slides: a deck for each notebook, made of the solved notebook and of the instructor's page about it.

A slide shows what a room has to see: words, tasks, charts, and the call of AWS that matters. Of a paragraph it shows
the beginning; the whole of it is in the speaker notes, with minutes, answers, questions, and what goes wrong. Of an
exercise it shows the task; what follows that in the solved notebook is on no slide.
"""

from __future__ import annotations

import ast
import base64
import html
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docs.site.layout import LINK, TALL, Block, beginning, blocks_of, is_prose, packed

LEFT_OUT = {"Quiz", "Roads not taken", "Sources"}  # unless the instructor's page gives them minutes
TO_BE_READ = ("Vocabulary", "Predict", "Recap")  # shown whole
# A call of AWS, as boto3 spells them, or one of the lab's that stands for several.
CALL = re.compile(
    r"\b(?:workshop\.create|session\.[a-z]\w*|stack\.(?:provision|destroy)"
    r"|\w+\.(?:(?:add|create|delete|describe|filter|get|list|put|receive|send|start|stop|update)_[a-z]\w*|invoke))[(,]"
)
MARKS = re.compile(r"\*\*|`|\*(\w[^*]*)\*")
MOST_LINES = 14


@dataclass
class Section:
    """What stands below one heading of a notebook: its blocks, in order."""

    title: str
    task: bool
    told: bool = False  # a task, whose first cell has come
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Deck:
    """A deck as a page for Sphinx, and its pictures by file name."""

    text: str
    pictures: dict[str, bytes]


def deck(name: str, notebook: dict[str, Any], guide: str) -> Deck:
    """The deck of a notebook.

    Args:
        name: the notebook's, such as ``03_increasing_rates``.
        notebook: the solved notebook as JSON.
        guide: the instructor's page about it.
    """
    pictures: dict[str, bytes] = {}
    first, *others = sections(name, notebook, pictures)
    minutes = dict(_rows(guide, "Timing"))
    others = [each for each in others if each.title not in LEFT_OUT or minutes.get(each.title, "0") != "0"]
    lines = ["---", "orphan: true", "---", f"# {first.title}", ""]
    lines += [f"{block.text}\n" for block in first.blocks]
    lines += [f'<p><a href="../notebooks/{name}.html">The solved notebook</a></p>', ""]
    lines += _notes([*_paragraphs(guide, "Aim"), *_paragraphs(guide, "Timing")])
    first_task = next((section for section in others if section.task), None)
    for section in others:
        whole = [Block(block.whole) for block in section.blocks]  # where nothing is left to be shown
        for number, slide in enumerate(packed(section.blocks) or packed(whole)):
            lines += [f"{'###' if number else '##'} {section.title}", "", *(f"{block.text}\n" for block in slide)]
            said = [] if number else _for_the_section(section, guide, section is first_task)
            lines += _notes(said + [block.whole for block in slide if block.whole])
    return Deck("\n".join(lines), pictures)


def sections(name: str, notebook: dict[str, Any], pictures: dict[str, bytes]) -> list[Section]:
    """The sections that slides show; puts their pictures into ``pictures``."""
    found: list[Section] = []
    task = False
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for block in blocks_of(source):
                heading = re.match(r"(#+) (.+)", block.text)
                if heading:
                    title = heading.group(2)
                    task = title == "Your turn" or (task and heading.group(1) == "###")
                    found.append(Section(title, task))
                elif found and not found[-1].told:
                    found[-1].blocks.append(block)
        elif task:
            found[-1].told = True
        elif found and found[-1].title not in TO_BE_READ:
            found[-1].blocks += _shown(cell, source, name, pictures)
    for section in found[1:]:
        if not section.task and section.title not in TO_BE_READ:
            section.blocks = [_shorter(block) for block in section.blocks]
        if not section.task:
            section.blocks = list(_without_loose_ends(section.blocks))
    return [found[0], *(each for each in found[1:] if each.blocks)]


def _shorter(block: Block) -> Block:
    if not is_prose(block.text):
        return block
    short = "" if block.text.startswith("(") else beginning(block.text)  # brackets: an aside
    return Block(short, whole=block.text if short != block.text else "")


def _without_loose_ends(blocks: list[Block]) -> Iterator[Block]:
    """What introduces ("…:") something that no slide shows, such as a table of results, is for the notes."""
    for block, after in zip(blocks, [*blocks[1:], Block("")], strict=True):
        loose = block.text.endswith(":") and (not after.text or is_prose(after.text))
        yield Block("", whole=block.whole or block.text) if loose else block


def _shown(cell: dict[str, Any], source: str, name: str, pictures: dict[str, bytes]) -> Iterator[Block]:
    """A cell's calls of AWS, and its charts."""
    if code := calls(source):
        lines = code.splitlines()
        for at in range(0, len(lines), MOST_LINES):
            yield Block("\n".join(["```python", *lines[at : at + MOST_LINES], "```"]))
    for output in cell.get("outputs", []):
        if picture := output.get("data", {}).get("image/png"):
            file = f"{name}_{len(pictures) + 1}.png"
            pictures[file] = base64.b64decode("".join(picture))
            width, height = struct.unpack(">II", pictures[file][16:24])  # a PNG begins with its size
            told = " ".join(output["metadata"]["image/png"]["alt"].split())
            shape = [TALL] if height > 0.8 * width else []
            yield Block("\n".join([f"```{{image}} {file}", f":alt: {told}", *shape, "```"]))


def calls(source: str) -> str:
    """The whole cell if it calls AWS and is short, else its statements that do; no checks, and empty if none does."""
    parts = [ast.get_source_segment(source, each) or "" for each in ast.parse(source).body]
    shown = [part for part in parts if CALL.search(part) and not part.startswith("self_checks.")]
    checked = any(part.startswith("self_checks.") for part in parts)
    return source if shown and not checked and source.count("\n") < MOST_LINES else "\n".join(shown)


def _for_the_section(section: Section, guide: str, first_task: bool) -> list[str]:
    """What who teaches needs when the section begins."""
    minutes = dict(_rows(guide, "Timing")).get(section.title)
    said = [f"{minutes} minute{'' if minutes == '1' else 's'}."] if minutes and minutes != "0" else []
    if section.title == "Predict":
        said += [f"Answer to “{asked}”: {answer}" for asked, answer in _rows(guide, "Predictions")]
    if section.title == "Recap":
        said += [f"Ask: {each}" for each in _items(guide, "Questions for the room")]
        said += [f"On AWS: {each}" for each in _items(guide, "On real AWS")]
    if first_task:
        said += [f"If they see: {seen}. Then: {typed}" for seen, typed in _rows(guide, "What goes wrong")]
    return said


def _part(guide: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ""


def _rows(guide: str, title: str) -> list[tuple[str, str]]:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", _part(guide, title), re.MULTILINE)
    return rows[1:]  # the first one names the columns


def _items(guide: str, title: str) -> list[str]:
    return [" ".join(each.split()) for each in re.findall(r"^- (.+(?:\n  .+)*)", _part(guide, title), re.MULTILINE)]


def _paragraphs(guide: str, title: str) -> list[str]:
    return [block.text for block in blocks_of(_part(guide, title)) if is_prose(block.text)]


def _notes(said: list[str]) -> list[str]:
    """Speaker notes: reveal.js shows them in a window of their own."""
    if not said:
        return []
    plain = [html.escape(MARKS.sub(r"\1", LINK.sub(r"\1", " ".join(each.split()))), quote=False) for each in said]
    return ['<aside class="notes">', *(f"<p>{each}</p>" for each in plain), "</aside>", ""]
