"""The report as somebody opens it from the disk: values where one points, in the dark, on paper, from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from lab import charts, paths
from lab.report import write_report
from lab.runs import read_run
from tests.browser.axe import faults
from tests.browser.from_disk import opened

SCREENSHOTS = paths.PROJECT / "out" / "screenshots"
WIDTHS = (400, 800, 1280)
# A page of A4 within margins of 1.5 cm, in CSS pixels.
PAPER = (680, 1009)
ON_PAPER = """height => [...document.querySelectorAll('section.chart')].map(section => ({
    heading: section.querySelector('h3').textContent, tall: section.getBoundingClientRect().height,
    wide: Math.max(...[...section.querySelectorAll('img')].map(image => image.getBoundingClientRect().right)),
})).filter(chart => chart.tall > height || chart.wide > innerWidth)"""
# Where the middle of each rectangle is, as a share of the picture, and what it says.
RECTANGLES = """figure => [...figure.querySelectorAll('rect')].map(part => {
    const box = part.getBoundingClientRect(), all = figure.querySelector('img').getBoundingClientRect();
    return {x: (box.left + box.width / 2 - all.left) / all.width, left: (box.left - all.left) / all.width,
            right: (box.right - all.left) / all.width};
})"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the kept run, with a void stage, in a folder of its own."""
    run = read_run(paths.NOTEBOOKS / "example-run")
    stages = run.stages.copy()
    stages.loc[1, "valid"], stages.loc[1, "invalid_reason"] = False, "the sender lagged"
    figures: dict[str, Any] = {
        "latency_by_rate": charts.latency_by_rate(stages, saturation=run.saturation),
        "completed_against_offered": charts.completed_against_offered(stages, run.saturation),
        "backlog_over_time": charts.backlog_over_time(run.messages, stages),
        "latency_heatmap": charts.latency_heatmap(run.messages, stages=stages),
        "word_frequencies": charts.word_frequencies({f"word{place}": 60 - place for place in range(30)}),
    }
    summary = {
        "target": "embedded",
        "stages": stages.to_dict("records"),
        "saturation": {"rate": run.saturation.rate, "reason": run.saturation.reason},
        "plan": {"stages": [{"rate": 10.0, "seconds": 4.0, "messages": 40}]},
        "machine": {"system": "Linux", "architecture": "x86_64", "cores": 2, "memory_gb": 8.0},
        "clock": {"ahead_s": 0.0, "uncertainty_s": 0.004, "corrected": False},
        "reconciliation": {"sent": 40, "succeeded": 40, "failed": 0, "dead_lettered": 0, "lost": 0},
    }
    return write_report(tmp_path_factory.mktemp("report"), summary, figures)


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report, opened; at the end nothing was said on the console and nothing fetched but the file itself."""
    with opened(browser, report, may_fetch=("data:",)) as page:
        yield page


def test_pointing_at_a_chart_shows_the_values_there(page: Page) -> None:
    figure = page.locator("#chart-latency_by_rate figure")
    figure.scroll_into_view_if_needed()
    told = figure.locator(".told")
    expect(told).to_have_text("")
    figure.locator("rect").nth(1).hover()
    expect(told).to_have_text(re.compile(r"^20 messages/s: p50 .* ms, .* p99 .* ms, maximum .* \(does not count\)$"))
    figure.locator("rect").nth(2).hover()
    expect(told).to_have_text(re.compile(r"^40 messages/s: "))
    page.mouse.move(2, 2)
    expect(told).to_have_text("")


def test_the_values_lie_over_what_is_drawn(page: Page) -> None:
    # The axis of rates begins at 0 and ends at 1.06 times the highest of 10, 20, 40, 80 and 160: the first border
    # between two stages is at 15 of 169.6, the last at 120.
    found = page.locator("#chart-latency_by_rate figure").evaluate(RECTANGLES)
    left, right = found[0]["left"], found[-1]["right"]
    borders = [(part["right"] - left) / (right - left) for part in found[:-1]]
    assert borders == pytest.approx([15 / 169.6, 30 / 169.6, 60 / 169.6, 120 / 169.6], abs=0.005)
    assert right > 0.95
    assert left < 0.15


def test_the_arrow_keys_go_through_the_values(page: Page) -> None:
    figure = page.locator("#chart-backlog_over_time figure")
    figure.locator(".picture").focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".told")).to_have_text(re.compile(r"^After 0 ms: "))
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".told")).not_to_have_text(re.compile(r"^After 0 ms: "))
    expect(figure.locator("rect.at")).to_have_count(1)


def test_without_scripts_the_browser_itself_shows_them(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert (page.locator("#chart-latency_by_rate rect title").first.text_content() or "").startswith("10 messages/s: ")
    page.locator("#chart-latency_by_rate summary").click()
    expect(page.get_by_text("does not count").first).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well_at_any_width_and_in_the_dark(page: Page, width: int, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper, card = (
        [
            int(part)
            for part in re.findall(r"\d+", page.locator(where).first.evaluate(f"e => getComputedStyle(e).{what}"))
        ]
        for where, what in (("body", "color"), ("body", "backgroundColor"), (".frame", "backgroundColor"))
    )
    assert (sum(ink[:3]) > sum(paper[:3])) == (scheme == "dark")
    assert abs(sum(ink[:3]) - sum(paper[:3])) > 500
    assert card[:3] == [255, 255, 255]  # the charts are drawn for it
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report_{width}_{scheme}.png", full_page=True)


def test_on_paper_no_chart_is_cut(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
    assert page.evaluate(ON_PAPER, PAPER[1]) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
    for where in ("nav", "figcaption", "details", ".picture svg"):
        expect(page.locator(where).first).to_be_hidden()
    assert page.locator("section.chart").first.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    assert page.locator("body").evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"
    pdf = page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1.5cm"))
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / "report.pdf").write_bytes(pdf)


def test_every_picture_has_words_and_every_table_headers(page: Page) -> None:
    for words in page.locator("img").evaluate_all("all => all.map(image => image.alt)"):
        assert len(words) > 20
    assert page.locator("table:not(:has(th[scope]))").count() == 0
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
