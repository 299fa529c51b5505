"""Text in lines that a notebook's page shows whole."""

from __future__ import annotations

import re
import textwrap

WIDTH = 78  # what a page of 800 pixels shows in one line


class _Wrapper(textwrap.TextWrapper):
    """Breaks between words; a word that is wider than a line, such as a long ARN, breaks after its colons."""

    def _split(self, text: str) -> list[str]:
        chunks: list[str] = []
        for chunk in super()._split(text):
            too_wide = len(chunk) > self.width - len(self.subsequent_indent)
            chunks += re.findall(r"[^:]*:+|[^:]+", chunk) if too_wide else [chunk]
        return chunks


def say(text: str) -> None:
    """Print a text in lines that a narrow page shows whole."""
    print(filled(text))  # noqa: T201 - the notebook's own output


def filled(text: str, label: str = "") -> str:
    """``text`` after ``label``, in lines that a narrow page shows without breaking words; later ones are indented."""
    wrapper = _Wrapper(
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * max(len(label), 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.fill(text)
