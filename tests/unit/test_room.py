"""A room's table, chart and page, from the files that its learners made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from lab import charts
from lab.commands import app
from lab.workshop import progress
from lab.workshop.progress import Check

CHECKS = [
    Check("01.1", "01", "01_provision", "Exercise 1"),
    Check("01.2", "01", "01_provision", "Exercise 2"),
    Check("02.1", "02", "02_first_message", "Exercise 1"),
    Check("02 quiz", "02", "02_first_message", "Quiz", ("02.q1", "02.q2")),
]
SOLVED = {"tries": 3, "hints": 1, "recipe": False, "verdict": "solved"}
TRIED = {"tries": 5, "hints": 2, "recipe": True, "verdict": "not yet"}
RIGHT, WRONG = {"tries": 1, "verdict": "right"}, {"tries": 2, "verdict": "not yet"}


def write(folder: Path, learner: int, *, at: int = 0, file: str = "", **parts: Any) -> Path:
    """The file of one learner, exported ``at`` so many minutes past nine."""
    told = {
        "kind": "express-lab progress",
        "schema_version": 1,
        "learner": f"{learner:012x}",
        "name": parts.get("name"),
        "exported": f"2026-03-01T09:{at:02d}:00.000000+00:00",
        "checks": parts.get("checks", {}),
        "quizzes": parts.get("quizzes", {}),
    }
    written = folder / (file or f"{learner}.json")
    written.parent.mkdir(exist_ok=True)
    written.write_text(json.dumps(told), "utf-8")
    return written


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Four learners: all passed; half way; one try; nothing."""
    everything = {"checks": dict.fromkeys(("01.1", "01.2", "02.1"), SOLVED), "quizzes": {"02.q1": RIGHT}}
    everything["quizzes"]["02.q2"] = {"tries": 3, "verdict": "right"}
    write(tmp_path, 1, name="Ada <b>", **everything)
    write(tmp_path, 2, checks={"01.1": SOLVED, "01.2": TRIED}, quizzes={"02.q1": WRONG})
    write(tmp_path, 3, file="unpacked/3.json", checks={"01.1": TRIED})
    write(tmp_path, 4)
    return tmp_path


def test_each_check_counts_each_learner_once(room: Path) -> None:
    table = progress.collect(room, CHECKS).by_check().set_index("check")
    counted = table[["passed", "not_yet", "not_begun", "recipe"]].to_numpy().tolist()
    assert counted == [[2, 1, 1, 1], [1, 1, 2, 1], [1, 0, 3, 0], [1, 1, 2, 0]]
    assert table.loc["01.1", "tries"] == pytest.approx((3 + 3 + 5) / 3)
    assert table.loc["01.1", "hints"] == pytest.approx((1 + 1 + 2) / 3)


def test_each_learner_and_each_question_has_a_row(room: Path) -> None:
    found = progress.collect(room, CHECKS)
    learners = found.by_learner()
    assert list(learners["learner"]) == ["Ada <b>", "000000000002", "000000000003", "000000000004"]
    assert list(learners["01"]) == ["2/2", "1/2", "0/2", "0/2"]
    assert list(learners["02"]) == ["2/2", "0/2", "0/2", "0/2"]
    assert found.by_question().to_numpy().tolist() == [["02.q1", 2, 1, 1], ["02.q2", 1, 0, 1]]


def test_of_two_files_of_one_learner_the_newer_counts_whatever_they_are_called(room: Path) -> None:
    for name, at in (("a", 30), ("z", 20)):
        write(room, 4, at=at, file=f"{name}.json", checks={"02.1": SOLVED} if at == 30 else {"02.1": TRIED})
    found = progress.collect(room, CHECKS)
    assert len(found.learners) == 4
    assert found.by_check()["passed"][2] == 2
    assert {file.name: why for file, why in found.skipped} == {
        "4.json": "a.json is newer, of the same learner",
        "z.json": "a.json is newer, of the same learner",
    }


def test_what_is_no_progress_is_named_with_its_reason_and_left_out(room: Path) -> None:
    (room / "notes.docx").write_bytes(b"PK\3\4\xff\xfe")
    (room / "nested.json").write_text("[" * 100_000)
    (room / "other.json").write_text('{"cells": []}')
    (room / "huge.json").write_text(" " * 1_000_001)
    (room / ".DS_Store").write_bytes(b"\0")
    newer = json.loads((room / "1.json").read_text()) | {"learner": "f" * 12, "schema_version": 2}
    (room / "newer.json").write_text(json.dumps(newer))
    (room / "cut.json").write_text((room / "1.json").read_text()[:-20])
    (room / "edited.json").write_text(json.dumps(newer | {"schema_version": 1, "checks": {"01.1": {"tries": "x"}}}))
    found = progress.collect(room, CHECKS)
    assert len(found.learners) == 4
    assert {file.name: why for file, why in found.skipped} == {
        "cut.json": "not JSON",
        "edited.json": "damaged: checks, 01.1",
        "huge.json": "too large to be a progress file",
        "nested.json": "not JSON",
        "newer.json": "made by another version of the lab: format 2",
        "notes.docx": "not JSON",
        "other.json": "not made by lab progress --export",
    }


def test_checks_of_another_version_of_the_course_are_named(room: Path) -> None:
    write(room, 5, checks={"07.1": SOLVED}, quizzes={"02.q9": RIGHT})
    found = progress.collect(room, CHECKS)
    assert found.strange == ["02.q9", "07.1"]
    assert len(found.learners) == 5


@pytest.mark.parametrize("make", [lambda folder: folder.rmdir(), lambda folder: (folder / "x.json").write_text("{}")])
def test_a_folder_without_progress_is_an_error_that_says_what_to_type(make: Any, tmp_path: Path) -> None:
    folder = tmp_path / "room"
    folder.mkdir()
    make(folder)
    with pytest.raises(progress.NoProgressFilesError) as caught:
        progress.collect(folder, CHECKS)
    assert "lab progress" in caught.value.next_step


def test_the_command_writes_a_page_and_a_table_and_may_be_repeated(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    (room / "junk.json").write_text("{}")
    for _ in range(2):
        result = CliRunner().invoke(app, ["progress", "--collect", str(room)])
        assert result.exit_code == 0, result.output
        said = " ".join(result.stdout.split())
        assert "junk.json (not made by lab progress --export)" in said
        assert "4 learners. " in said
        assert "room.html" in said
    page = (room / "room.html").read_text("utf-8")
    assert "<b>" not in page
    assert "Ada &lt;b&gt;" in page
    assert "1 file left out" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    (alternative,) = re.findall(r'<img [^>]*alt="([^"]{40,})"', page)
    assert alternative in page
    table = pd.read_csv(room / "room.csv", dtype={"check": str})
    assert list(table["check"]) == [check.key for check in progress.checks_of_the_course()]
    assert set(table[["passed", "not_yet", "not_begun"]].sum(axis=1)) == {4}


def test_a_folder_that_cannot_be_written_says_so(room: Path) -> None:
    (room / "room.html").mkdir()
    with pytest.raises(progress.PageNotWrittenError):
        progress.write_page(progress.collect(room, CHECKS), room)


# The title of the chart


def table(*counts: tuple[int, int, int]) -> pd.DataFrame:
    rows = [(f"01.{number}", False, *each) for number, each in enumerate(counts, start=1)]
    return pd.DataFrame(rows, columns=["check", "quiz", "passed", "not_yet", "not_begun"])


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ([(4, 0, 0), (4, 0, 0)], "All 4 have passed every check"),
        ([(1, 0, 0)], "The one learner has passed every check"),
        ([(2, 0, 2), (2, 0, 2)], "Half of the room or more has passed each exercise"),
        ([(4, 0, 0), (2, 1, 1), (1, 1, 2), (3, 0, 1)], "Half of the room or more has passed each exercise up to 01.2"),
        ([(1, 0, 3), (4, 0, 0)], "Less than half of the room has passed the first exercise, 01.1"),
        ([(0, 1, 0), (0, 0, 1)], "The learner has not passed the first exercise, 01.1"),
        ([(1, 0, 0), (0, 0, 1)], "The learner has passed each exercise up to 01.1"),
    ],
)
def test_the_title_says_how_far_the_room_is(counts: list[tuple[int, int, int]], title: str) -> None:
    assert charts.room_progress(table(*counts)).finding.partition(";")[0] == title


def test_the_title_names_the_check_that_holds_most() -> None:
    one = charts.room_progress(table((4, 0, 0), (1, 2, 1), (0, 1, 3))).finding
    assert one.endswith("; no other check holds as many as 01.2: 2 tried it and did not pass yet")
    two = charts.room_progress(table((4, 0, 0), (1, 1, 2), (0, 1, 3))).finding
    assert two.endswith("; 01.2 and 01.3 hold 1 each, who tried and did not pass yet")
    assert ";" not in charts.room_progress(table((4, 0, 0), (1, 0, 3))).finding


def test_a_quiz_that_nobody_has_done_yet_does_not_hide_how_far_the_exercises_are() -> None:
    found = table((0, 0, 4), (4, 0, 0), (3, 0, 1), (1, 0, 3))
    found["quiz"] = [True, False, False, False]
    assert charts.room_progress(found).finding == "Half of the room or more has passed each exercise up to 01.3"
    found["quiz"] = True
    assert charts.room_progress(found).finding == "Less than half of the room has passed the first check, 01.1"


def test_each_part_of_a_bar_tells_its_number_and_its_pattern_differs() -> None:
    chart = charts.room_progress(table((2, 1, 1), (1, 0, 3)))
    assert {told.text for told in chart.told} == {
        *("01.1: 2 passed", "01.1: 1 tried, not passed yet", "01.1: 1 not begun"),
        *("01.2: 1 passed", "01.2: 3 not begun"),
    }
    bars = chart.axes[0].patches
    assert [bar.get_width() for bar in bars] == [2, 1, 1, 1, 3]
    assert bars[0].get_hatch() != bars[1].get_hatch()
    assert "4 learners" in chart.alternative


def test_without_learners_there_is_a_sentence() -> None:
    assert charts.room_progress(table()).finding == "Nobody's progress is here yet"
