"""``lab ramp``: increasing rates, a table, charts, a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, short
from lab.signals import exit_code

if TYPE_CHECKING:
    from lab import session
    from lab.target import Target

_RATES, _BEGIN = "2,4,8", "10"


def ramp(
    target: TargetOption = None,
    name: NameOption = None,
    rates: Annotated[
        str | None,
        typer.Option(
            "--rates", help=f"Messages per second of each stage: {_RATES}. With --find, where to begin: {_BEGIN}."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="How long each stage lasts.")] = 10.0,
    find: Annotated[
        bool, typer.Option("--find", help="Search for the knee, the highest rate that the system keeps up with.")
    ] = False,
    most_seconds: Annotated[
        float | None, typer.Option("--most-seconds", help="With --find: seconds of sending at most, 240.")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            help='What the run must show, else the exit code is 1: "p99<500ms@40", "lost=0", "saturation>=60". '
            "May be given several times.",
        ),
    ] = None,
    poisson: Annotated[bool, typer.Option("--poisson", help="Random (Poisson) instead of even spacing.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of texts and spacing.")] = 1,
    text: Annotated[
        Path | None, typer.Option("--text", help="Cut this text file into the messages.", callback=typed_path)
    ] = None,
    queue_url: Annotated[
        str | None,
        typer.Option("--queue-url", metavar="URL", help="Send to this queue of your own instead; with --bodies."),
    ] = None,
    bodies: Annotated[
        Path | None,
        typer.Option(
            "--bodies",
            metavar="FILE",
            callback=typed_path,
            help="What to send to it: a file in JSON Lines, each line one message, from the first again when the plan "
            "sends more.",
        ),
    ] = None,
    state_machine: Annotated[
        str | None,
        typer.Option(
            "--state-machine",
            metavar="ARN",
            help="With --queue-url: the workflow that the messages reach, to follow them there.",
        ),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults",
            metavar="FILE|PRESET",
            help="What goes wrong on purpose: a TOML or JSON file, or flaky-functions, slow-functions, timeouts, "
            "crashes, throttled-tasks, delivered-twice, refused-starts, lost-answers, broken-bodies, bad-day.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where tables, charts and report go.", callback=typed_path)
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", help="Write what came of the expectations as JUnit XML.", callback=typed_path),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0, help="What it may cost on aws, in US dollars: 1, or LAB_BUDGET_USD."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            callback=typed_path,
            help="Follow a run to its end whose sender was killed: RUN is its id or its folder. It sends nothing more: "
            "the time of the rest is past, and a message without an answer could be sent twice.",
        ),
    ] = None,
) -> None:
    """Send at increasing rates and chart what happens."""
    from lab import session

    if most_seconds is not None and not find:
        raise typer.BadParameter("it limits a search: give --find, too.", param_hint="--most-seconds")
    if find and faults is not None:
        raise typer.BadParameter("a search looks for the knee of a system without faults.", param_hint="--faults")
    if resume is not None and (find or faults is not None or folder is not None):
        raise typer.BadParameter(
            "it follows a run that was sent, into that run's folder: --find, --faults and --out have no place there.",
            param_hint="--resume",
        )
    own = _own(queue_url, bodies, state_machine, others=(find, faults, text, resume))
    options = _options(find, rates, most_seconds, seconds, poisson, seed, text, budget)
    expected = session.read_expectations(expect or [], options)
    plan_of_faults = session.read_faults(faults) if faults is not None else None
    here = chosen(target, name)
    if junit is not None:
        session.make_room_for(junit)
    if resume is not None:
        begun = session.find_started(here, resume)
        destination = begun.folder
        session.make_folder(destination)
        result = session.resume(here, begun, say=out.print)
    elif isinstance(options, session.FindOptions):
        if folder is not None:
            session.make_folder(folder)
        result = session.find(here, options, say=lambda line: out.print(line, soft_wrap=True))
        destination = folder or session.run_folder(here, result.run_id)
    else:
        run_id = session.new_run_id()
        destination = folder or session.run_folder(here, run_id)
        session.make_folder(destination)
        if own is not None:
            result = session.ramp_own_bodies(here, own, options, folder=destination, run_id=run_id, say=out.print)
        else:
            result = session.ramp(
                here, options, faults=plan_of_faults, folder=destination, run_id=run_id, say=out.print
            )
    _tell(session.judged(result, expected), here, destination, junit, resumed=resume is not None)


def _own(
    queue_url: str | None, bodies: Path | None, state_machine: str | None, others: tuple[object, ...]
) -> session.OwnBodies | None:
    from lab import session

    if queue_url is None and bodies is None and state_machine is None:
        return None
    if queue_url is None or bodies is None:
        raise typer.BadParameter("--queue-url and --bodies go together.", param_hint="--queue-url")
    if any(others):
        raise typer.BadParameter(
            "bodies of your own go to a queue of your own: --find, --faults, --text and --resume have no place there.",
            param_hint="--bodies",
        )
    return session.OwnBodies(queue_url, bodies, state_machine)


def _options(
    find: bool,
    rates: str | None,
    most_seconds: float | None,
    seconds: float,
    poisson: bool,
    seed: int,
    text: Path | None,
    budget: float | None,
) -> session.RampOptions:
    from lab import session

    common: dict[str, Any] = {
        "seconds": seconds,
        "poisson": poisson,
        "seed": seed,
        "text_file": text,
        "budget_usd": budget,
    }
    if not find:
        return session.RampOptions(rates=rates or _RATES, **common)
    limit: dict[str, Any] = {} if most_seconds is None else {"most_s": most_seconds}
    options = session.FindOptions(rates=rates or _BEGIN, **common, **limit)
    options.limits()
    return options


def _tell(result: session.RampResult, here: Target, folder: Path, junit: Path | None, *, resumed: bool) -> None:
    """Print what was found, write it, and end with what it says."""
    from lab import session

    # What was measured is seen first: whatever happens to the files, it is not gone.
    out.print(session.stages_as_table(result.stages))
    for line in (*session.legend(), *session.notes_on_stages(result.stages)):
        out.print(line, soft_wrap=True)
    out.print(result.saturation.reason, soft_wrap=True)
    out.print(result.reconciliation.explain())
    for line in session.accounts(result.account):
        out.print(line, soft_wrap=True)
    if len(result.faults):
        out.print(session.hits_in_words(result.faults), soft_wrap=True)
    for verdict in result.verdicts:
        out.print(verdict.sentence(), soft_wrap=True)
    session.write_ramp(here, result, folder, say=out.print)
    if junit is not None:
        session.write_junit(result, junit)
    if not here.is_emulator:
        bill = session.measured_bill(result, session.invocations_of(here, result))
        out.print(f"It cost about {bill.sentence()}.", soft_wrap=True)
    out.print(f"Tables, charts and report: {short(folder / 'report.html')}", soft_wrap=True)
    if result.interrupted_by:
        out.print(result.interrupted_by, soft_wrap=True)
        raise typer.Exit(0 if resumed and result.drained and result.reconciliation.holds else 1)
    if result.interrupted:
        raise typer.Exit(exit_code())
    if not result.reconciliation.holds or not all(verdict.met for verdict in result.verdicts):
        raise typer.Exit(1)
