"""What the commands print about executions and stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from lab.analysis import account
from lab.analysis.tails import FEW, few_note
from lab.analysis.words import STATISTICS, counts_in, statistics_in
from lab.runs import Card

_BAR = 30
_TOP_WORDS = 10


def describe_execution(execution: Any, states: pd.DataFrame) -> list[str]:
    """Lines about one execution.

    Args:
        execution: a row of ``executions``.
        states: ``states``, of any number of executions.
    """
    lines = [
        f"Execution {execution['name']}: {execution['status']} after {_milliseconds(execution['duration_s'])}, "
        f"{execution['events']} events in the log."
    ]
    own = states[states["execution_arn"] == execution["execution_arn"]]
    longest = own["duration_s"].max()
    for state in own.to_dict("records"):
        # A state that failed was never left, so it has no duration.
        known = pd.notna(state["duration_s"]) and longest > 0
        bar = "█" * max(1, round(_BAR * state["duration_s"] / longest)) if known else ""
        failed = f"  {state['error']}" if isinstance(state.get("error"), str) else ""
        lines.append(
            f"  {state['state'] or 'unknown':<26} {_milliseconds(state['duration_s']):>8}  {bar}{failed}".rstrip()
        )
    if execution["status"] != "SUCCEEDED":
        return [*lines, f"Failed with {execution['error'] or 'no error name'}: {_short(execution['cause'])}"]
    return lines + _describe_output(execution)


def describe_many(executions: pd.DataFrame) -> str:
    """A line about all executions of several messages."""
    succeeded = int((executions["status"] == "SUCCEEDED").sum())
    return (
        f"{len(executions)} executions: {succeeded} succeeded, median duration "
        f"{_milliseconds(executions['duration_s'].median())}."
    )


def output_of(execution: Any) -> Any:
    """What an execution gave back, read as JSON; None where the log does not say it (or says no JSON)."""
    text = execution["output"]
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _describe_output(execution: Any) -> list[str]:
    output = output_of(execution)
    if output is None:
        return ["Its output is not in the log: the state machine logs no execution data, or it was too long."]
    lines = []
    stats, counts = statistics_in(output), counts_in(output)
    if len(stats) == len(STATISTICS):
        lines.append(
            f"Statistics: {stats['text_length']} characters, {stats['avg_word_length']:.4f} characters a word, "
            f"{stats['num_digits']} words of digits, {stats['num_special_chars']} words with special characters."
        )
    if counts:
        top = sorted(counts.items(), key=lambda item: -item[1])[:_TOP_WORDS]
        lines.append(f"Words: {sum(counts.values())} in all, {len(counts)} different; most often:")
        lines.append("  " + ", ".join(f"{word} {count}" for word, count in top))
    return lines or [f"Output: {_short(execution['output'])}"]


def stages_as_table(stages: pd.DataFrame) -> Table:
    """The stages of a ramp for the terminal (columns of summary.json's ``stages``); times in milliseconds.

    ``p50`` and ``p99`` are those of the duration, ``end-to-end p99`` counts from the planned send time.
    """
    table = Table(box=None, padding=(0, 2, 0, 0))
    far = "end_to_end_p999_s" in stages and bool(stages["end_to_end_p999_s"].notna().any())
    tail = ["end-to-end p99", *(["p99.9"] if far else [])]
    for heading in ("offered/s", "achieved/s", "sent", "done", "p50", "p99", *tail, "valid"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in stages.to_dict("records"):
        table.add_row(
            f"{stage['offered_rate']:g}",
            f"{stage['achieved_rate']:.2f}",
            str(stage["sent"]),
            str(stage["completed"]),
            _milliseconds(stage["duration_p50_s"]),
            _milliseconds(stage["duration_p99_s"]) + _mark(stage, "duration"),
            _milliseconds(stage["end_to_end_p99_s"]) + _mark(stage, "end_to_end"),
            *([_milliseconds(stage["end_to_end_p999_s"])] if far else []),
            "yes" if stage["valid"] else "no",
        )
    return table


def visits_as_table(by_state: pd.DataFrame) -> Table:
    """The account of visits for the terminal, one row a state (columns: :func:`lab.analysis.visits.visits_by_state`).

    Columns in which nothing happened are left out.
    """
    counts = ("visits", "attempts", "left", "caught", "failed", "stopped", "running", "unseen", "missing")
    shown = [name for name in counts if name == "visits" or by_state[name].sum()]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("state", "type", "in"):
        table.add_column(heading)
    for heading in (*shown, "p50", "p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in by_state.to_dict("records"):
        table.add_row(
            str(row["state"]),
            str(row["type"]),
            row["inside"] if isinstance(row["inside"], str) else "",
            *(str(row[name]) for name in shown),
            _milliseconds(row["p50_s"]),
            _milliseconds(row["p99_s"]),
        )
    return table


def legend() -> list[str]:
    """What the headings of :func:`stages_as_table` mean."""
    return [
        "offered, achieved: messages a second as planned, and as they left; done: executions that succeeded",
        "p50, p99: half of the executions, and 99 of 100, took no longer; end-to-end: from the planned send time on",
        "valid: no where the lab's sender was late with its threads idle: nothing but a busy machine held it up",
    ]


def void_stages(stages: pd.DataFrame) -> list[str]:
    """A line for each stage that does not count, with its reason."""
    return [
        f"{stage['offered_rate']:g} messages/s does not count: {stage['invalid_reason']}."
        for stage in stages.to_dict("records")
        if not stage["valid"] and stage["invalid_reason"]
    ]


def accounts(result: pd.DataFrame) -> list[str]:
    """Lines about where the messages ended that did not simply succeed, of the table ``account``; none for none."""
    lines = account.lines(result)
    return ["Where each message ended that did not simply succeed:", *(f"  {line}" for line in lines)] if lines else []


def card_cells(card: Card) -> list[str]:
    """A kept run as a row of ``lab runs``."""
    return [
        card.run_id,
        f"{pd.Timestamp(card.made_at):%d %b %H:%M}" if card.made_at else "–",
        card.target or "–",
        card.name,
        (",".join(f"{rate:g}" for rate in card.rates) or "–") + (" (stopped early)" if card.interrupted else ""),
        *("–" if count is None else str(count) for count in (card.sent, card.lost)),
        "–" if card.saturation is None else f"{card.saturation:g}/s",
    ]


def notes_on_stages(stages: pd.DataFrame) -> list[str]:
    """What to know when one reads :func:`stages_as_table`: the stars in it, and the stages that do not count."""
    return [note for note in (few_note(stages), *void_stages(stages)) if note]


def _mark(stage: Mapping[Any, Any], measure: str) -> str:
    """A star where the p99 rests on few messages; `few_note` says what it means."""
    return "*" if stage.get(f"{measure}_beyond_p99", FEW) < FEW else ""


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None or pd.isna(seconds) else f"{seconds * 1000:,.0f} ms"


def _short(cause: Any, length: int = 200) -> str:
    text = str(cause or "no cause given")
    return text if len(text) <= length else text[:length] + " …"
