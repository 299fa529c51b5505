"""The ``lab`` command: reads options, calls a room, prints what it gave."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.status import Status

from lab import __version__, paths
from lab.errors import LabError
from lab.target import Target, explain, resolve

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
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before resources are made on aws.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the lab; LAB_NAME sets it too.")]


def main() -> None:
    """Run the command line; an error that a user can mend ends in one message and exit code 1."""
    try:
        app()
    except LabError as error:
        _fail(error)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        _fail(known)


def _fail(error: LabError) -> NoReturn:
    err.print(error.render(), soft_wrap=True, markup=False)
    sys.exit(1)


@app.callback()
def options() -> None:
    """Express Lab: SQS, Lambda and Step Functions Express Workflows under load, on this machine or on AWS."""


@app.command()
def doctor(
    target: TargetOption = None,
    name: NameOption = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option("--endpoint-url", help="Probe what an AWS-compatible endpoint on this machine can do."),
    ] = None,
) -> None:
    """Say what is missing here and how to get it."""
    from lab import doctor as room
    from lab import probes

    if endpoint_url is not None:
        with out.status("Probing ...") as progress:
            probed = probes.probe(endpoint_url, say=lambda text: progress.update(f"Probed: {text}"))
        out.print(room.as_table(probed))
        if any(result.verdict == "missing" for result in probed):
            raise typer.Exit(1)
        return
    findings = room.examine(resolve(target, name))
    for finding in findings:
        out.print(f"{'ok' if finding.ok else 'MISSING':<8} {finding.what:<16} {finding.found}", soft_wrap=True)
        if not finding.ok:
            out.print(f"{'':<25} Next: {finding.next_step}", soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def up(target: TargetOption = None, name: NameOption = None, yes: YesOption = False) -> None:
    """Start the emulator and provision every resource."""
    from lab import session

    chosen = resolve(target, name)
    _confirm(chosen, messages=1, yes=yes)
    with out.status("Starting ...") as status:
        timing = session.up(chosen, say=_teller(status))
    out.print(
        f"The lab '{chosen.name}' is up on target '{chosen.kind}': emulator {timing.start_s:.1f} s, "
        f"resources {timing.provision_s:.1f} s."
    )
    out.print("Next: lab send" + _options(chosen))


@app.command()
def down(target: TargetOption = None, name: NameOption = None) -> None:
    """Destroy every resource and prove that nothing is left."""
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
    """Show resources, queue depth and URLs."""
    from lab import observations, session

    chosen = resolve(target, name)
    found = session.status(chosen)
    if as_json:
        # Not through rich, which would break long lines.
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    rows = [("target", f"{chosen.kind}, region {found['region']}")]
    if found["endpoint_url"]:
        process = f", process {found['emulator_pid']}" if found["emulator_pid"] else ""
        rows.append(("emulator", f"{found['endpoint_url']}{process}"))
    sqs = chosen.client("sqs")
    for label, key in (("queue", "queue_url"), ("dead-letter queue", "dead_letter_queue_url")):
        depth = observations.queue_depth(sqs, found[key])
        rows += [(label, found[key]), ("", f"{depth.visible} waiting, {depth.in_flight} in flight")]
    rows += [("state machine", found["state_machine_arn"]), ("log group", found["log_group"])]
    rows += [("functions" if number == 0 else "", name) for number, name in enumerate(found["functions"].values())]
    for label, value in rows:
        out.print(f"{label:<18} {value}", soft_wrap=True)


@app.command()
def send(
    target: TargetOption = None,
    name: NameOption = None,
    file: Annotated[Path | None, typer.Option("--file", help="Send this file's text instead of the sample.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many times.")] = 1,
) -> None:
    """Send the sample message and show its execution."""
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
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0, help="What it may cost on aws, in US dollars: 1, or LAB_BUDGET_USD."),
    ] = None,
) -> None:
    """Send at increasing rates and chart what happens."""
    from lab import session

    chosen = resolve(target, name)
    result = session.ramp(
        chosen,
        session.RampOptions(
            rates=rates, seconds=seconds, poisson=poisson, seed=seed, text_file=text, budget_usd=budget
        ),
        say=out.print,
    )
    destination = folder or paths.state_folder(chosen.name) / "runs" / result.run_id
    session.write_ramp(chosen, result, destination)
    _print_stages(result.stages)
    out.print(result.saturation.reason)
    out.print(result.reconciliation.explain())
    if not chosen.is_emulator:
        out.print(f"It cost about {session.measured_bill(result).sentence()}.", soft_wrap=True)
    out.print(f"Tables, charts and report: {_short(destination / 'report.html')}", soft_wrap=True)
    if not result.reconciliation.holds:
        raise typer.Exit(1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where summary, charts and report go.")] = Path("out"),
    target: TargetOption = None,
    name: NameOption = None,
    yes: YesOption = False,
) -> None:
    """Everything once, without a notebook."""
    import pandas as pd

    from lab import session

    chosen = resolve(target, name or session.throw_away_name())
    _confirm(chosen, messages=1 + len(session.DEMO_RAMP.plan()), yes=yes)
    summary = session.demo(chosen, folder, say=out.print)
    _print_stages(pd.DataFrame(summary["stages"]))
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
    """Open the workshop in JupyterLab; Ctrl-C stops it."""
    from lab import jupyter

    jupyter.serve(
        resolve(target, name),
        open_browser=browser,
        port=port,
        say=lambda text: out.print(text, soft_wrap=True, markup=False),  # a broken address cannot be opened
    )


@app.command()
def policy(
    name: NameOption = None,
    account: Annotated[str | None, typer.Option("--account", help="Twelve digits; default is the caller's.")] = None,
    region: Annotated[str | None, typer.Option("--region", help="Default is the caller's.")] = None,
) -> None:
    """Print the IAM policy that your own identity needs on AWS."""
    from lab import permissions

    caller = resolve("aws", name)
    document = permissions.policy(
        # With both given nothing is asked of AWS: an administrator can print it for somebody else.
        partition=permissions.partition_of(region) if account and region else caller.partition,
        region=region or caller.region,
        account=account or caller.account,
        name=caller.name,
    )
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(f"express-lab {__version__}")


def _confirm(target: Target, *, messages: int, yes: bool) -> None:
    """Nothing is made on AWS before somebody has seen where, and what it costs."""
    from lab import session

    if target.is_emulator:
        return
    out.print(session.announcement(target, messages), soft_wrap=True)
    if not yes and not typer.confirm("Go on?"):
        out.print("Nothing was made.")
        raise typer.Exit(1)


def _teller(status: Status) -> Callable[[str], None]:
    """Progress goes into the spinner's line; whole sentences stay on the screen."""

    def tell(text: str) -> None:
        if text.endswith("."):
            out.print(text)
        else:
            status.update(f"Ready: {text}")

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
