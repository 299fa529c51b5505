"""What people read, as text: pages and notebooks for the checks of phrases, of sentences and of links.

A text is checked without its code and without what it quotes.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lab import paths

MOST_WORDS = 42

# What made readers stop in a review, each with what to write instead.
TRIPS = {
    r"\b(?:is|are|was|were) none\b": "say what it is not: “is not base64”, “there are none”",
    r"\b(?:that|who) do\.|\broles do\b(?! what)": "name what they do",
    r"\bas (?:it is|they are) left\b": "“when the execution leaves it”",
    r"\bwhoever\b": "“who”, “everybody who”, or name them",
    r"\bnext to the same\b": "“nearly the same”",
    r"\bfor nothing\b": "“without …”, or “at no cost”",
    r"\bwith (?:its|their|all) faults mended\b": "“without its faults”",
    r"\bby and by\b": "“slowly”, “over time”",
    r"\b(?:lest|hence|thereof|wherein|whereby|whilst|amongst|upon)\b": "a plain word",
    r"\bnor (?:do|does|did|is|are|was|were|has|have|can|will)\b": "a sentence of its own, with “not”",
    r"\b(?:never|seldom|rarely|nowhere|hardly|only then|not only) (?:do|does|did|is|are|was|were|has|have|can) "
    r"(?:a|an|the|it|they|you|we|this|that)\b": "subject before verb",
    r"\bshall\b": "“must”, “should”, or the present",
}

_FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$", re.DOTALL | re.MULTILINE)
# A look ahead, since an image may stand in the words of a link.
_WORDS = r"\[(?:[^\[\]]|\[[^\]]*\])*\]"
_LINK = re.compile(rf"(?={_WORDS}\(\s*<?([^()\s>]*(?:\([^()\s]*\))?[^()\s>]*)>?(?:\s+\"[^\"]*\")?\s*\))")
_ATTRIBUTE = re.compile(r"""\b(?:href|src)=["']([^"']+)["']""")
_BARE = re.compile(r"(?<![(\"'<\w])https?://[^\s<>)\"'”]+")
_NAMED_FILE = re.compile(r"`((?:bench|docs|lab|lambdas|notebooks|requirements|statemachine|tests)/[\w./-]*\.[a-z]+)`")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


@dataclass(frozen=True)
class Page:
    """A text, the file that it stands in, and the folders that its relative links count from."""

    file: Path
    text: str
    folders: tuple[Path, ...]


def pages() -> list[Page]:
    """Every page of the project, every notebook's text, and what exercises tell a learner."""
    root = paths.PROJECT
    written = [each for place in ("", "docs/**/", "bench/**/", "notebooks/*/") for each in root.glob(f"{place}*.md")]
    told = [Page(file, sentences_of(file.read_text("utf-8")), (root,)) for file in _told(root)]
    return [
        *(Page(file, file.read_text("utf-8"), (file.parent,)) for file in sorted(written)),
        # The learner's edition and the solved one lie in two folders; a link has to lead somewhere from both.
        *(Page(file, notebook_text(file.read_text("utf-8")), (file.parents[1], file.parents[1] / "solutions"))
          for file in sorted(root.glob("notebooks/source/[0-9]*.py"))),
        *told,
    ]  # fmt: skip


def _told(root: Path) -> list[Path]:
    return sorted(root.glob("lab/workshop/self_checks/*.py"))


def notebook_text(source: str) -> str:
    """The Markdown cells of a notebook's source."""
    cells = re.findall(r"^# %% \[markdown\]\n((?:#.*\n?)+)", source, re.MULTILINE)
    return "\n\n".join(re.sub(r"^# ?", "", cell, flags=re.MULTILINE) for cell in cells)


def sentences_of(code: str) -> str:
    """The strings of a module that are sentences: what it says to people."""
    strings = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    return "\n\n".join(string for string in strings if isinstance(string, str) and string.count(" ") > 2)


def plain(text: str) -> str:
    """A text without what is not its own: fences, tables, what stands between backticks or curly quotes."""
    text = re.sub(r"^ *\|.*$", "", _FENCE.sub("", text), flags=re.MULTILINE)
    return re.sub(r"“[^”]*”", "“…”", re.sub(r"`[^`\n]+`", "`…`", text))


def trips(text: str) -> list[str]:
    """The phrases of a text that make a reader stop, and what to write instead."""
    flat = " ".join(plain(text).split())
    return [
        f"“{flat[max(0, found.start() - 30) : found.end() + 30]}”: {instead}"
        for pattern, instead in TRIPS.items()
        for found in re.finditer(pattern, flat, re.IGNORECASE)
    ]


def long_sentences(text: str) -> list[str]:
    """The sentences with more words than a reader should keep in mind."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", plain(text))
    sentences = [each for paragraph in paragraphs for each in re.split(r"(?<=[.!?:;])\s+", " ".join(paragraph.split()))]
    # A list of names is no sentence: what stands between backticks does not count.
    return [each for each in sentences if len(each.replace("`…`", "").split()) > MOST_WORDS]


def broken_links(page: Page) -> list[str]:
    """The links of a page that lead nowhere, and the files that it names and that are not there."""
    text = re.sub(r"<!--.*?-->", "", _FENCE.sub("", page.text), flags=re.DOTALL)
    without_code = re.sub(r"`[^`\n]+`", "", text)
    found = [*_LINK.findall(without_code), *_ATTRIBUTE.findall(without_code), *_BARE.findall(without_code)]
    named = [name for name in _NAMED_FILE.findall(text) if "NN_" not in name]
    missing = [f"{name}: no such file" for name in named if not (paths.PROJECT / name).exists()]
    return [complaint for link in found for complaint in _complaints(link.rstrip(".,;:"), page)] + missing


def _complaints(link: str, page: Page) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        local = parts.hostname in ("127.0.0.1", "localhost")
        if not local and (parts.scheme != "https" or not _HOST.fullmatch(parts.hostname or "")):
            yield f"{link}: not an address that begins with https:// and a host"
    elif parts.scheme or parts.netloc or link.startswith("/"):
        yield f"{link}: neither a relative path nor an address with https://"
    else:
        places = [folder / unquote(parts.path) for folder in page.folders] if parts.path else [page.file]
        for file in places:
            if not (file == page.file or file.exists() or _is_made(file)):
                yield f"{link}: no such file"
            elif parts.fragment and unquote(parts.fragment) not in _anchors_of(file, page):
                yield f"{link}: {file.name} has no such heading"


def _is_made(file: Path) -> bool:
    """Whether a file is an edition of a notebook; test_in_step says when one has not been made."""
    folder = (file.parent.parent if file.parent.name == "solutions" else file.parent).resolve()
    return folder == paths.NOTEBOOKS and file.suffix == ".ipynb" and _source_of(file).exists()


def _source_of(notebook: Path) -> Path:
    return paths.NOTEBOOKS / "source" / f"{notebook.stem}.py"


def _anchors_of(file: Path, page: Page) -> set[str]:
    if file == page.file:
        return anchors(page.text)
    if file.suffix == ".ipynb" and _source_of(file).exists():
        return anchors(notebook_text(_source_of(file).read_text("utf-8")), notebook=True)
    return anchors(file.read_text("utf-8")) if file.suffix == ".md" else set()


def anchors(text: str, *, notebook: bool = False) -> set[str]:
    """The anchors of a text's headings, as a code host names them; in a notebook as JupyterLab does."""
    made: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", _FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        if notebook:
            made.add(words.replace(" ", "-"))
            continue
        name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        made.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return made
