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
    confirm(here, messages=1 + session.search_for(here).most_messages, yes=yes)
    summary = session.demo(here, folder, say=lambda line: out.print(line, soft_wrap=True))
    stages = pd.DataFrame(summary["stages"])
    out.print(session.stages_as_table(stages))
    for line in (*session.legend(), *session.void_stages(stages)):
        out.print(line, soft_wrap=True)
    out.print(summary["saturation"]["reason"], soft_wrap=True)
    accounts = summary["reconciliation"]
    out.print(
        f"{accounts['sent']} messages sent = {accounts['succeeded']} succeeded + {accounts['failed']} failed + "
        f"{accounts['dead_lettered']} given up after several tries (dead-lettered) + {accounts['still_queued']} still "
        f"in the queue; {accounts['lost']} lost.",
        soft_wrap=True,
    )
    if not summary["words"]["matches_expected"]:
        out.print("The words that came out are not those that went in.")
    out.print(f"Open {short(folder / 'report.html')}", soft_wrap=True)
    if summary["interrupted"]:
        out.print(f"Stopped early: this is what was measured until then. The lab '{here.name}' was taken down.")
        raise typer.Exit(exit_code())
    out.print("Next: make lab")
    if accounts["lost"] or not summary["words"]["matches_expected"]:
        raise typer.Exit(1)
