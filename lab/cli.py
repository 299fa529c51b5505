"""The ``lab`` command: reads options, calls a room, prints what it gave."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lab import __version__, paths
from lab.errors import LabError
from lab.target import Target, resolve

app = typer.Typer(
    name="lab",
    help="Express Lab: SQS, Lambda and Step Functions Express Workflows under load, on this machine or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

TargetOption = Annotated[
    str | None,
    typer.Option("--target", help="embedded (default), localstack or aws; LAB_TARGET sets it too."),
]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the lab; LAB_NAME sets it too.")]


def main() -> None:
    """Run the command line; errors that a user can mend end in one message and exit code 1."""
    try:
        code = app(standalone_mode=False)
    except typer.Exit as exit_:
        code = exit_.exit_code
    except typer.Abort:
        code = 130
    except KeyboardInterrupt:
        err.print("\nStopped.")
        code = 130
    except LabError as error:
        err.print(error.render(), soft_wrap=True, markup=False)
        code = 1
    except Exception as error:
        if not _print_known(error):
            raise
        code = 1
    sys.exit(code or 0)


def _print_known(error: Exception) -> bool:
    """Print errors of the libraries that have a known cause; whether this is one."""
    import click

    from lab.target import explain

    if isinstance(error, click.ClickException):
        error.show()
        return True
    known = explain(error)
    if known is not None:
        err.print(known.render(), soft_wrap=True, markup=False)
    return known is not None


@app.callback()
def options() -> None:
    """Express Lab: SQS, Lambda and Step Functions Express Workflows under load, on this machine or on AWS."""


@app.command()
def doctor(target: TargetOption = None, name: NameOption = None) -> None:
    """Say what is missing on this machine and how to get it."""
    from lab import doctor as room

    findings = room.examine(resolve(target, name))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[red]missing[/red]", finding.what, finding.found)
        if not finding.ok:
            table.add_row("", "", f"Next: {finding.next_step}")
    out.print(table)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def up(target: TargetOption = None, name: NameOption = None) -> None:
    """Start the emulator if the target is embedded, and provision every resource."""
    from lab import session

    chosen = resolve(target, name)
    with out.status("Starting ...") as status:
        timing = session.up(chosen, say=_teller(status))
    out.print(
        f"The lab '{chosen.name}' is up on target '{chosen.kind}': emulator {timing.start_s:.1f} s, "
        f"resources {timing.provision_s:.1f} s."
    )
    out.print("Next: lab send" + _options(chosen))


@app.command()
def down(target: TargetOption = None, name: NameOption = None) -> None:
    """Destroy every resource, stop the emulator, and list what survived."""
    from lab import session

    chosen = resolve(target, name)
    with out.status("Removing ...") as status:
        survivors = session.down(chosen, say=lambda text: status.update(f"Removed {text}"))
    if survivors:
        err.print("These survived:")
        for line in survivors:
            err.print(f"  {line}")
        err.print("Next: lab down" + _options(chosen))
        raise typer.Exit(1)
    out.print(f"Nothing of the lab '{chosen.name}' is left on target '{chosen.kind}'.")


@app.command()
def status(
    target: TargetOption = None,
    name: NameOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Show resources, queue depth, emulator process and URLs."""
    from lab import observations, session

    chosen = resolve(target, name)
    found = session.status(chosen)
    if as_json:
        # Not through rich, which would break long lines.
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_row("target", f"{chosen.kind}, region {found['region']}")
    if found["endpoint_url"]:
        process = f", process {found['emulator_pid']}" if found["emulator_pid"] else ""
        table.add_row("emulator", f"{found['endpoint_url']}{process}")
    sqs = chosen.client("sqs")
    for label, key in (("queue", "queue_url"), ("dead-letter queue", "dead_letter_queue_url")):
        depth = observations.queue_depth(sqs, found[key])
        table.add_row(label, f"{found[key]}  ({depth.visible} waiting, {depth.in_flight} in flight)")
    table.add_row("state machine", found["state_machine_arn"])
    table.add_row("log group", found["log_group"])
    table.add_row("functions", ", ".join(found["functions"].values()))
    out.print(table, soft_wrap=True)


@app.command()
def send(
    target: TargetOption = None,
    name: NameOption = None,
    file: Annotated[Path | None, typer.Option("--file", help="Send this file's text instead of the sample.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many times.")] = 1,
) -> None:
    """Send the sample message, or a file's text, and show the result of its execution."""
    from lab import messages, session

    chosen = resolve(target, name)
    body = messages.SAMPLE_BODY
    if file is not None:
        body = messages.text_message(messages.new_run_id(), session.read_message_file(file)).body
    with out.status("Sending ...") as progress:
        executions, states = session.send(
            chosen,
            [body] * count,
            say=lambda text: progress.update(f"{text.capitalize()}, waiting for the workflow ..."),
        )
    _print_execution(executions.iloc[0], states)
    if count > 1:
        out.print(
            f"{len(executions)} executions: {(executions['status'] == 'SUCCEEDED').sum()} succeeded, median duration "
            f"{executions['duration_s'].median() * 1000:.0f} ms."
        )
    if (executions["status"] != "SUCCEEDED").any():
        raise typer.Exit(1)


@app.command()
def ramp(
    target: TargetOption = None,
    name: NameOption = None,
    rates: Annotated[str, typer.Option("--rates", help="Messages per second of each stage.")] = "2,4,8",
    seconds: Annotated[float, typer.Option("--seconds", help="How long each stage lasts.")] = 10.0,
    poisson: Annotated[bool, typer.Option("--poisson", help="Random (Poisson) instead of even spacing.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of texts and spacing.")] = 1,
    text: Annotated[Path | None, typer.Option("--text", help="Cut this text file into the messages.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where tables, charts and report go.")] = None,
) -> None:
    """Send messages at increasing rates; show what became of them as table and charts."""
    from lab import session

    chosen = resolve(target, name)
    result = session.ramp(
        chosen,
        session.RampOptions(rates=rates, seconds=seconds, poisson=poisson, seed=seed, text_file=text),
        say=out.print,
    )
    destination = folder or paths.state_folder(chosen.name) / "runs" / result.run_id
    session.write_ramp(result, destination)
    _print_stages(result.stages)
    out.print(result.saturation.explain())
    out.print(result.reconciliation.explain())
    out.print(f"Tables, charts and report: {_short(destination / 'report.html')}", soft_wrap=True)
    if not result.reconciliation.holds:
        raise typer.Exit(1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where summary, charts and report go.")] = Path("out"),
    target: TargetOption = None,
    name: NameOption = None,
) -> None:
    """Do all of it without a notebook: up, sample message, ramp, charts, report, down."""
    from lab import session

    summary = session.demo(resolve(target, name or session.throw_away_name()), folder, say=out.print)
    _print_stages(session.stages_of(summary))
    accounts = summary["reconciliation"]
    out.print(
        f"{accounts['sent']} sent = {accounts['succeeded']} succeeded + {accounts['failed']} failed + "
        f"{accounts['dead_lettered']} dead-lettered + {accounts['still_queued']} still queued; lost {accounts['lost']}."
    )
    out.print(f"Open {_short(folder / 'report.html')}", soft_wrap=True)
    out.print("Next: make lab")
    if accounts["lost"] or not summary["words"]["matches_expected"]:
        raise typer.Exit(1)


@app.command()
def notebook(
    target: TargetOption = None,
    name: NameOption = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    port: Annotated[int | None, typer.Option("--port", help="JupyterLab's port.")] = None,
) -> None:
    """Open the workshop in JupyterLab, with the emulator running; Ctrl-C stops both."""
    from lab import jupyter

    jupyter.serve(resolve(target, name), open_browser=browser, port=port, say=out.print)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(f"express-lab {__version__}")


def _teller(status: object) -> object:
    """Progress goes into the spinner's line; whole sentences stay on the screen."""

    def tell(text: str) -> None:
        if text.endswith("."):
            out.print(text)
        else:
            status.update(f"Ready: {text}")  # type: ignore[attr-defined]

    return tell


def _print_execution(execution: object, states: object) -> None:
    from lab import session

    for line in session.describe_execution(execution, states):
        out.print(line, soft_wrap=True)


def _print_stages(stages: object) -> None:
    from lab import session

    out.print(session.stages_as_table(stages))


def _options(target: Target) -> str:
    from lab import stack

    return stack.options(target)


def _short(path: Path) -> str:
    """The path as somebody in this folder would type it."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
