"""The same pipeline on four things, in turn: LocalStack without and with the lab's hooks, MiniStack, plain Python.

Each round starts every system anew, one after the other (A B C A B C ...), so that whatever else the machine does
meets them all; the table holds medians over the rounds. A round is: start, provision, one message, a first burst right
after it (workers start meanwhile), a larger one to warm up, the same again (the one that counts), one message a second,
and half of the warm burst's rate.

    python -m bench.pipeline                # about 20 minutes
    python -m bench.pipeline --quick        # a few minutes, into out/bench
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench import floor, machine, tables, workload
from bench.options import Options, parser_for
from bench.pipeline_chart import FLOOR, HOOKS, MINISTACK, STOCK, chart
from bench.systems import EVENTS_OF_AN_EXECUTION, EmbeddedLocalStack, MiniStack, PeerError, System
from bench.workplace import workplace
from lab.analysis.latency import quantile

WANTED_OVER_STOCK = 60.0
WANTED_OVER_PEER = (1.6, 2.0)
WANTED_IDLE_P50_S = 0.007
WANTED_HALF_P50_S = 0.013
WANTED_CPU_S = 0.0075
WANTED_PEAK_MIB = 600.0
WANTED_FIRST_S = 3.5


@dataclass(frozen=True)
class Sizes:
    """How much is sent: messages of the first burst, of the warm ones, at one a second; seconds at half of the rate."""

    rounds: int
    first_burst: int
    burst: dict[str, int]
    idle: int
    half_s: float
    floor: int


FULL = Sizes(
    rounds=3, first_burst=100, burst={STOCK: 100, HOOKS: 1000, MINISTACK: 1000}, idle=20, half_s=20.0, floor=5000
)
QUICK = Sizes(rounds=1, first_burst=15, burst={STOCK: 15, HOOKS: 60, MINISTACK: 60}, idle=5, half_s=5.0, floor=500)


@dataclass
class Account:
    """What went in and what came out, over all rounds of a system."""

    sent: int = 0
    succeeded: int = 0
    fully_logged: int = 0
    unobserved: int = 0
    lost: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, system: System, message_ids: set[str]) -> None:
        """Count a round's messages, once everything has had its time."""
        executions = system.executions()
        succeeded = set(executions.loc[executions["status"] == "SUCCEEDED", "name"]) & message_ids
        started = system.started()
        self.sent += len(message_ids)
        self.succeeded += len(succeeded)
        self.fully_logged += len(system.fully_logged() & message_ids)
        self.unobserved += len((message_ids - succeeded) & started)
        self.lost += len(message_ids - succeeded - started)


def one_round(system: System, sizes: Sizes, account: Account, say: Callable[[str], None]) -> dict[str, float]:
    """Start ``system``, measure it, stop it."""
    clock = workload.Stopwatch()
    with system.running():
        start_s = clock.lap()
        system.provision()
        provision_s = clock.lap()
        first, first_message_s = workload.one(system)
        cold = workload.burst(system, sizes.first_burst)
        warm_up = workload.burst(system, system.burst)
        warm = workload.burst(system, system.burst)
        idle = workload.paced(system, 1.0, sizes.idle)
        half_rate = max(warm.rate / 2, 1.0 / sizes.half_s) if warm.succeeded else 1.0
        half = workload.paced(system, half_rate, sizes.half_s)
        account.add(
            system,
            {first}.union(*(part.message_ids for part in (cold, warm_up, warm, idle, half))),
        )
    account.notes += [f"{system.label}: {run.void}" for run in (idle, half) if run.void]
    say(f"  {system.label}: {cold.rate:.1f}/s, then {warm.rate:.1f}/s")
    return {
        "start_s": start_s,
        "provision_s": provision_s,
        "first_message_s": first_message_s,
        "cold_rate": cold.rate,
        "rate": warm.rate,
        "idle_p50_s": quantile(idle.messages["duration_s"], 0.50),
        "half_rate": half_rate,
        "duration_p50_s": quantile(half.messages["duration_s"], 0.50),
        "duration_p99_s": quantile(half.messages["duration_s"], 0.99),
        "end_to_end_p50_s": quantile(half.messages["end_to_end_s"], 0.50),
        "end_to_end_p99_s": quantile(half.messages["end_to_end_s"], 0.99),
        "cpu_s": warm.cpu_s,
        "peak_mib": max(part.peak_mib for part in (cold, warm_up, warm)),
        "processes": max(part.processes for part in (cold, warm_up, warm)),
    }


def measure(
    systems: Sequence[System], sizes: Sizes, say: Callable[[str], None]
) -> tuple[pd.DataFrame, dict[str, Account]]:
    """All rounds.

    Returns:
        One row a round and system (``system``, ``round`` and the keys of :func:`one_round`), and the accounts.
    """
    accounts = {system.label: Account() for system in systems}
    rows: list[dict[str, Any]] = []
    for number_of_round in range(1, sizes.rounds + 1):
        say(f"Round {number_of_round} of {sizes.rounds}")
        for system in systems:
            found = one_round(system, sizes, accounts[system.label], say)
            rows.append({"system": system.label, "round": number_of_round, **found})
        rows.append({"system": FLOOR, "round": number_of_round, **floor.run(sizes.floor)})
    return pd.DataFrame(rows), accounts


def medians(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row a system, in the order measured: the median of each column over the rounds."""
    return rounds.groupby("system", sort=False).median(numeric_only=True).drop(columns="round")


def result_table(middle: pd.DataFrame, accounts: dict[str, Account]) -> str:
    """The Markdown table."""
    header = [
        *("", "start", "provision", "first message", "first burst", "warm burst", "idle p50"),
        *("duration p50 / p99", "end-to-end p50 / p99", "at", "CPU a message", "peak memory", "processes"),
        *("succeeded", f"all {EVENTS_OF_AN_EXECUTION} events in the log", "lost"),
    ]
    rows = []
    for label, row in middle.iterrows():
        account = accounts.get(str(label))
        if account is None:  # the floor has neither queue nor log
            ends = [tables.NOTHING] * 3
        else:
            lost = f"{account.lost}" + (f", {account.unobserved} unobserved" if account.unobserved else "")
            ends = [f"{account.succeeded:,} of {account.sent:,}", f"{account.fully_logged:,}", lost]
        rows.append(
            [
                str(label),
                *(tables.seconds(row[name], 2) for name in ("start_s", "provision_s")),
                tables.milliseconds(row["first_message_s"])
                if row["first_message_s"] < 0.1
                else tables.seconds(row["first_message_s"], 2),
                tables.rate(row["cold_rate"]),
                tables.rate(row["rate"]),
                tables.milliseconds(row["idle_p50_s"]),
                f"{tables.milliseconds(row['duration_p50_s'])} / {tables.milliseconds(row['duration_p99_s'])}",
                f"{tables.milliseconds(row['end_to_end_p50_s'])} / {tables.milliseconds(row['end_to_end_p99_s'])}",
                tables.rate(row["half_rate"]),
                tables.milliseconds(row["cpu_s"]),
                tables.mebibytes(row["peak_mib"]),
                tables.NOTHING if pd.isna(row["processes"]) else f"{row['processes']:.0f}",
                *ends,
            ]
        )
    return tables.markdown_table(header, rows)


def rounds_table(rounds: pd.DataFrame) -> str:
    """Every round's main figures, so that the spread shows."""
    header = ["round", "", "first burst", "warm burst", "idle p50", "end-to-end p99", "CPU a message", "peak memory"]
    return tables.markdown_table(
        header,
        [
            [
                f"{row['round']}",
                str(row["system"]),
                *(tables.rate(row[name]) for name in ("cold_rate", "rate")),
                *(tables.milliseconds(row[name]) for name in ("idle_p50_s", "end_to_end_p99_s", "cpu_s")),
                tables.mebibytes(row["peak_mib"]),
            ]
            for row in rounds.to_dict("records")
        ],
    )


def explanation(sizes: Sizes) -> str:
    """What the columns of the table mean, and what to know when reading them."""
    bursts = ", ".join(f"{count:,} on {label}" for label, count in sizes.burst.items())
    rounds = f"Medians of {sizes.rounds} rounds" if sizes.rounds > 1 else "One round"
    return f"""{rounds}, the systems in turn, each started anew in every round. All get the same functions,
definition, queue and mapping (batches of ten) from the same code. LocalStack runs its functions in the lab's process
workers, hooks or not; as it comes it would need Docker.

- *first burst*, *warm burst*: messages per second from the first send to the last end, sent as fast as one caller can.
  The first one, {sizes.first_burst} messages, comes right after the first message; the warm one is the second of two
  larger ones ({bursts}).
- *idle p50*: duration of an execution at one message a second, {sizes.idle} messages, after the bursts.
- *duration*, *end-to-end* (from the planned send time): at half of the warm burst's rate for {sizes.half_s:g} s. The
  p99 of fewer than 100 messages is their maximum.
- *CPU a message*, *peak memory*, *processes*: the emulator with its workers. CPU is that of the warm burst; memory is
  resident memory, added up, so what processes share counts more than once.
- *succeeded*, *lost*: over all messages of all rounds. Unobserved ones were started, but no log tells of their end.
- MiniStack writes no execution events to CloudWatch Logs, which is a good part of LocalStack's work here, and nothing
  can be read there afterwards. Its executions are counted with ListExecutions, which AWS refuses for Express Workflows.
  It starts a worker process for every concurrent invocation, so its first burst is mostly starting them; the lab caps
  its workers.
- *plain Python*: the four handlers called one after the other, JSON read before and written after; no queue, no
  workflow, no log."""


def verdicts(middle: pd.DataFrame, accounts: dict[str, Account]) -> str:
    """What the lab asks of itself, and whether it got it."""
    hooks, stock = middle.loc[HOOKS], middle.loc[STOCK]
    account = accounts[HOOKS]
    over_stock = hooks["rate"] / stock["rate"]
    first_s = hooks["start_s"] + hooks["provision_s"] + hooks["first_message_s"]
    complete = account.fully_logged == account.succeeded == account.sent and not account.lost
    lines = [
        tables.verdict(
            bool(over_stock >= WANTED_OVER_STOCK),
            f"hooks on carry at least {WANTED_OVER_STOCK:g} times the messages per second of hooks off "
            f"(warm burst: {over_stock:.1f} times)",
        )
    ]
    if MINISTACK in middle.index:
        peer = middle.loc[MINISTACK]
        warm, cold = hooks["rate"] / peer["rate"], hooks["cold_rate"] / peer["cold_rate"]
        lines += [
            tables.verdict(
                bool(min(warm, cold) >= wanted),
                f"and at least {wanted:g} times those of MiniStack "
                f"(warm burst: {warm:.2f} times; first burst: {cold:.2f} times)",
            )
            for wanted in WANTED_OVER_PEER
        ]
    lines += [
        tables.verdict(
            complete,
            f"with hooks on every execution has its {EVENTS_OF_AN_EXECUTION} events and nothing is lost "
            f"({account.fully_logged:,} of {account.sent:,}, {account.lost} lost)",
        ),
        tables.verdict(
            bool(hooks["idle_p50_s"] <= WANTED_IDLE_P50_S),
            f"p50 duration on an idle, warm pipeline at most {tables.milliseconds(WANTED_IDLE_P50_S)} "
            f"({tables.milliseconds(hooks['idle_p50_s'])})",
        ),
        tables.verdict(
            bool(hooks["duration_p50_s"] <= WANTED_HALF_P50_S),
            f"p50 duration at half of the warm burst's rate at most {tables.milliseconds(WANTED_HALF_P50_S)} "
            f"({tables.milliseconds(hooks['duration_p50_s'])})",
        ),
        tables.verdict(
            bool(hooks["cpu_s"] <= WANTED_CPU_S),
            f"at most {tables.milliseconds(WANTED_CPU_S)} of CPU a message ({tables.milliseconds(hooks['cpu_s'])})",
        ),
        tables.verdict(
            bool(hooks["peak_mib"] <= WANTED_PEAK_MIB),
            f"at most {tables.mebibytes(WANTED_PEAK_MIB)} of memory ({tables.mebibytes(hooks['peak_mib'])})",
        ),
        tables.verdict(
            bool(first_s <= WANTED_FIRST_S),
            f"start, provision and first message at most {WANTED_FIRST_S:g} s together ({first_s:.1f} s)",
        ),
    ]
    return "\n".join(lines)


def run(options: Options) -> Path:
    """Measure, write ``pipeline.md`` and ``pipeline.png``; the path of the former."""
    sizes = QUICK if options.quick else FULL
    if options.rounds:
        sizes = replace(sizes, rounds=options.rounds)
    described = machine.describe()
    without_peer = ""
    with workplace() as folder:
        systems: list[System] = [
            EmbeddedLocalStack("bench-stock", STOCK, sizes.burst[STOCK], hooks=False),
            EmbeddedLocalStack("bench-hooks", HOOKS, sizes.burst[HOOKS], hooks=True),
        ]
        try:
            systems.append(MiniStack("bench-peer", MINISTACK, sizes.burst[MINISTACK], folder / "ministack"))
        except PeerError as error:
            without_peer = str(error)
        rounds, accounts = measure(systems, sizes, options.say)
    middle = medians(rounds)
    notes = [note for account in accounts.values() for note in account.notes]
    parts = [
        result_table(middle, accounts),
        explanation(sizes),
        "## What the lab asks of itself\n\n" + verdicts(middle, accounts),
        "## Every round\n\n" + rounds_table(rounds),
    ]
    if notes:
        parts.append("## Void runs\n\n" + "\n".join(f"- {note}" for note in notes))
    if without_peer:
        parts.append(f"MiniStack is missing: {without_peer}")
    return tables.write(
        options.folder,
        "pipeline",
        "The pipeline on LocalStack without and with the hooks, on MiniStack, and in plain Python",
        described,
        parts,
        chart(middle, f"Medians of {sizes.rounds} rounds, in turn on one machine" if sizes.rounds > 1 else "One round"),
    )


def main() -> None:
    run(parser_for(__doc__))


if __name__ == "__main__":
    main()
