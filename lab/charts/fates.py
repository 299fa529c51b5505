"""Where each message of a run ended, and with which error."""

from __future__ import annotations

import math

import pandas as pd

from lab.analysis.account import FATES
from lab.charts import palette
from lab.charts.numbers import message_count, number
from lab.charts.scales import add_axes, plain_numbers, row_axis
from lab.charts.style import SMALL_SIZE, Chart, finish, patch_handle, sentence_chart, styled
from lab.charts.text import drawable, shorten

_WORDS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "dead_lettered": "dead-lettered",
    "still_queued": "still queued",
    "unobserved": "end not logged",
    "lost_or_queued": "lost or queued",
    "lost": "lost",
    "never_arrived": "never arrived",
    "not_sent": "not sent",
    "unexpected": "never sent, yet seen",
}
# These have a row even when nobody is in it, so that two charts can be compared.
_ALWAYS = ("succeeded", "failed", "dead_lettered", "still_queued", "lost")
_NO_ERROR = "no error"
_LONGEST_CAUSE = 42
_LEGEND_LETTERS = 90  # that fit beside each other, roughly


def fates(account: pd.DataFrame) -> Chart:
    """One bar a fate, one colour and pattern a cause.

    Args:
        account: the table of ARCHITECTURE.md; the columns ``fate`` and ``error`` are needed. Messages of other runs
            are left out.
    """
    own = account[account["fate"] != "foreign"]
    if own.empty:
        return sentence_chart("No message was sent", "Without messages there is no fate to show.")
    causes = own["error"].where(own["error"].map(lambda error: isinstance(error, str)), _NO_ERROR)
    counts = pd.crosstab(own["fate"], causes)
    rows = [fate for fate in FATES if fate in counts.index or fate in _ALWAYS]
    counts = counts.reindex(rows, fill_value=0)
    # The commonest cause comes first; that of the messages without an error before all.
    ordered = sorted(counts.columns, key=lambda cause: (cause != _NO_ERROR, -counts[cause].sum(), cause))
    looks = _looks(ordered)
    labels = [drawable(shorten(cause, _LONGEST_CAUSE)) for cause in ordered]
    beside = max(_LEGEND_LETTERS // (max(map(len, labels)) + 6), 1)
    chart = Chart(height=1.7 + 0.36 * len(rows) + 0.2 * math.ceil(len(labels) / beside))
    (axes,) = add_axes(chart)
    most = int(counts.sum(axis=1).max())
    with styled():
        for place, fate in enumerate(rows):
            left = 0
            for cause in ordered:
                count = int(counts.loc[fate, cause])
                colour, hatch = looks[cause]
                if count:
                    axes.barh(place, count, 0.66, left, color=colour, hatch=hatch, edgecolor=palette.PAPER, linewidth=0)
                left += count
            axes.text(left, place, f" {number(left, 12)}", va="center", size=SMALL_SIZE, color=palette.MUTED)
        row_axis(axes, [_WORDS[fate] for fate in rows], "messages")
        axes.set_xlim(0, most * 1.12)
        plain_numbers(axes.xaxis, integer=True)
    legend = [
        patch_handle(label, looks[cause][0], hatch=looks[cause][1])
        for cause, label in zip(ordered, labels, strict=True)
    ]
    return finish(chart, _finding(counts), _detail(counts, ordered), legend=legend)


def _looks(causes: list[str]) -> dict[str, tuple[str, str]]:
    """A colour and a pattern for each; neither tells two causes apart alone."""
    looks = {_NO_ERROR: (palette.BLUE, "")}
    others = [colour for colour in palette.SERIES if colour != palette.BLUE]
    patterns = palette.HATCHES[1:]
    for place, cause in enumerate(cause for cause in causes if cause != _NO_ERROR):
        # Neighbours differ in both; a colour that comes again has another pattern.
        looks[cause] = (others[place % len(others)], patterns[(place + place // len(others)) % len(patterns)])
    return looks


def _finding(counts: pd.DataFrame) -> str:
    each = counts.sum(axis=1)
    total, lost, succeeded = int(each.sum()), int(each["lost"]), int(each["succeeded"])
    if lost:
        return f"{number(lost, 12)} of {message_count(total)} {'is' if lost == 1 else 'are'} lost"
    if succeeded == total:
        return "The one message succeeded" if total == 1 else f"All {message_count(total)} succeeded"
    others = [
        f"{number(int(count), 12)} {_WORDS[str(fate)]}" for fate, count in each.items() if count and fate != "succeeded"
    ]
    return f"None of {message_count(total)} is lost: {', '.join([f'{number(succeeded, 12)} succeeded', *others])}"


def _detail(counts: pd.DataFrame, causes: list[str]) -> str:
    """The numbers behind the colours, in words."""
    named = [
        f"{number(int(counts.loc[fate, cause]), 12)} {_WORDS[fate]} with {shorten(cause, _LONGEST_CAUSE)}"
        for fate in sorted(counts.index, key=lambda fate: fate != "lost")  # the worst first
        for cause in causes
        if cause != _NO_ERROR and counts.loc[fate, cause]
    ]
    more = f", and {len(named) - 3} kinds more" if len(named) > 3 else ""
    return f"{', '.join(named[:3])}{more}" if named else "Where each message ended; no error was named"
