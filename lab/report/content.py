"""The parts of the report, made of `summary.json`'s contents: plain values that the template only places."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard

from matplotlib.figure import Figure

from lab.charts.numbers import message_count, number, seconds
from lab.charts.style import PNG_DPI, SCREEN_DPI
from lab.report.explanations import EXPLANATIONS

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
    "foreign": "of another run, or sent by hand; no part of this account",
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


def facts(summary: Mapping[str, Any], made_at: datetime) -> dict[str, Any]:
    """The head of the report: what ran, and the numbers that matter most."""
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


def sample_message(sample: Mapping[str, Any], text: str | None) -> dict[str, Any] | None:
    """The statistics, words and states of the sample message; None when there is nothing to tell."""
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


def stage_row(stage: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table of stages, as text; times in milliseconds."""
    cells = [
        _rate(stage.get("offered_rate")),
        _rate(stage.get("achieved_rate")),
        *(number(float(stage[key]), 12) if _known(stage.get(key)) else "–" for key in ("sent", "completed")),
        _milliseconds(stage.get("send_lag_p99_s"), 1),
        *(_milliseconds(stage.get(key)) for key in ("duration_p50_s", "duration_p99_s", "end_to_end_p99_s")),
    ]
    return {"cells": cells, "valid": bool(stage.get("valid", True))}


def chart(name: str, figure: Figure, png: bytes) -> dict[str, Any]:
    """One chart with its explanation; names that are not in ``EXPLANATIONS`` stand without one."""
    known = EXPLANATIONS.get(name)
    finding, detail = getattr(figure, "finding", ""), getattr(figure, "detail", "")
    # The width and height of a PNG stand in its first chunk; shown at the size that the letters were made for.
    width, height = struct.unpack(">II", png[16:24])
    return {
        "anchor": f"chart-{file_name(name)}",
        "file": f"{file_name(name)}.png",
        "heading": known.heading if known else name.replace("_", " ").capitalize(),
        "shows": known.shows if known else "",
        "read": known.read if known else "",
        "look": known.look if known else "",
        "finding": finding,
        "alt": ". ".join(part for part in (finding, detail) if part) or name,
        "base64": base64.b64encode(png).decode("ascii"),
        "width": round(width * SCREEN_DPI / PNG_DPI),
        "height": round(height * SCREEN_DPI / PNG_DPI),
    }


def account(counts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The reconciliation: verdict, equation and rows; None when nothing was counted."""
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
    names = {key: _in_words(key) for key in known}
    shown = [key for key in _SUMMANDS if known.get(key) or key in ("succeeded", "failed", "dead_lettered", "lost")]
    equation = f"{number(known['sent'], 12)} sent {'=' if adds_up else '≠'} " + " + ".join(
        f"{number(known.get(key, 0), 12)} {_in_words(key)}" for key in shown
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


def word_check(words: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether the words that came out are those that went in; None when none were counted."""
    if not _known(words.get("total")):
        return None
    count = f"{number(float(words['total']), 12)} word{'' if words['total'] == 1 else 's'} came out"
    if words.get("matches_expected"):
        return {"good": True, "verdict": f"{count}, each exactly as often as it went in."}
    return {"good": False, "verdict": f"{count}, and they are not the words that went in."}


def _in_words(key: str) -> str:
    return "dead-lettered" if key == "dead_lettered" else key.replace("_", " ")


def _card(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}


def _rate(value: Any) -> str:
    return number(float(value), 4) if _known(value) else "–"


def _milliseconds(value: Any, digits_below_hundred: int = 0) -> str:
    if not _known(value):
        return "–"
    scaled = float(value) * 1000
    return f"{scaled:,.{digits_below_hundred if abs(scaled) < 100 else 0}f}"


def _known(value: Any) -> TypeGuard[float]:
    """Whether ``value`` is a number that can be shown: not None, not NaN, not infinite."""
    try:
        return value is not None and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def file_name(name: str) -> str:
    """A chart's name as the name of a file and of an anchor: letters, digits, dash and underscore only."""
    return "".join(character if character.isalnum() or character in "-_" else "-" for character in name)
