"""What a run leaves in a folder: summary, report, charts, tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import paths, report
from lab.errors import LabError
from lab.session import summary
from lab.session.ramp import RampResult, save_tables
from lab.target import Target


class OutputFolderError(LabError):
    """The folder for results cannot be written."""


def write_ramp(target: Target, result: RampResult, folder: Path) -> dict[str, Any]:
    """Write summary, report, charts and tables of a ramp into ``folder``; return the summary."""
    make_folder(folder)
    contents = summary.head(target) | summary.ramp_summary(result)
    write_all(contents, summary.ramp_figures(result), result, folder)
    return contents


def make_folder(folder: Path) -> None:
    """Make the folder for results.

    Raises:
        OutputFolderError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise OutputFolderError(
            f"The results cannot be written to {folder} ({error.strerror}).",
            next_step="lab demo --out ~/express-lab-out",
        ) from error


def run_folder(target: Target, run_id: str) -> Path:
    """Where the results of a run of this lab are kept unless somebody wants them elsewhere."""
    return paths.state_folder(target.name) / "runs" / run_id


def write_all(
    contents: dict[str, Any],
    figures: dict[str, Any],
    result: RampResult,
    folder: Path,
    sample_text: str | None = None,
) -> None:
    """Write tables, report, charts and summary of a run."""
    save_tables(result, folder / "tables")
    report.write_report(folder, contents, figures, sample_text=sample_text)
    summary.write_summary(contents, folder)
