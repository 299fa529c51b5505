"""Is the saturation that ``lab ramp`` reports the same each time, and does every message come through?

A pilot finds the saturation roughly. Five ramps around it, in steps of 1.25 times, must then report the same stage, one
up or down. After that, messages below saturation must all come out with the words that went in, and so must those of a
ramp to three times saturation, once it has drained. Everything goes through ``lab.session.ramp``, as the command does.

    python -m bench.saturation              # about 15 minutes
    python -m bench.saturation --quick      # into out/bench
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine, tables, workload
from bench.options import Options, parser_for
from bench.systems import EmbeddedLocalStack
from bench.workplace import go_on, workplace
from lab.charts import palette
from lab.charts.numbers import number
from lab.charts.scales import add_axes, label_axes
from lab.charts.style import Chart, finish, line_handle, styled
from lab.session import RampOptions, RampResult, ramp

STEP = 1.25
RUNS = 5
BELOW, ABOVE = 4, 3
OVERLOAD = (0.5, 1.0, 2.0, 3.0)
BELOW_SATURATION = 0.8
# Stages of the pilot below the rate of a burst.
_FASTEST = 6


@dataclass(frozen=True)
class Sizes:
    """Repetitions, seconds of a stage, messages of the check below saturation."""

    runs: int
    seconds: float
    messages: int


FULL = Sizes(runs=RUNS, seconds=10.0, messages=2_000)
QUICK = Sizes(runs=2, seconds=4.0, messages=200)


@dataclass(frozen=True)
class Run:
    """One ramp around the saturation: its rates, and the stage that it reported (-1: not even the lowest passed)."""

    rates: tuple[float, ...]
    stage: int
    rate: float
    reached: bool
    reason: str
    void: int
    result: RampResult

    @property
    def account(self) -> str:
        """Lost and unexpected messages."""
        found = self.result.reconciliation
        return f"{len(found.lost)} lost, {len(found.unexpected)} unexpected"


def rates_around(centre: float, below: int, above: int) -> tuple[float, ...]:
    """Rates in steps of 1.25 times, ``below`` of them under ``centre`` and ``above`` over it."""
    return tuple(float(f"{centre * STEP**power:.4g}") for power in range(-below, above + 1))


def ramped(system: EmbeddedLocalStack, rates: Sequence[float], seconds: float, seed: int) -> RampResult:
    """What ``lab ramp --rates … --seconds …`` does."""
    options = RampOptions(rates=",".join(f"{rate:.6g}" for rate in rates), seconds=seconds, seed=seed)
    result = ramp(system.target, options, interactive=False)
    go_on()
    return result


def one_run(system: EmbeddedLocalStack, rates: tuple[float, ...], seconds: float, seed: int) -> Run:
    """One ramp and the stage that it reports."""
    result = ramped(system, rates, seconds, seed)
    found = result.saturation
    return Run(
        rates=rates,
        stage=-1 if found.stage is None else found.stage,
        rate=float("nan") if found.rate is None else found.rate,
        reached=found.reached,
        reason=found.reason,
        void=int((~result.stages["valid"]).sum()),
        result=result,
    )


def pilot(system: EmbeddedLocalStack, seconds: float) -> Run:
    """A ramp over a wide range, from the rate that bursts reach."""
    workload.one(system)
    workload.burst(system, 50)
    reached = workload.burst(system, 300).rate
    return one_run(system, rates_around(reached, _FASTEST, 2), seconds, seed=0)


def accounts_table(found: dict[str, RampResult]) -> str:
    """What went in and what came out."""
    header = ["", "sent", "succeeded", "lost", "unexpected", "words in", "words out", "drained"]
    return tables.markdown_table(
        header,
        [
            [
                title,
                f"{len(result.reconciliation.sent):,}",
                f"{len(result.reconciliation.succeeded):,}",
                f"{len(result.reconciliation.lost)}",
                f"{len(result.reconciliation.unexpected)}",
                f"{result.words.expected_total:,}",
                f"{result.words.total:,}" + ("" if result.words.matches else " (differ)"),
                "yes" if result.drained else "no",
            ]
            for title, result in found.items()
        ],
    )


def came_through(result: RampResult) -> bool:
    """Whether all that was sent succeeded, nothing else came out, and each word as often as it went in."""
    account = result.reconciliation
    return account.holds and len(account.succeeded) == len(account.sent) and result.words.matches and result.drained


def chart(runs: list[Run], middle: int, wanted: str) -> Chart:
    """The stages of each run: passed up to the reported one."""
    figure = Chart(height=3.4)
    (axes,) = add_axes(figure)
    with styled():
        for place, run in enumerate(runs, start=1):
            checks = run.result.saturation.checks
            passed = checks[checks["passed"] & checks["valid"]]
            failed = checks[~checks["passed"] & checks["valid"]]
            void = checks[~checks["valid"]]
            axes.plot(passed["offered_rate"], [place] * len(passed), "o", color=palette.BLUE)
            axes.plot(failed["offered_rate"], [place] * len(failed), "x", color=palette.VERMILLION)
            axes.plot(void["offered_rate"], [place] * len(void), "o", color=palette.MUTED, markerfacecolor="none")
            axes.plot([run.rate], [place], "o", color=palette.BLUE, markersize=13, markerfacecolor="none")
        rates = runs[0].rates
        axes.set_xscale("log")
        axes.set_xticks(rates, [number(rate, 3) for rate in rates])
        axes.minorticks_off()
        axes.set_yticks(range(1, len(runs) + 1))
        axes.set_ylim(len(runs) + 0.6, 0.4)
        if 0 <= middle < len(rates):
            low, high = rates[max(middle - 1, 0)], rates[min(middle + 1, len(rates) - 1)]
            axes.axvspan(low / STEP**0.5, high * STEP**0.5, color=palette.BLUE, alpha=0.08, linewidth=0)
        label_axes(axes, "offered rate (messages/s), in steps of 1.25 times", "run")
    hollow = line_handle("void: the sender lagged", palette.MUTED, marker="o", dash="")
    hollow.set_markerfacecolor("none")
    handles = [
        line_handle("kept up", palette.BLUE, marker="o", dash=""),
        line_handle("did not", palette.VERMILLION, marker="x", dash=""),
        hollow,
    ]
    return finish(
        figure, wanted, "Ringed: the saturation that lab ramp reported; shaded: one stage up or down", legend=handles
    )


def run(options: Options) -> Path:
    """Measure, write ``saturation.md`` and ``saturation.png``; the path of the former."""
    sizes = QUICK if options.quick else FULL
    repetitions = options.rounds or sizes.runs
    described = machine.describe()
    with workplace():
        system = EmbeddedLocalStack("bench-ramp", "", 0, hooks=True)
        with system.running():
            system.provision()
            first = pilot(system, sizes.seconds)
            options.say(f"pilot: {first.reason}")
            # A pilot without a valid stage (a busy machine) still knows how fast bursts go: half of that is a start.
            centre = first.rates[_FASTEST // 2] if math.isnan(first.rate) else first.rate
            runs = []
            for seed in range(1, repetitions + 1):
                runs.append(one_run(system, rates_around(centre, BELOW, ABOVE), sizes.seconds, seed))
                options.say(f"run {seed}: {runs[-1].reason}")
            saturation = statistics.median([one.rate for one in runs if not math.isnan(one.rate)] or [centre])
            calm = BELOW_SATURATION * saturation
            through = {
                f"{sizes.messages:,} messages at {number(calm, 3)}/s": ramped(
                    system, [calm], sizes.messages / calm, 11
                ),
                f"ramp to {OVERLOAD[-1]:g} times saturation, then drained": ramped(
                    system, [factor * saturation for factor in OVERLOAD], sizes.seconds, 12
                ),
            }
    stages = [one.stage for one in runs]
    middle = int(statistics.median_low(stages))
    same = all(abs(stage - middle) <= 1 for stage in stages) and middle >= 0
    rows = [
        [f"{place}", f"{one.stage}", tables.rate(one.rate), f"{one.void}", one.account, one.reason]
        for place, one in enumerate(runs, start=1)
    ]
    void = [
        f"- run {place}, {tables.rate(stage['offered_rate'])}: {stage['invalid_reason']}"
        for place, one in enumerate(runs, start=1)
        for stage in one.result.stages.to_dict("records")
        if not stage["valid"]
    ]
    sentences = " ".join((__doc__ or "").split("\n\n")[1].replace("``", "`").split())
    parts = [
        tables.markdown_table(
            ["run", "stage", "saturation", "void stages", "account", "reason"], rows, texts=("account", "reason")
        ),
        f"{sentences} Here: {repetitions} runs of {BELOW + ABOVE + 1} stages of {sizes.seconds:g} s each; the pilot "
        f"reported {tables.rate(first.rate)}; stage {BELOW} is {tables.rate(centre)}.",
        "## Everything comes through\n\n" + accounts_table(through),
        "## What the lab asks of itself\n\n"
        + "\n".join(
            [
                tables.verdict(
                    same,
                    f"the same stage, one up or down, in {repetitions} runs (stages {', '.join(map(str, stages))})",
                ),
                *(
                    tables.verdict(came_through(result), f"{title}: nothing lost, nothing unexpected, equal words")
                    for title, result in through.items()
                ),
            ]
        ),
    ]
    if void:
        parts.append("## Void stages\n\n" + "\n".join(void))
    known = [one.rate for one in runs if not math.isnan(one.rate)] or [float("nan")]
    spread = f"from {number(min(known), 3)} to {number(max(known), 3)} messages/s"
    finding = (
        f"{repetitions} ramps report a saturation {spread}"
        if max(stages) > min(stages)
        else (f"{repetitions} ramps report the same saturation, {number(saturation, 3)} messages/s")
    )
    return tables.write(
        options.folder,
        "saturation",
        f"The saturation that lab ramp reports, {repetitions} times, and the account of every message",
        described,
        parts,
        chart(runs, middle, finding),
    )


def main() -> None:
    run(parser_for(__doc__))


if __name__ == "__main__":
    main()
