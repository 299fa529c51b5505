"""``lab report``: charts and report of a kept run, made again from its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, typed_path
from lab.commands.terminal import out, short

RUN_HELP = "A run of 'lab runs' or the beginning of its name, a folder, or: last."


def report(
    run: Annotated[str, typer.Argument(help=RUN_HELP)],
    name: NameOption = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where charts and report go: the run's own folder.", callback=typed_path),
    ] = None,
) -> None:
    """Make charts and report of a kept run again, from its rows."""
    from lab import session

    kept = session.read_run(session.find_run(run, name))
    out.print(f"Run {kept.run_id}:")
    out.print(session.stages_as_table(kept.stages))
    for line in session.notes_on_stages(kept.stages):
        out.print(line, soft_wrap=True)
    out.print(kept.saturation.reason, soft_wrap=True)
    file = session.render_again(kept, folder, say=out.print)
    out.print(f"Charts and report: {short(file)}", soft_wrap=True)
