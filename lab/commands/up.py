"""``lab up``: start the emulator and provision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, YesOption, chosen
from lab.commands.terminal import confirm, out, spinner, teller


class Workflow(StrEnum):
    """The names in ``lab.stack.names.WORKFLOWS``, here so that help needs no AWS."""

    plain = "plain"
    resilient = "resilient"
    jsonata = "jsonata"


def up(
    target: TargetOption = None,
    name: NameOption = None,
    yes: YesOption = False,
    workflow: Annotated[
        Workflow,
        typer.Option(
            "--workflow",
            help="plain: the sample. resilient: it tries again, and keeps what fails in a failure queue. "
            "jsonata: expressions in the place of the four functions.",
        ),
    ] = Workflow.plain,
) -> None:
    """Start the emulator and provision every resource."""
    from lab import session

    here = chosen(target, name)
    confirm(here, messages=1, yes=yes)
    try:
        with spinner("Starting ...") as update:
            timing = session.up(here, session.Settings(workflow=workflow.value), say=teller(update))
    except KeyboardInterrupt:
        raise session.stopped(here) from None
    out.print(
        f"The lab '{here.name}' is up on target '{here.kind}': emulator {timing.start_s:.1f} s, "
        f"resources {timing.provision_s:.1f} s."
    )
    if workflow is not Workflow.plain:
        out.print(f"Its workflow is the {workflow} one; 'lab up' without --workflow makes it the plain one again.")
    out.print("Next: lab send" + here.options)
