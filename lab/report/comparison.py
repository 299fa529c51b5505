"""The page of ``lab compare``: two runs in one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from lab.charts.style import PNG_DPI, SCREEN_DPI, png_of
from lab.errors import LabError

TEMPLATE = "comparison.html.jinja"


class ComparisonNotWritableError(LabError):
    """The page cannot be written where it should go."""


def write_comparison(
    file: Path,
    figure: Figure,
    *,
    finding: str,
    facts: Sequence[tuple[str, str, str, bool]],
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    method: Sequence[str],
) -> Path:
    """Write the page.

    Args:
        file: of the page; its folder is made when missing.
        figure: the chart.
        finding: the sentence at the top.
        facts: what each run was: what is told, of A, of B, and whether they differ.
        rows: of the table, as text: ``rate``, ``what``, ``a``, ``b``, ``change``, ``verdict``, ``changed``.
        notes: what to know before one believes it.
        method: how it was found, a paragraph each.

    Raises:
        ComparisonNotWritableError: the file cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    detail = getattr(figure, "detail", "")
    page = environment.get_template(TEMPLATE).render(
        finding=finding,
        facts=facts,
        rows=rows,
        notes=notes,
        method=method,
        picture=base64.b64encode(png_of(figure, PNG_DPI)).decode("ascii"),
        alternative=". ".join(part for part in (finding, detail) if part),
        width=round(figure.get_figwidth() * SCREEN_DPI),
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, "utf-8")
    except OSError as error:
        raise ComparisonNotWritableError(
            f"The page cannot be written to {file} ({error.strerror or error}).",
            next_step="Name a file that you may write to, for example: --out ~/comparison.html",
        ) from error
    return file
