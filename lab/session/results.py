"""What a run leaves in a folder: summary, report, charts, tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import charts, paths, report
from lab.errors import UsageError
from lab.session import started, summary
from lab.session.keeping import keep_run
from lab.session.lifecycle import Say
from lab.session.outcome import RampResult
from lab.target import Target

# Ten thousand messages leave 46 MB, most of it their inputs and outputs.
_LEAST_FREE_BYTES = 50_000_000
_NEXT = "the same command with a folder of your own, for example: --out ~/express-lab-out"


class OutputFolderError(UsageError):
    """The folder for results cannot be written."""


def write_ramp(target: Target, result: RampResult, folder: Path, *, say: Say = lambda text: None) -> dict[str, Any]:
    """Write summary, report, charts and tables of a ramp into ``folder``; return the summary."""
    make_folder(folder)
    contents = summary.head(target) | summary.ramp_summary(result)
    write_all(contents, summary.ramp_figures(result), result, folder, say=say)
    started.end(folder, followed=result.drained or not result.interrupted)
    return contents


def make_folder(folder: Path) -> None:
    """Make the folder for results, and see that there is room.

    Raises:
        OutputFolderError: it cannot be written, or its disk is nearly full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputFolderError(
            f"The results cannot be written to {folder} ({error.strerror}).", next_step=_NEXT
        ) from error
    if free < _LEAST_FREE_BYTES:
        raise OutputFolderError(
            f"The results may not fit into {folder}: {free / 1e6:.0f} MB are free, and a run of ten thousand "
            f"messages takes {_LEAST_FREE_BYTES / 1e6:.0f} MB.",
            next_step=_NEXT,
        )


def run_folder(target: Target, run_id: str) -> Path:
    """Where the results of a run of this lab are kept unless somebody wants them elsewhere."""
    return paths.state_folder(target.name) / "runs" / run_id


def write_all(
    contents: dict[str, Any],
    figures: Mapping[str, summary.Draw],
    result: RampResult,
    folder: Path,
    sample_text: str | None = None,
    *,
    say: Say = lambda text: None,
) -> None:
    """Write what cannot be had again first, tables and summary; then draw the charts and write the report.

    Raises:
        OutputFolderError: see :func:`keep`.
    """
    keep(contents, result, folder)
    try:
        report.write_report(folder, contents, drawn(figures, say), sample_text=sample_text)
    except KeyboardInterrupt:
        say(f"Stopped before the report was made; tables and summary are in {folder}.")
        raise


def keep(contents: dict[str, Any], result: RampResult, folder: Path) -> None:
    """Write tables and summary.

    Raises:
        OutputFolderError: the folder could not be written after all; says where the results are instead.
    """
    try:
        _write_rows(contents, result, folder)
    except OSError as error:
        raise _rescued(contents, result, folder, error) from error


def _write_rows(contents: dict[str, Any], result: RampResult, folder: Path) -> None:
    keep_run(contents, result, folder)
    summary.write_summary(contents, folder)


def _rescued(contents: dict[str, Any], result: RampResult, folder: Path, error: OSError) -> OutputFolderError:
    """A run cannot be had again: its rows go to where temporary files go, and the error says so."""
    what = f"The results could not be written to {folder} ({error.strerror})."
    try:
        other = Path(tempfile.mkdtemp(prefix="express-lab-"))
        _write_rows(contents, result, other)
    except OSError as second:
        return OutputFolderError(what, cause=f"nor to the temporary folder ({second.strerror}).", next_step=_NEXT)
    return OutputFolderError(f"{what} Tables and summary are in {other}, without charts and report.", next_step=_NEXT)


def drawn(figures: Mapping[str, summary.Draw], say: Say) -> dict[str, charts.Chart]:
    """The charts, rendered once. One that cannot be drawn costs itself alone."""
    pictures = {}
    for name, draw in figures.items():
        try:
            picture = draw()
            picture.keep_png()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one picture, the results are worth more
            say(f"The chart {name} could not be drawn: {type(error).__name__}: {error}")
            continue
        pictures[name] = picture
    return pictures
