"""The quiz as learners meet it: a keyboard alone, from the disk and in JupyterLab, with scripts and without."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page, expect

from lab import workshop
from lab.workshop import learning
from lab.workshop.quizzes import QUIZZES, find
from tests.browser.axe import faults
from tests.browser.conftest import Served
from tests.browser.from_disk import opened
from tests.browser.test_every_page import close, open_page
from tests.browser.test_workshop_in_browser import SCREENSHOTS, WIDTHS

NUMBER = "05"
QUESTIONS = find(NUMBER).questions
RIGHT = [[choice.right for choice in question.choices].index(True) for question in QUESTIONS]
SAID = ".lab-quiz fieldset >> nth={} >> .told"
CHECKED = "() => [...document.querySelectorAll('.lab-quiz input:checked')].map(e => [e.name, e.value])"


def exported() -> str:
    """A notebook that shows every quiz, as nbconvert exports it."""
    cells = []
    for number in QUIZZES:
        page = workshop.quiz(number)
        data = {"text/html": page._repr_html_(), "text/plain": repr(page)}
        cells.append(
            nbformat.v4.new_code_cell(
                f'workshop.quiz("{number}")',
                execution_count=1,
                outputs=[nbformat.v4.new_output("execute_result", data, execution_count=1)],
            )
        )
    body: str = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))[0]
    return body


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One quiz in a page of its own, from the disk."""
    written = tmp_path_factory.mktemp("quiz") / "quiz.html"
    scheme = '<meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    head = f'<!doctype html><html lang="en"><head>{scheme}<title>Quiz</title></head>'
    written.write_text(f"{head}<body><main><h1>Quiz</h1>{workshop.quiz(NUMBER)._repr_html_()}</main></body></html>")
    return written


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    """That page, opened; at the end nothing was said on the console and nothing was asked for elsewhere."""
    with opened(browser, file) as page:
        yield page


def choose(page: Page, place: int) -> None:
    """With the focus on a button or above: go to the next question, and to one of its choices."""
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(place):
        page.keyboard.press("ArrowDown")


def test_a_keyboard_is_enough_and_the_line_that_is_shown_keeps_what_was_answered(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, question in enumerate(QUESTIONS):
        choose(page, RIGHT[number])
        if number == 1:  # a wrong one first
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            expect(page.locator(SAID.format(number))).to_contain_text("Not this: ")
            page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter" if number % 2 else "Tab")
        if number % 2 == 0:
            page.keyboard.press("Space")
        expect(page.locator(SAID.format(number))).to_have_text(
            f"Right: {question.choices[RIGHT[number]].why.replace('`', '')}"
        )
        if number % 2:
            page.keyboard.press("Tab")
    line = page.locator(".lab-quiz form > .told code").inner_text()
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(learning, "_kept_in_memory", {})
    exec(line, {"workshop": workshop})
    assert f"{len(QUESTIONS)} of {len(QUESTIONS)}" in capsys.readouterr().out
    tries = [learning.read()["quizzes"][question.key]["tries"] for question in QUESTIONS]
    assert tries == [1, 2, *[1] * (len(QUESTIONS) - 2)]


def test_enter_checks_the_question_that_one_is_in_and_no_other(page: Page) -> None:
    page.locator(".lab-quiz fieldset").nth(2).locator("input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(SAID.format(2))).to_contain_text(re.compile("^(Right|Not this): "))
    expect(page.locator(SAID.format(0))).to_have_text("")


def test_to_check_without_a_choice_says_so(page: Page) -> None:
    page.get_by_role("button", name="Check question 1").click()
    expect(page.locator(SAID.format(0))).to_have_text("Choose one first.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_no_serious_fault_before_and_after_the_answers(page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    assert faults(page) == []
    for number in range(len(QUESTIONS)):
        part = page.locator(".lab-quiz fieldset").nth(number)
        part.locator("input").nth(0).check()
        part.get_by_role("button").click()
    expect(page.locator(".lab-quiz form > .told code")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"quiz_{width}_{scheme}.png", full_page=True)


def test_without_scripts_it_is_a_list_that_tells_no_answer(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".lab-quiz > ol > li").count() == len(QUESTIONS)
    seen = page.locator("main").inner_text()
    for question in QUESTIONS:
        for choice in question.choices:
            assert choice.text.replace("`", "") in seen
            assert choice.why.replace("`", "") not in seen
    assert page.locator(".lab-quiz input, .lab-quiz button").count() == 0  # fields that nobody could use
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_quiz_works_in_an_exported_notebook_on_one_page(browser: Browser, tmp_path: Path, width: int) -> None:
    (tmp_path / "all.html").write_text(exported(), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # What nbconvert's own page asks for is not the quiz's: it gets nothing, as on a machine without a network.
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.goto((tmp_path / "all.html").as_uri())
    expect(page.locator(".lab-quiz form")).to_have_count(len(QUIZZES))
    for place, quiz in enumerate(QUIZZES.values()):
        part = page.locator(".lab-quiz").nth(place).locator("fieldset").first
        right = [choice.right for choice in quiz.questions[0].choices].index(True)
        part.locator("input").nth(right).check()
        part.get_by_role("button").click()
        expect(part.locator(".told")).to_contain_text("Right: ")
    assert len(page.evaluate(CHECKED)) == len(QUIZZES)  # no choice of one undoes that of another
    assert faults(page, ".lab-quiz") == []
    assert [error for error in errors if "quiz" in error.lower()] == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_in_jupyterlab_the_arrow_keys_move_the_choice_and_not_the_cell(
    browser: Browser, served: Served, width: int
) -> None:
    folder = served.folder / "notebooks" / "quiz"
    folder.mkdir(exist_ok=True)
    cells = [
        nbformat.v4.new_code_cell(f'from lab import workshop\nworkshop.quiz("{NUMBER}")'),
        nbformat.v4.new_code_cell('workshop.answer_quiz("05", ...)'),
    ]
    kernel = {"kernelspec": {"display_name": "Express Lab", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "quiz.ipynb")
    page = open_page(browser, served, "quiz/quiz", width, len(cells))
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".lab-quiz form")).to_have_count(1, timeout=60_000)
    page.locator(".lab-quiz input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(CHECKED) == [["q0", "b"]]
    page.keyboard.press("Enter")
    expect(page.locator(SAID.format(0))).to_contain_text(re.compile("^(Right|Not this): "))
    assert page.locator(".jp-Notebook.jp-mod-editMode").count() == 0
    assert faults(page, ".lab-quiz") == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"quiz_jupyterlab_{width}.png")
    close(page, served)
    shutil.rmtree(folder)
