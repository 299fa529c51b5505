"""The workflows behind the commands: bring a lab up, send to it, ramp it, show it all, take it down."""

from lab.session.demo import DEMO_RAMP, demo, throw_away_name, write_ramp
from lab.session.guard import BudgetError, announcement, budget_usd, estimate_of
from lab.session.lifecycle import (
    PATIENCE_S,
    MessageFileError,
    Timing,
    UnfinishedMessageError,
    down,
    read_message_file,
    send,
    status,
    up,
)
from lab.session.present import describe_execution, stages_as_table
from lab.session.ramp import RampOptions, RampResult, ramp, run_plan, save_tables
from lab.session.summary import measured_bill
from lab.session.watch import Progress, Watch

__all__ = [
    "DEMO_RAMP",
    "PATIENCE_S",
    "BudgetError",
    "MessageFileError",
    "Progress",
    "RampOptions",
    "RampResult",
    "Timing",
    "UnfinishedMessageError",
    "Watch",
    "announcement",
    "budget_usd",
    "demo",
    "describe_execution",
    "down",
    "estimate_of",
    "measured_bill",
    "ramp",
    "read_message_file",
    "run_plan",
    "save_tables",
    "send",
    "stages_as_table",
    "status",
    "throw_away_name",
    "up",
    "write_ramp",
]
