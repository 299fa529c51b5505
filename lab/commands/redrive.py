"""``lab redrive``: dead letters back to their queue."""

from __future__ import annotations

from lab.commands.options import NameOption, TargetOption, chosen
from lab.commands.terminal import out, spinner


def redrive(target: TargetOption = None, name: NameOption = None) -> None:
    """Move all dead letters back to their queue, once the cause is mended.

    SQS moves them itself where it can (StartMessageMoveTask). A message whose cause is not mended comes back here.
    """
    from lab import session

    here = chosen(target, name)
    with spinner("Moving ...") as update:
        moved = session.redrive(here, on_progress=lambda done, planned: update(f"Moved {done} of {planned}"))
    out.print(moved.sentence(), soft_wrap=True)
    if moved.moved:
        out.print(f"Next: lab status{here.options}, which shows both queues")
