"""Where a learner stands, and where a room stands: from the record that the notebooks keep.

A learner's file leaves the machine only when somebody carries it: ``export`` writes it, ``collect`` reads many.
"""

from lab.workshop.progress.course import Check, checks_of_the_course
from lab.workshop.progress.exported import NotExportedError, export
from lab.workshop.progress.page import PageNotWrittenError, write_page
from lab.workshop.progress.room import NoProgressFilesError, Room, collect
from lab.workshop.progress.standing import Standing, as_dict, own_standings, standings

__all__ = [
    "Check",
    "NoProgressFilesError",
    "NotExportedError",
    "PageNotWrittenError",
    "Room",
    "Standing",
    "as_dict",
    "checks_of_the_course",
    "collect",
    "export",
    "own_standings",
    "standings",
    "write_page",
]
