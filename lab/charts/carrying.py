"""Charts of simulated loads: how far AWS's own rules carry the pipeline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lab.analysis.cost import bill
from lab.analysis.scaling import Simulation
from lab.charts import palette
from lab.charts.numbers import joined, message_count, number, seconds
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers, row_axis
from lab.charts.style import SMALL_SIZE, Chart, finish, line_handle, patch_handle, sentence_chart, styled

# Fate, its words, colour and hatch.
_FATES = (
    ("succeeded", "succeeded", palette.GREEN, ""),
    ("at_work", "still at work", palette.SKY, "...."),
    ("queued", "still queued", palette.ORANGE, "////"),
    ("failed", "failed", palette.VERMILLION, "xxxx"),
    ("dead_lettered", "dead-lettered", palette.BLACK, ""),
)
_DASHES = ("-", "--", "-.", ":")
_MILLION = 1_000_000
_ALIKE = 1.05  # prices that are no further apart are the same
_SEEN = 0.005  # of a bar: what is thinner is not written on it


def where_they_ended(runs: Mapping[str, Simulation]) -> Chart:
    """Where the messages of each simulated load are at its end, one bar a load.

    Args:
        runs: name of the load → what happened.
    """
    sent = {name: float(run.end()["sent"]) for name, run in runs.items()}
    runs = {name: run for name, run in runs.items() if sent[name] > 0}
    if not runs:
        return sentence_chart("Nothing was sent", "Without messages nothing can end anywhere.")
    chart = Chart(height=1.7 + 0.5 * len(runs))
    (axes,) = add_axes(chart)
    with styled():
        for row, (name, run) in enumerate(runs.items()):
            left = 0.0
            for column, _, colour, hatch in _FATES:
                share = max(float(run.end()[column]), 0.0) / sent[name]
                axes.barh(row, share, 0.62, left=left, color=colour, hatch=hatch, edgecolor=palette.PAPER)
                if share > 0.06:
                    axes.text(
                        left + share / 2,
                        row,
                        f"{share:.0%}",
                        ha="center",
                        va="center",
                        size=SMALL_SIZE,
                        bbox={"facecolor": palette.PAPER, "edgecolor": "none", "pad": 1.2},
                    )
                left += share
        row_axis(axes, list(runs), "share of the messages sent")
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    legend = [patch_handle(words, colour, hatch=hatch) for _, words, colour, hatch in _FATES]
    notes = [f"{name}: {_first_limit(run)}" for name, run in runs.items()]
    return finish(
        chart, _finding(runs, sent), "Simulated; the first limit of each load stands below", legend=legend, notes=notes
    )


def _finding(runs: Mapping[str, Simulation], sent: Mapping[str, float]) -> str:
    whole = [name for name, run in runs.items() if float(run.end()["succeeded"]) >= (1 - _SEEN) * sent[name]]
    lost = {name: float(run.end()[["failed", "dead_lettered"]].sum()) for name, run in runs.items()}
    worst = max(runs, key=lambda name: lost[name] / sent[name])
    share = lost[worst] / sent[worst]
    if len(whole) == len(runs):
        return "Every message of every load succeeded"
    carried = f"{_begin(joined(whole))}: all succeeded" if whole else "No load was carried whole"
    if share < _SEEN:
        return f"{carried}; the others wait in the queue, and nothing failed"
    return f"{carried}; {worst}: {share:.0%} failed"


def _begin(words: str) -> str:
    """The words as a sentence begins."""
    return words[:1].upper() + words[1:]


def _first_limit(run: Simulation) -> str:
    limits = run.first_limits()
    if limits.empty:
        return "no limit was met"
    first, longest = limits.iloc[0], limits.iloc[int(limits["share"].argmax())]
    sentence = f"first met after {seconds(float(first['time_s']))}: {first['limit']}"
    if longest["limit"] != first["limit"]:
        sentence += f"; longest in force: {longest['limit']}"
    return sentence


def queue_and_age(runs: Mapping[str, Simulation]) -> Chart:
    """How many messages wait during each simulated load, and how old the oldest of them is.

    Args:
        runs: name of the load → what happened.
    """
    if not runs:
        return sentence_chart("Nothing was simulated", "Without a load there is nothing to draw.")
    chart = Chart(height=5.4)
    above, below = add_axes(chart, rows=2, sharex=True)
    handles = []
    with styled():
        for place, (name, run) in enumerate(runs.items()):
            colour, dash = palette.SERIES[place % len(palette.SERIES)], _DASHES[place % len(_DASHES)]
            # One message at least, so that an empty queue has its place on a logarithmic axis.
            above.plot(run.steps["time_s"], np.maximum(run.steps["queued"], 1), color=colour, linestyle=dash)
            below.plot(run.steps["time_s"], run.steps["oldest_s"], color=colour, linestyle=dash)
            handles.append(line_handle(name, colour, dash=dash))
        log_numbers(above, "y")
        label_axes(above, "", "messages waiting")
        label_axes(below, "time since the first message (s)", "age of the oldest (s)")
        plain_numbers(below.yaxis)
        below.set_ylim(bottom=0)
        plain_numbers(below.xaxis)
    peaks = {name: float(run.steps["queued"].max()) for name, run in runs.items()}
    ages = {name: float(run.steps["oldest_s"].max()) for name, run in runs.items()}
    worst = max(runs, key=lambda name: peaks[name])
    if peaks[worst] < 1:
        finding = "No message waits, whatever the load"
    else:
        finding = f"{_begin(worst)}: up to {message_count(round(peaks[worst]))} wait"
        finding += f", the oldest for {seconds(ages[worst])}" if ages[worst] >= 1 else ""
    detail = "Simulated; messages that are hidden while somebody works on them count as waiting"
    return finish(chart, finding, detail, legend=handles)


def cost_of_success(runs: Mapping[str, Simulation]) -> Chart:
    """What a million messages that succeed cost in each simulated load, by service: those that fail are paid for, too.

    Args:
        runs: name of the load → what happened; one in which nothing succeeded is left out, and a note says so.
    """
    done = {name: float(run.end()["succeeded"]) if len(run.steps) else 0.0 for name, run in runs.items()}
    priced = {name: run for name, run in runs.items() if done[name] >= 1}
    if not priced:
        return sentence_chart("No message succeeded", "So there is no price of one that did.")
    usd = {
        name: {service: cost / done[name] * _MILLION for service, cost in bill(run.usage).by_service().items()}
        for name, run in priced.items()
    }
    services = list(dict.fromkeys(service for each in usd.values() for service in each))
    chart = Chart(height=1.8 + 0.5 * len(priced))
    (axes,) = add_axes(chart)
    totals = {name: sum(each.values()) for name, each in usd.items()}
    with styled():
        for row, each in enumerate(usd.values()):
            left = 0.0
            for place, service in enumerate(services):
                colour, hatch = palette.SERIES[place % len(palette.SERIES)], palette.HATCHES[place % 4]
                value = each.get(service, 0.0)
                axes.barh(row, value, 0.62, left=left, color=colour, hatch=hatch, edgecolor=palette.PAPER)
                left += value
            axes.text(left, row, f" {number(left)}", va="center", ha="left", size=SMALL_SIZE, color=palette.MUTED)
        row_axis(axes, list(priced), "a million messages that succeed (USD, list price)")
        axes.set_xlim(0, 1.15 * max(totals.values()))
        plain_numbers(axes.xaxis)
    legend = [
        patch_handle(service, palette.SERIES[place % len(palette.SERIES)], hatch=palette.HATCHES[place % 4])
        for place, service in enumerate(services)
    ]
    cheapest, dearest = min(totals, key=lambda name: totals[name]), max(totals, key=lambda name: totals[name])
    if totals[dearest] <= _ALIKE * totals[cheapest]:
        finding = f"A million messages that succeed cost {number(totals[dearest])} USD"
        finding += ", whatever the load" if len(totals) > 1 else ""
    else:
        finding = f"A million that succeed cost {number(totals[cheapest])} USD at {cheapest}, "
        finding += f"and {number(totals[dearest])} USD at {dearest}"
    notes = [f"{name}: no message succeeded." for name in runs if name not in priced]
    return finish(chart, finding, "Simulated; what failed is paid for by what succeeded", legend=legend, notes=notes)
