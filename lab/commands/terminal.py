"""How commands print: the two consoles, progress, and what several of them say in the same way."""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from lab import signals
from lab.errors import LabError
from lab.target import Target

# What moves the cursor or colours the screen when a terminal gets it; a line feed and a tab are text.
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f]")
# What the lab itself prints beyond ASCII, for terminals that cannot show it.
_NEAREST = str.maketrans(
    {"█": "#", "–": "-", "—": "-", "…": "...", "’": "'", "“": '"', "”": '"', "→": "->", "×": "x", "·": "|"}
)


class PlainConsole(Console):
    """Prints text as it is: a path ``out [old]`` and a word ``[/b]`` are no markup, ``:cat:`` is no cat.

    Everything that a command prints goes through one of these, since much of it comes from outside.
    """

    def render_str(self, text: str, **keywords: Any) -> Text:
        """See rich; whatever it is told, markup and emoji stay what they are, and control characters are shown."""
        return super().render_str(shown(text), **(keywords | {"markup": False, "emoji": False, "highlight": False}))


out = PlainConsole()
err = PlainConsole(stderr=True)


def shown(text: str) -> str:
    """The text with its control characters written out, such as ``\\x1b``, so that they do nothing."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def make_output_printable() -> None:
    """A terminal gets what it can show: the nearest character, or `?`; broken names of files are no error."""
    codecs.register_error("lab.nearest", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="lab.nearest")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    nearest = error.object[error.start : error.end].translate(_NEAREST)
    return "".join(character if character.isascii() else "?" for character in nearest), error.end


@contextmanager
def spinner(text: str) -> Iterator[Callable[[str], None]]:
    """Something that turns beside ``text`` while the block runs; gives what changes the text."""
    with out.status(Text(shown(text))) as status:
        yield lambda text: status.update(Text(shown(text)))


def fail(error: LabError) -> NoReturn:
    """Print the error for the person at the keyboard and end with its exit code."""
    # A terminal that was closed takes no more words.
    with contextlib.suppress(OSError):
        err.print(error.render(), soft_wrap=True)
    sys.exit(error.exit_code)


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """A command that, when it is stopped and says nothing better of it, ends with a sentence and the right code."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            with signals.interrupting():
                command(*arguments, **options)
        except KeyboardInterrupt:
            raise signals.StoppedError("Stopped.") from None

    return run


def confirm(target: Target, *, messages: int, yes: bool) -> None:
    """Nothing is made on AWS before somebody has seen where, and what it costs."""
    from lab import session

    if target.is_emulator:
        return
    out.print(session.announcement(target, messages), soft_wrap=True)
    if not yes and not typer.confirm("Go on?"):
        out.print("Nothing was made.")
        raise typer.Exit(1)


def teller(update: Callable[[str], None]) -> Callable[[str], None]:
    """Progress goes into the spinner's line; whole sentences stay on the screen."""

    def tell(text: str) -> None:
        if text.endswith("."):
            out.print(text)
        else:
            update(f"Ready: {text}")

    return tell


def short(path: Path) -> str:
    """The path as somebody in this folder would type it."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
