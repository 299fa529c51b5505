"""``lab notebook``: the workshop in JupyterLab."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen
from lab.commands.terminal import out


def notebook(
    target: TargetOption = None,
    name: NameOption = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="JupyterLab's port.")] = None,
) -> None:
    """Open the workshop in JupyterLab; Ctrl-C stops it."""
    from lab.workshop import jupyter

    jupyter.serve(
        chosen(target, name),
        open_browser=browser,
        port=port,
        say=lambda text: out.print(text, soft_wrap=True),  # a broken address cannot be opened
    )
