"""The compose files, the dev container and the CI workflow: valid, and every setting one that is read.

No engine runs here; tests/containers has one. What LocalStack's own image is told is held against the configuration of
the LocalStack that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab import doctor, paths
from lab.emulator import health
from lab.emulator.environment import EXECUTOR_CLASS, environment
from lab.emulator.runtime import report
from lab.session.lifecycle import up
from lab.target import Target, explain


class ComposeLoader(yaml.SafeLoader):
    """Compose's own tags, such as ``!reset``, say that a key of the file below goes."""


ComposeLoader.add_constructor("!reset", lambda loader, node: None)


def read_compose(name: str) -> dict[str, Any]:
    return dict(yaml.load((paths.PROJECT / name).read_text("utf-8"), ComposeLoader))


COMPOSE = read_compose("docker-compose.yml")
STOCK = read_compose("compose.stock.yml")["services"]["localstack"]
DOCKERFILE = (paths.PROJECT / "Dockerfile").read_text("utf-8")
STAGES = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
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
    [
        ("docker-compose.yml", "compose-spec"),
        ("compose.stock.yml", "compose-spec"),
        (".github/workflows/ci.yml", "github-workflows"),
        (".github/workflows/site.yml", "github-workflows"),
    ],
)
def test_the_file_is_valid(file: str, name: str) -> None:
    # YAML 1.1 reads the key "on" of a workflow as True.
    document = read_compose(file)
    # What the overlay resets is not there afterwards.
    for service in document.get("services", {}).values():
        for key in [key for key, value in service.items() if value is None]:
            del service[key]
    document = {("on" if key is True else key): value for key, value in document.items()}
    jsonschema.validate(document, schema(name))


def test_a_mistake_in_the_compose_file_is_found() -> None:
    broken = json.loads(json.dumps(COMPOSE))
    broken["services"]["localstack"]["port"] = broken["services"]["localstack"].pop("ports")
    with pytest.raises(jsonschema.ValidationError, match="port"):
        jsonschema.validate(broken, schema("compose-spec"))


def test_stock_localstack_is_pinned_to_the_last_release_without_a_token_and_can_be_replaced() -> None:
    assert STOCK["image"] == "${LOCALSTACK_IMAGE:-localstack/localstack:4.14.0}"
    assert STOCK["environment"]["LOCALSTACK_AUTH_TOKEN"] == "${LOCALSTACK_AUTH_TOKEN:-}"
    assert STOCK["volumes"] == ["${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock"]


@pytest.mark.parametrize("service", ["localstack", "notebook"])
def test_ports_are_published_on_this_machine_only_and_there_is_a_health_check(service: str) -> None:
    (port,) = COMPOSE["services"][service]["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\$\{LAB_\w+:-\d+\}:\d+", port)
    assert COMPOSE["services"][service]["healthcheck"]["test"]


def test_a_plain_up_starts_both_services_from_one_dockerfile_and_gives_nobody_the_docker_socket() -> None:
    for name, service in COMPOSE["services"].items():
        assert "profiles" not in service
        assert service["build"] == {"context": ".", "target": name}
        assert name in dict(map(reversed, STAGES))  # type: ignore[arg-type]
        assert service["cap_drop"] == ["ALL"]
    assert "docker.sock" not in (paths.PROJECT / "docker-compose.yml").read_text("utf-8")
    assert COMPOSE["services"]["notebook"]["depends_on"] == {"localstack": {"condition": "service_healthy"}}
    # Its settings come from lab/emulator/environment.py.
    assert "environment" not in COMPOSE["services"]["localstack"]


def test_the_health_check_looks_for_the_labs_own_executor_where_it_is_told() -> None:
    check = " ".join(COMPOSE["services"]["localstack"]["healthcheck"]["test"])
    assert f"GET {health.REPORT_ADDRESS} " in check
    assert EXECUTOR_CLASS in check
    assert health.REPORT_ADDRESS == report.ADDRESS


def test_the_image_is_pinned_checked_by_hashes_and_ends_as_an_ordinary_user() -> None:
    bases = {base for base, _ in STAGES} - {name for _, name in STAGES}
    assert bases == {"python:3.13-slim-bookworm"}
    assert DOCKERFILE.count("--require-hashes") == 2
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "learner"
    assert "JUPYTER_TOKEN" in COMPOSE["services"]["notebook"]["environment"]
    assert not re.search(
        r"token\s*=\s*['\"]{2}|--NotebookApp.token|--ServerApp.token|IdentityProvider.token", DOCKERFILE
    )


def test_the_image_gets_what_the_lab_runs_with_and_nothing_else() -> None:
    ignored = (paths.PROJECT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert all((paths.PROJECT / name).exists() for name in kept)
    assert {name.split("/")[0] for name in kept} == {
        *("LICENSE", "README.md", "pyproject.toml", "lab", "lambdas", "notebooks", "requirements", "statemachine")
    }


# Of the dev container specification, https://containers.dev/implementors/json_reference/: what an editor and Codespaces
# read. Neither ships its schema in a package.
DEV_CONTAINER_KEYS = {
    *("name", "build", "forwardPorts", "portsAttributes", "remoteUser", "hostRequirements", "onCreateCommand"),
    *("postAttachCommand", "customizations"),
}


def test_the_dev_container_is_a_stage_of_the_dockerfile_with_the_kernel_and_the_ports_named() -> None:
    text = (paths.PROJECT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    document = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert set(document) <= DEV_CONTAINER_KEYS
    folder = paths.PROJECT / ".devcontainer"
    assert (folder / document["build"]["dockerfile"]).resolve() == paths.PROJECT / "Dockerfile"
    assert (folder / document["build"]["context"]).resolve() == paths.PROJECT
    assert document["build"]["target"] in {name for _, name in STAGES}
    assert f"useradd --create-home --uid 1000 --shell /bin/bash {document['remoteUser']}" in DOCKERFILE
    assert document["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"] == "/opt/lab/bin/python"
    assert set(map(str, document["forwardPorts"])) <= set(document["portsAttributes"])
    assert all(document["portsAttributes"][port]["label"] for port in document["portsAttributes"])
    for opened in document["customizations"]["codespaces"]["openFiles"]:
        assert (paths.PROJECT / opened).is_file()
    assert (paths.PROJECT / document["postAttachCommand"].removeprefix("cat ")).is_file()


def test_binder_installs_the_lock_and_the_project() -> None:
    folder = paths.PROJECT / ".binder"
    (required,) = re.findall(r"^-r (.+)$", (folder / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    assert (folder / required).resolve() == paths.PROJECT / "requirements" / "lab.txt"
    for script in ("postBuild", "start"):
        assert os.access(folder / script, os.X_OK)
        subprocess.run(["sh", "-n", str(folder / script)], check=True)


def settings_that_localstack_reads() -> set[str]:
    source = (folder_of("localstack") / "config.py").read_text("utf-8")
    return set(re.findall(r"\b([A-Z][A-Z0-9_]{3,})\b", source))


def test_every_setting_is_one_that_localstack_reads() -> None:
    known = settings_that_localstack_reads()
    assert "PERSISTENCE" in known
    assert "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVALL_SEC" not in known
    names = set(STOCK["environment"]) - NOT_IN_THE_OPEN_CONFIGURATION
    assert names - known == set()


def test_the_image_and_the_embedded_one_are_told_the_same_where_it_matters(tmp_path: Path) -> None:
    image = STOCK["environment"]
    embedded = environment(tmp_path, 4566, {})
    common = [name for name in image if name.startswith(("LAMBDA_EVENT_SOURCE", "PERSISTENCE", "SERVICES"))]
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
