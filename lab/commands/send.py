"""``lab send``: the sample message, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, spinner


def send(
    target: TargetOption = None,
    name: NameOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Send this file's text instead of the sample.", callback=typed_path)
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many times.")] = 1,
) -> None:
    """Send the sample message and show its execution."""
    from lab import session

    here = chosen(target, name)
    with spinner("Sending ...") as update:
        executions, states = session.send(
            here,
            [session.body_of(file, here.options)] * count,
            say=lambda text: update(f"{text.capitalize()}, waiting for the workflow ..."),
        )
    if note := session.clock_note(here):
        out.print(note, soft_wrap=True)
    for line in session.describe_execution(executions.iloc[0], states):
        out.print(line, soft_wrap=True)
    if count > 1:
        out.print(session.describe_many(executions))
    if (executions["status"] != "SUCCEEDED").any():
        raise typer.Exit(1)
