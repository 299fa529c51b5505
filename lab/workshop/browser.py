"""Opens a page in the user's browser without waiting for it."""

from __future__ import annotations

import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

# Browsers that draw in the terminal. JupyterLab cannot be used in one, and it would take the terminal from us.
TEXT_BROWSERS = frozenset({"lynx", "w3m", "links", "links2", "elinks", "www-browser", "browsh"})
_OPEN = "import sys, webbrowser; webbrowser.open(sys.argv[1])"


def open_page(url: str, say: Callable[[str], None]) -> None:
    """Have the page opened, or say that there is no browser for it; returns at once in any case.

    A browser that was named by ``$BROWSER`` may run until it is closed, so a process of its own waits for it.
    """
    name = _name()
    if name is None or Path(name).name in TEXT_BROWSERS:
        found = "no browser" if name is None else f"only a text browser ({name})"
        say(f"There is {found} here; open the address in one.")
        return
    subprocess.Popen(
        [sys.executable, "-I", "-c", _OPEN, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _name() -> str | None:
    """The program that would be started; None without any."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    return str(getattr(found, "name", type(found).__name__))
