"""The HTML report of a run: one file that needs no other, with the charts beside it as PNG files."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from lab.charts.style import PNG_DPI, SCREEN_DPI, message_count, number, png_of, seconds
from lab.errors import LabError

REPORT, TEMPLATE = "report.html", "report.html.jinja"


class ReportNotWritableError(LabError):
    """The report cannot be written where it should go."""


@dataclass(frozen=True)
class Explanation:
    """What the report says beside a chart: what it shows, how to read it, what to look for."""

    heading: str
    shows: str
    read: str
    look: str


EXPLANATIONS = {
    "pipeline": Explanation(
        "The way of a message",
        "The parts that a message passes, from the sender to the logs.",
        "Follow the arrows; the dashed one is the way of a message that failed again and again.",
        "Where a message can wait: in the queue, and nowhere else.",
    ),
    "state_machine": Explanation(
        "The state machine",
        "The definition of the Express Workflow as a graph.",
        "Each box is a state with its type; arrows say which one comes next.",
        "The way of an error: without a Catch, a failing state ends the whole execution.",
    ),
    "waterfall": Explanation(
        "One execution",
        "When one execution entered and left each of its states.",
        "Time runs to the right. A bar is the time in one state; a gap between bars is time between states.",
        "The longest bar: a faster function elsewhere would change little.",
    ),
    "latency_by_rate": Explanation(
        "Latency by rate",
        "Half of the messages of a stage (p50), nine tenths (p90), all but one in a hundred (p99), and the slowest.",
        "Each stage is one point a line. Time is counted from the planned send time, so a late sender hides nothing.",
        "The rate at which p99 leaves the floor while p50 still looks calm: there the queue begins to fill.",
    ),
    "completed_against_offered": Explanation(
        "Completed against offered",
        "How many executions ended each second against how many messages were offered each second.",
        "On the dashed line everything that comes in also comes out. Below it, the rest waits in the queue.",
        "The bend, and whether the line stays level after it (a limit) or falls (overload).",
    ),
    "backlog_over_time": Explanation(
        "Backlog",
        "Messages that had been sent and had not finished, at each moment of the run.",
        "Bands are stages. A level line is a system that keeps up; a rising one gets more than it can do.",
        "The stage in which it starts to rise, and how long it takes to drain after the last send.",
    ),
    "sent_and_finished": Explanation(
        "Sent and finished",
        "Messages sent and messages finished, both added up over time.",
        "The upright distance between the lines is the backlog, the level one the time that a message needs.",
        "Lines that part: from there on every message waits longer than the one before it.",
    ),
    "corrected_and_naive": Explanation(
        "Corrected and naive latency",
        "The same messages on two clocks: from the planned send time (corrected) and from the actual one (naive).",
        "Where the lines part, the sender was held up, and the naive clock does not count that wait.",
        "A gap. Without one the sender kept its plan, and both clocks may be trusted.",
    ),
    "latency_heatmap": Explanation(
        "Latency over time",
        "How many messages had which latency, by the time at which they were planned.",
        "Each cell counts messages; yellow is many. The line on top is the slowest message of each moment.",
        "Two bands at once (fast and slow messages side by side), and a cloud that rises without coming back.",
    ),
    "state_times_by_rate": Explanation(
        "Time in states by rate",
        "The mean time in each state, stacked, for each rate.",
        "The height of a bar is the mean time in all states; waiting in the queue is not in it.",
        "A part that grows with the rate: that function is where executions compete for something.",
    ),
    "word_frequencies": Explanation(
        "Most frequent words",
        "How often each of the most frequent words came out of the workflow.",
        "Longer is more frequent; the share of all words stands beside the number.",
        "Function words such as “the” and “and” in front: they are so in nearly every English text.",
    ),
    "rank_frequency": Explanation(
        "Rank and frequency",
        "The frequency of every word against its rank, both on logarithmic axes.",
        "A straight line falling by one decade a decade is Zipf's law with exponent 1.",
        "Steps at the lower right: many words that came out equally often.",
    ),
    "text_statistics": Explanation(
        "Statistics of the texts",
        "How the four statistics that the workflow makes of each text are distributed.",
        "Each bar counts texts; the dashed line is the median, the dotted one the maximum.",
        "Texts far from the others: they show in the time of their states, too.",
    ),
}

_PLACES = {
    "sent": "messages that the queue has taken",
    "succeeded": "the execution ended well",
    "failed": "the execution ended with an error",
    "dead_lettered": "in the dead-letter queue, after several tries",
    "still_queued": "in the queue when the run was analysed",
    "unobserved": "started, but no log says how it ended; logs are delivered best effort",
    "lost": "taken by the queue and seen nowhere after",
    "duplicated": "ran more than once; delivery is at least once, so this may happen",
    "unexpected": "came out, but was never sent",
    "recovered": "no acknowledgement came, yet the message arrived",
    "never_arrived": "no acknowledgement came, and the message was not seen",
    "not_sent": "refused by the queue, or too late to leave",
    "extra_executions": "executions beyond the first one of a message",
}
_SUMMANDS = ("succeeded", "failed", "dead_lettered", "still_queued", "unobserved", "lost")
_TIMES = {
    "start": "Emulator started in",
    "provision": "Resources provisioned in",
    "first_message": "First message through in",
    "total": "Everything in",
}


def write_report(
    out_dir: Path,
    summary: Mapping[str, Any],
    figures: Mapping[str, Figure],
    *,
    sample_text: str | None = None,
    made_at: datetime | None = None,
) -> Path:
    """Write ``report.html`` and one PNG file a chart.

    Args:
        out_dir: the folder; made when missing.
        summary: the contents of ``summary.json``; every part of it may be missing.
        figures: charts by name, in the order of the report; names of ``EXPLANATIONS`` get their explanation. The file of
            a chart is its name with ``.png``.
        sample_text: the decoded text of the sample message, shown as a quotation.
        made_at: time of the report, now when left out.

    Returns:
        The path of ``report.html``.

    Raises:
        ReportNotWritableError: the folder cannot be made or written.
    """
    pictures = {name: png_of(figure) for name, figure in figures.items()}
    html = _render(summary, figures, pictures, sample_text, made_at or datetime.now(UTC))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, png in pictures.items():
            (out_dir / f"{_file_name(name)}.png").write_bytes(png)
        path = out_dir / REPORT
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ReportNotWritableError(
            f"The report cannot be written to {out_dir}.",
            cause=f"{error.strerror or error}.",
            next_step="Name a folder that you may write to: --out DIR",
        ) from error
    return path


def _render(
    summary: Mapping[str, Any],
    figures: Mapping[str, Figure],
    pictures: Mapping[str, bytes],
    sample_text: str | None,
    made_at: datetime,
) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    return environment.get_template(TEMPLATE).render(
        facts=_facts(summary, made_at),
        sample=_sample(summary.get("sample") or {}, sample_text),
        stages=[_stage(stage) for stage in summary.get("stages") or []],
        saturation=(summary.get("saturation") or {}).get("reason") or "",
        charts=[_chart(name, figures[name], pictures[name]) for name in figures],
        account=_account(summary.get("reconciliation") or {}),
        words=_words(summary.get("words") or {}),
    )


def _facts(summary: Mapping[str, Any], made_at: datetime) -> dict[str, Any]:
    account = summary.get("reconciliation") or {}
    stages = summary.get("stages") or []
    timing = summary.get("timing_s") or {}
    saturation = (summary.get("saturation") or {}).get("rate")
    target = str(summary.get("target") or "unknown target")
    sent, lost = account.get("sent"), account.get("lost")
    if sent:
        headline = f"{message_count(sent)} sent, {'none' if lost == 0 else number(float(lost or 0), 12)} lost"
    else:
        headline = "A run of the lab"
    cards = []
    if sent is not None:
        cards.append(_card(number(float(sent), 12), "messages sent"))
        cards.append(_card(number(float(lost or 0), 12), "messages lost"))
    if _known(saturation):
        cards.append(_card(f"{number(float(saturation))}/s", "highest rate kept up with"))
    if stages and _known(stages[0].get("end_to_end_p99_s")):
        lowest = stages[0]
        cards.append(
            _card(seconds(float(lowest["end_to_end_p99_s"])), f"p99 end to end at {_rate(lowest['offered_rate'])}/s")
        )
    if _known(timing.get("first_message")):
        cards.append(_card(seconds(float(timing["first_message"])), "until the first message was through"))
    parts = [f"Target: {target}"]
    if stages:
        rates = [float(stage["offered_rate"]) for stage in stages]
        count = f"{len(rates)} stage{'' if len(rates) == 1 else 's'}"
        parts.append(f"{count} of {_rate(min(rates))} to {_rate(max(rates))} messages/s")
    return {
        "headline": headline,
        "line": " · ".join(parts),
        "cards": cards,
        "target": target,
        "timing": [(_TIMES.get(key, key), seconds(float(value))) for key, value in timing.items() if _known(value)],
        "versions": [(str(name), str(value)) for name, value in (summary.get("versions") or {}).items()],
        "made": f"Written on {made_at:%d %B %Y at %H:%M} {made_at.tzname() or ''}".rstrip() + ".",
    }


def _sample(sample: Mapping[str, Any], text: str | None) -> dict[str, Any] | None:
    if not sample and not text:
        return None
    stats = sample.get("stats") or {}
    cards = [
        _card(number(float(value), 5), label)
        for value, label in (
            (stats.get("text_length"), "characters of text"),
            (stats.get("avg_word_length"), "characters a word, on average"),
            (stats.get("num_digits"), "words of digits"),
            (stats.get("num_special_chars"), "words with special characters"),
            (sample.get("tokens"), "words after cleaning"),
            (sample.get("distinct"), "different words"),
        )
        if _known(value)
    ]
    states = [state for state in sample.get("states") or [] if state.get("name")]
    longest = max((float(state["duration_s"]) for state in states if _known(state.get("duration_s"))), default=0.0)
    return {
        "text": text,
        "cards": cards,
        "top": [(str(word), number(float(count), 12)) for word, count in sample.get("top") or []],
        "states": [
            {
                "name": str(state["name"]),
                "ms": _milliseconds(state.get("duration_s"), 1),
                "share": f"{100 * float(state['duration_s']) / longest:.1f}"
                if longest and _known(state.get("duration_s"))
                else "0",
            }
            for state in states
        ],
    }


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    cells = [
        _rate(stage.get("offered_rate")),
        _rate(stage.get("achieved_rate")),
        *(number(float(stage[key]), 12) if _known(stage.get(key)) else "–" for key in ("sent", "completed")),
        _milliseconds(stage.get("send_lag_p99_s"), 1),
        *(_milliseconds(stage.get(key)) for key in ("duration_p50_s", "duration_p99_s", "end_to_end_p99_s")),
    ]
    return {"cells": cells, "valid": bool(stage.get("valid", True))}


def _chart(name: str, figure: Figure, png: bytes) -> dict[str, Any]:
    known = EXPLANATIONS.get(name)
    finding, detail = getattr(figure, "finding", ""), getattr(figure, "detail", "")
    # The width and height of a PNG stand in its first chunk; shown at the size that the letters were made for.
    width, height = struct.unpack(">II", png[16:24])
    return {
        "anchor": f"chart-{_file_name(name)}",
        "file": f"{_file_name(name)}.png",
        "heading": known.heading if known else name.replace("_", " ").capitalize(),
        "shows": known.shows if known else "",
        "read": known.read if known else "",
        "look": known.look if known else "",
        "alt": ". ".join(part for part in (finding, detail) if part) or name,
        "base64": base64.b64encode(png).decode("ascii"),
        "width": round(width * SCREEN_DPI / PNG_DPI),
        "height": round(height * SCREEN_DPI / PNG_DPI),
    }


def _account(counts: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _known(counts.get("sent")):
        return None
    known = {key: int(value) for key, value in counts.items() if _known(value)}
    lost, unexpected = known.get("lost", 0), known.get("unexpected", 0)
    total = sum(known.get(key, 0) for key in _SUMMANDS)
    adds_up = total == known["sent"]
    if lost or unexpected:
        verdict = " and ".join(
            part
            for part in (
                f"{message_count(lost)} lost" if lost else "",
                f"{message_count(unexpected)} came out that nobody sent" if unexpected else "",
            )
            if part
        )
    elif not adds_up:
        verdict = "The account does not add up: some messages were still on their way"
    elif known.get("still_queued"):
        verdict = "Every message is accounted for, some of them still in the queue"
    else:
        verdict = "Every message is accounted for"
    names = {key: key.replace("_", " ") for key in known}
    shown = [key for key in _SUMMANDS if known.get(key) or key in ("succeeded", "failed", "dead_lettered", "lost")]
    equation = f"{number(known['sent'], 12)} sent {'=' if adds_up else '≠'} " + " + ".join(
        f"{number(known.get(key, 0), 12)} {key.replace('_', ' ')}" for key in shown
    )
    rows = [
        {"name": names[key].capitalize(), "count": number(count, 12), "meaning": _PLACES.get(key, "")}
        for key, count in known.items()
    ]
    return {
        "good": adds_up and not lost and not unexpected,
        "verdict": verdict + ".",
        "equation": equation,
        "rows": rows,
    }


def _words(words: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _known(words.get("total")):
        return None
    count = f"{number(float(words['total']), 12)} word{'' if words['total'] == 1 else 's'} came out"
    if words.get("matches_expected"):
        return {"good": True, "verdict": f"{count}, each exactly as often as it went in."}
    return {"good": False, "verdict": f"{count}, and they are not the words that went in."}


def _card(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}


def _rate(value: Any) -> str:
    return number(float(value), 4) if _known(value) else "–"


def _milliseconds(value: Any, digits_below_hundred: int = 0) -> str:
    if not _known(value):
        return "–"
    scaled = float(value) * 1000
    return f"{scaled:,.{digits_below_hundred if abs(scaled) < 100 else 0}f}"


def _known(value: Any) -> bool:
    """Whether ``value`` is a number that can be shown: not None, not NaN, not infinite."""
    try:
        return value is not None and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _file_name(name: str) -> str:
    """A chart's name as the name of a file and of an anchor: letters, digits, dash and underscore only."""
    return "".join(character if character.isalnum() or character in "-_" else "-" for character in name)
