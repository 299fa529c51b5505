"""What notebooks call: the lab behind a page, patience with AWS, a message followed, predictions, checks, quizzes."""

from lab.workshop.carrying import Carried, forecast_or_example, say_how_good
from lab.workshop.example_experiment import experiment_that_counts
from lab.workshop.example_run import Shown, run_with_limit
from lab.workshop.executions import history_table, listed_executions, logged_executions, wait_for_end, wait_for_token
from lab.workshop.following import NotFollowedError, event_table, find_line, follow, statistics_of
from lab.workshop.letters import dead_letters, redrive
from lab.workshop.making import (
    RefusedDefinitionError,
    create,
    delete,
    received,
    settle,
    wait_for,
    wait_for_mapping,
    wait_until_gone,
)
from lab.workshop.notebook import LabNotReadyError, contents, keep, open_lab, show, show_json, tell, text_file
from lab.workshop.packing import NotPackableError, archive, package_of
from lab.workshop.page import say
from lab.workshop.predictions import compare, predict, score
from lab.workshop.quizzes import answer_quiz, quiz
from lab.workshop.self_checks import hint
from lab.workshop.slowness import SlowRun, parts_of, run_with_a_slow_function
from lab.workshop.templates import (
    StackFailedError,
    delete_stack,
    events,
    lint,
    outputs,
    part,
    show_findings,
    update_stack,
    wait_for_stack,
)

__all__ = [
    "Carried",
    "LabNotReadyError",
    "NotFollowedError",
    "NotPackableError",
    "RefusedDefinitionError",
    "Shown",
    "SlowRun",
    "StackFailedError",
    "answer_quiz",
    "archive",
    "compare",
    "contents",
    "create",
    "dead_letters",
    "delete",
    "delete_stack",
    "event_table",
    "events",
    "experiment_that_counts",
    "find_line",
    "follow",
    "forecast_or_example",
    "hint",
    "history_table",
    "keep",
    "lint",
    "listed_executions",
    "logged_executions",
    "open_lab",
    "outputs",
    "package_of",
    "part",
    "parts_of",
    "predict",
    "quiz",
    "received",
    "redrive",
    "run_with_a_slow_function",
    "run_with_limit",
    "say",
    "say_how_good",
    "score",
    "settle",
    "show",
    "show_findings",
    "show_json",
    "statistics_of",
    "tell",
    "text_file",
    "update_stack",
    "wait_for",
    "wait_for_end",
    "wait_for_mapping",
    "wait_for_stack",
    "wait_for_token",
    "wait_until_gone",
]
