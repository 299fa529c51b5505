"""A kept run rendered again, from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import report
from lab.load import messages
from lab.runs import KeptRun
from lab.session import summary
from lab.session.lifecycle import Say
from lab.session.results import drawn, make_folder

_FROM_MANIFEST = ("target", "name", "versions", "interrupted", "reconciliation", "words", "clock")


def summary_of(run: KeptRun) -> dict[str, Any]:
    """The contents of its summary.json, with the stages and the saturation of the rows; less for a run without one."""
    kept: Mapping[str, Any] = run.summary or {key: run.manifest[key] for key in _FROM_MANIFEST if key in run.manifest}
    made = {
        "stages": summary.stages_part(run.stages, run.messages),
        "saturation": {"rate": run.saturation.rate, "reason": run.saturation.reason},
        "reconciliation": run.reconciliation.as_dict(),
    }
    return {**kept, **made}


def render_again(run: KeptRun, folder: Path | None = None, *, say: Say = lambda text: None) -> Path:
    """Draw the charts of a kept run anew and write its report; gives the report's path.

    Args:
        run: as it was read.
        folder: where they go: the run's own unless said otherwise.
        say: gets sentences for the user.

    Raises:
        OutputFolderError: the folder cannot be written.
        UnreadableRunError: a table of the run cannot be read.
    """
    place = folder or run.folder
    make_folder(place)
    contents = summary_of(run)
    figures = drawn(summary.ramp_figures(run), say)
    sample_text = messages.SAMPLE_TEXT if contents.get("sample") else None
    return report.write_report(place, contents, figures, sample_text=sample_text)
