"""Writes the report of a run: one HTML file that needs no other, with the charts beside it as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from lab.charts.style import png_of
from lab.clock import today
from lab.errors import UsageError
from lab.report.about import about, void_stages
from lab.report.content import (
    account,
    chart,
    ends,
    expectation_rows,
    facts,
    file_name,
    sample_message,
    stage_note,
    stage_row,
    watched_states,
    word_check,
)

REPORT, TEMPLATE = "report.html", "report.html.jinja"


class ReportNotWritableError(UsageError):
    """The report cannot be written where it should go."""


def write_report(
    out_dir: Path,
    summary: Mapping[str, Any],
    figures: Mapping[str, Figure],
    *,
    sample_text: str | None = None,
    made_at: datetime | None = None,
) -> Path:
    """Write ``report.html`` and one PNG file a chart.

    Args:
        out_dir: the folder; made when missing.
        summary: the contents of ``summary.json``; every part of it may be missing.
        figures: charts by name, in the order of the report; names of ``EXPLANATIONS`` get their explanation. The file
            of a chart is its name with ``.png``.
        sample_text: the decoded text of the sample message, shown as a quotation.
        made_at: time of the report, now when left out.

    Returns:
        The path of ``report.html``.

    Raises:
        ReportNotWritableError: the folder cannot be made or written.
    """
    pictures = {name: png_of(figure) for name, figure in figures.items()}
    html = _render(summary, figures, pictures, sample_text, made_at or today())
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, png in pictures.items():
            (out_dir / f"{file_name(name)}.png").write_bytes(png)
        path = out_dir / REPORT
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ReportNotWritableError(
            f"The report cannot be written to {out_dir}.",
            cause=f"{error.strerror or error}.",
            next_step="Name a folder that you may write to: --out DIR",
        ) from error
    return path


def _render(
    summary: Mapping[str, Any],
    figures: Mapping[str, Figure],
    pictures: Mapping[str, bytes],
    sample_text: str | None,
    made_at: datetime,
) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    return environment.get_template(TEMPLATE).render(
        facts=facts(summary, made_at),
        sample=sample_message(summary.get("sample") or {}, sample_text),
        stages=[stage_row(stage) for stage in summary.get("stages") or []],
        stage_note=stage_note(summary.get("stages") or []),
        about=about(summary),
        void=void_stages(summary),
        saturation=(summary.get("saturation") or {}).get("reason") or "",
        charts=[chart(name, figures[name], pictures[name]) for name in figures],
        account=account(summary.get("reconciliation") or {}),
        ends=ends(summary.get("account") or []),
        expectations=expectation_rows(summary.get("expectations") or []),
        words=word_check(summary.get("words") or {}),
        watched=watched_states(summary.get("watched") or {}),
    )
