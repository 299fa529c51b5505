"""The site and its slides in Chromium, opened from files: whole, narrow enough, readable by all, asking nobody."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page

from lab import paths
from tests.browser.axe import faults
from tests.browser.test_workshop_in_browser import SCREENSHOTS

NAMES = [file.stem for file in sorted((paths.NOTEBOOKS / "solutions").glob("*.ipynb"))]
# One page of each kind.
KINDS = [
    "index",
    "docs/commands",
    "glossary",
    "slides",
    "notebooks/02_first_message",
    "docs/instructor/notebooks/03_increasing_rates",
    "interface/charts",
    "search",
]
WIDTHS = (1280, 800)
# Slides that do not fit, each with its height and width; a slide is 1280 by 720 whatever the window is.
TOO_BIG = """() => Reveal.getSlides().map(slide => {
    const {h, v} = Reveal.getIndices(slide); Reveal.slide(h, v);
    const inner = [...slide.querySelectorAll('pre, pre code, table, img')];
    const cut = inner.filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
    return {text: slide.innerText.slice(0, 60), cut: cut.length, seen: slide.offsetHeight > 40,
            high: slide.scrollHeight, wide: slide.scrollWidth};
}).filter(e => !e.seen || e.cut || e.high > 720 || e.wide > 1280)"""
IDS = re.compile(r'\bid="([^"]+)"')
LEADS = re.compile(r'\b(?:href|src)="(?!https?:|mailto:|data:|javascript:)([^"#?]*)(?:\?[^"#]*)?(?:#([^"]*))?"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make site`` builds it."""
    if importlib.util.find_spec("sphinx") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("The packages of the site are not installed. Next: make install-site")
        pytest.skip("The packages of the site are not installed: make install-site")
    out = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, "-m", "docs.site.build", "--out", str(out)]
    built = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    return out


class Watched:
    """A page, and all that went wrong on it: errors, files that are not there, requests to anybody.

    axe-core reads style sheets again, which a browser forbids between files: look before it looks.
    """

    def __init__(self, browser: Browser, width: int, scheme: str = "light") -> None:
        size = {"width": width, "height": width * 9 // 16}
        self.page: Page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        self.wrong: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"not there: {request.url}"))
        self.page.on("request", lambda request: self.asks(request.url))

    def asks(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.wrong.append(f"asked: {url}")


def test_every_page_opens_whole_and_is_not_wider_than_the_window(browser: Browser, site: Path) -> None:
    pages = [file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts]
    assert len(pages) > 50
    watched = Watched(browser, 1280)
    for file in pages:
        watched.page.goto(file.as_uri())
        for width in WIDTHS:
            watched.page.set_viewport_size({"width": width, "height": 900})
            if (wide := watched.page.evaluate("document.documentElement.scrollWidth")) > width:
                watched.wrong.append(f"{file.relative_to(site)} is {wide} px wide at {width}")
    watched.page.close()
    assert watched.wrong == []


def test_every_link_leads_to_a_place_that_is_there(site: Path) -> None:
    pages = [file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts]
    texts = {file: file.read_text("utf-8") for file in pages}
    ids = {file: {unquote(found) for found in IDS.findall(text)} for file, text in texts.items()}
    nowhere = []
    for file, text in texts.items():
        for path, anchor in set(LEADS.findall(text)):
            target = (file.parent / unquote(path)).resolve() if path else file
            there = target.exists() and (not anchor or target not in ids or unquote(anchor) in ids[target])
            if not there and not re.match(r"/\d", anchor):
                nowhere.append(f"{file.relative_to(site)}: {path}#{anchor}")
    assert nowhere == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (800, "dark")])
def test_the_pages_can_be_read_by_everybody(browser: Browser, site: Path, width: int, scheme: str) -> None:
    watched = Watched(browser, width, scheme)
    found = {}
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for kind in KINDS if scheme == "light" else KINDS[::2]:  # axe-core needs seconds for a long page
        watched.page.goto((site / f"{kind}.html").as_uri())
        watched.page.screenshot(path=SCREENSHOTS / f"site_{kind.replace('/', '_')}_{width}_{scheme}.png")
        found[kind] = faults(watched.page)
    watched.page.close()
    assert {kind: each for kind, each in found.items() if each} == {}


@pytest.mark.parametrize(("word", "page"), [("backlog", "Increasing rates"), ("redrive", "When things fail")])
def test_the_search_finds_a_word(browser: Browser, site: Path, word: str, page: str) -> None:
    watched = Watched(browser, 1280)
    watched.page.goto(f"{(site / 'search.html').as_uri()}?q={word}")
    watched.page.locator("#search-results li a", has_text=page).first.wait_for(timeout=60_000)
    watched.page.close()
    assert watched.wrong == []


@pytest.mark.parametrize("width", WIDTHS)
def test_every_slide_fits(browser: Browser, site: Path, width: int) -> None:
    watched = Watched(browser, width)
    found = {}
    for name in NAMES:
        watched.page.goto((site / "slides" / f"{name}.html").as_uri())
        watched.page.wait_for_function("window.Reveal && Reveal.isReady()", timeout=60_000)
        found[name] = watched.page.evaluate(TOO_BIG)
    watched.page.screenshot(path=SCREENSHOTS / f"slides_{width}.png")
    watched.page.close()
    assert {name: each for name, each in found.items() if each} == {}
    assert watched.wrong == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_deck_can_be_read_by_everybody(browser: Browser, site: Path, width: int) -> None:
    watched = Watched(browser, width)
    watched.page.goto((site / "slides" / "03_increasing_rates.html").as_uri())
    watched.page.wait_for_function("window.Reveal && Reveal.isReady()", timeout=60_000)
    found = []
    for _ in range(4):  # the title, words, a prediction, code
        found += faults(watched.page)
        watched.page.keyboard.press("ArrowRight")
    assert watched.page.evaluate("Reveal.getSlidePastCount()") == 4
    watched.page.close()
    assert found == []


def test_s_opens_a_window_with_the_notes(browser: Browser, site: Path) -> None:
    watched = Watched(browser, 1280)
    watched.page.goto(f"{(site / 'slides' / '03_increasing_rates.html').as_uri()}#/2")
    watched.page.wait_for_function("window.Reveal && Reveal.isReady()", timeout=60_000)
    with watched.page.expect_popup(timeout=60_000) as opened:
        watched.page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Answer to “messages that wait at the end”: 90").wait_for(timeout=60_000)
    watched.page.close()
    assert watched.wrong == []
