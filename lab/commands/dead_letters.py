"""``lab dead-letters``: which messages were given up, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen
from lab.commands.terminal import out, spinner


def dead_letters(
    target: TargetOption = None,
    name: NameOption = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Show so many at most.")] = 20,
) -> None:
    """Show the messages in the dead-letter queue, and why they are there.

    Each look counts as a receive. The messages stay where they are; 'lab redrive' moves them back to the queue.
    """
    from lab import session

    here = chosen(target, name)
    with spinner("Reading ..."):
        rows = session.dead_letters(here)
    if rows.empty:
        out.print("There are no dead letters.")
        return
    for line in session.lines_of(rows.head(most)):
        out.print(line, soft_wrap=True)
    if len(rows) > most:
        out.print(f"… and {len(rows) - most} more: --most {len(rows)} shows all.")
    counts = rows["error"].fillna("no reason logged").value_counts()
    total = f"{len(rows)} dead letter{'' if len(rows) == 1 else 's'}"
    out.print(f"{total}: " + ", ".join(f"{count} {error}" for error, count in counts.items()) + ".", soft_wrap=True)
    out.print(f"Next: mend the cause, then lab redrive{here.options}")
