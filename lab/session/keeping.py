"""Keeps a run: its tables, its account, and the manifest that says what it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lab.analysis.latency import stage_windows
from lab.analysis.tails import percentile_distribution
from lab.runs import MANIFEST, describe_run, write_table
from lab.session.outcome import RampResult

TABLES = ("sends", "received", "executions", "states", "messages", "stages", "account")
DISTRIBUTIONS = "percentiles"
# From the planned send time, from the actual one, and the execution alone.
_DISTRIBUTED = ("end_to_end", "naive", "duration")


def keep_run(head: Mapping[str, Any], result: RampResult, folder: Path, *, tables_in: str = "tables") -> None:
    """Write the tables, and last of all the manifest: a folder that has one is a whole run.

    Args:
        head: ``target``, ``name`` and ``versions``, as summary.json has them.
        result: of a ramp.
        folder: of the run; made when missing.
        tables_in: the folder of the tables in it; ``.`` is the run's own.

    Raises:
        OSError: the folder cannot be written.
    """
    # The manifest of an earlier run would lie beside the tables of this one, were it stopped half way.
    (folder / MANIFEST).unlink(missing_ok=True)
    save_tables(result, folder / tables_in)
    write_distributions(result.messages, folder / DISTRIBUTIONS)
    describe_run(about(head, result), tables_of(result), folder, tables_in=tables_in)


def write_distributions(messages: pd.DataFrame, folder: Path) -> None:
    """Write a percentile distribution for each stage and latency, which HdrHistogram's plotter and others read.

    There is none of the whole run: its stages are of different rates, and their mixture is the latency of no rate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.hgrm"):
        old.unlink()
    for (stage, rate), own in messages.groupby(["stage", "offered_rate"], sort=True):
        for measure in _DISTRIBUTED:
            text = percentile_distribution(own[f"{measure}_s"])
            (folder / f"stage-{int(stage) + 1:02d}_{rate:g}-per-s_{measure}.hgrm").write_text(text, "ascii")


def about(head: Mapping[str, Any], result: RampResult) -> dict[str, Any]:
    """What the manifest says of a run beside its tables."""
    return {
        "run_id": result.run_id,
        "target": head["target"],
        "name": head["name"],
        "versions": head["versions"],
        "plan": plan_of(result),
        "options": _options(result),
        "drained": result.drained,
        "interrupted": result.interrupted,
        "saturation": {"rate": result.saturation.rate, "reason": result.saturation.reason},
        "reconciliation": result.reconciliation.as_dict(),
        "words": {"total": result.words.total, "matches_expected": result.words.matches},
        "clock": result.clocks.as_dict(),
    }


def plan_of(result: RampResult) -> dict[str, Any]:
    """What was to be sent, and when: of the plan, or else as the rows tell it."""
    if result.plan is not None:
        stages = [
            {"rate": stage.rate, "seconds": stage.seconds, "messages": stage.messages} for stage in result.plan.stages
        ]
        return {"stages": stages, "spacing": result.plan.spacing, "seed": result.plan.seed}
    # A run that was put together by hand: what its rows tell of the plan.
    windows = stage_windows(result.messages).to_dict("records")
    stages = [
        {"rate": window["offered_rate"], "seconds": window["seconds"], "messages": window["planned"]}
        for window in windows
    ]
    return {"stages": stages, "spacing": None, "seed": None}


def _options(result: RampResult) -> dict[str, Any]:
    """Of a text file only its name: where it lies says whose machine it was."""
    chosen = result.options
    text = chosen.text_file.name if chosen is not None and chosen.text_file is not None else None
    return {"text": text}


def tables_of(result: RampResult) -> Iterator[tuple[str, pd.DataFrame]]:
    """The raw rows of a run, by name."""
    for name in TABLES:
        yield name, getattr(result, name)
    if len(result.faults):
        yield "faults", result.faults


def save_tables(result: RampResult, folder: Path) -> None:
    """Write every table as CSV; ``lab.runs`` reads it back with its types, pandas alone with ``parse_dates``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables_of(result):
        write_table(table, folder / f"{name}.csv")
    (folder / "reconciliation.json").write_text(json.dumps(result.reconciliation.as_dict(), indent=2) + "\n", "utf-8")
