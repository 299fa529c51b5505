"""The workflows behind the commands: bring a lab up, send to it, ramp it, show it all, take it down."""

from lab.analysis.experiment import Design, Experiment, Factor, count_effects, effects
from lab.charts import finding
from lab.faults import PRESETS, Fault, FaultError, Faults, read_faults
from lab.faults import in_words as hits_in_words
from lab.load.messages import new_run_id
from lab.runs import MANIFEST, Card, KeptRun, NoSuchRunError, find_run, kept_runs, read_run
from lab.session.comparing import (
    MEASURES,
    compare_runs,
    comparison_as_dict,
    comparison_as_table,
    facts_of,
    not_judged,
    notes_on,
    write_comparison_page,
)
from lab.session.demo import demo, search_for, throw_away_name
from lab.session.expecting import judged, make_room_for, read_expectations, write_junit
from lab.session.experiment import FACTORS, factors_of, run_experiment, runs_table, try_settings
from lab.session.exporting import Exported, TemplateFileError, export, write_template
from lab.session.filled import Emptied, empty_filled_queue
from lab.session.find import FindOptions, find
from lab.session.guard import BudgetError, announcement, budget_usd, estimate_of
from lab.session.invocations import invocations_of
from lab.session.keeping import keep_run, save_tables
from lab.session.letters import Moved, NotMovedError, dead_letters, lines_of, redrive
from lab.session.lifecycle import Timing, down, queue_depths, status, stopped, up
from lab.session.machines import NotLoggedError
from lab.session.options import RampOptions
from lab.session.outcome import RampResult
from lab.session.own_bodies import OwnBodies, ramp_own_bodies
from lab.session.present import (
    accounts,
    card_cells,
    describe_execution,
    describe_many,
    legend,
    notes_on_stages,
    stages_as_table,
    visits_as_table,
    void_stages,
)
from lab.session.processors import Processors
from lab.session.ramp import ramp, run_plan
from lab.session.repeat import run_with_repeats
from lab.session.reporting import render_again, summary_of
from lab.session.results import OutputFolderError, make_folder, run_folder, write_ramp
from lab.session.resume import resume
from lab.session.sending import UnfinishedMessageError, body_of, clock_note, send
from lab.session.sources import Round, Sources
from lab.session.started import Started
from lab.session.started import find as find_started
from lab.session.summary import head, measured_bill
from lab.session.watch import PATIENCE_S, Progress, Watch
from lab.session.watching import NothingSeenError, Watched, watch_folder, watch_machine, write_watched
from lab.stack import Settings

__all__ = [
    "FACTORS",
    "MANIFEST",
    "MEASURES",
    "PATIENCE_S",
    "PRESETS",
    "BudgetError",
    "Card",
    "Design",
    "Emptied",
    "Experiment",
    "Exported",
    "Factor",
    "Fault",
    "FaultError",
    "Faults",
    "FindOptions",
    "KeptRun",
    "Moved",
    "NoSuchRunError",
    "NotLoggedError",
    "NotMovedError",
    "NothingSeenError",
    "OutputFolderError",
    "OwnBodies",
    "Processors",
    "Progress",
    "RampOptions",
    "RampResult",
    "Round",
    "Settings",
    "Sources",
    "Started",
    "TemplateFileError",
    "Timing",
    "UnfinishedMessageError",
    "Watch",
    "Watched",
    "accounts",
    "announcement",
    "body_of",
    "budget_usd",
    "card_cells",
    "clock_note",
    "compare_runs",
    "comparison_as_dict",
    "comparison_as_table",
    "count_effects",
    "dead_letters",
    "demo",
    "describe_execution",
    "describe_many",
    "down",
    "effects",
    "empty_filled_queue",
    "estimate_of",
    "export",
    "factors_of",
    "facts_of",
    "find",
    "find_run",
    "find_started",
    "finding",
    "head",
    "hits_in_words",
    "invocations_of",
    "judged",
    "keep_run",
    "kept_runs",
    "legend",
    "lines_of",
    "make_folder",
    "make_room_for",
    "measured_bill",
    "new_run_id",
    "not_judged",
    "notes_on",
    "notes_on_stages",
    "queue_depths",
    "ramp",
    "ramp_own_bodies",
    "read_expectations",
    "read_faults",
    "read_run",
    "redrive",
    "render_again",
    "resume",
    "run_experiment",
    "run_folder",
    "run_plan",
    "run_with_repeats",
    "runs_table",
    "save_tables",
    "search_for",
    "send",
    "stages_as_table",
    "status",
    "stopped",
    "summary_of",
    "throw_away_name",
    "try_settings",
    "up",
    "visits_as_table",
    "void_stages",
    "watch_folder",
    "watch_machine",
    "write_comparison_page",
    "write_junit",
    "write_ramp",
    "write_template",
    "write_watched",
]
