"""The whole lab without a notebook: up, sample message, ramp, charts, report, down."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab import charts
from lab.emulator.launcher import LabRunningError
from lab.load import messages
from lab.session import lifecycle, sending, summary
from lab.session.find import FindOptions, find
from lab.session.lifecycle import Say
from lab.session.results import keep, make_folder, write_all
from lab.signals import StoppedError
from lab.target import Target

SEARCH = FindOptions(rates="10", seconds=3, most_s=45, most_wall_s=70)
# The demo shall cost next to nothing, so on AWS it does not look for the limit of an account.
_HIGHEST_ON_AWS = 40.0


def search_for(target: Target) -> FindOptions:
    """What the demo sends there."""
    return SEARCH if target.is_emulator else replace(SEARCH, highest=_HIGHEST_ON_AWS)


def throw_away_name() -> str:
    """A lab name that no other run uses."""
    return f"demo-{secrets.token_hex(4)}"


def demo(target: Target, folder: Path, *, say: Say = lambda text: None) -> dict[str, Any]:
    """Run everything once and write ``summary.json``, ``report.html``, charts and tables into ``folder``.

    The lab is taken down at the end, whatever happens. One that was there before is another one's: it is left alone.

    Returns:
        The summary; ``interrupted`` in it says whether the ramp was stopped early.

    Raises:
        LabRunningError: a lab of this name is there.
        StoppedError: Ctrl-C, before there was a result; says what was removed.
        LabError: something could not be done; says what and what to do.
    """
    began = time.perf_counter()
    make_folder(folder)
    try:
        say(f"Starting the lab '{target.name}' on target '{target.kind}' ...")
        timing = lifecycle.up(target, owned=True, new=True, say=_sentences(say))
        say(f"Emulator {timing.start_s:.1f} s, resources {timing.provision_s:.1f} s. Sending the sample message ...")
        sent = time.perf_counter()
        executions, states = sending.send(target, [messages.SAMPLE_BODY])
        first_message_s = time.perf_counter() - sent
        say(f"The sample message took {first_message_s:.1f} s.")
        result = find(target, search_for(target), say=say)
        contents = {
            **summary.head(target),
            "timing_s": {
                "start": timing.start_s,
                "provision": timing.provision_s,
                "first_message": first_message_s,
                "total": 0.0,
            },
            "sample": summary.sample_summary(executions.to_dict("records")[0], states),
            **summary.ramp_summary(result),
        }
        keep(contents, result, folder)  # whatever happens to the lab's end, the run is not gone
    except LabRunningError:
        raise
    except (KeyboardInterrupt, StoppedError):
        raise _stopped(target) from None
    except BaseException:
        lifecycle.down(target)
        raise
    survivors = lifecycle.down(target)
    if survivors:
        say("These survived: " + ", ".join(survivors))

    figures = {"waterfall": lambda: charts.waterfall(states, "the sample message")} | summary.ramp_figures(result)
    contents["timing_s"]["total"] = time.perf_counter() - began
    write_all(contents, figures, result, folder, sample_text=messages.SAMPLE_TEXT, say=say)
    return contents


def _stopped(target: Target) -> StoppedError:
    """Take the lab down after Ctrl-C, and say what that left."""
    again = f"lab down{target.options}"
    try:
        survivors = lifecycle.down(target)
    except KeyboardInterrupt:
        return StoppedError(
            f"Stopped while the lab '{target.name}' was taken down; parts may be left.", next_step=again
        )
    if survivors:
        return StoppedError(
            f"Stopped. Of the lab '{target.name}' these survived: {', '.join(survivors)}.", next_step=again
        )
    return StoppedError(f"Stopped. The lab '{target.name}' was taken down; nothing of it is left.")


def _sentences(say: Say) -> Say:
    """Only whole sentences: the names of resources that became ready are for a progress line."""
    return lambda text: say(text) if text.endswith(".") else None
