"""The workshop as a learner meets it: opened in JupyterLab, all cells run, charts on the page."""

from __future__ import annotations

import re
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from lab import paths
from tests.browser.conftest import Served, start

SCREENSHOTS = paths.PROJECT / "out" / "screenshots"
RUN_DEADLINE_S = 180.0
WIDTHS = (1280, 800)
TALLEST = 16_200  # Chromium takes no picture of a page that is over 16,384 pixels high

# JupyterLab shows tracebacks as it shows what was printed to stderr.
ERRORS = '[data-mime-type="application/vnd.jupyter.stderr"], [data-mime-type="application/vnd.jupyter.error"]'

# Prompts of all code cells of the notebook in sight: "[1]:" once it has run, "[*]:" while it runs.
PROMPTS = (
    """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].map(e => e.textContent)"""
)
PICTURES = """() => [...document.querySelectorAll('.jp-Notebook .jp-OutputArea img')].map(e => {
    const box = e.getBoundingClientRect(), room = e.closest('.jp-OutputArea-output').getBoundingClientRect();
    return {text: e.alt, loaded: e.complete && e.naturalWidth > 300 && e.naturalHeight > 150,
            width: box.width, height: box.height,
            overflow: box.right - room.right};
})"""
# From the first cell to the last; JupyterLab leaves room for scrolling beyond that.
HEIGHT = """() => {
    const cells = document.querySelectorAll('.jp-Notebook .jp-Cell');
    return Math.ceil(cells[cells.length - 1].getBoundingClientRect().bottom - cells[0].getBoundingClientRect().top);
}"""
TO_THE_TOP = "() => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0; }"


def committed_pictures(notebook: str) -> int:
    """How many pictures the committed notebook, executed with its solutions, shows."""
    name = notebook.removeprefix("solutions/")
    cells = nbformat.read(paths.NOTEBOOKS / "solutions" / f"{name}.ipynb", as_version=4).cells
    return sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))


def code_cells(notebook: str) -> int:
    cells = nbformat.read(paths.NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    return sum(cell.cell_type == "code" for cell in cells)


def prompts_after_a_run(notebook: str) -> list[str]:
    """What stands beside the code cells once all have run; beside a cell that is folded away stands nothing."""
    cells = nbformat.read(paths.NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in code]
    return ["" if away else f"[{number}]:" for number, away in enumerate(folded, start=1)]


def named(notebook: str) -> str:
    """A notebook in the name of a file."""
    return notebook.replace("/", "_")


def run_all_cells(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def wait_until_all_have_run(page: Page, notebook: str) -> None:
    wanted = prompts_after_a_run(notebook)
    deadline = time.monotonic() + RUN_DEADLINE_S
    while (prompts := page.evaluate(PROMPTS)) != wanted:
        errors = page.locator(ERRORS).all_inner_texts()
        late = time.monotonic() > deadline
        if errors or late:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{named(notebook)}_failed.png")
        assert not errors, errors
        assert not late, prompts
        page.wait_for_timeout(300)


def look_at(page: Page, notebook: str) -> None:
    """Pictures of the whole page, at both widths, kept in ``out/screenshots``."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        page.set_viewport_size({"width": width, "height": min(page.evaluate(HEIGHT) + 200, TALLEST)})
        page.evaluate(TO_THE_TOP)
        page.wait_for_timeout(500)
        page.screenshot(path=SCREENSHOTS / f"{named(notebook)}_{width}.png")
        for picture in page.evaluate(PICTURES):
            assert len(picture["text"]) > 20, picture
            assert picture["loaded"], picture
            assert picture["width"] > 250, picture
            assert picture["height"] > 100, picture
            assert picture["overflow"] < 1, picture


def test_make_lab_opens_the_first_notebook_and_asks_nothing(browser: Browser, served: Served) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(served.url)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("tab", name=re.compile("00_start_here"))).to_be_visible()
    expect(page.locator("dialog, .jp-Dialog, .Toastify__toast")).to_have_count(0)
    page.close()


def test_the_file_browser_shows_what_a_learner_opens(browser: Browser, served: Served) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(served.page("00_start_here"))
    page.get_by_title("File Browser").first.click()
    listed = page.locator(".jp-DirListing-itemText")
    expect(listed.filter(has_text=re.compile("^00_start_here.ipynb$"))).to_be_visible(timeout=60_000)
    assert {"solutions", "texts", "01_provision.ipynb"} <= set(listed.all_inner_texts())
    page.locator(".jp-BreadCrumbs-home").first.click()
    expect(listed.filter(has_text=re.compile("^lambdas$"))).to_be_visible()
    assert set(listed.all_inner_texts()) == {"lambdas", "notebooks", "statemachine"}
    page.close()


@pytest.mark.parametrize(("width", "room"), [(1280, 900), (800, 630)])
def test_a_page_reads_well_as_it_opens(browser: Browser, served: Served, width: int, room: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(served.page("02_first_message"))
    text = page.locator(".jp-Notebook .jp-RenderedMarkdown").first
    expect(text).to_be_visible(timeout=60_000)
    page.wait_for_timeout(2_000)  # side bars come and go after the page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"opened_{width}.png")
    box = text.bounding_box()
    assert box is not None
    assert box["width"] >= room
    page.close()


@pytest.mark.parametrize("notebook", ["01_provision", "02_first_message", "solutions/02_first_message"])
def test_all_cells_run_in_the_page_and_the_charts_are_seen(browser: Browser, served: Served, notebook: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(served.page(notebook))
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(code_cells(notebook), timeout=60_000)
    # Before the kernel answers, JupyterLab drops what it is asked to run without a word.
    expect(page.locator("#jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=60_000)
    run_all_cells(page)
    wait_until_all_have_run(page, notebook)
    assert page.locator(ERRORS).count() == 0
    assert len(page.evaluate(PICTURES)) == committed_pictures(notebook) > 0
    look_at(page, notebook)
    page.close()


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    running = start(tmp_path / "my-workshop", {"LAB_STATE_DIR": str(tmp_path)})
    assert running.stop() == 0
    assert len(running.family) >= 3  # lab, JupyterLab, LocalStack
    _, alive = psutil.wait_procs(running.family, timeout=10)
    assert alive == []
    assert "Stopping ..." in running.said
    assert "To go on another day: make lab, then in a terminal of JupyterLab: lab up" in " ".join(running.said)
