"""Does a forecast of the calm stages name the saturation that is then measured?

Each run is notebook 11's: stages far below saturation, of which the forecast is made; then a queue that is filled first
and emptied, whose rate is the saturation that the forecast was for. Before the runs everything is woken up once.

    python -m bench.forecast                # about four minutes, on a machine that does nothing else
    python -m bench.forecast --quick        # into out/bench
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench import machine, tables, workload
from bench.options import Options, parser_for
from bench.systems import EmbeddedLocalStack
from bench.workplace import go_on, workplace
from lab import session
from lab.analysis import queueing
from lab.analysis.queueing import EMULATOR, SERVICE, Forecast
from lab.load import Plan, messages, staircase

RATES = (10, 25, 40, 60, 80)
SECONDS = 4.0
FILLED = 400
WITHIN = 0.25
WANTED = 4 / 5
# Of what the calm stages say, what the loaded ones offer: for the example that comes with notebook 11.
LOADED = (0.6, 0.9, 1.5)


@dataclass(frozen=True)
class Run:
    """One forecast, and what was measured afterwards.

    Attributes:
        calm, loaded: see :func:`lab.analysis.queueing.busy_by_stage`.
        emptied: of the queue that was filled first.
    """

    calm: pd.DataFrame
    forecast: Forecast
    emptied: session.Emptied
    loaded: pd.DataFrame

    @property
    def measured(self) -> float:
        """Messages a second."""
        return queueing.drain_rate(self.emptied.executions["finished"])

    @property
    def off(self) -> float:
        """Forecast over measured, less one."""
        return self.forecast.rate / self.measured - 1


def ramped(system: EmbeddedLocalStack, rates: tuple[float, ...], seconds: float, seed: int) -> pd.DataFrame:
    """Stages of a run, with what the processors did meanwhile."""
    plan = Plan(staircase(rates, seconds))
    to_send = list(messages.generate(len(plan), seed=seed))
    with session.Processors(system.target) as processors:
        result = session.run_plan(system.target, plan, to_send, interactive=False)
    go_on()
    return queueing.busy_by_stage(result.messages, result.stages, processors.table())


def one_run(system: EmbeddedLocalStack, seconds: float, seed: int) -> Run:
    """Calm stages, a forecast, and its test."""
    calm = ramped(system, RATES, seconds, seed)
    forecast = queueing.forecast(calm)
    emptied = session.empty_filled_queue(system.target, list(messages.generate(FILLED, seed=100 + seed)))
    go_on()
    rate = forecast.rate if forecast.known else float(RATES[-1])
    loaded = ramped(system, tuple(share * rate for share in LOADED), min(seconds, 3.0), 200 + seed)
    return Run(calm, forecast, emptied, loaded)


def keep_example(run: Run, folder: Path) -> None:
    """Write the tables of a run as those of an example."""
    folder.mkdir(parents=True, exist_ok=True)
    run.calm.to_csv(folder / "calm.csv", index=False)
    run.loaded.to_csv(folder / "loaded.csv", index=False)
    finished = run.emptied.executions["finished"].dropna().sort_values()
    seconds = (finished - finished.min()).dt.total_seconds()
    seconds.to_frame("finished_s").to_csv(folder / "emptied.csv", index=False)


def run(options: Options) -> Path:
    """Measure and write ``forecast.md``; the path of it."""
    repetitions = options.rounds or (2 if options.quick else 5)
    described = machine.describe()
    with workplace():
        system = EmbeddedLocalStack("bench-forecast", "", 0, hooks=True)
        with system.running():
            system.provision()
            workload.one(system)
            session.empty_filled_queue(system.target, list(messages.generate(40, seed=0)))
            runs = []
            for seed in range(1, repetitions + 1):
                runs.append(one_run(system, 2.0 if options.quick else SECONDS, seed))
                last = runs[-1]
                options.say(f"run {seed}: forecast {last.forecast.rate:.0f}/s, measured {last.measured:.0f}/s")
    good = [abs(one.off) <= WITHIN for one in runs]
    middle = sorted(runs, key=lambda one: abs(one.off))[len(runs) // 2]
    keep_example(middle, options.folder / "forecast-run")
    rows = [
        [
            f"{place}",
            tables.rate(one.forecast.rate),
            tables.rate(one.measured),
            f"{one.off:+.0%}",
            tables.milliseconds(one.forecast.demand_s(EMULATOR)),
            tables.milliseconds(one.forecast.demand_s(SERVICE)),
            tables.rate(float(one.calm["rate"].max())),
            f"{one.calm['others'].mean():.2f}",
            one.forecast.bottleneck or one.forecast.reason,
        ]
        for place, one in enumerate(runs, start=1)
    ]
    header = ["run", "forecast", "measured", "off", "emulator", "with workers", "fastest stage", "others", "full first"]
    sentences = " ".join((__doc__ or "").split("\n\n")[1].replace("``", "`").split())
    asked = f"forecast within {WITHIN:.0%} of what was measured in {sum(good)} of {repetitions} runs"
    return tables.write(
        options.folder,
        "forecast",
        "A forecast of saturation from calm stages, and the saturation that was measured",
        described,
        [
            tables.markdown_table(header, rows, texts=("full first",)),
            f"{sentences} The rates are {', '.join(map(str, RATES))} messages/s, each for {SECONDS:g} s; the queue "
            f"is filled with {FILLED} messages. Emulator and workers: processor time a message. Others: processors "
            "that everything else on the machine kept busy during the calm stages.",
            tables.verdict(sum(good) >= WANTED * repetitions, asked),
        ],
    )


def main() -> None:
    run(parser_for(__doc__))


if __name__ == "__main__":
    main()
