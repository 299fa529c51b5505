"""``lab compare``: two kept runs side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, typed_path
from lab.commands.report import RUN_HELP
from lab.commands.terminal import out, short


def compare(
    a: Annotated[str, typer.Argument(metavar="RUN_A", help=RUN_HELP)],
    b: Annotated[str, typer.Argument(metavar="RUN_B", help=RUN_HELP)],
    name: NameOption = None,
    measure: Annotated[
        str, typer.Option("--measure", help="end_to_end, naive, duration, queue_wait or start_delay.")
    ] = "end_to_end",
    file: Annotated[
        Path | None, typer.Option("--out", help="The HTML page; else one in the folder of RUN_B.", callback=typed_path)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts, and write no page.")] = False,
) -> None:
    """Compare two kept runs: what differs by more than chance."""
    from lab import session

    first, second = (session.read_run(session.find_run(run, name)) for run in (a, b))
    comparison = session.compare_runs(first, second, measure=measure)
    if as_json:
        found = session.comparison_as_dict(comparison, first, second)
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for letter, run in (("A", first), ("B", second)):
        facts = session.facts_of(run)
        out.print(f"{letter}: {facts['run']}, {facts['target']}, {facts['plan']}", soft_wrap=True)
    for note in session.notes_on(comparison, first, second):
        out.print(note, soft_wrap=True)
    out.print(session.comparison_as_table(comparison))
    for line in session.not_judged(comparison):
        out.print(line, soft_wrap=True)
    out.print(f"{session.finding(comparison)}.", soft_wrap=True)
    destination = file or second.folder / f"compared-with-{first.run_id}.html"
    session.write_comparison_page(comparison, first, second, destination)
    out.print(f"Page with chart: {short(destination)}", soft_wrap=True)
