"""The compose project of the tests: built from this folder, with a name and ports of its own. Needs a Docker engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import paths
from tests.ports import free_port

BUILD_DEADLINE_S = 1200.0
TOKEN = "a-token-for-tests"
PROJECT_NAME = "express-lab-tests"


BASE_IMAGE = "python:3.13-slim-bookworm"


def engine_answers() -> bool:
    """Whether there is a Docker engine with Compose, and the image that the Dockerfile begins with."""
    if shutil.which("docker") is None:
        return False

    def works(*call: str) -> bool:
        return subprocess.run(["docker", *call], capture_output=True).returncode == 0

    return (
        works("info")
        and works("compose", "version")
        and (works("image", "inspect", BASE_IMAGE) or works("pull", "--quiet", BASE_IMAGE))
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    if here and not engine_answers():
        for item in here:
            item.add_marker(pytest.mark.skip(reason=f"needs a Docker engine with Compose that has {BASE_IMAGE}"))


@dataclass
class Composed:
    """The services of docker-compose.yml, on ports that are free here."""

    api_port: int
    notebook_port: int

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "COMPOSE_"))}
        return kept | {
            "COMPOSE_PROJECT_NAME": PROJECT_NAME,
            "LAB_PORT": str(self.api_port),
            "LAB_NOTEBOOK_PORT": str(self.notebook_port),
            "JUPYTER_TOKEN": TOKEN,
        }

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def run(self, *words: str, deadline_s: float = 120.0, check: bool = True) -> str:
        """``docker compose`` with these words; its output."""
        ended = subprocess.run(
            ["docker", "compose", *words],
            cwd=paths.PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline_s,
        )
        assert not check or ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        return ended.stdout

    def inside(self, service: str, *words: str, deadline_s: float = 300.0) -> str:
        """A command in a running container, without a terminal; what it printed."""
        return self.run("exec", "-T", service, *words, deadline_s=deadline_s)

    def up(self) -> None:
        self.run("up", "--detach", "--wait", "--build", deadline_s=BUILD_DEADLINE_S)

    def down(self, *options: str) -> None:
        self.run("down", "--remove-orphans", *options)

    def services(self) -> dict[str, dict[str, object]]:
        lines = self.run("ps", "--format", "json").splitlines()
        return {entry["Service"]: entry for entry in map(json.loads, lines)}


@pytest.fixture(scope="session")
def composed() -> Iterator[Composed]:
    """Both services, healthy."""
    project = Composed(free_port(), free_port())
    try:
        project.up()
        yield project
    finally:
        project.down("--volumes")


@pytest.fixture
def image(composed: Composed) -> str:
    """The image of the notebook service, for a container of a test's own."""
    return f"{PROJECT_NAME}-notebook"
