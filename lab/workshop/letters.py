"""Dead letters in a notebook: looked at as a table, moved back with a sentence."""

from __future__ import annotations

import pandas as pd

from lab import session
from lab.target import Target
from lab.workshop.page import filled

_BODY = 40


def dead_letters(target: Target) -> pd.DataFrame:
    """The dead letters, each with the reason that ``start_execution`` logged, and with the start of its body.

    See :func:`lab.session.dead_letters` for the columns.
    """
    rows = session.dead_letters(target)
    return rows.assign(body=[body if len(body) <= _BODY else f"{body[:_BODY]} …" for body in rows["body"]])


def redrive(target: Target) -> session.Moved:
    """Move all dead letters back to their queue, and say how many."""
    moved = session.redrive(target)
    print(filled(moved.sentence()))  # noqa: T201 - the notebook's own output
    return moved
