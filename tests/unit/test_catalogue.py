"""LocalStack's service catalogue is kept between starts, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import paths
from lab.emulator import catalogue

NAME = "service-catalog-4_9_2-1_40_40.dill"


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def emulator(folder: Path, content: bytes | None = None) -> Path:
    """The root of an emulator's file system, with the catalogue that it has built if ``content`` is given."""
    catalogue.lay_out(folder)
    if content is not None:
        (folder / catalogue.CACHE / NAME).write_bytes(content)
    return folder


def found_by(folder: Path) -> bytes | None:
    file = emulator(folder) / catalogue.CACHE / NAME
    return file.read_bytes() if file.exists() else None


def test_the_first_emulator_finds_none_and_the_second_the_firsts(tmp_path: Path) -> None:
    assert found_by(tmp_path / "before") is None
    catalogue.keep(emulator(tmp_path / "first", b"index"))
    assert found_by(tmp_path / "second") == b"index"
    assert paths.lab_names() == [], "what is kept must not look like a lab"


def test_a_damaged_one_is_left_out_and_replaced(tmp_path: Path) -> None:
    catalogue.keep(emulator(tmp_path / "first", b"index"))
    (kept,) = paths.state_root().rglob("*.dill")
    kept.write_bytes(b"ind")
    assert found_by(tmp_path / "second") is None
    catalogue.keep(emulator(tmp_path / "third", b"index"))
    assert found_by(tmp_path / "fourth") == b"index"


def test_a_new_version_has_one_of_its_own(tmp_path: Path) -> None:
    catalogue.keep(emulator(tmp_path / "first", b"index"))
    newer = emulator(tmp_path / "second")
    (newer / catalogue.CACHE / NAME.replace("4_9_2", "2026_3_0")).write_bytes(b"newer")
    catalogue.keep(newer)
    assert found_by(tmp_path / "third") == b"index"


def test_where_nothing_can_be_kept_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    built = emulator(tmp_path / "first", b"index")
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "file"))
    catalogue.keep(built)
    assert found_by(tmp_path / "second") is None
