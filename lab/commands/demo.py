"""``lab demo``: all of it without a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, YesOption, chosen, typed_path
from lab.commands.terminal import confirm, out, short
from lab.signals import exit_code


def demo(
    folder: Annotated[
        Path, typer.Option("--out", help="Where summary, charts and report go.", callback=typed_path)
    ] = Path("out"),
    target: TargetOption = None,
    name: NameOption = None,
    yes: YesOption = False,
) -> None:
    """Everything once, without a notebook."""
    import pandas as pd

    from lab import session

    here = chosen(target, name or session.throw_away_name())
    confirm(here, messages=1 + len(session.DEMO_RAMP.plan()), yes=yes)
    summary = session.demo(here, folder, say=out.print)
    stages = pd.DataFrame(summary["stages"])
    out.print(session.stages_as_table(stages))
    for line in session.void_stages(stages):
        out.print(line, soft_wrap=True)
    accounts = summary["reconciliation"]
    out.print(
        f"{accounts['sent']} sent = {accounts['succeeded']} succeeded + {accounts['failed']} failed + "
        f"{accounts['dead_lettered']} dead-lettered + {accounts['still_queued']} still queued; lost {accounts['lost']}."
    )
    out.print(f"Open {short(folder / 'report.html')}", soft_wrap=True)
    if summary["interrupted"]:
        out.print(f"Stopped early: this is what was measured until then. The lab '{here.name}' was taken down.")
        raise typer.Exit(exit_code())
    out.print("Next: make lab")
    if accounts["lost"] or not summary["words"]["matches_expected"]:
        raise typer.Exit(1)
