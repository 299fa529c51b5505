"""``lab doctor``: what is missing here, or what an endpoint can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, spinner

if TYPE_CHECKING:
    from lab.doctor.probes import Result


def doctor(
    target: TargetOption = None,
    name: NameOption = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option("--endpoint-url", help="Probe what an AWS-compatible endpoint on this machine can do."),
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(
            "--ca-bundle",
            metavar="FILE",
            help="The certificate (PEM) of an endpoint that speaks https.",
            callback=typed_path,
        ),
    ] = None,
    access_key: Annotated[
        str | None,
        typer.Option("--access-key", envvar="LAB_PROBE_ACCESS_KEY", help="The endpoint's own key, if it checks keys."),
    ] = None,
    secret_key: Annotated[
        str | None,
        typer.Option(
            "--secret-key",
            envvar="LAB_PROBE_SECRET_KEY",
            help="Its other half; as a variable it stays out of the list of processes.",
        ),
    ] = None,
) -> None:
    """Say what is missing here and how to get it."""
    from lab.doctor import examine, probe
    from lab.target import check_access

    if endpoint_url is not None:
        access = check_access(access_key, secret_key, ca_bundle)
        with spinner("Probing ...") as update:
            probed = probe(endpoint_url, access=access, say=lambda text: update(f"Probed: {text}"))
        out.print(as_table(probed))
        if any(result.verdict == "missing" for result in probed):
            raise typer.Exit(1)
        return
    findings = examine(chosen(target, name))
    for finding in findings:
        out.print(f"{'ok' if finding.ok else 'MISSING':<8} {finding.what:<16} {finding.found}", soft_wrap=True)
        if not finding.ok:
            out.print(f"{'':<25} Next: {finding.next_step}", soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def as_table(results: list[Result]) -> Table:
    """What the probes found, for the terminal."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("capability", "verdict", "seen", "notebooks"):
        table.add_column(heading)
    for result in results:
        table.add_row(result.capability, result.verdict, result.seen, result.notebooks)
    return table
