"""The environment variables: each checked in one place, documented, and nobody else reads any."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import paths, variables
from lab.commands import app
from lab.emulator import ports
from lab.load.plan import Plan, PlanError, staircase
from lab.target import TargetError, resolve

LAB = paths.PROJECT / "lab"
# What runs inside LocalStack may not use the lab's own module; `process` runs as a function, with Lambda's variables.
READERS = (
    *(LAB / "variables.py", LAB / "emulator/runtime/settings.py", LAB / "emulator/runtime/process"),
    *(LAB / "faults/wrapper.py", LAB / "stack/variants"),  # deployed with functions: they run on Lambda
)
KUBERNETES = "tcp://10.43.0.7:80"


def sources() -> list[Path]:
    return sorted(LAB.rglob("*.py"))


def test_nobody_else_reads_the_environment() -> None:
    reading = re.compile(r"\bos\.(environ|getenv)|^from os import")
    found = [
        f"{file.relative_to(LAB)}:{number}"
        for file in sources()
        if not any(file.is_relative_to(reader) for reader in READERS)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if reading.search(line)
    ]
    assert found == []


def test_every_variable_that_a_source_names_is_in_the_table() -> None:
    named = {name for file in sources() for name in re.findall(r"[\"'`=]((?:LAB)_[A-Z_]+)\b", file.read_text("utf-8"))}
    assert len(named) > 10
    assert named <= set(variables.TABLE)


def test_every_variable_of_the_table_is_read_somewhere() -> None:
    others = "".join(file.read_text("utf-8") for file in sources() if file.name != "variables.py")
    assert [name for name in variables.TABLE if f'"{name}"' not in others] == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("LAB_PORT", text) for text in (KUBERNETES, "70000", "-1", "0", "4566.0", "٤٥", "9" * 5000)),
        *(("LAB_NOTEBOOK_PORT", text) for text in (KUBERNETES, "eight")),
        *(("LAB_REGION", text) for text in ("us east 1", "us-east-1;", "nowhere", "US-EAST-1")),
        *(("LAB_BUDGET_USD", text) for text in ("nan", "inf", "-0.5", "1,5", "$1")),
        *(("LAB_STATE_DIR", text) for text in ("~nobody-is-called-so/x",)),
        *(("LAB_LIVE", text) for text in ("yes", "2")),
        *(("LAB_HOOKS", text) for text in ("maybe",)),
        *(("LAB_WORKERS_PER_FUNCTION", text) for text in ("0", "-2", "many")),
        *(("LAB_PURE_PYTHON_RUNTIME_CLIENT", text) for text in ("maybe",)),
    ],
)
def test_what_cannot_be_used_is_one_sentence_before_anything_is_made(
    name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, wrong)
    with pytest.raises(variables.VariableError) as refused:
        resolve()
    assert refused.value.what.startswith(f"{name} is '{wrong}', and ")
    assert refused.value.next_step.startswith(f"unset {name}, or for example: export {name}=")
    assert ("Kubernetes" in refused.value.cause) is (wrong == KUBERNETES)


@pytest.mark.parametrize("name", [name for name, variable in variables.TABLE.items() if variable.example])
def test_the_example_works(name: str) -> None:
    assert variables.value(name, {name: variables.TABLE[name].example}) is not None
    assert variables.value(name, {name: " "}) is None
    assert variables.value(name, {}) is None


@pytest.mark.parametrize("region", ["us-nowhere-1", "cn-north-1"])
def test_a_region_that_an_emulator_lacks_is_refused_there_alone(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_REGION", region)
    with pytest.raises(TargetError, match=f"'{region}'"):
        resolve("embedded")
    assert resolve("aws").kind == "aws"


def test_what_other_programs_set_disturbs_no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "not a region")
    assert resolve("embedded").region == "us-east-1"


def test_the_port_counts_for_a_localstack_that_runs_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("LAB_PORT", "4599")
    assert resolve("localstack").endpoint_url == "http://127.0.0.1:4599"
    monkeypatch.setenv("LAB_ENDPOINT_URL", "http://127.0.0.1:4600")
    assert resolve("localstack").endpoint_url == "http://127.0.0.1:4600"


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LAB_STATE_DIR", "~/state")
    assert paths.state_root() == tmp_path / "state"


@pytest.mark.parametrize(
    "option", ["send --file", "ramp --text", "ramp --out", "ramp --junit", "demo --out", "doctor --ca-bundle"]
)
def test_every_path_that_is_typed_means_the_home_folder(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command, name = option.split()
    monkeypatch.setenv("HOME", "/nowhere-at-all")
    seen = []
    monkeypatch.setattr(variables, "folder_or_file", lambda path: seen.append(str(path)) or Path("/dev/null/x"))
    CliRunner().invoke(app, [command, f"{name}=~/x", "--target", "none"])
    assert "~/x" in seen


def test_every_option_that_takes_a_path_knows_the_home_folder() -> None:
    found = 0
    for file in sorted((LAB / "commands").glob("*.py")):
        for option in re.findall(r"Annotated\[\s*Path\b(.*?)\)\s*,?\s*\]", file.read_text("utf-8"), re.DOTALL):
            found += 1
            assert "callback=typed_path" in option, file
    assert found == 14


@pytest.mark.parametrize(
    "line",
    [
        "notebook --port 80000",
        "notebook --port -1",
        "ramp --seed -1",
        "policy --region nowhere",
        "demo --out=~nobody-so/x",
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_made(line: str) -> None:
    ended = CliRunner().invoke(app, line.split())
    assert ended.exit_code == 2
    assert "Invalid value" in ended.output
    assert "Traceback" not in ended.output


def test_a_port_of_the_system_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(ports.PortForbiddenError, match="80 cannot be used"):
        ports.choose_port(80, print, avoid_usual=False)


def test_a_stage_of_any_length_is_counted() -> None:
    with pytest.raises(PlanError, match="the most is 1,000,000"):
        Plan(staircase([1], 1e300))
