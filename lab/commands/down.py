"""``lab down``: destroy every resource, and prove it."""

from __future__ import annotations

import typer

from lab.commands.options import NameOption, TargetOption, chosen
from lab.commands.terminal import err, out, spinner


def down(target: TargetOption = None, name: NameOption = None) -> None:
    """Destroy every resource and prove that nothing is left."""
    from lab import session

    here = chosen(target, name)
    with spinner("Removing ...") as update:
        survivors = session.down(here, say=lambda text: update(f"Removed {text}"))
    if survivors:
        err.print("These survived:")
        for line in survivors:
            err.print(f"  {line}")
        err.print("Next: lab down" + here.options)
        raise typer.Exit(1)
    out.print(f"Nothing of the lab '{here.name}' is left on target '{here.kind}'.")
