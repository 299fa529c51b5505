"""``lab reset``: one notebook of the learner's copy as it was."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import paths
from lab.commands.terminal import out


def reset(
    notebook: Annotated[str, typer.Argument(help="Number or name of the notebook: 02, or solutions/02.")],
) -> None:
    """Give your copy of a notebook its first state again; yours is kept beside it."""
    from lab.workshop import working_copy

    restored, kept = working_copy.reset(notebook, paths.working_copy())
    out.print(f"{restored.name} is as it was at first." + (f" Yours is kept beside it: {kept.name}" if kept else ""))
    out.print("Where it is open in JupyterLab: File → Reload Notebook from Disk.")
