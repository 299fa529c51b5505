"""How cost grows: 100, 1,000 and 10,000 messages through LocalStack with the hooks.

Each size gets an emulator of its own. It is warmed up, the queue is filled while the mapping is disabled, and then the
mapping is enabled: what is measured is the pipeline alone, without the work of sending. The logs are read when all is
done; the last row reads them all the while, as ``lab ramp`` does.

    python -m bench.growth                  # about 8 minutes
    python -m bench.growth --quick          # into out/bench
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench import machine, tables, workload
from bench.options import Options, parser_for
from bench.processes import Meter
from bench.systems import EVENTS_OF_AN_EXECUTION, EmbeddedLocalStack
from bench.workplace import workplace
from lab import observe
from lab.charts import palette
from lab.charts.scales import add_axes, label_axes, plain_numbers
from lab.charts.style import Chart, finish, line_handle, styled
from lab.stack import mapping

SIZES = (100, 1_000, 10_000)
QUICK_SIZES = (50, 200)
WARM_UP = 50
BLOCKS = 10

WANTED_RATIO = 1.1
WANTED_MIB = 1536.0


@dataclass(frozen=True)
class Growth:
    """One size.

    Attributes:
        messages: how many were sent.
        following: whether the logs were read all the while.
        succeeded, fully_logged, lost: how many; lost ones neither ended nor were they started.
        seconds: from the first ExecutionStarted to the last end.
        cpu_s: CPU seconds of LocalStack and its workers a message.
        before_mib, after_mib: LocalStack's own memory before the queue was filled, and at the end.
        tree_mib: its memory and that of its workers at the end.
        blocks: the run in equal parts by the order of ends: ``messages`` (ended by then), ``per_message_s``,
            ``cpu_s`` a message, ``memory_mib`` (LocalStack's own, at the end of the part).
    """

    messages: int
    following: bool
    succeeded: int
    fully_logged: int
    lost: int
    seconds: float
    cpu_s: float
    before_mib: float
    after_mib: float
    tree_mib: float
    blocks: pd.DataFrame

    @property
    def last_to_first(self) -> float:
        """Time per message of the last part over that of the first."""
        times = self.blocks["per_message_s"]
        return float(times.iloc[-1] / times.iloc[0])


def measure(count: int, *, following: bool) -> Growth:
    """Run one size on an emulator of its own."""
    system = EmbeddedLocalStack("bench-growth", "", count, hooks=True)
    with system.running():
        system.provision()
        workload.one(system)
        workload.burst(system, WARM_UP)
        before = workload.ended(system)
        mapping.set_enabled(system.names, False)
        with Meter(system.pid, every_s=0.25) as meter:
            message_ids = workload.send_all(system, count)
            mapping.set_enabled(system.names, True)
            if not following:
                _until_idle(system)
            system.wait(before + count)
        executions = system.executions()
        own = executions[executions["name"].isin(message_ids) & (executions["status"] == "SUCCEEDED")]
        ends = np.sort(own["finished"].astype("int64").to_numpy()) / 1e9
        began = own["started"].min().timestamp()
        parts = _blocks(ends, began, meter)
        return Growth(
            messages=len(message_ids),
            following=following,
            succeeded=own["name"].nunique(),
            fully_logged=len(system.fully_logged() & message_ids),
            lost=len(message_ids - set(own["name"]) - system.started()),
            seconds=float(ends[-1] - began),
            cpu_s=float(np.diff(meter.at(np.array([began, ends[-1]]), lambda sample: sample.cpu_s))[0]) / len(own),
            before_mib=meter.samples[0].root_mib,
            after_mib=meter.samples[-1].root_mib,
            tree_mib=meter.samples[-1].tree_mib,
            blocks=parts,
        )


def _until_idle(system: EmbeddedLocalStack) -> None:
    """Wait until the queue is empty, asking seldom: whoever asks takes time from what is measured."""
    while observe.queue_depth(system.sqs, system.queue_url).total:
        time.sleep(2.0)


def _blocks(ends: np.ndarray, began: float, meter: Meter) -> pd.DataFrame:
    places = np.linspace(0, len(ends), min(BLOCKS, len(ends)) + 1).astype(int)[1:]
    until = ends[places - 1]
    sizes = np.diff(places, prepend=0)
    cpu_s = np.diff(meter.at(np.concatenate([[began], until]), lambda sample: sample.cpu_s))
    return pd.DataFrame(
        {
            "messages": places,
            "per_message_s": np.diff(until, prepend=began) / sizes,
            "cpu_s": cpu_s / sizes,
            "memory_mib": meter.at(until, lambda sample: sample.root_mib),
        }
    )


def sizes_table(found: list[Growth]) -> str:
    """One row a size."""
    header = [
        *("messages", "seconds", "time a message", "CPU a message", "LocalStack at the end", "with its workers"),
        *("memory a message", "succeeded", f"all {EVENTS_OF_AN_EXECUTION} events", "lost"),
    ]
    return tables.markdown_table(
        header,
        [
            [
                f"{one.messages:,}" + (" (logs read all the while)" if one.following else ""),
                f"{one.seconds:.1f}",
                tables.milliseconds(one.seconds / one.succeeded),
                tables.milliseconds(one.cpu_s),
                tables.mebibytes(one.after_mib),
                tables.mebibytes(one.tree_mib),
                f"{(one.after_mib - one.before_mib) * 1024 / one.messages:,.0f} KiB",
                f"{one.succeeded:,}",
                f"{one.fully_logged:,}",
                f"{one.lost}",
            ]
            for one in found
        ],
    )


def blocks_table(one: Growth) -> str:
    """The parts of one size."""
    return tables.markdown_table(
        ["messages", "time a message", "CPU a message", "LocalStack's memory"],
        [
            [
                f"up to {row['messages']:,.0f}",
                tables.milliseconds(row["per_message_s"]),
                tables.milliseconds(row["cpu_s"]),
                tables.mebibytes(row["memory_mib"]),
            ]
            for row in one.blocks.to_dict("records")
        ],
    )


def verdicts(one: Growth) -> str:
    """What the lab asks of itself at the largest size."""
    part = f"{one.messages // len(one.blocks):,}"
    return "\n".join(
        [
            tables.verdict(
                one.lost == 0 and one.succeeded == one.messages, f"{one.messages:,} messages: {one.lost} lost"
            ),
            tables.verdict(
                one.fully_logged == one.messages,
                f"all {EVENTS_OF_AN_EXECUTION} events of each ({one.fully_logged:,} of {one.messages:,})",
            ),
            tables.verdict(
                one.after_mib <= WANTED_MIB,
                f"LocalStack's memory at the end at most {WANTED_MIB:,.0f} MiB ({one.after_mib:,.0f} MiB)",
            ),
            tables.verdict(
                one.last_to_first <= WANTED_RATIO,
                f"time per message of the last {part} at most {WANTED_RATIO} times that of the first "
                f"({one.last_to_first:.2f} times)",
            ),
        ]
    )


def chart(one: Growth, follower: Growth | None) -> Chart:
    """Time per message and memory against messages."""
    figure = Chart(height=3.8)
    left, right = add_axes(figure, 1, 2)
    shown = [(one, palette.BLUE, "o"), *([(follower, palette.ORANGE, "s")] if follower else [])]
    with styled():
        for growth, colour, marker in shown:
            blocks = growth.blocks
            left.plot(blocks["messages"], blocks["per_message_s"] * 1000, color=colour, marker=marker)
            right.plot(blocks["messages"], blocks["memory_mib"], color=colour, marker=marker)
        _axes(left, "time per message", "ms", one)
        _axes(right, "memory of LocalStack", "MiB", one)
    handles = [
        line_handle("logs read all the while" if growth.following else "logs read at the end", colour, marker=marker)
        for growth, colour, marker in shown
    ]
    change = one.last_to_first - 1
    finding = (
        f"The last tenth of {one.messages:,} messages takes "
        f"{abs(change):.0%} {'more' if change > 0 else 'less'} time a message than the first"
    )
    return finish(figure, finding, "A full queue, worked off by LocalStack with the hooks", legend=handles)


def _axes(axes: Axes, title: str, unit: str, one: Growth) -> None:
    axes.set_title(title)
    axes.set_xlim(0, one.messages * 1.03)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
    plain_numbers(axes.xaxis, integer=True, bins=5)
    plain_numbers(axes.yaxis, bins=5)
    label_axes(axes, "messages", unit)


def run(options: Options) -> Path:
    """Measure, write ``growth.md`` and ``growth.png``; the path of the former."""
    sizes = QUICK_SIZES if options.quick else SIZES
    described = machine.describe()
    found = []
    with workplace():
        for count, following in (*((size, False) for size in sizes), (sizes[-1], True)):
            found.append(measure(count, following=following))
            one = found[-1]
            options.say(f"{count:,} messages: {one.seconds:.1f} s, {one.after_mib:.0f} MiB, {one.lost} lost")
    largest, follower = found[-2:]
    parts = [
        sizes_table(found),
        __doc__.split("\n\n")[1].replace("\n", " ").replace("``", "`") if __doc__ else "",
        "Time counts from the first ExecutionStarted to the last end; memory a message is what LocalStack itself grew "
        "by, logs and all; workers are the processes that run the functions.",
        "## What the lab asks of itself\n\n" + verdicts(largest),
        f"## The {largest.messages:,} messages in parts\n\nLogs read at the end:\n\n" + blocks_table(largest),
        "Logs read all the while:\n\n" + blocks_table(follower),
    ]
    return tables.write(
        options.folder, "growth", "How cost grows with messages", described, parts, chart(largest, follower)
    )


def main() -> None:
    run(parser_for(__doc__))


if __name__ == "__main__":
    main()
