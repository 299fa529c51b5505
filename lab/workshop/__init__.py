"""What the notebooks call: the lab behind a page, patience with AWS, one message followed, predictions, self-checks."""

from lab.workshop.example_run import Shown, run_with_limit
from lab.workshop.following import NotFollowedError, event_table, find_line, follow, statistics_of
from lab.workshop.making import RefusedDefinitionError, create, delete, wait_for_mapping
from lab.workshop.notebook import LabNotReadyError, contents, keep, open_lab, show, show_json, tell, text_file
from lab.workshop.packing import NotPackableError, package_of
from lab.workshop.predictions import compare, predict
from lab.workshop.self_checks import hint

__all__ = [
    "LabNotReadyError",
    "NotFollowedError",
    "NotPackableError",
    "RefusedDefinitionError",
    "Shown",
    "compare",
    "contents",
    "create",
    "delete",
    "event_table",
    "find_line",
    "follow",
    "hint",
    "keep",
    "open_lab",
    "package_of",
    "predict",
    "run_with_limit",
    "show",
    "show_json",
    "statistics_of",
    "tell",
    "text_file",
    "wait_for_mapping",
]
