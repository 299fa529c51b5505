"""The whole lab without a notebook: up, sample message, ramp, charts, report, down."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from lab import charts, report
from lab.errors import LabError
from lab.load import messages
from lab.session import lifecycle, summary
from lab.session.ramp import RampOptions, RampResult, ramp, save_tables
from lab.target import Target

Say = lifecycle.Say

DEMO_RAMP = RampOptions(rates="5,10,20,40", seconds=4)


class OutputFolderError(LabError):
    """The folder for results cannot be written."""


def throw_away_name() -> str:
    """A lab name that no other run uses."""
    return f"demo-{secrets.token_hex(4)}"


def demo(target: Target, folder: Path, *, say: Say = lambda text: None) -> dict[str, Any]:
    """Run everything once and write ``summary.json``, ``report.html``, charts and tables into ``folder``.

    The lab is taken down at the end, whatever happens.

    Returns:
        The summary.

    Raises:
        LabError: something could not be done; says what and what to do.
    """
    began = time.perf_counter()
    make_folder(folder)
    try:
        say(f"Starting the lab '{target.name}' on target '{target.kind}' ...")
        timing = lifecycle.up(target, owned=True, say=_sentences(say))
        say(f"Emulator {timing.start_s:.1f} s, resources {timing.provision_s:.1f} s. Sending the sample message ...")
        sent = time.perf_counter()
        executions, states = lifecycle.send(target, [messages.SAMPLE_BODY])
        first_message_s = time.perf_counter() - sent
        say(f"The sample message took {first_message_s:.1f} s. Sending at {DEMO_RAMP.rates} messages per second ...")
        result = ramp(target, DEMO_RAMP, say=say)
    finally:
        survivors = lifecycle.down(target)
    if survivors:
        say("These survived: " + ", ".join(survivors))

    contents = {
        "target": target.kind,
        "versions": summary.versions(),
        "timing_s": {
            "start": timing.start_s,
            "provision": timing.provision_s,
            "first_message": first_message_s,
            "total": 0.0,
        },
        "sample": summary.sample_summary(executions.to_dict("records")[0], states),
        **summary.ramp_summary(result),
    }
    figures = {"waterfall": charts.waterfall(states, "the sample message")} | summary.ramp_figures(result)
    contents["timing_s"]["total"] = time.perf_counter() - began
    _write(contents, figures, result, folder, sample_text=messages.SAMPLE_TEXT)
    return contents


def write_ramp(target: Target, result: RampResult, folder: Path) -> dict[str, Any]:
    """Write summary, report, charts and tables of a ramp into ``folder``; return the summary."""
    make_folder(folder)
    contents = {"target": target.kind, "versions": summary.versions(), **summary.ramp_summary(result)}
    _write(contents, summary.ramp_figures(result), result, folder)
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


def _write(
    contents: dict[str, Any],
    figures: dict[str, Any],
    result: RampResult,
    folder: Path,
    sample_text: str | None = None,
) -> None:
    save_tables(result, folder / "tables")
    report.write_report(folder, contents, figures, sample_text=sample_text)
    summary.write_summary(contents, folder)


def _sentences(say: Say) -> Say:
    """Only whole sentences: the names of resources that became ready are for a progress line."""
    return lambda text: say(text) if text.endswith(".") else None
