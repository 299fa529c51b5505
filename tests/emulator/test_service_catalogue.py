"""LocalStack's index of all AWS services: built with little memory, kept between starts, never a half one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from conftest import LocalStack, start_localstack
from lab import paths
from lab.emulator import catalogue, launcher
from lab.emulator.environment import FILESYSTEM
from lab.emulator.runtime.hooks import service_catalogue


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> object:
    """LocalStack's module with the hook in it, whole again after the test."""
    from localstack.aws import spec

    for name in ("build_service_index_cache", "load_service_index_cache"):
        monkeypatch.setattr(spec, name, getattr(spec, name))
    service_catalogue._patch(spec)
    return spec


def test_the_index_is_localstacks_own_and_no_model_stays_in_memory(spec, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def models() -> set[str]:
        return {key[1] for key in spec.loader._cache if key[0] == "load_data"}

    before = models()
    built = spec.build_service_index_cache(str(tmp_path / "index"))
    assert models() == before
    assert [file.name for file in tmp_path.iterdir()] == ["index"]
    assert spec.load_service_index_cache(str(tmp_path / "index")) == built
    own = spec.LazyServiceCatalogIndex()
    for field in ("service_names", *(name for name in vars(built) if name.endswith("_index"))):
        assert getattr(built, field) == getattr(own, field), field


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95half", b"\x80\x04N."], ids=["empty", "half", "nothing in it"])
def test_an_index_that_cannot_be_read_is_built_anew(spec, tmp_path: Path, content: bytes) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "index").write_bytes(content)
    assert "sqs" in spec.load_service_index_cache(str(tmp_path / "index")).service_names
    assert (tmp_path / "index").stat().st_size > 100_000


def index_of(running: LocalStack) -> Path:
    (index,) = (paths.state_root() / running.name / "emulator" / FILESYSTEM / catalogue.CACHE).glob("*.dill")
    return index


def test_the_second_start_has_the_firsts_index_and_a_damaged_one_breaks_nothing(
    own_state: Path, request: pytest.FixtureRequest
) -> None:
    def start() -> LocalStack:
        running = start_localstack({})
        request.addfinalizer(running.kill)
        return running

    def asked_then_ended(running: LocalStack) -> bytes:
        assert running.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        content = index_of(running).read_bytes()
        launcher.stop(running.name)
        return content

    built = asked_then_ended(start())
    second = start()
    laid_out = index_of(second).stat().st_mtime_ns
    assert second.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert index_of(second).stat().st_mtime_ns == laid_out, "it was built again"
    launcher.stop(second.name)

    (kept,) = (own_state / ".cache").rglob("*.dill")
    assert kept.read_bytes() == built
    # the worst case: kept half, and its digest is that of the half
    kept.write_bytes(built[:1000])
    kept.with_suffix(".sha256").write_text(hashlib.sha256(built[:1000]).hexdigest())
    asked_then_ended(start())
    assert kept.stat().st_size == len(built), "the next start has a whole one again"
