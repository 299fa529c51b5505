"""The pages for instructors: their times are the notebooks' own, every prediction has an answer, the figures hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from lab import paths, session
from lab.analysis import cost, quotas
from lab.commands import app
from lab.load import messages
from tests import instructor
from tests.instructor import (
    SHORTENED,
    agendas,
    own_time,
    page,
    part,
    rows,
    sections,
    timing,
    unknown_names,
    wrong_times,
)

PAGES, AGENDAS, SOURCES = instructor.PAGES, instructor.AGENDAS, instructor.SOURCES
ALL_PAGES = [paths.PROJECT / "INSTRUCTOR.md", *sorted(PAGES.rglob("*.md"))]
HEADINGS = ["Aim", "Timing", "Predictions", "Questions for the room", "What goes wrong", "On real AWS"]


# The pages of the notebooks


def test_every_notebook_has_a_page_and_every_page_a_notebook() -> None:
    assert {file.stem for file in (PAGES / "notebooks").iterdir()} == set(SOURCES)
    linked = re.findall(r"docs/instructor/notebooks/(\w+)\.md", (paths.PROJECT / "INSTRUCTOR.md").read_text("utf-8"))
    assert linked == list(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_has_all_its_parts(name: str) -> None:
    assert re.findall(r"^## (.+)$", page(name), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("name", SOURCES)
def test_the_sections_of_a_page_are_the_notebooks_and_add_up_to_its_time(name: str) -> None:
    minutes = timing(name)
    assert list(minutes) == sections(SOURCES[name])
    assert sum(minutes.values()) == own_time(SOURCES[name])


@pytest.mark.parametrize("name", SOURCES)
def test_every_prediction_has_its_answer(name: str) -> None:
    asked = re.findall(r'^workshop\.predict\("([^"]+)"', SOURCES[name], re.MULTILINE)
    assert [row[0] for row in rows(part(page(name), "Predictions"))] == asked


@pytest.mark.parametrize("name", SOURCES)
def test_what_goes_wrong_is_what_a_check_says(name: str) -> None:
    files = paths.PROJECT.glob("lab/workshop/self_checks/*.py")
    checks = " ".join([SOURCES[name], *(file.read_text("utf-8") for file in files)])
    quoted = re.findall(r"“Not (?:so|yet): ([^”…]+)", part(page(name), "What goes wrong"))
    assert [each for each in quoted if each.rstrip(" ,") not in checks] == []


# The agendas


TIMES = {name: own_time(source) for name, source in SOURCES.items()}


def test_there_are_four_agendas_with_breaks() -> None:
    assert list(agendas()) == ["90 minutes", "Half a day", "A full day", "A second day"]
    for heading in agendas():
        assert "| Break |" in part(AGENDAS, heading), heading
    assert agendas()["90 minutes"][0] == 90


@pytest.mark.parametrize("heading", agendas())
def test_the_times_of_an_agenda_add_up_from_the_notebooks_own(heading: str) -> None:
    total, items = agendas()[heading]
    assert wrong_times(total, items, TIMES) == []


def test_a_notebook_that_takes_longer_is_found() -> None:
    total, items = agendas()["A full day"]
    [complaint] = wrong_times(total, items, TIMES | {"04_latency": 40})
    assert complaint == "04_latency has 35 minutes and takes 40"


@pytest.mark.parametrize("heading", agendas())
def test_an_agenda_keeps_the_order_of_the_notebooks(heading: str) -> None:
    taught = [item.notebook for item in agendas()[heading][1] if item.notebook]
    assert taught == sorted(set(taught))
    assert ("01_provision" in taught) is not ("`lab up` in place of 01" in part(AGENDAS, heading))


def test_two_days_leave_nothing_out() -> None:
    items = agendas()["A full day"][1] + agendas()["A second day"][1]
    assert {item.notebook for item in items if item.notebook} == set(SOURCES)
    assert not any(item.without for item in items)


@pytest.mark.parametrize(("heading", "name", "without"), SHORTENED, ids=[f"{a}: {b}" for a, b, _ in SHORTENED])
def test_nothing_that_is_kept_needs_a_section_that_is_left_out(heading: str, name: str, without: list[str]) -> None:
    assert set(without) <= set(sections(SOURCES[name])), heading
    assert unknown_names(name, without) == []


def test_every_exercise_can_be_left_out_but_for_the_one_that_the_page_names() -> None:
    exercises = [(name, each) for name in SOURCES for each in sections(SOURCES[name]) if each.startswith("Exercise ")]
    needed = {each: missing for name, each in exercises if (missing := unknown_names(name, [each]))}
    assert needed == {"Exercise 2: try again": ["Exercise 4: catch by name: deploy_definition"]}
    assert "exercise 4 needs the cells of exercise 2" in " ".join(page("06_when_things_fail").split())


def test_a_section_that_is_needed_is_found() -> None:
    missing = unknown_names("06_when_things_fail", ["Run: twice"])
    assert {"As it was: office_url", "As it was: careful_url"} <= set(missing)


# A class on AWS


def test_what_a_class_costs_is_what_the_command_says() -> None:
    text = (PAGES / "aws.md").read_text("utf-8")
    counted = {row[0]: int(row[1].replace(",", "")) for row in rows(text) if len(row) == 2}
    assert counted.pop("all") == sum(counted.values())
    learners = [row for row in rows(text) if len(row) == 3 and row[0].isdigit()]
    assert [int(row[0]) for row in learners] == [1, 30]
    for number, executions, usd in learners:
        count = int(executions.replace(",", ""))
        assert count == int(number) * sum(counted.values())
        assert f"{cost.estimate(count).total_usd:.2f}" == usd
    assert f"print(cost.estimate({count:_}).sentence())" in text
    assert cost.US_EAST_1.date in text


def test_the_largest_run_of_the_course_passes_the_guard_that_is_proposed() -> None:
    text = (PAGES / "aws.md").read_text("utf-8")
    staircase = list(messages.generate(1890, seed=3))
    usd = session.estimate_of(staircase).total_usd
    assert f"the staircase, with {usd:.2f} USD" in text
    [proposed] = re.findall(r"LAB_BUDGET_USD=([\d.]+)", text)
    assert usd < float(proposed) < session.estimate_of(staircase * 6).total_usd


def test_what_a_shared_account_carries_is_what_its_quotas_say() -> None:
    text = (PAGES / "aws.md").read_text("utf-8")
    usual = quotas.Quotas(lambda_concurrency=1000, start_express_per_s=6000, source="the default")
    most = float(quotas.ceilings(usual, function_s=0.005, start_s=0.005)["messages_per_s"].iloc[0])
    assert f"carries {most:,.0f} messages a second" in text
    assert f"{most / 30:.0f} for each of thirty learners" in " ".join(text.split())


# What is told to type


@pytest.mark.parametrize("file", ALL_PAGES, ids=lambda file: file.relative_to(paths.PROJECT).as_posix())
def test_what_a_page_tells_to_type_is_there(file: Path) -> None:
    text = file.read_text("utf-8")
    code = "\n".join(re.findall(r"`([^`\n]+)`", text))
    known = set(getattr(typer.main.get_command(app), "commands", {}))
    assert set(re.findall(r"(?<![\w-])lab ([a-z][a-z-]+)", code)) <= known
    targets = set(re.findall(r"^([a-z-]+):", (paths.PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?<![\w/-])make ([a-z-]+)", code)) <= targets
