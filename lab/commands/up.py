"""``lab up``: start the emulator and provision."""

from __future__ import annotations

from lab.commands.options import NameOption, TargetOption, YesOption, chosen
from lab.commands.terminal import confirm, out, spinner, teller


def up(target: TargetOption = None, name: NameOption = None, yes: YesOption = False) -> None:
    """Start the emulator and provision every resource."""
    from lab import session

    here = chosen(target, name)
    confirm(here, messages=1, yes=yes)
    try:
        with spinner("Starting ...") as update:
            timing = session.up(here, say=teller(update))
    except KeyboardInterrupt:
        raise session.stopped(here) from None
    out.print(
        f"The lab '{here.name}' is up on target '{here.kind}': emulator {timing.start_s:.1f} s, "
        f"resources {timing.provision_s:.1f} s."
    )
    out.print("Next: lab send" + here.options)
