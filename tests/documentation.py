"""What the documentation repeats of the code: the page of commands, made of their own help. `make docs` writes it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import typer
from typer.cli import get_docs_for_click

from lab import paths, variables
from lab.analysis import expectations
from lab.commands import app
from lab.errors import EXIT_CODES
from tests import broken_bodies

DOCS = paths.PROJECT / "docs"
COMMANDS_PAGE = DOCS / "commands.md"
BROKEN_BODIES_PAGE = DOCS / "broken-bodies.md"
SCHEMAS = DOCS / "schemas"


def commands_page() -> str:
    """docs/commands.md as the commands' help makes it."""
    group = typer.main.get_command(app)
    context = group.context_class(group, info_name="lab")
    text: str = get_docs_for_click(obj=group, ctx=context, name="lab")
    return (
        "<!-- Made of the commands' own help and lab/variables.py; edit those, then: make docs -->\n\n"
        f"{text.strip()}\n\n## Expectations\n\n{expectations.on_page()}\n\n## Exit codes\n\n{_exit_codes()}\n\n"
        f"## Environment variables\n\n{variables.on_page()}\n"
    )


def _exit_codes() -> str:
    rows = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def validate(document: Any, schema: str) -> None:
    """Hold a document against docs/schemas/<schema>.schema.json.

    Raises:
        jsonschema.ValidationError: it does not fit.
    """
    rules = json.loads((SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))
    checker = jsonschema.Draft202012Validator
    checker.check_schema(rules)
    checker(rules).validate(document)


def main() -> None:
    """Write the generated pages."""
    COMMANDS_PAGE.write_text(commands_page(), "utf-8")
    BROKEN_BODIES_PAGE.write_text(broken_bodies.page(), "utf-8")


if __name__ == "__main__":
    main()
