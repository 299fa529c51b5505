"""``lab ramp``: increasing rates, a table, charts, a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, short
from lab.signals import exit_code


def ramp(
    target: TargetOption = None,
    name: NameOption = None,
    rates: Annotated[str, typer.Option("--rates", help="Messages per second of each stage.")] = "2,4,8",
    seconds: Annotated[float, typer.Option("--seconds", help="How long each stage lasts.")] = 10.0,
    poisson: Annotated[bool, typer.Option("--poisson", help="Random (Poisson) instead of even spacing.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of texts and spacing.")] = 1,
    text: Annotated[
        Path | None, typer.Option("--text", help="Cut this text file into the messages.", callback=typed_path)
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where tables, charts and report go.", callback=typed_path)
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0, help="What it may cost on aws, in US dollars: 1, or LAB_BUDGET_USD."),
    ] = None,
) -> None:
    """Send at increasing rates and chart what happens."""
    from lab import session

    here = chosen(target, name)
    if folder is not None:
        session.make_folder(folder)
    result = session.ramp(
        here,
        session.RampOptions(
            rates=rates, seconds=seconds, poisson=poisson, seed=seed, text_file=text, budget_usd=budget
        ),
        say=out.print,
    )
    # What was measured is seen first: whatever happens to the files, it is not gone.
    out.print(session.stages_as_table(result.stages))
    for line in session.void_stages(result.stages):
        out.print(line, soft_wrap=True)
    out.print(result.saturation.reason)
    out.print(result.reconciliation.explain())
    destination = folder or session.run_folder(here, result.run_id)
    session.write_ramp(here, result, destination, say=out.print)
    if not here.is_emulator:
        bill = session.measured_bill(result, session.invocations_of(here, result))
        out.print(f"It cost about {bill.sentence()}.", soft_wrap=True)
    out.print(f"Tables, charts and report: {short(destination / 'report.html')}", soft_wrap=True)
    if result.interrupted:
        raise typer.Exit(exit_code())
    if not result.reconciliation.holds:
        raise typer.Exit(1)
