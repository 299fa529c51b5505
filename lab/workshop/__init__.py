"""What the notebooks call: the lab behind a page, patience with AWS, one message followed, and the self-checks."""

from lab.workshop.following import NotFollowedError, event_table, find_line, follow, statistics_of
from lab.workshop.making import RefusedDefinitionError, create, delete, package_of, wait_for_mapping
from lab.workshop.notebook import LabNotReadyError, contents, keep, open_lab, show, show_json, tell

__all__ = [
    "LabNotReadyError",
    "NotFollowedError",
    "RefusedDefinitionError",
    "contents",
    "create",
    "delete",
    "event_table",
    "find_line",
    "follow",
    "keep",
    "open_lab",
    "package_of",
    "show",
    "show_json",
    "statistics_of",
    "tell",
    "wait_for_mapping",
]
