"""What the site and its slides are made of: all pages, links that lead on, one glossary, no solution on a slide."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.site import build, decks, layout
from docs.site.decks import Deck
from docs.site.layout import Block
from lab import paths

NAMES = [file.stem for file in sorted((paths.NOTEBOOKS / "solutions").glob("*.ipynb"))]
SOLUTION = re.compile(r"# BEGIN SOLUTION\n(.*?)# INSTEAD", re.DOTALL)


def guide_of(name: str) -> str:
    return (paths.PROJECT / "docs" / "instructor" / "notebooks" / f"{name}.md").read_text("utf-8")


@cache
def deck_of(name: str) -> Deck:
    notebook = json.loads((paths.NOTEBOOKS / "solutions" / f"{name}.ipynb").read_text("utf-8"))
    return decks.deck(name, notebook, guide_of(name))


def in_notes(text: str) -> str:
    """What stands in a deck's speaker notes, in one line."""
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', text, re.DOTALL)
    return " ".join(" ".join(notes).split())


def on_slides(text: str) -> str:
    return re.sub(r'<aside class="notes">.*?</aside>', "", text, flags=re.DOTALL)


def shown(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs without their Markdown, whose links differ."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    for output in outputs:
        output.get("data", {}).pop("text/markdown", None)
    return outputs


# The book


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("README.md", "[x](docs/commands.md)", "[x](docs/commands.md)"),
        ("README.md", "[x](INSTRUCTOR.md#agendas)", "[x](instructor.md#agendas)"),
        ("README.md", "![x](.github/images/a.png)", "![x](github/images/a.png)"),
        ("docs/site/index.md", "[x](../../README.md) [y](slides.md)", "[x](readme.md) [y](slides.md)"),
        ("README.md", "[x](lab/target/resolve.py)", "x"),
        ("README.md", "[x](https://example.org/a.md)", "[x](https://example.org/a.md)"),
        (
            "docs/instructor/notebooks/03_a.md",
            "[x](../../../notebooks/solutions/03_a.ipynb)",
            "[x](../../../notebooks/03_a.ipynb)",
        ),
        ("docs/instructor/notebooks/03_a.md", "[x](../aws.md#cost)", "[x](../aws.md#cost)"),
        ("docs/hub.md", "[x](../ARCHITECTURE.md)", "[x](../architecture.md)"),
        ("notebooks/solutions/03_a.ipynb", "[x](../../docs/faults.md)", "[x](../docs/faults.md)"),
    ],
)
def test_links_lead_to_the_same_page_from_its_place_in_the_book(page: str, link: str, moved: str) -> None:
    assert build.moved(link, page) == moved


def test_badges_which_are_pictures_of_other_hosts_are_left_out() -> None:
    assert build.moved("[![ci](https://example.org/b.svg)](https://example.org)\nWords", "README.md") == "Words"


def test_a_word_of_two_notebooks_has_both_meanings_in_the_glossary() -> None:
    row = "# | word | meaning |\n# |---|---|\n# | **{}** | {} |\n"
    page = build.glossary({"01_a": row.format("queue", "holds"), "02_b": row.format("queue", "waits")})
    assert page.count("\n**queue**\n") == 1
    assert ": holds ([01](notebooks/01_a.ipynb))" in page
    assert ": waits ([02](notebooks/02_b.ipynb))" in page


def test_every_word_of_every_vocabulary_is_in_the_glossary() -> None:
    sources = {name: (paths.NOTEBOOKS / "source" / f"{name}.py").read_text("utf-8") for name in NAMES}
    page = build.glossary(sources)
    for name, source in sources.items():
        section = source.partition("# ## Vocabulary\n")[2].partition("\n\n")[0]
        meanings = [
            row.rstrip(" |").rpartition(" | ")[2] for row in re.findall(r"^# (\| \*\*.+)$", section, re.MULTILINE)
        ]
        assert meanings, name
        for meaning in meanings:
            assert f": {meaning} ([{name[:2]}](notebooks/{name}.ipynb))" in page


@pytest.mark.slow
def test_the_book_has_every_page_and_the_notebooks_as_they_were_committed(tmp_path: Path) -> None:
    build.collect(tmp_path / "book")
    index = (tmp_path / "book" / "index.md").read_text("utf-8")
    slides = (tmp_path / "book" / "slides.md").read_text("utf-8")
    for name in NAMES:
        made = json.loads((tmp_path / "book" / "notebooks" / f"{name}.ipynb").read_text("utf-8"))
        committed = json.loads((paths.NOTEBOOKS / "solutions" / f"{name}.ipynb").read_text("utf-8"))
        assert shown(made) == shown(committed)
        assert f"<notebooks/{name}>" in index
        assert f'"slides/{name}.html"' in slides
        page = (tmp_path / "book" / "docs" / "instructor" / "notebooks" / f"{name}.md").read_text("utf-8")
        assert f"slides/{name}.html" in page
    for file in (paths.PROJECT / "docs").rglob("*.md"):
        if "site" not in file.parts:
            assert (tmp_path / "book" / file.relative_to(paths.PROJECT)).exists()


# The slides


@pytest.mark.parametrize("name", NAMES)
def test_no_slide_gives_a_solution_away(name: str) -> None:
    source = (paths.NOTEBOOKS / "source" / f"{name}.py").read_text("utf-8")
    tasks = source.partition("# ## Your turn\n")[2]
    told = "\n".join(re.findall(r"^# .*", tasks, re.MULTILINE))  # a task may name a call itself
    text = on_slides(deck_of(name).text)
    for line in (line.strip() for part in SOLUTION.findall(tasks) for line in part.splitlines()):
        assert len(line) <= 12 or line in told or line not in text
    assert "workshop.predict(" not in text
    assert "## Quiz" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_notes_have_what_the_instructors_page_says(name: str) -> None:
    guide, notes = guide_of(name), in_notes(deck_of(name).text)
    parts = [guide.partition(f"## {title}\n")[2].partition("\n## ")[0] for title in ("Predictions", "What goes wrong")]
    rows = [row for part in parts for row in re.findall(r"^\| .+ \| (.+) \|$", part, re.MULTILINE)[1:]]
    plain = [re.sub(r"\*\*|`|\*(\w[^*]*)\*|\[|\]\(.*?\)", r"\1", row) for row in rows]
    assert len(plain) >= 2
    for text in plain:
        assert text[:40] in html.unescape(notes)


@pytest.mark.parametrize("name", NAMES)
def test_every_section_that_takes_time_has_a_slide_with_its_minutes(name: str) -> None:
    text = deck_of(name).text
    # Whether the notebook is as new as its source is asked elsewhere.
    notebook = json.loads((paths.NOTEBOOKS / "solutions" / f"{name}.ipynb").read_text("utf-8"))
    headings = re.findall(r"^##+ (.+)$", "\n".join("".join(cell["source"]) for cell in notebook["cells"]), re.MULTILINE)
    assert len(headings) > 5
    timing = guide_of(name).partition("\n## Timing\n")[2].partition("\n## ")[0]
    for title, minutes in re.findall(r"^\| ([^|]+) \| (\d+) \|$", timing, re.MULTILINE):
        if minutes != "0" and title in headings:
            section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
            assert f"<p>{minutes} minute{'' if minutes == '1' else 's'}.</p>" in section, title


def test_a_slide_shows_the_call_and_not_what_surrounds_it() -> None:
    long = "x = 1\n" * 20 + "sqs.send_message(QueueUrl=url)\nself_checks.answer('a', observed=sqs.get_queue_url())"
    assert decks.calls(long) == "sqs.send_message(QueueUrl=url)"
    assert decks.calls("x = {}\nx.get('a')") == ""


def test_charts_keep_their_alternative_text() -> None:
    made = [deck_of(name) for name in NAMES]
    assert sum(len(deck.pictures) for deck in made) > 20
    for deck in made:
        for file in deck.pictures:
            assert re.search(rf"```{{image}} {file}\n:alt: .{{20,}}\n", deck.text)


def test_what_introduces_something_stands_with_it_and_nothing_is_lost() -> None:
    words = Block("word " * 20)
    blocks = [words] * 5 + [Block("And the code:"), Block("```python\n" + "x\n" * 10 + "```")]
    slides = layout.packed(blocks)
    assert [block for slide in slides for block in slide] == blocks
    assert slides[-1][0].text == "And the code:"
    assert all(sum(block.height for block in slide) <= layout.ROOM for slide in slides)


def test_a_table_that_is_too_long_goes_on_with_its_head() -> None:
    rows = [f"| word {number} | {'meaning ' * 12} |" for number in range(30)]
    parts = layout.split(Block("\n".join(["| word | meaning |", "|---|---|", *rows])))
    assert len(parts) > 2
    assert all(part.text.startswith("| word | meaning |\n|---|---|\n| word ") for part in parts)
    assert [row for part in parts for row in part.text.splitlines()[2:]] == rows
