"""axe-core finds what is wrong, and nothing where nothing is; the pages that the lab writes have no serious fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lab.workshop import progress
from tests.browser.axe import faults
from tests.browser.test_workshop_in_browser import SCREENSHOTS

HEAD = '<!doctype html><html lang="en"><head><title>A page</title></head>'
GOOD = f'{HEAD}<body><main><h1>Words</h1><img alt="a chart" src="data:,"><p id="part">Words</p></main></body></html>'
BAD = {
    "image-alt": GOOD.replace(' alt="a chart"', ""),
    "color-contrast": GOOD.replace("<p ", '<p style="color:#ccc;background:#fff" '),
    "label": GOOD.replace("<p ", '<input type="text"><p '),
    "html-has-lang": GOOD.replace(' lang="en"', ""),
}


def test_a_good_page_has_no_fault(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(GOOD)
    assert faults(page) == []
    assert faults(page, "#part") == []
    page.close()


@pytest.mark.parametrize("rule", BAD)
def test_what_is_wrong_is_found(browser: Browser, rule: str) -> None:
    page = browser.new_page()
    page.set_content(BAD[rule])
    assert [each.split()[0] for each in faults(page)] == [rule]
    page.close()


def test_a_part_that_is_not_there_is_an_error(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(GOOD)
    with pytest.raises(LookupError):
        faults(page, "#nowhere")
    page.close()


ONE = """{"kind": "express-lab progress", "schema_version": 1, "learner": "0123456789ab", "name": null,
"exported": "2026-03-01T09:30:00+00:00", "quizzes": {},
"checks": {"01.1": {"tries": 1, "hints": 0, "recipe": false, "verdict": "solved"}}}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_the_page_of_a_room_can_be_read_by_everybody(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    (tmp_path / "one.json").write_text(ONE)
    (tmp_path / "other.txt").write_text("notes")
    _, file = progress.write_page(progress.collect(tmp_path, progress.checks_of_the_course()), tmp_path)
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not re.match(r"data:|file:", url)] == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"room_{width}_{scheme}.png", full_page=True)
    page.close()
