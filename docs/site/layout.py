"""What fits on a slide: Markdown in blocks, each with its height, packed into slides of 1280 by 720 pixels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

ROOM = 580  # px below the title; docs/site/slides/slides.css has the sizes that the heights are reckoned with
LINE, CODE_LINE, TABLE_LINE, GAP, PICTURE = 38, 26, 32, 14, 440
PER_LINE, PER_ITEM, PER_ROW = 92, 88, 72  # characters, on the safe side
TALL = ":class: tall"  # a picture that needs the whole slide
SHORT = 170  # characters of a paragraph that a slide shows
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)")
# A full stop ends a sentence where a new one begins.
END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.) (?=[A-ZÀ-Ý“(`*])")


@dataclass(frozen=True)
class Block:
    """A piece of Markdown that is on one slide; ``whole`` is what it was before it was shortened."""

    text: str
    whole: str = ""

    @property
    def height(self) -> int:
        """In pixels, on the safe side."""
        lines = self.text.splitlines()
        if not lines:
            return 0
        if lines[0].startswith("```{image}"):
            return ROOM if TALL in lines else PICTURE + GAP
        if lines[0].startswith("```"):
            return (len(lines) - 2) * CODE_LINE + 24 + GAP
        if lines[0].startswith("|"):
            return sum(_height_of_row(line) for line in lines if not line.startswith("|--"))
        items = _items(self.text)
        if items:
            return sum(math.ceil(len(each) / PER_ITEM) * LINE + 8 for each in items) + GAP
        return math.ceil(len(self.text) / PER_LINE) * LINE + GAP


def _height_of_row(line: str) -> int:
    cells = [cell.strip() for cell in line.strip("|").split(" | ")]
    per_line = PER_ROW if len(cells) < 3 else 96 // len(cells)
    return max(math.ceil(len(cell) / per_line) for cell in cells) * TABLE_LINE + 12


def _items(text: str) -> list[str]:
    """A list's items, each in one line; nothing if it is no list."""
    if not re.match(r"(- |\d+\. )", text):
        return []
    return [" ".join(each.split()) for each in re.split(r"\n(?=- |\d+\. )", text)]


def is_prose(text: str) -> bool:
    """Whether a block is a paragraph: no list, table, code or heading."""
    return bool(text) and not re.match(r"(- |\d+\. |\||```|#|<|>|:::)", text)


def blocks_of(markdown: str) -> list[Block]:
    """Paragraphs, lists, tables and code, links to other pages of the project without their targets."""
    found: list[list[str]] = [[]]
    fenced = False
    for line in LINK.sub(r"\1", markdown).splitlines():
        begins = line.startswith("```")
        if not fenced and (begins or not line.strip() or line.startswith("#")):
            found.append([])
        fenced ^= begins
        if line.strip() or fenced:
            found[-1].append(line)
        if not fenced and (begins or line.startswith("#")):
            found.append([])
    texts = ["\n".join(lines) for lines in found if lines]
    return [Block(" ".join(text.split()) if is_prose(text) else text) for text in texts]


def beginning(text: str) -> str:
    """The first sentence of a paragraph, and those after it while they are few words."""
    first, *others = END.split(text)
    for sentence in others:
        if len(first) + len(sentence) >= SHORT or sentence.startswith("("):
            break
        first += f" {sentence}"
    return first


def packed(blocks: list[Block]) -> list[list[Block]]:
    """The blocks in slides, in order. What introduces another block ("…:") stands with it."""
    slides: list[list[Block]] = [[]]
    for block in (part for each in blocks for part in split(each)):
        shown = [each for each in slides[-1] if each.text]
        if shown and sum(each.height for each in shown) + block.height > ROOM:
            last = slides[-1][-1]
            leads = len(shown) > 1 and last.text.endswith(":") and last.height + block.height <= ROOM
            slides.append([slides[-1].pop()] if leads else [])
        slides[-1].append(block)
    return [slide for slide in slides if any(block.text for block in slide)]


def split(block: Block) -> list[Block]:
    """A list or table that is higher than a slide, as several; all else as it is."""
    if block.height <= ROOM:
        return [block]
    lines = block.text.splitlines()
    if lines[0].startswith("|"):
        head, pieces = lines[:2], lines[2:]
    elif _items(block.text):
        head, pieces = [], re.split(r"\n(?=- |\d+\. )", block.text)
    else:
        return [block]
    parts: list[list[str]] = [[]]
    for piece in pieces:
        if parts[-1] and Block("\n".join([*head, *parts[-1], piece])).height > ROOM:
            parts.append([])
        parts[-1].append(piece)
    return [Block("\n".join([*head, *part])) for part in parts]
