"""Runs that are kept: written, read back as they were, listed, found, rendered again; old and broken ones, too."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lab import runs, session, workshop
from lab.commands import app
from lab.errors import LabError
from lab.runs.tables import read_table, types_of, write_table
from lab.session.keeping import TABLES
from lab.target import Target
from lab.workshop import example_run
from tests import documentation
from tests.unit.test_session import run_of

TARGET = Target("localstack", "mine", endpoint_url="http://127.0.0.1:1")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs of the lab ``mine``."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LAB_NAME", raising=False)
    return tmp_path / "mine" / "runs"


def kept(folder: Path, *, made_at: str = "2026-03-01T10:00:00Z", count: int = 5) -> Path:
    session.keep_run(session.head(TARGET), run_of(count, fail=1), folder)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text("utf-8")) | {"made_at": made_at, "run_id": folder.name}
    file.write_text(json.dumps(manifest), "utf-8")
    return folder


def test_every_table_is_read_back_as_it_was(tmp_path: Path) -> None:
    result = run_of(12, lose=1, fail=2)
    session.keep_run(session.head(TARGET), result, tmp_path)
    again = session.read_run(tmp_path)
    for name in TABLES:
        read, written = (
            table.astype(object).where(table.notna(), None) for table in (again.table(name), getattr(result, name))
        )
        assert read.columns.tolist() == written.columns.tolist()
        assert read.to_dict("records") == written.to_dict("records"), name
        instants = getattr(result, name).select_dtypes("datetimetz").columns
        assert {str(again.table(name)[column].dtype) for column in instants} <= {"datetime64[ns, UTC]"}
    assert again.messages["stage"].dtype == "int64"
    assert again.stages["valid"].dtype == "bool"
    assert again.saturation.reason == result.saturation.reason
    assert again.reconciliation.as_dict() == result.reconciliation.as_dict()
    pd.testing.assert_frame_equal(again.word_counts, result.word_counts)


_CELL = st.text(st.characters(exclude_characters="\0"), max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_CELL, st.none() | _CELL.filter(bool), st.floats(allow_nan=True)), min_size=1, max_size=5))
def test_any_text_and_any_number_come_back(tmp_path: Path, rows: list[tuple[str, str | None, float]]) -> None:
    words, causes, numbers = zip(*rows, strict=True)
    table = pd.DataFrame(
        {
            "always": pd.Series(words, dtype=object),
            "cause": pd.Series([*causes, None], dtype=object)[: len(rows)],
            "number_s": pd.Series(numbers, dtype=float),
        }
    )
    write_table(table, tmp_path / "t.csv")
    again = read_table(tmp_path / "t.csv", types_of(table))
    assert again["always"].tolist() == list(words)
    assert again["cause"].tolist() == list(causes)
    pd.testing.assert_series_equal(again["number_s"], table["number_s"])


def test_the_manifest_says_what_ran_and_nothing_of_whose_machine_it_was(tmp_path: Path) -> None:
    session.keep_run(session.head(TARGET), run_of(7), tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    documentation.validate(manifest, "manifest")
    assert manifest["plan"]["stages"] == [{"rate": 10.0, "seconds": 0.7, "messages": 7}]
    assert manifest["tables"]["messages"]["columns"]["t_planned"] == "instant"
    text = json.dumps(manifest)
    assert str(Path.home()) not in text
    assert str(tmp_path) not in text


def test_a_run_that_is_written_over_has_no_manifest_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(tmp_path)
    monkeypatch.setattr("lab.session.keeping.save_tables", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        session.keep_run(session.head(TARGET), run_of(2), tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_old_runs_read_too(tmp_path: Path) -> None:
    old = kept(tmp_path / "old")
    (old / "manifest.json").unlink()
    flat = tmp_path / "flat"
    shutil.copytree(old / "tables", flat)
    new = session.read_run(kept(tmp_path / "new"))
    for folder in (old, flat):
        again = session.read_run(folder)
        for name in TABLES:
            pd.testing.assert_frame_equal(again.table(name), new.table(name))
        assert again.reconciliation.as_dict()["failed"] == 1
    example = session.read_run(example_run.FOLDER)  # two tables, and nothing else
    assert example.executions.empty
    assert example.word_counts.empty


def test_a_table_that_is_missing_or_unknown_is_no_error(tmp_path: Path) -> None:
    folder = kept(tmp_path / "r")
    (folder / "tables" / "states.csv").unlink()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["tables"]["of_a_newer_lab"] = {"file": "tables/x.csv", "rows": 1, "columns": {"new": "integer"}}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "tables" / "x.csv").write_text("new\n3\n")
    run = session.read_run(folder)
    assert run.state_times.empty
    assert run.table("of_a_newer_lab")["new"].tolist() == [3]
    assert session.render_again(run).is_file()


def test_a_table_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    folder = kept(tmp_path / "r")
    shutil.copy(folder / "tables" / "messages.csv", tmp_path / "messages.csv")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["tables"]["messages"]["file"] = "../messages.csv"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(LabError, match="not in the folder"):
        session.read_run(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 99}', '{"schema_version": 1, "run_id": "x"}'])
def test_a_broken_manifest_spoils_its_own_line_alone(shelf: Path, text: str) -> None:
    kept(shelf / "260301-100000-aaaa")
    (shelf / "broken").mkdir()
    (shelf / "broken" / "manifest.json").write_text(text)
    (shelf / "empty").mkdir()
    (shelf / "a-file").touch()
    cards = {card.run_id: card for card in session.kept_runs()}
    assert set(cards) == {"260301-100000-aaaa", "broken", "empty"}
    assert cards["260301-100000-aaaa"].problem == ""
    assert cards["broken"].problem
    assert cards["empty"].problem
    with pytest.raises(LabError):
        session.read_run(shelf / "broken")


def test_a_run_is_found_by_name_beginning_folder_or_as_the_last_one(shelf: Path) -> None:
    first = kept(shelf / "260301-100000-aaaa")
    second = kept(shelf / "260301-110000-bbbb", made_at="2026-03-01T11:00:00Z")
    assert session.find_run("last") == second
    assert session.find_run("260301-10") == first
    assert session.find_run("260301-110000-bbbb") == second
    assert session.find_run(str(first)) == first
    with pytest.raises(runs.AmbiguousRunError, match="260301-100000-aaaa, 260301-110000-bbbb"):
        session.find_run("2603")
    with pytest.raises(runs.NoSuchRunError, match="lab runs"):
        session.find_run("nothing")
    with pytest.raises(runs.NoSuchRunError, match="holds no run"):
        session.find_run(str(shelf))
    with pytest.raises(runs.NoSuchRunError):
        session.find_run("")


def test_no_run_at_all(shelf: Path) -> None:
    assert CliRunner().invoke(app, ["runs"]).output.startswith("No run is kept yet")
    assert json.loads(CliRunner().invoke(app, ["runs", "--json"]).output) == {"schema_version": 1, "runs": []}
    with pytest.raises(runs.NoSuchRunError, match="lab ramp"):
        session.find_run("last")


def test_hundreds_of_runs_are_listed_at_once(shelf: Path) -> None:
    one = kept(shelf / "260301-100000-0000")
    for number in range(1, 400):
        folder = shelf / f"260301-100000-{number:04x}"
        folder.mkdir()
        shutil.copy(one / "manifest.json", folder)
    began = time.monotonic()
    assert len(session.kept_runs()) == 400
    assert time.monotonic() - began < 5  # reads no rows; a tenth of a second on a quiet machine


def test_the_commands_list_render_and_compare(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    first = kept(shelf / "260301-100000-aaaa", count=60)
    second = kept(shelf / "260301-110000-bbbb", made_at="2026-03-01T11:00:00Z", count=60)
    listed = CliRunner().invoke(app, ["runs"]).output
    assert "260301-100000-aaaa 01 Mar 10:00 localstack" in listed
    assert "…" not in listed
    (found,) = json.loads(CliRunner().invoke(app, ["runs", "--json"]).output)["runs"][:1]
    assert (found["run_id"], found["rates"], found["lost"]) == (first.name, [10.0], 0)
    rendered = CliRunner().invoke(app, ["report", "last"])
    assert rendered.exit_code == 0, rendered.output
    assert "60 messages sent" in (second / "report.html").read_text("utf-8")
    assert (second / "latency_by_rate.png").exists()
    compared = CliRunner().invoke(app, ["compare", first.name, "last"])
    assert compared.exit_code == 0, compared.output
    assert "No difference beyond chance" in compared.output
    page = (second / f"compared-with-{first.name}.html").read_text("utf-8")
    assert "http" not in page.replace("https://hdrhistogram.github.io", "")
    script = json.loads(CliRunner().invoke(app, ["compare", first.name, "last", "--json"]).output)
    assert script["changed"] == 0


def test_what_a_notebook_keeps_is_on_the_shelf(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.keep(TARGET, run_of(3))
    assert "manifest" not in capsys.readouterr().out
    (card,) = session.kept_runs("mine")
    assert (card.problem, card.rates, card.sent) == ("", (10.0,), 3)
