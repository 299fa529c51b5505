"""``lab runs``: the runs that are kept."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.table import Table

from lab.commands.options import NameOption
from lab.commands.terminal import out


def runs(
    name: NameOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List the runs that are kept, the newest last."""
    from lab import session

    # Of every lab, unless one is named here: what LAB_NAME says is for commands that do something to a lab.
    cards = session.kept_runs(name)
    if as_json:
        found = {"schema_version": 1, "runs": [card.as_dict() for card in cards]}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    if not cards:
        out.print("No run is kept yet. Next: lab ramp", soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 1, 0, 0))
    # What may be long is folded where the terminal is narrow; nothing is cut off.
    for heading, folds in (("run", False), ("kept (UTC)", False), ("target", False), ("lab", True), ("rates", True)):
        table.add_column(heading, no_wrap=not folds, overflow="fold", min_width=8 if heading == "rates" else None)
    for heading in ("sent", "lost", "saturation"):
        table.add_column(heading, justify="right", no_wrap=True)
    for card in cards:
        if not card.problem:
            table.add_row(*session.card_cells(card))
    if table.row_count:
        out.print(table)
    for card in cards:
        if card.problem:
            out.print(f"{card.run_id} of lab {card.name} is left out ({card.problem}).", soft_wrap=True)
    if table.row_count:
        out.print("Next: lab report last, or lab compare RUN RUN", soft_wrap=True)
