"""``lab status``: resources, queue depth and URLs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen
from lab.commands.terminal import out


def status(
    target: TargetOption = None,
    name: NameOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Show resources, queue depth and URLs."""
    from lab import session

    here = chosen(target, name)
    found = session.status(here)
    if as_json:
        # Not through rich, which would break long lines.
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    rows = [("target", f"{here.kind}, region {found['region']}")]
    if found["endpoint_url"]:
        process = f", process {found['emulator_pid']}" if found["emulator_pid"] else ""
        rows.append(("emulator", f"{found['endpoint_url']}{process}"))
    depths = session.queue_depths(here, found)
    labels = {"queue_url": "queue", "dead_letter_queue_url": "dead-letter queue", "failure_queue_url": "failure queue"}
    for key, label in labels.items():
        if key not in depths:
            continue
        rows += [(label, found[key]), ("", f"{depths[key].visible} waiting, {depths[key].in_flight} in flight")]
    rows += [
        ("state machine", found["state_machine_arn"]),
        ("workflow", found["workflow"]),
        ("log group", found["log_group"]),
    ]
    rows += [("functions" if number == 0 else "", name) for number, name in enumerate(found["functions"].values())]
    for label, value in rows:
        out.print(f"{label:<18} {value}", soft_wrap=True)
    if failing := found["failing_on_purpose"]:
        out.print(f"These functions fail on purpose, as a plan of faults says: {', '.join(failing)}.", soft_wrap=True)
        out.print(f"If no lab ramp --faults runs now, one was killed. Next: lab up{here.options}", soft_wrap=True)
