"""The solved notebooks as a page: every chart has its words, every table its headers."""

from __future__ import annotations

import html
import re

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks import authoring
from tests.notebooks.authoring import Edition

SOLVED = [edition for edition in authoring.editions() if edition.solved]


@pytest.mark.parametrize("edition", SOLVED, ids=lambda edition: edition.source.stem)
def test_in_a_page_made_of_the_notebook_charts_have_words_and_tables_have_headers(edition: Edition) -> None:
    notebook = nbformat.read(edition.path, as_version=4)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    told = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    alternatives = [html.unescape(text) for text in re.findall(r'<img\b[^>]*?\balt="([^"]*)"', page, re.DOTALL)]
    assert len(re.findall(r"<img\b", page)) == len(told)
    assert alternatives == told
    assert all(len(text) > 20 for text in alternatives)
    tables = re.findall(r"<table\b.*?</table>", page, re.DOTALL)
    assert [table for table in tables if "<th" not in table] == []
