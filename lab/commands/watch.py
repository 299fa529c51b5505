"""``lab watch``: what the log of any workflow tells, state by state."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, short
from lab.signals import exit_code


def watch(
    state_machine: Annotated[
        str, typer.Option("--state-machine", metavar="ARN", help="The ARN of any state machine, of whatever states.")
    ],
    target: TargetOption = None,
    name: NameOption = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, max=20_160, help="How far back to read its log.")
    ] = 60.0,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, help="Go on reading for so long; Ctrl-C ends it sooner.")
    ] = 0.0,
    log_all: Annotated[
        bool,
        typer.Option(
            "--log-all",
            help="First set its logging to ALL with execution data, where it is less; on AWS logs cost money, and its "
            "role needs the right to deliver them.",
        ),
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where tables, charts and report go.", callback=typed_path)
    ] = None,
) -> None:
    """Read the log of any workflow: tables, charts and a report, every visit of a state accounted for."""
    from lab import session

    here = chosen(target, name)
    if folder is not None:
        session.make_folder(folder)
    result = session.watch_machine(
        here, state_machine, minutes=minutes, seconds=seconds, log_all=log_all, say=out.print
    )
    out.print(session.visits_as_table(result.by_state))
    for line in result.sentences():
        out.print(line, soft_wrap=True)
    destination = folder or session.watch_folder(here, result.machine.name)
    session.write_watched(here, result, destination, say=out.print)
    out.print(f"Tables, charts and report: {short(destination / 'report.html')}", soft_wrap=True)
    if result.interrupted:
        raise typer.Exit(exit_code())
    if not result.holds:
        raise typer.Exit(1)
