"""Two kept runs side by side: what was the same, what differs, in the terminal and as a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from lab import charts
from lab.analysis import compare as analysis
from lab.analysis.blocks import COMPLETED
from lab.analysis.compare import Compared, Comparison, Measured
from lab.charts.numbers import number, seconds
from lab.errors import UsageError
from lab.report import write_comparison
from lab.runs import KeptRun, plain
from lab.session.reporting import summary_of

MEASURES = ("end_to_end", "naive", "duration", "queue_wait", "start_delay")
_VERDICTS = {"higher": "higher", "lower": "lower", "same": "no difference", "open": "not judged"}
# What decides how fast a run is, beside what was changed on purpose.
_FACTS = ("target", "lab", "plan", "texts", "machine", "versions")

# Of one plan and one mapping, up to 0.57 of the messages shared an invocation in one run, and none in another.
_MOSTLY = 0.6


class MeasureError(UsageError):
    """There is no latency of this name."""


def compare_runs(a: KeptRun, b: KeptRun, *, measure: str = "end_to_end") -> Comparison:
    """Compare the stages of common rates.

    Raises:
        MeasureError: ``measure`` is none of :data:`MEASURES`.
    """
    if measure not in MEASURES:
        raise MeasureError(f"There is no latency '{measure}'.", next_step=f"choose one of: {', '.join(MEASURES)}")
    return analysis.compare((a.messages, a.stages), (b.messages, b.stages), measure=measure)


def facts_of(run: KeptRun) -> dict[str, str]:
    """What a run was, as text by name; what was not kept is a dash."""
    manifest, summary = run.manifest, summary_of(run)
    machine, versions = manifest.get("machine") or {}, summary.get("versions") or {}
    account = run.reconciliation.as_dict()
    saturation = run.saturation
    return {
        "run": run.run_id,
        "kept": str(manifest.get("made_at") or "–"),
        "target": str(summary.get("target") or "–"),
        "lab": str(summary.get("name") or "–"),
        "plan": _plan(run),
        "texts": str((manifest.get("options") or {}).get("text") or "made up") if manifest else "–",
        "machine": ", ".join(
            str(part)
            for part in (machine.get("system"), machine.get("architecture"), _cores(machine), _memory(machine))
            if part
        )
        or "–",
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()) or "–",
        "sent": str(account.get("sent", "–")),
        "lost": str(account.get("lost", "–")),
        "saturation": f"{number(saturation.rate)} messages/s" if saturation.rate is not None else "none passed",
        "because": saturation.reason,
    }


def _cores(machine: Mapping[str, Any]) -> str:
    return f"{machine['cores']} cores" if machine.get("cores") else ""


def _memory(machine: Mapping[str, Any]) -> str:
    return f"{machine['memory_gb']} GB" if machine.get("memory_gb") else ""


def _plan(run: KeptRun) -> str:
    plan = run.manifest.get("plan") or {}
    told = plan.get("stages") or [
        {"rate": stage["offered_rate"], "seconds": stage.get("seconds", math.nan)}
        for stage in run.stages.to_dict("records")
    ]
    lengths = sorted({round(float(stage["seconds"]), 2) for stage in told})
    length = f"{lengths[0]:g} s" if len(lengths) == 1 else f"{lengths[0]:g} to {lengths[-1]:g} s" if lengths else "–"
    text = ", ".join(f"{float(stage['rate']):g}" for stage in told) + f" messages/s, {length} each"
    if plan.get("spacing"):
        text += f", {plan['spacing']} spacing, seed {plan.get('seed')}"
    return text


def notes_on(comparison: Comparison, a: KeptRun, b: KeptRun) -> list[str]:
    """What to know before one believes the comparison."""
    first, second = facts_of(a), facts_of(b)
    differing = [name for name in _FACTS if first[name] != second[name] and "–" not in (first[name], second[name])]
    notes = []
    if "plan" in differing:
        notes.append(f"The plans differ: A {first['plan']}; B {second['plan']}. Rates that both have are compared.")
    for name, rates in (("A", comparison.only_a), ("B", comparison.only_b)):
        if rates:
            notes.append(f"Only {name} has {', '.join(f'{rate:g}' for rate in rates)} messages/s.")
    notes += comparison.void
    others = [name for name in differing if name not in ("plan", "lab")]
    if others:
        notes.append(f"These differ, too, and may be the cause: {', '.join(others)}.")
    alone = [_batches(run) for run in (a, b)]
    for (name, mine), (other, theirs) in (zip("AB", alone, strict=True), zip("BA", alone[::-1], strict=True)):
        if mine[1] == 1 and theirs[0] > _MOSTLY:
            notes.append(
                f"In {name} every invocation took a single message, in {other} up to {theirs[1]}: the two mappings may "
                "have different batch sizes."
            )
    unfinished = [name for name, run in (("A", a), ("B", b)) if run.interrupted]
    if unfinished:
        notes.append(f"{' and '.join(unfinished)}: stopped early.")
    return notes


def _batches(run: KeptRun) -> tuple[float, int]:
    """The share of messages that shared their invocation with others, and the most messages of one invocation."""
    if "request_id" not in run.received or run.received["request_id"].dropna().empty:
        return 0.0, 0
    requests = run.received["request_id"].dropna()
    sizes = requests.map(requests.value_counts())
    return float((sizes > 1).mean()), int(sizes.max())


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The rows of the table, as text."""
    return [_row(row) for row in comparison.rows]


def _row(row: Compared) -> dict[str, Any]:
    shares = row.what == COMPLETED
    return {
        "rate": f"{row.rate:g}/s",
        "what": row.what,
        "a": _value(row.a.value, shares),
        "a_interval": _interval(row.a, shares),
        "b": _value(row.b.value, shares),
        "b_interval": _interval(row.b, shares),
        "change": _change(row.ratio, shares),
        "change_interval": "" if math.isnan(row.low) else f"{_change(row.low, shares)} to {_change(row.high, shares)}",
        "verdict": _VERDICTS[row.verdict] + (f": {row.why}" if row.why else ""),
        "changed": row.changed,
    }


def _value(value: float, shares: bool) -> str:
    return "–" if math.isnan(value) else f"{value:.1%}" if shares else seconds(value)


def _interval(measured: Measured, shares: bool) -> str:
    if math.isnan(measured.low):
        return ""
    return f"{_value(measured.low, shares)} to {_value(measured.high, shares)}"


def _change(value: float, shares: bool) -> str:
    if math.isnan(value):
        return "–"
    return f"{100 * value:+.1f} points" if shares else f"× {number(value)}"


def comparison_as_table(comparison: Comparison) -> Table:
    """The rows for the terminal; what completed is left out where it is the same."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading, side in (("rate", "right"), ("", "left"), ("A, ms (95 %)", "right"), ("B, ms (95 %)", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("B : A", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", min_width=13)
    for row, text in zip(comparison.rows, comparison_rows(comparison), strict=True):
        if row.what == COMPLETED and not row.changed:
            continue
        runs = (_narrow(run, row.what == COMPLETED) for run in (row.a, row.b))
        table.add_row(text["rate"], text["what"], *runs, text["change"], _VERDICTS[row.verdict])
    return table


def not_judged(comparison: Comparison) -> list[str]:
    """Why percentiles are not judged, a line for each of p50, p90 and p99 that is not everywhere."""
    whys: dict[str, str] = {}
    for row in comparison.rows:
        if row.why:
            whys.setdefault(row.what, row.why)
    return [f"{what} is not judged where messages or seconds are few: {why}." for what, why in whys.items()]


def _narrow(measured: Measured, shares: bool) -> str:
    if shares or math.isnan(measured.value):
        return _value(measured.value, shares)
    value, low, high = (f"{1000 * edge:,.0f}" for edge in (measured.value, measured.low, measured.high))
    return value if math.isnan(measured.low) else f"{value} ({low}–{high})"


def comparison_as_dict(comparison: Comparison, a: KeptRun, b: KeptRun) -> dict[str, Any]:
    """The comparison for scripts."""
    found: dict[str, Any] = plain(
        {
            "schema_version": 1,
            "a": facts_of(a),
            "b": facts_of(b),
            "measure": comparison.measure,
            "finding": charts.finding(comparison),
            "judged": comparison.judged,
            "changed": len(comparison.changed),
            "notes": notes_on(comparison, a, b),
            "rows": [
                {
                    "rate": row.rate,
                    "what": row.what,
                    "a": vars(row.a),
                    "b": vars(row.b),
                    "ratio" if row.what != COMPLETED else "difference": row.ratio,
                    "low": row.low,
                    "high": row.high,
                    "verdict": row.verdict,
                    "why": row.why,
                }
                for row in comparison.rows
            ],
        }
    )
    return found


def write_comparison_page(comparison: Comparison, a: KeptRun, b: KeptRun, file: Path) -> Path:
    """Write the page with its chart.

    Raises:
        ComparisonNotWritableError: the file cannot be written.
    """
    first, second = facts_of(a), facts_of(b)
    return write_comparison(
        file,
        charts.two_runs(comparison),
        finding=charts.finding(comparison),
        facts=[
            (name.capitalize(), first[name], second[name], name in _FACTS and first[name] != second[name])
            for name in first
        ],
        rows=comparison_rows(comparison),
        notes=notes_on(comparison, a, b),
        method=_METHOD,
    )


_METHOD = (
    "Each percentile is found among the messages of one stage of one run: none is a mean of others. Its 95 % interval "
    "comes from a bootstrap over blocks of time, an eighth of the stage each: messages that follow each other share "
    "the same pauses and the same backlog, so single messages would make the intervals too narrow.",
    f"A difference counts when its interval leaves out chance, for all comparisons of this page together (one false "
    f"alarm in twenty pages), and when it matters: B at least {analysis.MATTERS_RATIO:g} times A or the other way "
    f"round, and {1000 * analysis.MATTERS_S:g} ms apart. Messages that completed count from one percentage point on.",
    "A percentile with fewer than ten messages beyond it is shown and not judged. Longer stages make more percentiles "
    "count, and intervals narrower. Saturation is one value a run: a difference of one stage may be chance.",
    "“No difference” means that this pair of runs shows none. It does not prove that there is none.",
)
