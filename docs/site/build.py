"""Builds the course as a static book: ``make site``. It needs no network, and nor does who reads it.

The pages are the solved notebooks as they were committed, everything in ``docs/``, a glossary made of the notebooks'
own vocabularies, the commands, and what each room of ``lab/`` offers. They are collected into ``out/site-source``, for
Sphinx wants one folder, and built into ``out/site``. The slides of ``decks.py`` go the same way,
into ``out/site/slides``.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from docs.site import decks

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NOTEBOOKS = PROJECT / "notebooks" / "solutions"
GUIDES = "docs/instructor/notebooks"
PICTURES = ("docs", "bench/results", ".github/images")
TOP = {
    "README.md": "readme",
    "INSTRUCTOR.md": "instructor",
    "ARCHITECTURE.md": "architecture",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
}
OWN = {"docs/site/index.md": "index", "docs/site/slides.md": "slides"}
BADGE = re.compile(r"\[!\[[^\]]*\]\(https?:[^)]*\)\]\([^)]*\)\n?")
LINK = re.compile(r"(!?\[([^\]]*)\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)]*)?\)")
VOCABULARY = re.compile(r"^\| (\*\*.+?) \| (.+) \|$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT / "out" / "site")
    out = parser.parse_args().out.resolve()
    book, slides = (out.with_name(f"{out.name}-{part}") for part in ("source", "slides"))
    shutil.rmtree(out, ignore_errors=True)
    collect(book)
    collect_slides(slides)
    return _build("html", book, out) or _build("revealjs", slides, out / "slides")


def _build(builder: str, source: Path, out: Path) -> int:
    """Sphinx in a process of its own: what one builder's extensions leave behind would disturb the other."""
    rules = ["-W", "--keep-going", "-q", "-d", f"{source}/_doctrees", *(["-j", "2"] if builder == "html" else [])]
    return subprocess.run([sys.executable, "-m", "sphinx", "-b", builder, *rules, str(source), str(out)]).returncode


def collect(folder: Path) -> None:
    """Put every page of the book into ``folder``, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "_static").mkdir(parents=True)
    shutil.copy(HERE / "conf.py", folder)
    shutil.copy(HERE / "lab.css", folder / "_static")
    pages: dict[str, str] = {}
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        _put(folder / "notebooks" / file.name, _notebook(file))
    for file in sorted(set((PROJECT / "docs").rglob("*.md")) - set(HERE.glob("*.md"))):
        name = file.relative_to(PROJECT).as_posix()
        pages[name] = moved(file.read_text("utf-8"), name)
        if name.startswith(GUIDES):
            pages[name] += f'\n<p><a href="../../../slides/{file.stem}.html">Slides, with notes for you</a></p>\n'
    for name, page in TOP.items():
        pages[f"{page}.md"] = moved((PROJECT / name).read_text("utf-8"), name)
    pages["glossary.md"] = glossary({file.stem: file.read_text("utf-8") for file in _sources()})
    pages |= interface()
    for name, page in OWN.items():
        text = moved((PROJECT / name).read_text("utf-8"), name)
        pages[f"{page}.md"] = text.replace("{notebooks}", _contents()).replace("{decks}", _decks())
    for name, text in pages.items():
        _put(folder / name, text)
    for picture in sorted(file for place in PICTURES for file in (PROJECT / place).rglob("*.png")):
        _put(folder / str(place_of(picture.relative_to(PROJECT).as_posix())), picture.read_bytes())


def collect_slides(folder: Path) -> None:
    """Put a deck for each notebook into ``folder``, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    _put(folder / "conf.py", (HERE / "slides" / "conf.py").read_bytes())
    _put(folder / "_static" / "slides.css", (HERE / "slides" / "slides.css").read_bytes())
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        guide = (PROJECT / GUIDES / f"{file.stem}.md").read_text("utf-8")
        made = decks.deck(file.stem, json.loads(file.read_text("utf-8")), guide)
        _put(folder / f"{file.stem}.md", made.text)
        for name, picture in made.pictures.items():
            _put(folder / name, picture)


def _notebook(file: Path) -> str:
    """A solved notebook with its links as they are in the book; nobody resolves those of its outputs."""
    notebook = json.loads(moved(file.read_text("utf-8"), f"notebooks/solutions/{file.name}"))
    for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
        if written := output.get("data", {}).get("text/markdown"):
            output["data"]["text/markdown"] = "".join(written).replace(".ipynb)", ".html)")
    return json.dumps(notebook, ensure_ascii=False)


def _put(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def _sources() -> list[Path]:
    return sorted((PROJECT / "notebooks" / "source").glob("[0-9]*.py"))


def _contents() -> str:
    files = sorted(NOTEBOOKS.glob("*.ipynb"))
    return "\n".join(f"{file.stem[:2]} {_title(file)} <notebooks/{file.stem}>" for file in files)


def _decks() -> str:
    """The decks as links in HTML, for they are no pages of the book."""
    files = sorted(NOTEBOOKS.glob("*.ipynb"))
    return "\n".join(f'- <a href="slides/{file.stem}.html">{file.stem[:2]} {_title(file)}</a>' for file in files)


def _title(notebook: Path) -> str:
    source = PROJECT / "notebooks" / "source" / f"{notebook.stem}.py"
    return re.findall(r"^# # (.+)$", source.read_text("utf-8"), re.MULTILINE)[0]


def place_of(name: str) -> str | None:
    """Where a file of the project is in the book, a page without its suffix; None if it is not in it."""
    if name in TOP | OWN:
        return (TOP | OWN)[name]
    path = Path(name)
    if path.suffix == ".ipynb" and path.parts[0] == "notebooks":
        return f"notebooks/{path.stem}"
    if path.suffix == ".md" and path.parts[0] == "docs":
        return path.with_suffix("").as_posix()
    if path.suffix == ".png":
        return name.lstrip(".")  # Sphinx leaves out what is hidden
    return None


def moved(text: str, name: str) -> str:
    """A page's text with its links to other files of the project as they are from its place in the book."""
    here = posixpath.dirname(place_of(name) or name)

    def link(match: re.Match[str]) -> str:
        begin, words, path, anchor = match.group(1), match.group(2), match.group(3), match.group(4) or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        place = place_of(target)
        if place is None:
            return words
        suffix = "" if place.endswith(".png") else ".ipynb" if place.startswith("notebooks/") else ".md"
        return f"{begin}{posixpath.relpath(place, here or '.')}{suffix}{anchor})"

    return LINK.sub(link, BADGE.sub("", text))  # a badge is a picture of another host


def glossary(sources: dict[str, str]) -> str:
    """One page with the words of all vocabularies, each with the notebooks that explain it.

    Args:
        sources: the text of each notebook's source, by its name.
    """
    words: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, source in sources.items():
        for row in VOCABULARY.finditer(source.replace("\n# ", "\n")):
            words[row.group(1)].append((row.group(2), name))
    lines = ["# Glossary", "", "Every word that a notebook explains, and where it does.", ""]
    for word in sorted(words, key=lambda each: each.strip("*`").casefold()):
        meanings = [f"{meaning} ([{name[:2]}](notebooks/{name}.ipynb))" for meaning, name in words[word]]
        lines += [word, *(f": {meaning}\n" for meaning in meanings)]
    return "\n".join(lines)


def interface() -> dict[str, str]:
    """A page for each room of ``lab/``: what its ``__init__`` says that others may use, notebooks too."""
    rooms = {file.parent.name for file in (PROJECT / "lab").glob("*/__init__.py")} - {"commands"}  # they have a page
    return {
        f"interface/{room}.md": f"# `lab.{room}`\n\n```{{eval-rst}}\n.. automodule:: lab.{room}\n   :members:\n"
        "   :imported-members:\n   :no-index:\n   :exclude-members: set\n```\n"
        for room in sorted(rooms)
    }


if __name__ == "__main__":
    sys.exit(main())
