"""The parts of the report, made of `summary.json`'s contents: plain values that the template only places."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from matplotlib.figure import Figure

from lab.analysis.tails import FEW, FEW_NOTE
from lab.charts.numbers import message_count, number, seconds
from lab.charts.style import PNG_DPI, SCREEN_DPI, Chart
from lab.charts.values import regions
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
_FATES = {"foreign": "not of this run", "lost_or_queued": "lost, or still queued"}
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
    watched = summary.get("watched") or {}
    if watched:
        ran = sum(watched["executions"].values())
        headline = (
            f"{number(float(ran), 12)} execution{'' if ran == 1 else 's'}, {_visits_of(watched)} visits of states"
        )
    elif sent:
        headline = f"{message_count(sent)} sent, {'none' if lost == 0 else number(float(lost or 0), 12)} lost"
    else:
        headline = "A run of the lab"
    cards = []
    if sent is not None:
        cards.append(_card(number(float(sent), 12), "messages sent"))
        cards.append(_card(number(float(lost or 0), 12), "messages lost"))
    if _known(saturation):
        cards.append(_card(f"{number(float(saturation))}/s", "highest rate kept up with"))
    counted = [stage for stage in stages if stage.get("valid", True) and _known(stage.get("end_to_end_p99_s"))]
    if counted:
        lowest = min(counted, key=lambda stage: float(stage["offered_rate"]))
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
        "interrupted": _interruption(summary),
        "cards": cards,
        "target": target,
        "timing": [(_TIMES.get(key, key), seconds(float(value))) for key, value in timing.items() if _known(value)],
        "versions": [(str(name), str(value)) for name, value in (summary.get("versions") or {}).items()],
        "made": f"Written on {made_at:%d %B %Y at %H:%M} {made_at.tzname() or ''}".rstrip() + ".",
    }


def _interruption(summary: Mapping[str, Any]) -> str:
    """What the report says on top of a run that did not come to its end; empty for others."""
    if not summary.get("interrupted"):
        return ""
    by = str(summary.get("interrupted_by") or "It was stopped.")
    return f"This run was interrupted. {by} What was measured until then is below."


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
        _milliseconds(stage.get("duration_p50_s")),
        *(
            _milliseconds(stage.get(f"{measure}_p99_s")) + _star(stage, measure)
            for measure in ("duration", "end_to_end")
        ),
    ]
    if _known(stage.get("end_to_end_p999_s")):
        cells[-1] += f" (p99.9 {_milliseconds(stage['end_to_end_p999_s'])})"
    return {"cells": cells, "valid": bool(stage.get("valid", True))}


def _star(stage: Mapping[str, Any], measure: str) -> str:
    """The mark of a p99 that rests on few messages."""
    beyond = stage.get(f"{measure}_beyond_p99")
    return "*" if _known(beyond) and beyond < FEW else ""


def stage_note(stages: list[Mapping[str, Any]]) -> str:
    """What the stars in the table of stages mean; empty when there are none."""
    return FEW_NOTE if any(_star(stage, measure) for stage in stages for measure in ("duration", "end_to_end")) else ""


def chart(name: str, figure: Figure, png: bytes) -> dict[str, Any]:
    """One chart with its explanation; names that are not in ``EXPLANATIONS`` stand without one."""
    known = EXPLANATIONS.get(name)
    finding = getattr(figure, "finding", "")
    # The width and height of a PNG stand in its first chunk; shown at the size that the letters were made for.
    width, height = (round(pixels * SCREEN_DPI / PNG_DPI) for pixels in struct.unpack(">II", png[16:24]))
    return {
        "anchor": f"chart-{file_name(name)}",
        "file": f"{file_name(name)}.png",
        "heading": known.heading if known else name.replace("_", " ").capitalize(),
        "shows": known.shows if known else "",
        "read": known.read if known else "",
        "look": known.look if known else "",
        "finding": finding,
        "alt": getattr(figure, "alternative", "") or name,
        "told": _values(figure, width, height),
        "base64": base64.b64encode(png).decode("ascii"),
        "width": width,
        "height": height,
    }


def _values(figure: Figure, width: float, height: float) -> list[dict[str, str]]:
    """The values of a chart with the place of each on the picture, in its pixels; the picture must be drawn before."""
    if not isinstance(figure, Chart):
        return []
    return [
        {
            "x": f"{region.left * width:.1f}",
            "y": f"{region.top * height:.1f}",
            "width": f"{region.width * width:.1f}",
            "height": f"{region.height * height:.1f}",
            "text": region.text,
        }
        for region in regions(figure)
    ]


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


def ends(account: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row for each kind of end that was not simply a success: fate, what is known, how many, a few ids."""
    return [
        {
            "fate": _FATES.get(str(kind["fate"]), _in_words(str(kind["fate"]))).capitalize(),
            "what": str(kind["what"]),
            "count": number(float(kind["count"]), 12),
            "ids": ", ".join(map(str, kind["ids"])) + (" …" if int(kind["count"]) > len(kind["ids"]) else ""),
        }
        for kind in account
    ]


def expectation_rows(verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the run was expected to show, and what it showed."""
    return [
        {"text": str(row["expectation"]), "met": bool(row["met"]), "observed": str(row["observed"])} for row in verdicts
    ]


def word_check(words: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether the words that came out are those that went in; None when none were counted."""
    if not _known(words.get("total")):
        return None
    count = f"{number(float(words['total']), 12)} word{'' if words['total'] == 1 else 's'} came out"
    if words.get("matches_expected"):
        return {"good": True, "verdict": f"{count}, each exactly as often as it went in."}
    return {"good": False, "verdict": f"{count}, and they are not the words that went in."}


def _visits_of(watched: Mapping[str, Any]) -> str:
    return number(float(sum(state["visits"] for state in watched["states"])), 12)


_VISIT_COLUMNS = ("visits", "attempts", "left", "caught", "failed", "stopped", "running", "unseen", "missing")


def watched_states(watched: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `lab watch` saw: its sentences, the verdict, and a row a state; None for any other run."""
    if not watched:
        return None
    shown = [name for name in _VISIT_COLUMNS if name == "visits" or any(state[name] for state in watched["states"])]
    return {
        "good": bool(watched["accounted_for"]),
        "sentences": list(watched["sentences"]),
        "columns": [*map(str.capitalize, shown), "p50 (ms)", "p99 (ms)"],
        "rows": [
            {
                "state": str(state["state"]),
                "kind": str(state["type"]) + (f" in {state['inside']}" if state.get("inside") else ""),
                "cells": [
                    *(number(float(state[column]), 12) for column in shown),
                    _milliseconds(state["p50_s"], 1),
                    _milliseconds(state["p99_s"], 1),
                ],
            }
            for state in watched["states"]
        ],
    }


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
