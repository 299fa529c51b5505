"""The report: complete, self-contained, and text of learners stays text."""

from __future__ import annotations

import base64
import itertools
import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lab import charts
from lab.report import EXPLANATIONS, ReportNotWritableError, write_report

EVIL = "<script>alert('x')</script>\"&'"
MADE_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def summary() -> dict[str, Any]:
    stage = {
        "offered_rate": 2.0,
        "achieved_rate": 1.999,
        "send_lag_p99_s": 0.0021,
        "sent": 20,
        "completed": 20,
        "duration_p50_s": 0.038,
        "duration_p99_s": 0.09,
        "end_to_end_p99_s": 0.4,
        "valid": True,
    }
    return {
        "target": "embedded",
        "versions": {"express-lab": "0.1.0", "python": "3.11.7"},
        "timing_s": {"start": 2.9, "provision": 1.8, "first_message": 0.9, "total": 38.0},
        "sample": {
            "stats": {"text_length": 540, "avg_word_length": 4.577319, "num_digits": 0, "num_special_chars": 22},
            "tokens": 100,
            "distinct": 78,
            "top": [["the", 5], ["my", 5], ["and", 4]],
            "states": [
                {"name": "Decode base64 string", "duration_s": 0.012},
                {"name": "Tokenize", "duration_s": 0.006},
            ],
        },
        "stages": [stage, stage | {"offered_rate": 4.0, "end_to_end_p99_s": 4.168, "valid": False}],
        "saturation": {"rate": 2.0, "reason": "2 messages/s is the highest rate that passed."},
        "reconciliation": {
            "sent": 60,
            "succeeded": 57,
            "failed": 2,
            "dead_lettered": 1,
            "still_queued": 0,
            "lost": 0,
            "unobserved": 0,
            "duplicated": 3,
        },
        "words": {"total": 6000, "matches_expected": True},
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {"word_frequencies": charts.word_frequencies({"the": 5, EVIL: 4})}


class Tags(HTMLParser):
    """The elements of a page, and whether each that was opened was closed."""

    EMPTY = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page(folder: Path, contents: dict[str, Any], pictures: dict[str, Figure] | None = None, **more: Any) -> Tags:
    path = write_report(folder, contents, pictures or {}, made_at=MADE_AT, **more)
    tags = Tags()
    tags.feed(path.read_text("utf-8"))
    assert tags.open == []
    return tags


def test_it_tells_what_ran_the_sample_the_stages_the_account_and_the_words(
    tmp_path: Path, figures: dict[str, Figure]
) -> None:
    words = page(tmp_path, summary(), figures, sample_text="And like the baseless fabric of this vision").words
    for expected in (
        "60 messages sent, none lost",
        "embedded",
        "express-lab 0.1.0",
        "2.9 s",
        "And like the baseless fabric",
        "540 characters of text",
        "4.5773 characters a word",
        "the 5, my 5, and 4",
        "Decode base64 string 12.0",
        "2 messages/s is the highest rate that passed.",
        "4,168",
        "60 sent = 57 succeeded + 2 failed + 1 dead-lettered + 0 lost",
        "Every message is accounted for.",
        "6,000 words came out, each exactly as often as it went in.",
        "01 March 2026 at 12:30 UTC",
    ):
        assert expected in words


def test_a_chart_is_inside_beside_and_explained(tmp_path: Path, figures: dict[str, Figure]) -> None:
    tags = page(tmp_path, summary(), figures)
    (picture,) = [attributes for tag, attributes in tags.seen if tag == "img"]
    inside = base64.b64decode((picture["src"] or "").removeprefix("data:image/png;base64,"))
    assert inside == (tmp_path / "word_frequencies.png").read_bytes()
    assert "“the” leads with 5 of 9 words" in (picture["alt"] or "")
    assert picture["width"] == "760"
    explanation = EXPLANATIONS["word_frequencies"]
    for sentence in (explanation.heading, explanation.shows, explanation.read, explanation.look):
        assert sentence in tags.words


def test_every_chart_has_an_explanation() -> None:
    of_notebooks = {
        "fates",
        "main_effects",
        "queue_and_age",
        "where_they_ended",
        "two_runs",
        "way_in_parts",
        "cost_of_success",
        "busy_by_rate",
        "room_progress",
        "starts",
    }
    of_notebooks |= {"time_and_theory", "simulated_and_measured", "latency_by_source"}  # they explain them
    drawn = set(charts.__all__) - {"Chart", "marked", "stages_of", "state_machine_graph"} | {"state_machine"}
    assert drawn - of_notebooks - {"finding"} == set(EXPLANATIONS)


def test_nothing_is_loaded_from_anywhere(tmp_path: Path, figures: dict[str, Figure]) -> None:
    tags = page(tmp_path, summary(), figures)
    assert not [tag for tag, _ in tags.seen if tag in ("link", "iframe", "object")]
    assert [attributes for tag, attributes in tags.seen if tag == "script"] == [{}]  # inline, of no origin
    for _, attributes in tags.seen:
        assert not [name for name in attributes if name.startswith("on")]
        assert re.fullmatch(r"data:image/png;base64,.+", attributes.get("src") or "data:image/png;base64,-")
        assert re.fullmatch(r"#[\w-]+|[\w-]+\.png", attributes.get("href") or "#x")
    assert not re.search(r"url\(|@import", (tmp_path / "report.html").read_text("utf-8"))


def test_links_inside_the_page_lead_somewhere(tmp_path: Path, figures: dict[str, Figure]) -> None:
    tags = page(tmp_path, summary(), figures)
    anchors = {attributes["id"] for _, attributes in tags.seen if "id" in attributes}
    targets = {attributes.get("href") or "" for tag, attributes in tags.seen if tag == "a"}
    assert {target[1:] for target in targets if target.startswith("#")} <= anchors
    assert all((tmp_path / target).is_file() for target in targets if not target.startswith("#"))


def test_text_of_learners_is_escaped_everywhere(tmp_path: Path) -> None:
    contents = summary()
    contents["target"] = EVIL
    contents["versions"] = {EVIL: EVIL}
    contents["sample"]["top"] = [[EVIL, 5]]
    contents["sample"]["states"] = [{"name": EVIL, "duration_s": 0.01}]
    contents["saturation"]["reason"] = EVIL
    pictures = {
        "word_frequencies": charts.word_frequencies({EVIL: 5, "a": 1}),
        f"../{EVIL}": charts.word_frequencies({"b": 1}),
    }
    tags = page(tmp_path, contents, pictures, sample_text=EVIL)
    assert [tag for tag, _ in tags.seen].count("script") == 1
    assert tags.words.count(EVIL) >= 6
    assert {path.parent for path in tmp_path.rglob("*.png")} == {tmp_path}


@pytest.mark.parametrize(
    ("change", "verdict", "sign"),
    [
        ({}, "Every message is accounted for.", "="),
        ({"lost": 2, "succeeded": 55}, "2 messages lost.", "="),
        ({"unexpected": 1}, "1 message came out that nobody sent.", "="),
        ({"succeeded": 50}, "The account does not add up: some messages were still on their way.", "≠"),
        ({"still_queued": 7, "succeeded": 50}, "Every message is accounted for, some of them still in the queue.", "="),
    ],
)
def test_the_verdict_follows_the_account(tmp_path: Path, change: dict[str, int], verdict: str, sign: str) -> None:
    contents = summary()
    contents["reconciliation"] |= change
    words = page(tmp_path, contents).words
    assert verdict in words
    assert f"60 sent {sign} " in words


def test_words_that_differ_are_said(tmp_path: Path) -> None:
    contents = summary()
    contents["words"] = {"total": 5999, "matches_expected": False}
    assert "5,999 words came out, and they are not the words that went in." in page(tmp_path, contents).words


def test_an_invalid_stage_is_marked(tmp_path: Path) -> None:
    classes = [attributes.get("class") for _, attributes in page(tmp_path, summary()).seen]
    assert (classes.count("good-text"), classes.count("bad-text")) == (1, 1)


def test_missing_parts_and_numbers_leave_no_hole(tmp_path: Path) -> None:
    assert "A run of the lab" in page(tmp_path, {}).words
    contents = summary()
    contents["stages"][0] |= {"duration_p50_s": None, "duration_p99_s": math.nan, "end_to_end_p99_s": math.inf}
    contents["saturation"] = {"rate": None, "reason": "Not reached."}
    contents["sample"] = {}
    words = page(tmp_path, contents).words
    assert not re.search(r"\b(nan|None|inf)\b", words)


def test_each_value_is_where_it_is_drawn(tmp_path: Path, figures: dict[str, Figure]) -> None:
    tags = page(tmp_path, summary(), figures)
    (view,) = [attributes["viewbox"] for tag, attributes in tags.seen if tag == "svg"]
    first, second = [attributes for tag, attributes in tags.seen if tag == "rect"]
    figure = figures["word_frequencies"]
    width, height = figure.bbox.width, figure.bbox.height
    shown = [float(part) for part in (view or "").split()]
    assert shown == pytest.approx([0, 0, width, height], abs=1)
    for rectangle, bar in zip((first, second), figure.axes[0].patches, strict=True):
        box = bar.get_window_extent()
        x, y, wide, high = (float(rectangle[name] or "") for name in ("x", "y", "width", "height"))
        assert x == pytest.approx(box.x0, abs=1)
        assert x + wide >= box.x1
        assert y < height - (box.y0 + box.y1) / 2 < y + high
    words = tags.words
    assert words.count("“the”: 5 of 9 (55.6%)") == 2  # where it is drawn, and in the list
    assert "2 values in words" in words


def test_it_tells_plan_machine_and_clocks(tmp_path: Path) -> None:
    stages = [{"rate": rate, "seconds": 4.0, "messages": int(4 * rate)} for rate in (5.0, 10.0)]
    more = {
        "plan": {"stages": stages},
        "machine": {"system": "Linux", "architecture": "x86_64", "cores": 1, "memory_gb": 8.1},
        "clock": {"ahead_s": -0.35, "uncertainty_s": 0.012, "corrected": True},
    }
    words = page(tmp_path, summary() | more).words
    assert "Plan 5 and 10 messages/s, 4 s each: 60 messages planned" in words
    assert "Machine Linux, x86_64, 1 core, 8.1 GB of memory" in words
    assert (
        "Clocks This machine's clock is 350 ms behind the service's (to within 12 ms); latencies are corrected for it"
        in words
    )


@pytest.mark.parametrize(
    ("clock", "sentence"),
    [
        ({"ahead_s": 0.0, "uncertainty_s": 0.0, "corrected": False}, "This machine's clock and the service's agree"),
        ({"ahead_s": 2.5, "uncertainty_s": 0.5, "corrected": True}, "2.5 s ahead of the service's (to within 500 ms)"),
        ({"ahead_s": None, "uncertainty_s": None, "corrected": False}, "is not known, or changed during the run"),
        ({"ahead_s": math.nan, "uncertainty_s": math.inf, "corrected": False}, "is not known, or changed"),
    ],
)
def test_the_clocks_in_words(tmp_path: Path, clock: dict[str, Any], sentence: str) -> None:
    assert sentence in page(tmp_path, summary() | {"clock": clock}).words


def test_a_void_stage_says_why(tmp_path: Path) -> None:
    contents = summary()
    contents["stages"][1]["invalid_reason"] = "the sender lagged"
    assert "4 messages/s does not count: the sender lagged." in page(tmp_path, contents).words


def test_the_numbers_on_top_are_those_of_stages_that_count(tmp_path: Path) -> None:
    contents = summary()
    assert "400 ms p99 end to end at 2/s" in page(tmp_path, contents).words
    contents["stages"][0]["valid"], contents["stages"][1]["valid"] = False, True
    assert "4.17 s p99 end to end at 4/s" in page(tmp_path, contents).words
    contents["stages"][1]["valid"] = False
    assert "p99 end to end at" not in page(tmp_path, contents).words


def test_every_table_has_headers_and_every_heading_its_level(tmp_path: Path, figures: dict[str, Figure]) -> None:
    tags = page(tmp_path, summary(), figures)
    for tag, attributes in tags.seen:
        assert tag != "th" or attributes.get("scope") in ("row", "col")
    levels = [int(tag[1]) for tag, _ in tags.seen if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_a_plain_figure_without_a_finding_is_shown_too(tmp_path: Path) -> None:
    assert "My own chart" in page(tmp_path, {}, {"my_own_chart": Figure(figsize=(2, 1))}).words


def test_a_folder_that_cannot_be_written_is_said_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportNotWritableError) as caught:
        write_report(tmp_path / "file" / "out", summary(), {})
    assert "Next: Name a folder that you may write to: --out DIR" in caught.value.render()


def test_it_tells_which_messages_did_not_simply_succeed(tmp_path: Path) -> None:
    kind = {"fate": "failed", "what": f'failed in "{EVIL}": BadError', "station": EVIL, "error": "BadError"}
    others = {"fate": "foreign", "what": "sent by hand", "station": None, "error": None, "count": 1, "ids": ["x"]}
    contents = summary() | {"account": [kind | {"count": 1234, "ids": ["r-1", "r-2", "r-3"]}, others]}
    words = page(tmp_path, contents).words
    assert "Which messages" in words
    assert f'Failed 1,234 failed in "{EVIL}": BadError r-1, r-2, r-3 …' in words
    assert "Not of this run 1 sent by hand x" in words
    assert "Which messages" not in page(tmp_path, summary()).words


def test_a_run_that_was_interrupted_says_so_on_top(tmp_path: Path) -> None:
    assert "interrupted" not in page(tmp_path, summary()).words
    words = page(tmp_path, summary() | {"interrupted": True, "interrupted_by": "LocalStack is gone."}).words
    assert "This run was interrupted. LocalStack is gone. What was measured until then is below." in words
    assert "It was stopped." in page(tmp_path, summary() | {"interrupted": True, "interrupted_by": ""}).words
