"""How commands print: the two consoles, progress, and what several of them say in the same way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.status import Status

from lab.errors import LabError
from lab.target import Target

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(error: LabError) -> NoReturn:
    """Print the error for the person at the keyboard and end with exit code 1."""
    err.print(error.render(), soft_wrap=True, markup=False)
    sys.exit(1)


def confirm(target: Target, *, messages: int, yes: bool) -> None:
    """Nothing is made on AWS before somebody has seen where, and what it costs."""
    from lab import session

    if target.is_emulator:
        return
    out.print(session.announcement(target, messages), soft_wrap=True)
    if not yes and not typer.confirm("Go on?"):
        out.print("Nothing was made.")
        raise typer.Exit(1)


def teller(status: Status) -> Callable[[str], None]:
    """Progress goes into the spinner's line; whole sentences stay on the screen."""

    def tell(text: str) -> None:
        if text.endswith("."):
            out.print(text)
        else:
            status.update(f"Ready: {text}")

    return tell


def short(path: Path) -> str:
    """The path as somebody in this folder would type it."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
