"""What the account says of a message: its last known station, the name of the error, and a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SENDER, QUEUE, START, WORKFLOW, DEAD_LETTERS = "sender", "queue", "start_execution", "workflow", "dead-letter queue"
_ENDED_BADLY = {"FAILED": "failed", "TIMED_OUT": "timed out", "ABORTED": "aborted"}


@dataclass(frozen=True)
class Visit:
    """A state that an execution was in; `left` is whether it came out of it."""

    state: str
    error: str | None
    left: bool
    kind: str | None


@dataclass(frozen=True)
class Run:
    """An execution of a message."""

    arn: str | None
    status: str | None
    error: str | None


@dataclass
class Seen:
    """All that was seen of one message."""

    message_id: str | None = None
    runs: list[Run] = field(default_factory=list)
    arns: set[str | None] = field(default_factory=set)
    deliveries: int = 0
    refusals: list[str] = field(default_factory=list)
    dead: bool = False


@dataclass(frozen=True)
class Word:
    """What the account says of a message."""

    station: str | None
    error: str | None
    what: str


def _succeeded(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    run = next(run for run in own.runs if run.status == "SUCCEEDED")
    caught = _caught(visits.get(run.arn or "", []))
    dead = f", and dead-lettered{_receives(most_receives)}" if own.dead else ""
    if not caught:
        return Word(WORKFLOW, None, f"succeeded{dead}")
    last = caught[-1]
    return Word(last.state, last.error, f"succeeded after the workflow caught {_listed(caught)}{dead}")


def _failed(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    run = [run for run in own.runs if run.status in _ENDED_BADLY][-1]
    way = visits.get(run.arn or "", [])
    origin = _origin(way, run.error)
    error = run.error or (origin.error if origin else None)
    ended = _ENDED_BADLY[run.status or "FAILED"]
    place = f'in "{origin.state}"' if origin else "in the workflow"
    named = f": {error}" if error else " without the name of an error"
    # An error of another name that was caught before leads to the bottom of it.
    before = [visit for visit in _caught(way) if visit is not origin and visit.error != error]
    after = f", after {_listed(before)}" if before else ""
    dead = f", then dead-lettered{_receives(most_receives)}" if own.dead else ""
    return Word(origin.state if origin else WORKFLOW, error, f"{ended} {place}{named}{after}{dead}")


def _origin(way: list[Visit], error: str | None) -> Visit | None:
    """The state in which the execution's error arose.

    It is the one that was never left; but a Fail state only passes on what an earlier state was caught with, if it has
    that error's name.
    """
    open_ones = [at for at, visit in enumerate(way) if not visit.left]
    if not open_ones:
        return next((visit for visit in reversed(way) if visit.error is not None), None)
    at = next((at for at in reversed(open_ones) if way[at].error is not None), open_ones[-1])
    if way[at].kind == "Fail":
        same = [before for before in range(at) if way[before].left and way[before].error == error is not None]
        if same:
            at = same[-1]
            # A state that was to keep the message may have failed in the same way, just after it.
            while at > 0 and way[at - 1].error == error:
                at -= 1
    return way[at]


def _dead_lettered(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    why = ""
    if own.refusals:
        why = f", refused by start_execution: {own.refusals[-1]}"
    elif own.arns:
        why = ", and an execution of it was started"
    return Word(DEAD_LETTERS, _last(own.refusals), f"dead-lettered{_receives(most_receives)}{why}")


def _still_queued(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    if own.refusals:
        return Word(
            QUEUE, own.refusals[-1], f"still queued, refused {_times(len(own.refusals))} so far: {own.refusals[-1]}"
        )
    if own.arns:
        state = _last_state(own, visits)
        return Word(state or WORKFLOW, None, f"on its way{_in(state)}")
    return Word(QUEUE, None, "still queued")


def _unobserved(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    if own.arns:
        state = _last_state(own, visits)
        return Word(state or WORKFLOW, None, f"started, no log says how it ended{_in(state)}")
    if own.refusals:
        return Word(
            QUEUE,
            own.refusals[-1],
            f"refused {_times(len(own.refusals))} so far: {own.refusals[-1]}, then not followed to its end",
        )
    return Word(QUEUE, None, "taken by the queue, then not followed to its end")


def _lost(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    if own.refusals:
        return Word(START, own.refusals[-1], f"refused by start_execution: {own.refusals[-1]}")
    if own.deliveries:
        return Word(START, None, "handed to start_execution, which started nothing and named no error")
    return Word(QUEUE, None, "taken by the queue and seen nowhere after")


def _lost_or_queued(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    known = _lost(own, visits, most_receives)
    return Word(known.station, known.error, f"{known.what}; perhaps one of those that the queue still holds")


def _unexpected(own: Seen, visits: Mapping[str, list[Visit]], most_receives: int | None) -> Word:
    return Word(
        WORKFLOW if own.arns else DEAD_LETTERS if own.dead else START, None, "never sent, says the sender, yet it came"
    )


WORDS = {
    "succeeded": _succeeded,
    "failed": _failed,
    "dead_lettered": _dead_lettered,
    "still_queued": _still_queued,
    "unobserved": _unobserved,
    "lost": _lost,
    "lost_or_queued": _lost_or_queued,
    "unexpected": _unexpected,
}


def of_the_sender(fate: str, reason: str | None, error: str | None) -> Word:
    if fate == "never_arrived":
        return Word(SENDER, error, f"sent without an answer{f' ({error})' if error else ''}, and not seen")
    named = f": {error}" if reason == "refused by SQS" and error else ""
    return Word(SENDER, error, f"not sent, {reason or 'for no reason that is known'}{named}")


def stranger(lab_id: str, own: Seen) -> str:
    run, _, number = lab_id.rpartition("-")
    return f"of another run, {run}" if run and number.isdigit() and lab_id != own.message_id else "sent by hand"


def _caught(way: Iterable[Visit]) -> list[Visit]:
    return [visit for visit in way if visit.error is not None and visit.left]


def _listed(visits: Iterable[Visit]) -> str:
    texts = dict.fromkeys(f'{visit.error} in "{visit.state}"' for visit in visits)
    return " and ".join(texts)


def _last_state(own: Seen, visits: Mapping[str, list[Visit]]) -> str | None:
    way = next((way for run in reversed(own.runs) if (way := visits.get(run.arn or ""))), [])
    return way[-1].state if way else None


def _in(state: str | None) -> str:
    return f'; last seen in "{state}"' if state else ""


def _receives(count: int | None) -> str:
    return "" if count is None else f" after {count} receive{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _last(names: list[str]) -> str | None:
    return names[-1] if names else None
