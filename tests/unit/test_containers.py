"""The programs of the image: LocalStack's settings. The learner's copy: test_working_copy.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.emulator import container
from lab.emulator.environment import environment
from lab.emulator.runtime.settings import listens_in_container


def test_the_image_is_told_what_embedded_is_told_but_for_where_it_listens(tmp_path: Path) -> None:
    embedded = environment(tmp_path, container.PORT, {})
    image = container.settings(tmp_path, {"LAB_IMAGE": "1"})
    differing = {name for name in image if image[name] != embedded.get(name)}
    assert differing == {"GATEWAY_LISTEN", "LAB_LISTEN", "LAB_IMAGE", "SQS_ENDPOINT_STRATEGY"}
    assert set(embedded) <= set(image)


def test_outside_of_the_image_the_program_refuses_and_names_the_ways_to_start_one() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lab.emulator.container"], capture_output=True, text=True, timeout=60, env={}
    )
    assert ended.returncode == 1
    assert "everybody in its network could run code" in ended.stderr
    assert "docker compose up" in ended.stderr


def test_localstack_listens_elsewhere_only_with_every_mark_of_the_image(tmp_path: Path) -> None:
    marks = container.settings(tmp_path, {"LAB_IMAGE": "1"})
    assert listens_in_container(marks)
    for name, other in (("LAB_LISTEN", "1"), ("LAB_IMAGE", ""), ("GATEWAY_LISTEN", "127.0.0.1:4566")):
        assert not listens_in_container(marks | {name: other}), name


def test_nothing_of_the_users_environment_makes_an_embedded_one_listen_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (("LAB_LISTEN", "container"), ("LAB_IMAGE", "1"), ("GATEWAY_LISTEN", "0.0.0.0:4566")):
        monkeypatch.setenv(name, value)
    assert not listens_in_container(environment(tmp_path, 4566, {}))
