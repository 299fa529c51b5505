"""The page of a room: one HTML file that needs no other, and its table for a spreadsheet."""

from __future__ import annotations

import base64
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab import charts
from lab.charts.style import SCREEN_DPI
from lab.errors import LabError
from lab.workshop.progress.room import PAGE, TABLE, Room

TEMPLATE = "room.html.jinja"


class PageNotWrittenError(LabError):
    """The page of a room cannot be written into its folder."""


def write_page(room: Room, folder: Path) -> tuple[str, Path]:
    """Write ``room.html`` and ``room.csv`` into ``folder``; returns the chart's finding and the page.

    Raises:
        PageNotWrittenError: the folder cannot be written.
    """
    table = room.by_check()
    chart = charts.room_progress(table)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(TEMPLATE).render(
        finding=chart.finding,
        picture=base64.b64encode(chart.png()).decode("ascii"),
        alternative=f"{chart.alternative}. The numbers are in the table below.",
        width=round(chart.get_figwidth() * SCREEN_DPI),
        checks=[_shown(row) for row in table.to_dict("records")],
        learners=room.by_learner().to_dict("records"),
        notebooks=list(dict.fromkeys(check.notebook for check in room.checks)),
        questions=[row for row in room.by_question().to_dict("records") if row["answered"]],
        skipped=[(file.relative_to(folder).as_posix(), why) for file, why in room.skipped],
        strange=room.strange,
    )
    try:
        (folder / PAGE).write_text(page, "utf-8")
        table.to_csv(folder / TABLE, index=False, float_format="%.2f")
    except OSError as error:
        raise PageNotWrittenError(
            f"The page of the room cannot be written to {folder} ({error.strerror or error}).",
            next_step="copy the files into a folder that you may write to, then: lab progress --collect THAT_FOLDER",
        ) from error
    return chart.finding, folder / PAGE


def _shown(row: dict[str, object]) -> dict[str, object]:
    """Means with one digit; a dash where nobody has begun."""
    return row | {name: "–" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in ("tries", "hints")}
