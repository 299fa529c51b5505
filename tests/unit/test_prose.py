"""Pages and notebooks: no phrase that trips a reader, no endless sentence, no link that leads nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab import paths
from tests import prose

PAGES = prose.pages()


def name_of(page: prose.Page) -> str:
    return page.file.relative_to(paths.PROJECT).as_posix()


def test_all_that_people_read_is_looked_at() -> None:
    names = {name_of(page) for page in PAGES}
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/commands.md", "bench/results/pipeline.md"} <= names
    assert {"notebooks/source/00_start_here.py", "lab/workshop/self_checks/rates.py"} <= names
    assert not [
        name_of(page) for page in PAGES if not prose.plain(page.text).strip() and "__init__" not in str(page.file)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_trips_a_reader(page: prose.Page) -> None:
    assert prose.trips(page.text) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_sentence_is_endless(page: prose.Page) -> None:
    assert prose.long_sentences(page.text) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: prose.Page) -> None:
    assert prose.broken_links(page) == []


@pytest.mark.parametrize(
    "text",
    [
        "What it says is base64, is none.",
        "Three roles do.",
        "The log says each state as it is left.",
        "Whoever comes while they start\nwaits as well.",
        "That is next to the same.",
        "The chart tells you for nothing.",
        "It is the sample with its faults mended.",
        "Never does the queue lose one.",
        "The queue is empty, nor does it fill.",
    ],
)
def test_a_phrase_that_trips_is_found(text: str) -> None:
    assert len(prose.trips(text)) == 1


@pytest.mark.parametrize("text", ["`for nothing`", "```\nis none\n```", "| is none |", "Roles do what they may."])
def test_code_tables_and_plain_words_are_left_alone(text: str) -> None:
    assert prose.trips(text) == []


def test_an_endless_sentence_is_found_and_a_list_is_not_one() -> None:
    assert prose.long_sentences("word " * 43 + "end.")
    assert not prose.long_sentences("- a few words of a list\n" * 20)
    assert not prose.long_sentences("Ten words and no more stand in each of these. " * 10)


@pytest.mark.parametrize(
    ("link", "is_right"),
    [
        ("other.md", True),
        ("other.md#a-heading-with-code", True),
        ("#here", True),
        ("https://docs.aws.amazon.com/lambda/latest/dg/x.html", True),
        ("gone.md", False),
        ("other.md#gone", False),
        ("#gone", False),
        ("/other.md", False),
        ("http://docs.aws.amazon.com/x", False),
        ("https://aws/x", False),
        ("file:///etc/hosts", False),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, is_right: bool) -> None:
    (tmp_path / "other.md").write_text("# Other\n\n```sh\n# gone\n```\n\n## A heading, with `code`\n")
    text = f"# Here\n\nSee [that](other.md) and [this]({link})."
    complaints = prose.broken_links(prose.Page(tmp_path / "page.md", text, (tmp_path,)))
    assert bool(complaints) is not is_right


def test_an_image_in_a_link_is_looked_at_too(tmp_path: Path) -> None:
    page = prose.Page(tmp_path / "page.md", "[![words](gone.png)](https://example.org/x)", (tmp_path,))
    assert prose.broken_links(page) == ["gone.png: no such file"]


def test_a_notebooks_link_counts_from_both_editions(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "picture.png").touch()
    page = prose.Page(tmp_path / "source" / "x.py", "![a](picture.png)", (tmp_path, tmp_path / "solutions"))
    assert prose.broken_links(page) == ["picture.png: no such file"]


def test_a_named_file_has_to_be_there() -> None:
    page = prose.Page(paths.PROJECT / "x.md", "See `lab/errors.py` and `lab/gone.py`.", (paths.PROJECT,))
    assert prose.broken_links(page) == ["lab/gone.py: no such file"]


def test_the_spelling_check_finds_a_mistake_with_the_settings_of_this_project(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("A mesage has arived.\n")  # codespell:ignore
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "codespell_lib",
            "--toml",
            str(paths.PROJECT / "pyproject.toml"),
            str(tmp_path / "page.md"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert found.returncode != 0
    assert "mesage ==> message" in found.stdout  # codespell:ignore
