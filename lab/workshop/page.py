"""Text in lines that a notebook's page shows whole."""

from __future__ import annotations

import textwrap

WIDTH = 78  # what a page of 800 pixels shows in one line


def filled(text: str, label: str = "") -> str:
    """``text`` after ``label``, in lines that a narrow page shows without breaking words; later ones are indented."""
    indent = " " * max(len(label), 2)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
