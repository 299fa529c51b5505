"""``summary.json``: the contract for scripts, and the charts that go with it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from lab import __version__, charts
from lab.analysis import account, cost
from lab.analysis.tails import with_tails
from lab.analysis.words import counts_in, statistics_in
from lab.runs import KeptRun, machine, plain
from lab.session.keeping import plan_of
from lab.session.outcome import RampResult
from lab.session.present import output_of
from lab.target import Target

# Of docs/schemas/summary.schema.json: it changes when a key goes or means something else, not when one is added.
SCHEMA_VERSION = 1

Draw = Callable[[], charts.Chart]

_STAGE_KEYS = (
    "offered_rate",
    "achieved_rate",
    "send_lag_p99_s",
    "sent",
    "completed",
    "duration_p50_s",
    "duration_p99_s",
    "end_to_end_p99_s",
    "valid",
    "invalid_reason",
    "duration_p999_s",
    "duration_beyond_p99",
    "end_to_end_p999_s",
    "end_to_end_beyond_p99",
)
_TRY_KEYS = ("offered_rate", "verdict", "why", "end_to_end_p99_s")
_PACKAGES = ("localstack-core", "awslambdaric", "boto3", "pandas", "matplotlib", "jupyterlab")
_TOP = 3


def head(target: Target) -> dict[str, Any]:
    """The parts that every summary begins with."""
    return {"schema_version": SCHEMA_VERSION, "target": target.kind, "name": target.name, "versions": versions()}


def versions() -> dict[str, str]:
    """Versions of the lab, Python and the libraries that decide what is seen."""
    found = {"express-lab": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}


def sample_summary(execution: dict[str, Any], states: pd.DataFrame) -> dict[str, Any]:
    """The part ``sample``: statistics, words and states of the sample message's execution."""
    output = output_of(execution)
    counts = counts_in(output)
    return {
        "stats": statistics_in(output),
        "tokens": sum(counts.values()),
        "distinct": len(counts),
        # sorted() keeps the order of first appearance among equals
        "top": [[word, count] for word, count in sorted(counts.items(), key=lambda item: -item[1])[:_TOP]],
        "states": [{"name": state["state"], "duration_s": state["duration_s"]} for state in states.to_dict("records")],
    }


def ramp_summary(result: RampResult) -> dict[str, Any]:
    """The parts that a ramp fills: ``interrupted``, stages, saturation, reconciliation, account, words, clock …"""
    return {
        "interrupted": result.interrupted,
        "interrupted_by": result.interrupted_by,
        "stages": stages_part(result.stages, result.messages),
        "saturation": {"rate": result.saturation.rate, "reason": result.saturation.reason},
        "plan": plan_of(result),
        "machine": machine(),
        "reconciliation": result.reconciliation.as_dict(),
        "account": account.kinds(account.not_simply_succeeded(result.account)).to_dict("records"),
        "words": {"total": result.words.total, "matches_expected": result.words.matches},
        "clock": result.clocks.as_dict(),
    } | _asked(result)


def _asked(result: RampResult) -> dict[str, Any]:
    """The parts of a search, and of a run of which something was expected."""
    tries = result.tries[list(_TRY_KEYS)].to_dict("records") if len(result.tries) else []
    expectations = [verdict.as_dict() for verdict in result.verdicts]
    return ({"search": tries} if tries else {}) | ({"expectations": expectations} if expectations else {})


def stages_part(stages: pd.DataFrame, messages: pd.DataFrame) -> list[dict[str, Any]]:
    """The part ``stages``; of a run from before there were some of the columns, too."""
    whole = stages if "end_to_end_beyond_p99" in stages else with_tails(stages, messages)
    return whole.reindex(columns=list(_STAGE_KEYS)).to_dict("records")


def measured_bill(result: RampResult, invocations: pd.DataFrame | None = None) -> cost.Bill:
    """What a ramp costs, or would cost, on AWS: as measured.

    Args:
        result: of the ramp.
        invocations: what its functions were billed for; see :func:`lab.session.invocations_of`. Assumed without it.
    """
    return cost.bill(cost.measured_usage(result.sends, result.received, result.executions, result.states, invocations))


def ramp_figures(result: RampResult | KeptRun) -> dict[str, Draw]:
    """How to draw the charts of a ramp, by the name of their file."""
    stages, messages = result.stages, result.messages
    return {
        "latency_by_rate": lambda: charts.latency_by_rate(stages, saturation=result.saturation),
        "completed_against_offered": lambda: charts.completed_against_offered(stages, result.saturation),
        "backlog_over_time": lambda: charts.backlog_over_time(messages, stages),
        "corrected_and_naive": lambda: charts.corrected_and_naive(stages),
        "latency_heatmap": lambda: charts.latency_heatmap(messages, stages=stages),
        "state_times_by_rate": lambda: charts.state_times_by_rate(result.state_times, stages),
        "word_frequencies": lambda: charts.word_frequencies(result.word_counts),
        "rank_frequency": lambda: charts.rank_frequency(result.word_counts),
        "text_statistics": lambda: charts.text_statistics(result.statistics),
    }


def write_summary(summary: dict[str, Any], folder: Path) -> None:
    """Write ``summary.json``. Missing numbers become null: NaN is no JSON."""
    text = json.dumps(plain(summary), indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "summary.json").write_text(text + "\n", "utf-8")
