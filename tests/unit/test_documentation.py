"""Documentation that cannot go stale: every command and option has help; page and schemas are those of the code."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import typer

from lab.commands import app
from lab.load.messages import BrokenKind
from tests import broken_bodies, documentation

GROUP = typer.main.get_command(app)
COMMANDS: dict[str, Any] = dict(getattr(GROUP, "commands", {}))


def test_there_are_commands() -> None:
    assert {"doctor", "up", "down", "status", "send", "ramp", "demo", "notebook", "policy"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    bare = [option.name for option in command.params if not getattr(option, "help", None)]
    assert bare == []


def test_the_page_of_commands_is_what_their_help_makes() -> None:
    assert documentation.COMMANDS_PAGE.read_text("utf-8") == documentation.commands_page(), "Next: make docs"


def test_the_page_of_broken_bodies_is_what_the_emulator_is_held_to() -> None:
    assert documentation.BROKEN_BODIES_PAGE.read_text("utf-8") == broken_bodies.page(), "Next: make docs"
    assert set(broken_bodies.ENDS) == set(BrokenKind)


@pytest.mark.parametrize("schema", ["summary", "status", "learning", "manifest"])
def test_a_schema_says_what_every_key_is_and_takes_no_other(schema: str) -> None:
    rules = json.loads((documentation.SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))
    assert rules["additionalProperties"] is False
    assert rules["properties"]["schema_version"] == {"const": 1}
    with pytest.raises(jsonschema.ValidationError):
        documentation.validate({"schema_version": 2}, schema)
