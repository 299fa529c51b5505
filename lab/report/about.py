"""What the report says of a run beside its results: the plan, the machine, the two clocks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from lab.charts.numbers import joined, message_count, number, per_second, seconds

# From here on two clocks are said to be apart: less is the time of a call.
_APART_S = 0.05


def about(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table "What ran": name and text; parts that the summary does not have are left out."""
    rows = [
        ("Plan", _plan(summary.get("plan") or {})),
        ("Machine", _machine(summary.get("machine") or {})),
        ("Clocks", _clocks(summary.get("clock"))),
    ]
    return [(name, text) for name, text in rows if text]


def void_stages(summary: Mapping[str, Any]) -> list[str]:
    """A sentence for each stage that does not count, with its reason where one is known."""
    return [
        f"{per_second(float(stage['offered_rate']))} does not count: {stage['invalid_reason']}."
        for stage in summary.get("stages") or []
        if not stage.get("valid", True) and stage.get("invalid_reason")
    ]


def _plan(plan: Mapping[str, Any]) -> str:
    stages = plan.get("stages") or []
    if not stages:
        return ""
    rates = joined([number(float(stage["rate"])) for stage in stages], 12)
    text = f"{rates} message{'' if rates == '1' else 's'}/s"
    lengths = sorted({round(float(stage["seconds"]), 1) for stage in stages if _known(stage.get("seconds"))})
    if lengths:
        span = seconds(lengths[0]) if len(lengths) == 1 else f"{seconds(lengths[0])} to {seconds(lengths[-1])}"
        text += f", {span}{' each' if len(stages) > 1 else ''}"
    if all(_known(stage.get("messages")) for stage in stages):
        text += f": {message_count(sum(int(stage['messages']) for stage in stages))} planned"
    if plan.get("spacing"):
        text += f"; {plan['spacing']} spacing"
    return text + (f", seed {plan['seed']}" if plan.get("seed") is not None else "")


def _machine(machine: Mapping[str, Any]) -> str:
    cores, memory = machine.get("cores"), machine.get("memory_gb")
    parts = [
        str(machine.get("system") or ""),
        str(machine.get("architecture") or ""),
        f"{cores} core{'' if cores == 1 else 's'}" if cores else "",
        f"{memory} GB of memory" if memory else "",
    ]
    return ", ".join(filter(None, parts))


def _clocks(clock: Mapping[str, Any] | None) -> str:
    """How far this machine's clock is from the service's; empty when the summary does not speak of it."""
    if clock is None:
        return ""
    ahead_s, uncertainty_s = clock.get("ahead_s"), clock.get("uncertainty_s")
    if not _known(ahead_s):
        return "How far this machine's clock is from the service's is not known, or changed during the run"
    within = f" (to within {seconds(float(uncertainty_s))})" if _known(uncertainty_s) and uncertainty_s else ""
    if abs(float(ahead_s)) < _APART_S:
        text = f"This machine's clock and the service's agree{within}"
    else:
        way = "ahead of" if float(ahead_s) > 0 else "behind"
        text = f"This machine's clock is {seconds(abs(float(ahead_s)))} {way} the service's{within}"
    return f"{text}; latencies are corrected for it" if clock.get("corrected") else text


def _known(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
