"""Where every message went: nothing may be lost, nothing may come out that was not put in.

This is the check of a *total queue* as Jepsen does it. It is valid only after a full drain: a message that is still on
its way looks like a lost one. A message is known by its `lab_id`, or by its SQS message id where the body carries none.

    sent = succeeded + failed + dead-lettered + still queued + unobserved + lost
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from lab.analysis.latency import owners

_FAILED = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
_SHOWN = 3

Ids = tuple[str, ...]


@dataclass(frozen=True)
class Reconciliation:
    """The account of a run. Every field but the last three holds ids, sorted.

    Attributes:
        sent: messages that the queue has taken: it said so, or they were seen later.
        succeeded, failed: at least one execution succeeded; or none did, but one ended otherwise.
        dead_lettered: in the dead-letter queue, without an execution that ended.
        still_queued: still in the queue: read there, or refused by the function so far and not yet dead-lettered.
        unobserved: started, as the function's own log or the first events say, but the end was never logged. Logs are
            delivered best effort; a missing log is not a lost message, nor is one that could not be followed.
        lost: acknowledged by SQS and seen nowhere after.
        duplicated: executed more than once (SQS and Express Workflows deliver at least once).
        unexpected: seen, but never sent: ids of this run that the sender says never left.
        foreign: seen, and not of this run: another run's, or sent by hand; by the best name that they have.
        recovered: no acknowledgement came, yet they arrived.
        never_arrived: no acknowledgement came, and they were not seen: the honest end of an unknown send.
        not_sent: refused by SQS for good, or dropped by the sender: too late to leave, or the run was stopped before.
        extra_executions: executions beyond the first, over all messages that were sent.
        not_sent_by: the same once more, by why they were not sent, in words.
        undrained: messages that SQS counted in the queue and that were not read; any of them may be one of `lost`.
    """

    sent: Ids
    succeeded: Ids
    failed: Ids
    dead_lettered: Ids
    still_queued: Ids
    unobserved: Ids
    lost: Ids
    duplicated: Ids
    unexpected: Ids
    foreign: Ids
    recovered: Ids
    never_arrived: Ids
    not_sent: Ids
    extra_executions: int
    not_sent_by: Mapping[str, Ids] = field(default_factory=dict)
    undrained: int = 0

    @property
    def drained(self) -> bool:
        """Whether the queue was empty, so that the account is final."""
        return not self.still_queued and self.undrained == 0

    @property
    def holds(self) -> bool:
        """Whether every message that was sent is accounted for, and no other one came out."""
        return not self.lost and not self.unexpected

    def as_dict(self) -> dict[str, int]:
        """The counts, with the keys of `reconciliation` in `summary.json` first."""
        return {
            "sent": len(self.sent),
            "succeeded": len(self.succeeded),
            "failed": len(self.failed),
            "dead_lettered": len(self.dead_lettered),
            "still_queued": len(self.still_queued) + self.undrained,
            "lost": len(self.lost) - self.undrained,
            "unobserved": len(self.unobserved),
            "duplicated": len(self.duplicated),
            "unexpected": len(self.unexpected),
            "recovered": len(self.recovered),
            "never_arrived": len(self.never_arrived),
            "not_sent": len(self.not_sent),
            "extra_executions": self.extra_executions,
            "foreign": len(self.foreign),
        }

    def explain(self) -> str:
        """The account in sentences."""
        parts = [
            f"{len(ids)} {word}"
            for ids, word in (
                (self.succeeded, "succeeded"),
                (self.failed, "failed"),
                (self.dead_lettered, "dead-lettered"),
                (self.still_queued, "still queued"),
                (self.unobserved, "unobserved"),
                (self.lost, "lost"),
            )
            if ids or word in ("succeeded", "failed", "lost")
        ]
        lines = [f"{len(self.sent)} sent = {' + '.join(parts)}."]
        if self.undrained:
            lines.append(
                f"The queue still held {self.undrained} that were not read, so the account is not final: "
                "a message on its way looks like a lost one."
            )
        for ids, what in (
            (self.lost, "lost: acknowledged by SQS and seen nowhere after"),
            (self.unexpected, "unexpected: came out, but never sent"),
            (self.still_queued, "still queued: in the queue, or refused by start_execution so far"),
            (self.unobserved, "unobserved: started, but no log says how it ended (logs are best effort; not lost)"),
            (self.duplicated, "duplicated: ran more than once (delivery is at least once)"),
            (self.recovered, "recovered: not acknowledged, yet arrived"),
            (self.never_arrived, "never arrived: not acknowledged and not seen"),
            *((ids, f"not sent: {why}") for why, ids in self.not_sent_by.items()),
            (self.foreign, "not of this run: from another run, or sent by hand; they are no part of this account"),
        ):
            if ids:
                more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
                lines.append(f"{len(ids)} {what}: {', '.join(ids[:_SHOWN])}{more}.")
        if self.holds:
            lines.append("Nothing is lost, and nothing came out that was not sent.")
        return "\n".join(lines)


def reconcile(
    sends: pd.DataFrame,
    executions: pd.DataFrame,
    received: pd.DataFrame,
    dead_letters: pd.DataFrame | None = None,
    queued: pd.DataFrame | None = None,
    *,
    undrained: int = 0,
    cut_off: bool = False,
) -> Reconciliation:
    """Account for every message.

    Args:
        sends, executions, received: tables as ARCHITECTURE.md describes them.
        dead_letters: messages in the dead-letter queue, as `peek_messages` returns them.
        queued: messages still in the queue, in the same form.
        undrained: messages still in the queue that are known by their number only (`queue_depth(…).total`).
        cut_off: the service went away before the messages could be followed: what was not seen is unobserved, not lost.

    Returns:
        The account. Each message that was sent is in exactly one of succeeded, failed, dead_lettered, still_queued,
        unobserved and lost: in the first of them that applies.
    """
    outcome_of = dict(rows_of(sends, "lab_id", "outcome"))
    status_of: dict[str, set[str]] = {}
    arns_of: dict[str, set[str]] = {}
    for owner, (arn, status) in owned(sends, executions, "name", "execution_arn", "status"):
        status_of.setdefault(owner, set()).add(status)
        arns_of.setdefault(owner, set()).add(arn)
    touched = set()  # handed to the function, whatever became of that
    for owner, (arn,) in owned(sends, received, "message_id", "execution_arn"):
        touched.add(owner)
        if arn is not None:
            arns_of.setdefault(owner, set()).add(arn)
    dead = {owner for owner, _ in owned(sends, dead_letters, "message_id")}
    waiting = {owner for owner, _ in owned(sends, queued, "message_id")}

    seen = status_of.keys() | arns_of.keys() | touched | dead | waiting
    # "dropped" says that the message never left: seeing it contradicts the sender, so it counts as never sent.
    attempted = {lab_id for lab_id, outcome in outcome_of.items() if outcome != "dropped"}
    acked = {lab_id for lab_id, outcome in outcome_of.items() if outcome == "acked"}
    unknown = {lab_id for lab_id, outcome in outcome_of.items() if outcome == "unknown"}
    recovered = (attempted - acked) & seen

    found: dict[str, list[str]] = {key: [] for key in _PLACES}
    sent = acked | recovered
    for lab_id in sent:
        found[_place(lab_id, status_of, arns_of, dead, waiting)].append(lab_id)
    # What the function refused goes back to the queue until it is dead-lettered. That is where it is if the queue holds
    # as many; with an empty queue it is gone: then the mapping deletes what the function did not start.
    refused = sorted(touched.intersection(found["lost"]))
    if 0 < len(refused) <= undrained:
        found["still_queued"] += refused
        found["lost"] = sorted(set(found["lost"]) - set(refused))
        undrained -= len(refused)
    if cut_off:
        found["unobserved"] += found["lost"]
        found["lost"] = []
    not_sent = _ids(outcome_of.keys() - sent - unknown - seen)
    error_of = dict(rows_of(sends, "lab_id", "error")) if "error" in sends else {}
    why_not = {lab_id: _why_not(outcome_of[lab_id], error_of.get(lab_id)) for lab_id in not_sent}
    runs = Counter({lab_id: len(arns_of.get(lab_id, ())) for lab_id in sent})
    return Reconciliation(
        sent=_ids(sent),
        **{key: _ids(ids) for key, ids in found.items()},
        duplicated=_ids(lab_id for lab_id, count in runs.items() if count > 1),
        unexpected=_ids((seen - attempted) & outcome_of.keys()),
        foreign=_ids(seen - outcome_of.keys()),
        recovered=_ids(recovered),
        never_arrived=_ids(unknown - seen),
        not_sent=not_sent,
        not_sent_by={
            why: ids for why in _REASONS if (ids := tuple(lab_id for lab_id in not_sent if why_not[lab_id] == why))
        },
        extra_executions=sum(max(count - 1, 0) for count in runs.values()),
        # Others may send to this queue, too: no more of it than what is missing can be ours.
        undrained=min(undrained, len(found["lost"])),
    )


_REFUSED, _STOPPED, _LATE, _NO_CONNECTION = _REASONS = (
    "refused by SQS",
    "the run was stopped before their turn",
    "too late to leave",
    "no connection could be made",
)


def together(first: Reconciliation, second: Reconciliation) -> Reconciliation:
    """The account of two runs, the second begun when the first had drained.

    What the one saw of the other's messages is no stranger's.
    """
    lists = [field.name for field in fields(Reconciliation) if field.type == "Ids"]
    joined = {name: _ids({*getattr(first, name), *getattr(second, name)}) for name in lists}
    own = {*joined["sent"], *joined["not_sent"]}
    reasons = first.not_sent_by.keys() | second.not_sent_by.keys()
    return Reconciliation(
        **{**joined, "foreign": _ids(set(joined["foreign"]) - own)},
        extra_executions=first.extra_executions + second.extra_executions,
        not_sent_by={
            why: _ids({*first.not_sent_by.get(why, ()), *second.not_sent_by.get(why, ())}) for why in sorted(reasons)
        },
        undrained=second.undrained,
    )


def _why_not(outcome: str | None, error: str | None) -> str:
    """Why a message was not sent; ``error`` is what the sender writes (`lab/load/judge.py`)."""
    if outcome == "refused":
        return _REFUSED
    return {"Stopped": _STOPPED, "TooLate": _LATE, None: _STOPPED}.get(error, _NO_CONNECTION)


_PLACES = ("succeeded", "failed", "dead_lettered", "still_queued", "unobserved", "lost")


def _place(
    lab_id: str, status_of: dict[str, set[str]], arns_of: dict[str, set[str]], dead: set[str], waiting: set[str]
) -> str:
    ends = status_of.get(lab_id, set())
    if "SUCCEEDED" in ends:
        return "succeeded"
    if ends & _FAILED:
        return "failed"
    if lab_id in dead:
        return "dead_lettered"
    if lab_id in waiting:
        return "still_queued"
    if lab_id in arns_of:
        return "unobserved"
    return "lost"


def owned(
    sends: pd.DataFrame, frame: pd.DataFrame | None, message_id: str, *columns: str
) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """Each row's owner and the values of `columns`; what belongs to no message goes by the best name that it has."""
    if frame is None or frame.empty:
        return []
    names = rows_of(frame, "lab_id", message_id, *columns[:1])
    known = owners(sends, frame["lab_id"], frame[message_id])
    found = (owner or next(filter(None, others), "unnamed") for owner, others in zip(known, names, strict=True))
    return zip(found, rows_of(frame, *columns) if columns else ((),) * len(frame), strict=True)


def rows_of(frame: pd.DataFrame, *columns: str) -> Iterable[tuple[Any, ...]]:
    """The rows as tuples, with None for whatever is missing."""
    values = ([value if isinstance(value, str) else None for value in frame[column].tolist()] for column in columns)
    return zip(*values, strict=True)


def _ids(ids: Iterable[str]) -> Ids:
    return tuple(sorted(ids))
