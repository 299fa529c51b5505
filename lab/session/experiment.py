"""Eight runs of a designed experiment on the running lab, and the usual settings before and after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lab.analysis import cost
from lab.analysis.experiment import RUNS, Design, Experiment, Factor
from lab.analysis.latency import quantile
from lab.load import Plan, Stage
from lab.load import messages as bodies
from lab.session import guard
from lab.session.invocations import invocations_of
from lab.session.lifecycle import Say
from lab.session.measuring import apply, as_it_was, measure
from lab.session.outcome import RampResult
from lab.stack import Settings
from lab.target import Target

RATE, SECONDS = 20.0, 2.0
# Of the whole experiment, and of one run of it: on a machine that stays busy even more would change nothing.
MOST_REPEATS, MOST_OF_ONE_RUN = 6, 2
FACTORS = (
    Factor("log level", "ALL", "ERROR", "log_level"),
    Factor("batch size", 1, 10, "batch_size"),
    Factor("batching window", 0, 1, "batching_window_s"),
    Factor("poller concurrency", 2, 10, "mapping_concurrency"),
    Factor("start", "asynchronous", "synchronous", "start"),
)
# At 1,769 MB a function has one whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY = Factor("memory", 128, 1769, "memory_mb")
_MESSAGE_COLUMNS = ("stage", "offered_rate", "t_planned", "t_sent", "status", "end_to_end_s")


def factors_of(target: Target) -> tuple[Factor, ...]:
    """The five factors, and on AWS the memory, too: an emulator gives a function a processor whatever its memory."""
    return FACTORS if target.is_emulator else (*FACTORS, MEMORY)


def settings_of(design: Design, run: int) -> Settings:
    """The settings of one run, 1 to 8."""
    turned = {each.setting: design.levels(run)[each.name] for each in design.factors}
    return Settings(**turned, stamped=True)


def run_experiment(
    target: Target,
    design: Design,
    *,
    rate: float = RATE,
    seconds: float = SECONDS,
    seed: int = 7,
    budget_usd: float | None = None,
    say: Say = print,
) -> Experiment:
    """Give the lab the settings of each run, send it a short stage, and put everything back, however it ends.

    The order of the runs is random, so that a machine that becomes slower meanwhile is no effect of a factor. A run
    whose stage does not count is sent again, at most `MOST_REPEATS` times in all; on AWS nothing is, since it costs.

    Args:
        target: a lab that is up.
        design: which levels each run has.
        rate: messages a second.
        seconds: of each run.
        seed: of the order.
        budget_usd: what it may cost on AWS; default is ``LAB_BUDGET_USD``, else 1.
        say: gets a line for each run.

    Raises:
        BudgetError: on AWS it would cost more than the budget.
        LabError: the lab is not up.
    """
    plan = Plan([Stage(rate, seconds)])
    guard.check_budget(target, list(bodies.generate(len(plan) * (RUNS + 2), seed=seed)), budget_usd, say)
    order = [int(run) + 1 for run in np.random.default_rng(seed).permutation(RUNS)]
    usual, rows, messages = [], [], []
    left = MOST_REPEATS if target.is_emulator else 0
    with as_it_was(target):
        row, _, repeats = _run(target, plan, Settings(stamped=True), 0, most_repeats=min(left, MOST_OF_ONE_RUN))
        usual.append({"when": "before", **row})
        left -= repeats
        for place, run in enumerate(order, start=1):
            settings = settings_of(design, run)
            row, table, repeats = _run(target, plan, settings, run, most_repeats=min(left, MOST_OF_ONE_RUN))
            left -= repeats
            rows.append({"run": run, "order": place, **design.levels(run), **row})
            messages.append(table.assign(run=run))
            say(f"Run {place} of {RUNS}: {_told(row)}  {_levels(design, run)}")
        usual.append(
            {
                "when": "after",
                **_run(target, plan, Settings(stamped=True), 0, most_repeats=min(left, MOST_OF_ONE_RUN))[0],
            }
        )
    return Experiment(
        design,
        pd.DataFrame(rows).sort_values("run", ignore_index=True),
        pd.concat(messages, ignore_index=True),
        pd.DataFrame(usual),
    )


def try_settings(target: Target, settings: Settings, *, rate: float = RATE, seconds: float = SECONDS) -> dict[str, Any]:
    """One run with settings of one's own: the row of ``Experiment.runs``, without levels. All is put back after it."""
    with as_it_was(target):
        return _run(target, Plan([Stage(rate, seconds)]), replace(settings, stamped=True), 0)[0]


def _run(
    target: Target, plan: Plan, settings: Settings, seed: int, *, most_repeats: int = 0
) -> tuple[dict[str, Any], pd.DataFrame, int]:
    """One run: its row, its messages, and how often it was sent again."""
    apply(target, settings)
    for attempt in range(most_repeats + 1):
        result = measure(target, plan, list(bodies.generate(len(plan), seed=100 * attempt + seed)))
        row = _row(target, result, settings)
        if row["valid"] or attempt == most_repeats or result.interrupted:
            break
    return row, result.messages[list(_MESSAGE_COLUMNS)], attempt


def _row(target: Target, result: RampResult, settings: Settings) -> dict[str, Any]:
    stage = result.stages.iloc[0]
    usage = cost.usage_without_events(
        result.sends,
        result.received,
        result.executions,
        invocations_of(target, result),
        logged=settings.log_level == "ALL",
    )
    through = int((result.messages["status"] == "SUCCEEDED").sum())
    why = str(stage["invalid_reason"]) or ("" if bool(stage["valid"]) else "the sender lagged")
    if through < len(result.sends):
        why = f"{len(result.sends) - through} of {len(result.sends)} messages did not come through in time"
    return {
        "p50_s": quantile(result.messages["end_to_end_s"], 0.5),
        "p99_s": quantile(result.messages["end_to_end_s"], 0.99),
        "messages": len(result.sends),
        "batches": result.received["request_id"].nunique(),
        "usd_per_million": cost.bill(usage).total_usd / max(through, 1) * 1_000_000,
        "valid": not why,
        "why": why,
    }


def _told(row: dict[str, Any]) -> str:
    if not row["valid"]:
        return f"does not count, {row['why']}"
    return f"p50 {row['p50_s'] * 1000:>5.0f} ms, {row['batches']:>2} batches;"


def _levels(design: Design, run: int) -> str:
    return ", ".join(f"{level}" for level in design.levels(run).values())


def runs_table(runs: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The runs as a notebook shows them: levels, milliseconds, batches and dollars for a million messages."""
    by_run = runs.set_index("run")
    return by_run[[*names]].assign(
        **{
            "p50 (ms)": (by_run["p50_s"] * 1000).round().astype("Int64"),
            "batches": by_run["batches"],
            "USD a million": by_run["usd_per_million"].round(2),
        }
    )
