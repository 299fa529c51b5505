"""Every notebook as it opens, no key pressed: unsolved and solved, at both widths; then with nothing but a keyboard."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from lab import paths
from tests.browser.conftest import Served
from tests.browser.test_workshop_in_browser import PICTURES, SCREENSHOTS, WIDTHS

NAMES = [path.stem for path in sorted((paths.NOTEBOOKS / "solutions").glob("*.ipynb"))]
UNSOLVED, SOLVED = "unsolved", "solved"
# Whatever can be wider than its place: code, what was printed, text, tables.
TOO_WIDE = """() => [...document.querySelectorAll(
    '.jp-Notebook .cm-scroller, .jp-Notebook .jp-OutputArea-output, .jp-Notebook .jp-RenderedMarkdown, .jp-Notebook pre'
)].filter(e => e.scrollWidth > e.clientWidth + 1).map(
    e => `${e.scrollWidth} > ${e.clientWidth} px: ${e.innerText.slice(0, 200)}`)"""
TABLES = """() => [...document.querySelectorAll('.jp-Notebook table')].map(e => ({
    headers: e.querySelectorAll('th').length, text: e.innerText.slice(0, 60)}))"""
# How the lines of outputs break.
BREAKS = """() => [...new Set([...document.querySelectorAll('.jp-Notebook .jp-OutputArea-output pre')].map(e => {
    const style = getComputedStyle(e); return `${style.wordBreak} ${style.overflowWrap}`; }))]"""
# A hidden side bar has no width.
SIDE_BARS = "() => [...document.querySelectorAll('.jp-SidePanel, .jp-FileBrowser')].map(e => e.offsetWidth)"
# What the picked cell holds, and its place among all.
PICKED = """() => { const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
    return cells.findIndex(e => e.classList.contains('jp-mod-active')); }"""
PART_IN_FOCUS = """() => { const parts = {skip: '.skip-link', menu: '#jp-MainMenu', left: '.jp-SideBar.jp-mod-left',
        right: '.jp-SideBar.jp-mod-right', status: '#jp-main-statusbar', toolbar: '.jp-NotebookPanel-toolbar',
        notebook: '.jp-Notebook', tabs: '.lm-TabBar'};
    for (const [name, selector] of Object.entries(parts)) if (document.activeElement.closest(selector)) return name;
    return ''; }"""


@pytest.fixture(scope="module")
def shipped(served: Served) -> dict[tuple[str, str], Path]:
    """The notebooks as they are shipped: the learner's without outputs, the solved ones with theirs."""
    folder = served.folder / "notebooks"
    copied = {}
    for state, source in ((UNSOLVED, paths.NOTEBOOKS), (SOLVED, paths.NOTEBOOKS / "solutions")):
        (folder / state).mkdir()
        for name in NAMES:
            copied[state, name] = Path(shutil.copy(source / f"{name}.ipynb", folder / state))
    return copied


def open_page(browser: Browser, served: Served, notebook: str, width: int, cells: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(served.page(notebook))
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(cells, timeout=60_000)
    expect(page.locator("#jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=60_000)
    return page


def close(page: Page, served: Served) -> None:
    """Close it, and end its kernel: each page that is opened starts one."""
    page.close()
    address, token = re.match(r"(http://[^/]+)/.*[?&]token=([^&]+)", served.url).groups()  # type: ignore[union-attr]
    allowed = {"Authorization": f"token {token}"}
    sessions = json.load(urlopen(Request(f"{address}/api/sessions", headers=allowed)))
    for session in sessions:
        urlopen(Request(f"{address}/api/sessions/{session['id']}", headers=allowed, method="DELETE"))


def told(notebook: nbformat.NotebookNode) -> list[str]:
    """The alternative texts of all its pictures, as the notebook itself holds them."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", [UNSOLVED, SOLVED])
def test_a_page_is_whole_as_it_opens(
    browser: Browser, served: Served, shipped: dict[tuple[str, str], Path], state: str, name: str
) -> None:
    """Opened in the narrow window, which is the harder case, and widened then."""
    notebook = nbformat.read(shipped[state, name], as_version=4)
    page = open_page(browser, served, f"{state}/{name}", min(WIDTHS), len(notebook.cells))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in sorted(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        page.screenshot(path=SCREENSHOTS / f"{state}_{name}_{width}_opened.png")
        assert page.locator("dialog, .jp-Dialog, .Toastify__toast").count() == 0
        assert sum(page.evaluate(SIDE_BARS)) == 0
        pictures: list[dict[str, Any]] = page.evaluate(PICTURES)
        assert [picture["text"] for picture in pictures] == told(notebook)
        assert all(len(picture["text"]) > 20 and picture["loaded"] for picture in pictures), pictures
        assert [picture for picture in pictures if picture["overflow"] >= 1 or picture["width"] < 250] == []
        assert page.evaluate(TOO_WIDE) == []
        assert [table for table in page.evaluate(TABLES) if not table["headers"]] == []
        assert page.evaluate(BREAKS) == ([] if state == UNSOLVED else ["normal anywhere"])
    if state == UNSOLVED:
        assert page.locator(".jp-Notebook .jp-OutputArea-output").count() == 0
    close(page, served)


def test_all_that_a_lesson_needs_is_reached_with_the_keyboard(
    browser: Browser, served: Served, shipped: dict[tuple[str, str], Path]
) -> None:
    name = "00_start_here"
    cells = nbformat.read(shipped[SOLVED, name], as_version=4).cells
    page = open_page(browser, served, f"{SOLVED}/{name}", 1280, len(cells))
    assert page.evaluate(PART_IN_FOCUS) == "notebook"  # Shift+Enter runs the first cell, without a click before
    visited: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        part = page.evaluate(PART_IN_FOCUS)
        if part and (not visited or part != visited[-1]):
            visited.append(part)
    around = visited[visited.index("skip") :][:8]
    assert around == ["skip", "menu", "left", "tabs", "toolbar", "notebook", "right", "status"], visited
    page.locator(".skip-link").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate(PART_IN_FOCUS) == "menu"
    close(page, served)


def test_the_arrow_keys_go_through_the_cells_in_their_order(
    browser: Browser, served: Served, shipped: dict[tuple[str, str], Path]
) -> None:
    name = "02_first_message"
    cells = nbformat.read(shipped[SOLVED, name], as_version=4).cells
    page = open_page(browser, served, f"{SOLVED}/{name}", 1280, len(cells))
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Escape")
    places = [page.evaluate(PICKED)]
    for _ in cells[1:]:
        page.keyboard.press("ArrowDown")
        places.append(page.evaluate(PICKED))
    in_sight = [place for place, cell in enumerate(cells) if not cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert places[: len(in_sight)] == in_sight  # the arrows pass by what is folded away
    assert places[-1] == len(cells) - 1
    close(page, served)
