"""docker-compose.yml and the CI workflow: valid by their schemas, and every setting one that LocalStack reads.

No engine runs here. What the image is told is held against the configuration of the LocalStack that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab import doctor, paths
from lab.emulator.environment import environment
from lab.session.lifecycle import up
from lab.target import Target, explain

COMPOSE = yaml.safe_load((paths.PROJECT / "docker-compose.yml").read_text("utf-8"))
# Read by the licence check of newer images, which are not open source.
NOT_IN_THE_OPEN_CONFIGURATION = {"LOCALSTACK_AUTH_TOKEN"}


def folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def schema(name: str) -> dict[str, Any]:
    """A schema that check-jsonschema ships. (Its command needs a newer click than LocalStack lets us have.)"""
    file = folder_of("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    return dict(json.loads(file.read_text("utf-8")))


@pytest.mark.parametrize(
    ("file", "name"),
    [("docker-compose.yml", "compose-spec"), (".github/workflows/ci.yml", "github-workflows")],
)
def test_the_file_is_valid(file: str, name: str) -> None:
    # YAML 1.1 reads the key "on" of a workflow as True.
    document = yaml.safe_load((paths.PROJECT / file).read_text("utf-8"))
    document = {("on" if key is True else key): value for key, value in document.items()}
    jsonschema.validate(document, schema(name))


def test_a_mistake_in_the_compose_file_is_found() -> None:
    broken = json.loads(json.dumps(COMPOSE))
    broken["services"]["localstack"]["port"] = broken["services"]["localstack"].pop("ports")
    with pytest.raises(jsonschema.ValidationError, match="port"):
        jsonschema.validate(broken, schema("compose-spec"))


def test_localstack_is_pinned_to_the_last_release_without_a_token_and_can_be_replaced() -> None:
    assert COMPOSE["services"]["localstack"]["image"] == "${LOCALSTACK_IMAGE:-localstack/localstack:4.14.0}"
    assert COMPOSE["services"]["localstack"]["environment"]["LOCALSTACK_AUTH_TOKEN"] == "${LOCALSTACK_AUTH_TOKEN:-}"


@pytest.mark.parametrize("service", ["localstack", "notebook"])
def test_ports_are_published_on_this_machine_only_and_there_is_a_health_check(service: str) -> None:
    (port,) = COMPOSE["services"][service]["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\$\{LAB_\w+:-\d+\}:\d+", port)
    assert COMPOSE["services"][service]["healthcheck"]["test"]


def test_jupyterlab_is_optional_built_here_and_asks_for_a_token() -> None:
    notebook = COMPOSE["services"]["notebook"]
    assert notebook["profiles"] == ["notebook"]
    assert notebook["build"] == "."
    assert "JUPYTER_TOKEN" in notebook["environment"]
    dockerfile = (paths.PROJECT / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in dockerfile
    assert not re.search(
        r"token\s*=\s*['\"]{2}|--NotebookApp.token|--ServerApp.token|IdentityProvider.token", dockerfile
    )


def settings_that_localstack_reads() -> set[str]:
    source = (folder_of("localstack") / "config.py").read_text("utf-8")
    return set(re.findall(r"\b([A-Z][A-Z0-9_]{3,})\b", source))


def test_every_setting_is_one_that_localstack_reads() -> None:
    known = settings_that_localstack_reads()
    assert "PERSISTENCE" in known
    assert "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVALL_SEC" not in known
    names = set(COMPOSE["services"]["localstack"]["environment"]) - NOT_IN_THE_OPEN_CONFIGURATION
    assert names - known == set()


def test_the_image_and_the_embedded_one_are_told_the_same_where_it_matters(tmp_path: Path) -> None:
    image = COMPOSE["services"]["localstack"]["environment"]
    embedded = environment(tmp_path, 4566, {})
    common = [name for name in image if name.startswith(("LAMBDA_EVENT_SOURCE", "SQS_", "PERSISTENCE", "SERVICES"))]
    assert len(common) >= 5
    assert {name: image[name] for name in common} == {name: embedded[name] for name in common}


@pytest.mark.usefixtures("no_back_off")
def test_where_compose_is_not_up_the_lab_says_which_command_starts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    (finding,) = [found for found in doctor.examine(target) if found.what == "LocalStack"]
    assert (finding.ok, finding.next_step) == (False, "docker compose up -d --wait")
    with pytest.raises(Exception, match="Could not connect") as raised:
        up(target)
    told = explain(raised.value)
    assert told is not None
    assert "docker compose up -d --wait" in told.render()
