"""``lab version``."""

from __future__ import annotations

from lab import __version__
from lab.commands.terminal import out


def version() -> None:
    """Print the version."""
    out.print(f"express-lab {__version__}")
