"""Which exit of a state, and which error, belongs to which entry: the visits of states in one execution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.observe.columns import NO_TIME

Mark = tuple[int, str | None, int]
"""An entry or an exit: event id, name of the state, instant in epoch nanoseconds."""

Failure = tuple[int, str | None]
"""Event id and name of the error."""

Visit = tuple[str | None, int, int, str | None]
"""State, entered and exited (epoch nanoseconds, `NO_TIME` for unknown), error."""


def visits_of(
    entered: Sequence[Mark], exited: Sequence[Mark], failures: Sequence[Failure], links: Sequence[int]
) -> list[Visit]:
    """Every visit of a state, in the order of the event ids.

    Args:
        entered, exited, failures: of one execution, in any order.
        links: id and previous id of every event, one after the other.
    """
    entered = sorted(entered, key=lambda entry: entry[0])
    if not failures:
        entries, exits = {name for _, name, _ in entered}, {name: instant for _, name, instant in exited}
        unique = len(entries) == len(entered) and len(exits) == len(exited) and None not in entries
        if unique and exits.keys() <= entries:
            # The common case: every state visited once, so that its name says which exit belongs to which entry.
            return [(name, instant, exits.get(name, NO_TIME), None) for _, name, instant in entered]
    return _visits_by_chain(entered, exited, failures, links)


def _visits_by_chain(
    entered: Sequence[Mark], exited: Sequence[Mark], failures: Sequence[Failure], links: Sequence[int]
) -> list[Visit]:
    """Visits where a name alone does not tell: loops, maps, parallel branches, failures, missing entries.

    `previous_event_id` leads from an exit, or a failure, back to the entry that it belongs to. Where a link is
    missing, the earliest entry of that name that is still open takes the exit.
    """
    previous = dict(zip(links[::2], links[1::2], strict=True))
    entry_name = {event_id: name for event_id, name, _ in entered}
    error_of = dict(failures)
    exit_of: dict[int, Mark] = {}
    rows: list[tuple[int, Visit]] = []

    def before(event_id: int) -> Iterator[int]:
        """The entries up the chain from an event, nearest first."""
        at = previous.get(event_id, 0)
        for _ in previous:  # no more steps than links, for a faulty log could hold a circle
            if at in entry_name:
                yield at
            at = previous.get(at, 0)

    for exit_id, name, instant in sorted(exited, key=lambda exit: exit[0]):
        entries = (at for at in before(exit_id) if at not in exit_of and _same_state(name, entry_name[at]))
        entry = next(entries, None)
        if entry is None:
            left_open = (at for at, n, _ in entered if n == name and at < exit_id and at not in exit_of)
            entry = next(left_open, None)
        if entry is None:
            rows.append((exit_id, (name, NO_TIME, instant, error_of.get(previous.get(exit_id, 0)))))
        else:
            exit_of[entry] = (exit_id, name, instant)

    # A failure counts for its visit if the visit ended by it; one that a retry mended does not.
    error_in = {entry: error_of.get(previous.get(exit_id, 0)) for entry, (exit_id, _, _) in exit_of.items()}
    for failure_id, error in sorted(failures, key=lambda failure: failure[0]):
        entry = next(before(failure_id), None)
        if entry is not None and entry not in exit_of and error is not None:
            error_in[entry] = error

    for event_id, name, instant in entered:
        _, exit_name, left = exit_of.get(event_id, (0, None, NO_TIME))
        rows.append((event_id, (name or exit_name, instant, left, error_in.get(event_id))))
    return [visit for _, visit in sorted(rows, key=lambda row: row[0])]


def _same_state(one: str | None, other: str | None) -> bool:
    """Whether two names can be of one state; a name is missing where AWS left out details that were too long."""
    return one is None or other is None or one == other
