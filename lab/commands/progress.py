"""``lab progress``: where a learner stands, and where a room stands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from lab import paths, variables
from lab.commands.options import NameOption, typed_path
from lab.commands.terminal import out, short
from lab.target import DEFAULT_NAME

if TYPE_CHECKING:
    from lab.workshop.progress import Room, Standing


def progress(
    file: Annotated[
        Path | None, typer.Argument(help="Where --export writes; else progress-ID.json here.", callback=typed_path)
    ] = None,
    name: NameOption = None,
    export: Annotated[
        bool, typer.Option("--export", help="Write one file for the instructor, with a random id and no name.")
    ] = False,
    learner: Annotated[str, typer.Option("--learner", help="Your name, for --export, if you want to give it.")] = "",
    collect: Annotated[
        Path | None,
        typer.Option("--collect", help="Read the learners' files in this folder.", callback=typed_path),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Show which exercises and quizzes are passed; with --collect, those of a whole room.

    Nothing leaves this machine: --export writes a file, and you decide who gets it. It holds what was tried and passed,
    and no prediction, no code, no path and nothing about the machine.
    """
    _refuse_what_does_not_go_together(file, export=export, learner=learner, collect=collect, as_json=as_json)
    from lab.workshop import progress as workshop

    lab = paths.check_name(name or variables.value("LAB_NAME") or DEFAULT_NAME)
    if collect is not None:
        _show_room(workshop.collect(collect, workshop.checks_of_the_course()), collect)
    elif export:
        written, tried = workshop.export(file, lab=lab, name=learner)
        out.print(f"Your progress is in {short(written)}. It was sent to nobody.", soft_wrap=True)
        if not tried:
            out.print(f"It holds nothing yet: in the lab '{lab}' no check was tried.", soft_wrap=True)
        out.print("Next: hand it to your instructor, who types: lab progress --collect FOLDER", soft_wrap=True)
    else:
        found = workshop.own_standings(lab)
        if as_json:
            sys.stdout.write(json.dumps(workshop.as_dict(lab, found), indent=2) + "\n")
            return
        _show(found)


def _refuse_what_does_not_go_together(
    file: Path | None, *, export: bool, learner: str, collect: Path | None, as_json: bool
) -> None:
    if file is not None and not export:
        raise typer.BadParameter("a file is written with --export alone.", param_hint="FILE")
    if learner and not export:
        raise typer.BadParameter("a name goes into a file: give --export, too.", param_hint="--learner")
    if sum([export, collect is not None, as_json]) > 1:
        raise typer.BadParameter("--export, --collect and --json do not go together.", param_hint="--export")


def _show(found: list[Standing]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("notebook", "check", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("tries", "hints"):
        table.add_column(heading, justify="right", no_wrap=True)
    above = ""
    for one in found:
        notebook = one.check.name if one.check.name != above else ""
        above = one.check.name
        state = one.state
        if one.check.is_quiz and one.state != "not begun":
            state += f", {one.right} of {len(one.check.questions)} right"
        hints = "" if one.check.is_quiz else f"{one.hints}, and how" if one.recipe else str(one.hints)
        told = (str(one.tries), hints) if one.begun else ("", "")
        table.add_row(notebook, one.check.title, state, *told)
    out.print(table)
    passed = sum(one.passed for one in found)
    out.print(f"{passed} of {len(found)} passed.", soft_wrap=True)
    if following := next((one for one in found if not one.passed), None):
        out.print(f"Next: {following.check.title} of {following.check.name}", soft_wrap=True)


def _show_room(room: Room, folder: Path) -> None:
    from lab.workshop.progress import write_page

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("check", "passed", "not yet", "not begun", "tries", "hints"):
        table.add_column(heading, justify="left" if heading == "check" else "right", no_wrap=True)
    for row in room.by_check().to_dict("records"):
        means = [f"{row[column]:.1f}" if row[column] == row[column] else "" for column in ("tries", "hints")]
        counts = [str(row[column]) for column in ("passed", "not_yet", "not_begun")]
        table.add_row(row["check"], *counts, *means)
    out.print(table)
    for file, why in room.skipped:
        out.print(f"Left out: {short(file)} ({why}).", soft_wrap=True)
    if room.strange:
        out.print(f"Some have another version of the course; left out: {', '.join(room.strange)}.", soft_wrap=True)
    finding, page = write_page(room, folder)
    out.print(f"{len(room.learners)} learner{'' if len(room.learners) == 1 else 's'}. {finding}.", soft_wrap=True)
    out.print(f"Page with chart: {short(page)}", soft_wrap=True)
