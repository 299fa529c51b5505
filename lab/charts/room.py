"""How far a room of learners is, check by check."""

from __future__ import annotations

import pandas as pd

from lab.charts import palette
from lab.charts.numbers import joined
from lab.charts.scales import add_axes, plain_numbers, row_axis
from lab.charts.style import SMALL_SIZE, Chart, finish, patch_handle, sentence_chart, styled
from lab.charts.values import tell_box

_PARTS = (
    ("passed", "passed", palette.BLUE, ""),
    ("not_yet", "tried, not passed yet", palette.ORANGE, "////"),
    ("not_begun", "not begun", palette.RULE, ""),
)
_MOST_NAMED = 3


def room_progress(checks: pd.DataFrame) -> Chart:
    """One bar a check, in the order of the course: who passed it, who tried, who has not begun.

    Args:
        checks: one row a check, with ``check`` (its name), ``quiz`` (else it is an exercise) and the numbers of
            learners ``passed``, ``not_yet`` and ``not_begun``, which add up to the same in each row.
    """
    learners = 0 if checks.empty else int(checks[[column for column, *_ in _PARTS]].iloc[0].sum())
    if learners == 0:
        return sentence_chart("Nobody's progress is here yet", "Without learners there is nothing to show.")
    chart = Chart(height=1.6 + 0.24 * max(len(checks), 3))
    (axes,) = add_axes(chart)
    with styled():
        for place, row in enumerate(checks.to_dict("records")):
            left = 0
            for column, words, colour, hatch in _PARTS:
                count = int(row[column])
                if not count:
                    continue
                axes.barh(place, count, 0.72, left, color=colour, hatch=hatch, edgecolor=palette.PAPER, linewidth=0)
                tell_box(
                    chart,
                    axes,
                    (left, left + count),
                    (place - 0.36, place + 0.36),
                    f"{row['check']}: {count} {words}",
                )
                left += count
            passed = int(row["passed"])
            axes.text(left, place, f" {passed}", va="center", size=SMALL_SIZE, color=palette.MUTED)
        row_axis(axes, [str(name) for name in checks["check"]], "learners; the number beside a bar: passed")
        axes.set_xlim(0, learners * 1.06)
        plain_numbers(axes.xaxis, integer=True)
    legend = [patch_handle(words, colour, hatch=hatch) for _, words, colour, hatch in _PARTS]
    detail = f"{learners} learner{'' if learners == 1 else 's'}, {len(checks)} checks: exercises and quizzes"
    return finish(chart, _finding(checks, learners), detail, legend=legend)


def _finding(checks: pd.DataFrame, learners: int) -> str:
    if (checks["passed"] == learners).all():
        return "The one learner has passed every check" if learners == 1 else f"All {learners} have passed every check"
    return _reach(checks, learners) + _at_work(checks)


def _reach(checks: pd.DataFrame, learners: int) -> str:
    """Up to where each exercise is passed by half of the room or more; quizzes may be done at any time."""
    exercises = checks[~checks["quiz"].astype(bool)]
    one = "check" if exercises.empty else "exercise"
    checks = checks if exercises.empty else exercises
    behind = list(checks["passed"] * 2 < learners)
    who = "The learner" if learners == 1 else "Half of the room or more"
    if True not in behind:
        return f"{who} has passed each {one}"
    first = behind.index(True)
    if first == 0:
        few = "The learner has not" if learners == 1 else "Less than half of the room has"
        return f"{few} passed the first {one}, {checks['check'].iloc[0]}"
    return f"{who} has passed each {one} up to {checks['check'].iloc[first - 1]}"


def _at_work(checks: pd.DataFrame) -> str:
    """The check, or checks, that most have tried and not passed."""
    most = int(checks["not_yet"].max())
    if most == 0:
        return ""
    names = [str(name) for name in checks.loc[checks["not_yet"] == most, "check"]]
    if len(names) == 1:
        return f"; no other check holds as many as {names[0]}: {most} tried it and did not pass yet"
    return f"; {joined(names, _MOST_NAMED)} hold {most} each, who tried and did not pass yet"
