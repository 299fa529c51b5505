"""Finds a browser of the Chromium family on this machine; ``python -m tests.browser.find`` prints which."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
APPLICATIONS = tuple(
    f"{folder}/Applications/{name}.app/Contents/MacOS/{name}"
    for folder in ("", str(Path.home()))
    for name in ("Chromium", "Google Chrome", "Microsoft Edge")
)
HOW_TO_GET_ONE = (
    "install Chromium or Google Chrome ('apt install chromium', 'brew install --cask chromium'), then: make test"
)


def find_browser(
    which: Callable[[str], str | None] = shutil.which, applications: Iterable[str] = APPLICATIONS
) -> str | None:
    """The path of a browser: ``LAB_BROWSER``, else one on the PATH, else one among the applications of macOS."""
    chosen = os.environ.get("LAB_BROWSER")
    if chosen:
        return chosen if Path(chosen).exists() else None
    for command in COMMANDS:
        if path := which(command):
            return path
    return next((path for path in applications if Path(path).exists()), None)


def main() -> int:
    """Print the path, or how to get a browser; exit code 1 when there is none."""
    found = find_browser()
    print(found or f"There is no browser for the browser tests. Next: {HOW_TO_GET_ONE}")  # noqa: T201
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
