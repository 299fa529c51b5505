"""The ``lab`` command. One module a command: it reads options, calls a room, prints what that gave."""

from __future__ import annotations

import sys

import typer

from lab.commands import surroundings
from lab.commands.compare import compare
from lab.commands.dead_letters import dead_letters
from lab.commands.demo import demo
from lab.commands.doctor import doctor
from lab.commands.down import down
from lab.commands.export import export
from lab.commands.notebook import notebook
from lab.commands.policy import policy
from lab.commands.progress import progress
from lab.commands.ramp import ramp
from lab.commands.redrive import redrive
from lab.commands.report import report
from lab.commands.reset import reset
from lab.commands.runs import runs
from lab.commands.send import send
from lab.commands.status import status
from lab.commands.terminal import fail, make_output_printable, stoppable
from lab.commands.up import up
from lab.commands.version import version
from lab.commands.watch import watch
from lab.errors import LabError
from lab.target import explain

app = typer.Typer(
    name="lab",
    help="Express Lab: SQS, Lambda and Step Functions Express Workflows under load, on this machine or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which somebody meets them.
COMMANDS = (
    *(doctor, up, down, status, send, ramp, watch, dead_letters, redrive, demo),
    *(runs, report, compare, export, notebook, progress, reset, policy, version),
)
for command in COMMANDS:
    # Without a summary of its own the generated page would cut the first line short.
    app.command(short_help=(command.__doc__ or "").strip().splitlines()[0])(stoppable(command))


@app.callback()
def root() -> None:
    """Express Lab: SQS, Lambda and Step Functions Express Workflows under load, on this machine or on AWS."""


def main() -> None:
    """Run the command line; an error that a user can mend ends in one message and its exit code."""
    make_output_printable()
    try:
        surroundings.check(command=sys.argv[0])
        surroundings.make_home_needless()
        app()
    except LabError as error:
        fail(error)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        fail(known)
