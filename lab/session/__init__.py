"""The workflows behind the commands: bring a lab up, send to it, ramp it, show it all, take it down."""

from lab.session.demo import DEMO_RAMP, demo, throw_away_name
from lab.session.guard import BudgetError, announcement, budget_usd, estimate_of
from lab.session.invocations import invocations_of
from lab.session.kept import KeptRun, read_run
from lab.session.lifecycle import Timing, down, queue_depths, status, stopped, up
from lab.session.present import describe_execution, describe_many, stages_as_table, void_stages
from lab.session.ramp import RampOptions, RampResult, ramp, run_plan, save_tables
from lab.session.repeat import run_with_repeats
from lab.session.results import OutputFolderError, make_folder, run_folder, write_ramp
from lab.session.sending import UnfinishedMessageError, body_of, clock_note, send
from lab.session.summary import measured_bill
from lab.session.watch import PATIENCE_S, Progress, Watch

__all__ = [
    "DEMO_RAMP",
    "PATIENCE_S",
    "BudgetError",
    "KeptRun",
    "OutputFolderError",
    "Progress",
    "RampOptions",
    "RampResult",
    "Timing",
    "UnfinishedMessageError",
    "Watch",
    "announcement",
    "body_of",
    "budget_usd",
    "clock_note",
    "demo",
    "describe_execution",
    "describe_many",
    "down",
    "estimate_of",
    "invocations_of",
    "make_folder",
    "measured_bill",
    "queue_depths",
    "ramp",
    "read_run",
    "run_folder",
    "run_plan",
    "run_with_repeats",
    "save_tables",
    "send",
    "stages_as_table",
    "status",
    "stopped",
    "throw_away_name",
    "up",
    "void_stages",
    "write_ramp",
]
