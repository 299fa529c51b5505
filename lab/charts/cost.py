"""Charts of what a run costs on AWS."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lab.analysis import cost
from lab.charts import palette
from lab.charts.numbers import joined, seconds
from lab.charts.scales import add_axes, label_axes, log_numbers, plain_numbers, row_axis
from lab.charts.style import SMALL_SIZE, Chart, finish, line_handle, sentence_chart, styled
from lab.charts.values import tell_at, tell_box


def cost_by_service(usd: Mapping[str, float], messages: int) -> Chart:
    """What a number of messages costs, one bar a service.

    Args:
        usd: service → US dollars; see ``lab.analysis.cost.Bill.by_service``.
        messages: how many messages that is for.
    """
    total = sum(usd.values())
    if not total:
        return sentence_chart("Nothing was used", "Without messages there is nothing to pay.")
    services, values = list(usd), np.array(list(usd.values()))
    chart = Chart(height=1.5 + 0.36 * len(services))
    (axes,) = add_axes(chart)
    with styled():
        places = np.arange(len(services))
        axes.barh(
            places,
            values,
            0.66,
            color=[palette.VERMILLION if value == values.max() else palette.BLUE for value in values],
        )
        for place, value in zip(places, values, strict=True):
            text = f" {value:,.4g} ({value / total:.0%})"
            axes.text(value, float(place), text, va="center", ha="left", size=SMALL_SIZE, color=palette.MUTED)
            told = f"{services[int(place)]}: {value:,.4g} USD ({value / total:.0%})"
            tell_box(chart, axes, (0.0, float(values.max()) * 1.25), (place - 0.5, place + 0.5), told)
        row_axis(axes, services, "list price (USD)")
        axes.set_xlim(0, float(values.max()) * 1.25)
        plain_numbers(axes.xaxis)
    tied = [service for service, value in zip(services, values, strict=True) if np.isclose(value, values.max())]
    share = f"{values.max() / total:.0%} of {total:,.4g} USD"
    if len(services) == 1:
        finding = f"{services[0]} costs all of it: {total:,.4g} USD"
    elif len(tied) == 1:
        finding = f"{tied[0]} costs the most: {share}"
    else:
        finding = f"{joined(tied)} cost the most: {share} each"
    return finish(chart, finding, f"{messages:,} message{'' if messages == 1 else 's'}")


def express_or_standard(transitions: int, *, log_bytes: float = 0.0, memory_mb: int = 64) -> Chart:
    """The price of a million executions against their duration, as Express and as Standard Workflow.

    Args:
        transitions: state transitions of one execution.
        log_bytes: of one Express execution; a second curve is drawn with them when they are more than nothing.
        memory_mb: of one Express execution.
    """
    # The logs belong to the price of an Express Workflow: it keeps no other record of single executions.
    even_s = cost.break_even_s(transitions, memory_mb=memory_mb, log_bytes=log_bytes)
    durations_s = np.geomspace(0.1, 300, 200)
    million = 1_000_000
    chart = Chart(height=4.0)
    (axes,) = add_axes(chart)
    counted = f"{transitions} transition{'' if transitions == 1 else 's'}"
    standard = max(cost.standard_usd(transitions), 1e-9) * million

    def express(bytes_: float) -> np.ndarray:
        each = [cost.express_usd(float(value), memory_mb=memory_mb, log_bytes=bytes_) for value in durations_s]
        return np.array(each) * million

    with styled():
        axes.plot(durations_s, express(0.0), color=palette.BLUE, linewidth=2)
        handles = [
            line_handle("Express", palette.BLUE),
            line_handle(f"Standard, {counted}", palette.VERMILLION, dash="--"),
        ]
        if log_bytes:
            axes.plot(durations_s, express(log_bytes), color=palette.ORANGE, linewidth=2, linestyle="-.")
            handles.insert(
                1, line_handle(f"Express with {log_bytes / 1000:,.0f} kB of logs", palette.ORANGE, dash="-.")
            )
        axes.axhline(standard, color=palette.VERMILLION, linewidth=2, linestyle="--")
        axes.set_xscale("log")
        axes.set_yscale("log")
        for bytes_ in {0.0, log_bytes}:
            even = cost.break_even_s(transitions, memory_mb=memory_mb, log_bytes=bytes_)
            if 0.1 < even < 300:
                axes.plot([even], [standard], marker="o", color=palette.INK, markersize=6)
        log_numbers(axes, "x")
        log_numbers(axes, "y")
        label_axes(axes, "duration of one execution (s)", "a million executions (USD)")
    shown = durations_s[:: len(durations_s) // 40]
    texts = [
        f"{seconds(float(duration))}: Express {plain * million:,.3g} USD"
        + (f", with its logs {logged * million:,.3g} USD" if log_bytes else "")
        + f"; Standard {standard:,.3g} USD"
        for duration in shown
        for plain, logged in [
            [cost.express_usd(float(duration), memory_mb=memory_mb, log_bytes=bytes_) for bytes_ in (0.0, log_bytes)]
        ]
    ]
    tell_at(chart, axes, shown, texts)
    logs = ", its logs included," if log_bytes else ""
    if even_s > 300:
        finding = f"An Express Workflow{logs} is cheaper for as long as it may run, five minutes"
    elif even_s < 0.1:
        finding = f"A Standard Workflow is cheaper than Express{logs.rstrip(',')}, however short the execution is"
    else:
        # No more digits than are known: Start and End of an execution may be transitions as well.
        about = round(even_s, -1) if even_s >= 20 else round(even_s, 1)
        finding = f"Below about {about:g} s an execution is cheaper as Express{logs.rstrip(',')}"
    return finish(chart, finding, f"List prices of {cost.US_EAST_1.region}, {cost.US_EAST_1.date}", legend=handles)
