"""Which message ended where, and why: the table `account`, a row for each message that `reconcile` counted.

`reconcile` says how many messages were lost or failed; this says which, where each was last seen, and the error's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lab.analysis.fates import WORDS, Run, Seen, Visit, Word, of_the_sender, stranger
from lab.analysis.reconcile import Reconciliation, owned, rows_of

SENT = ("succeeded", "failed", "dead_lettered", "still_queued", "unobserved", "lost_or_queued", "lost")
"""The fates of messages that the queue has taken: as many as were sent."""
FATES = (*SENT, "never_arrived", "not_sent", "unexpected", "foreign")
COLUMNS = ("lab_id", "message_id", "fate", "station", "error", "what", "deliveries", "executions")

_SHOWN = 3


def account_of(
    reconciliation: Reconciliation,
    sends: pd.DataFrame,
    executions: pd.DataFrame,
    states: pd.DataFrame,
    received: pd.DataFrame,
    dead_letters: pd.DataFrame | None = None,
    *,
    most_receives: int | None = None,
) -> pd.DataFrame:
    """The table `account` (ARCHITECTURE.md, "The tables"): the planned messages in their order, then the foreign ones.

    Args:
        reconciliation: made of the same tables.
        sends, executions, states, received: tables as ARCHITECTURE.md describes them.
        dead_letters: as for `reconcile`.
        most_receives: after how many receives the queue gives a message up (`maxReceiveCount`).
    """
    seen = _all_seen(sends, executions, received, dead_letters)
    visits = _visits(states, _arns_of_interest(seen))
    fate_of = {lab_id: fate for fate in FATES for lab_id in _ids_of(reconciliation, fate)}
    reason_of = {lab_id: why for why, ids in reconciliation.not_sent_by.items() for lab_id in ids}
    send_of = {
        lab_id: (message_id, error)
        for lab_id, message_id, error in rows_of(
            sends if "error" in sends else sends.assign(error=None), "lab_id", "message_id", "error"
        )
    }
    nothing = Seen()
    rows = []
    for lab_id in (*send_of, *reconciliation.foreign):
        fate = fate_of[lab_id]
        own = seen.get(lab_id, nothing)
        message_id, send_error = send_of.get(lab_id, (None, None))
        if fate in ("never_arrived", "not_sent"):
            word = of_the_sender(fate, reason_of.get(lab_id), send_error)
        elif fate == "foreign":
            word = Word(None, None, stranger(lab_id, own))
        else:
            word = WORDS[fate](own, visits, most_receives)
        rows.append(
            (
                *(lab_id, message_id or own.message_id, fate, word.station, word.error, word.what),
                *(own.deliveries, len(own.arns)),
            )
        )
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype="int64" if name in ("deliveries", "executions") else object)
            for name, values in zip(COLUMNS, columns, strict=True)
        }
    )


def empty() -> pd.DataFrame:
    """An account of nothing."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})


def kinds(account: pd.DataFrame) -> pd.DataFrame:
    """The account added up: one row for each fate and what is said of it, in the order of `FATES`, many first.

    Columns: `fate`, `what`, `station`, `error`, `count`, and `ids`, the first three of them in a list.
    """
    names = ["fate", "what", "station", "error"]
    counts: Counter[tuple[Any, ...]] = Counter()
    ids: dict[tuple[Any, ...], list[str]] = {}
    for lab_id, *key in account[["lab_id", *names]].itertuples(index=False, name=None):
        kind = tuple(value if isinstance(value, str) else None for value in key)
        counts[kind] += 1
        if len(some := ids.setdefault(kind, [])) < _SHOWN:
            some.append(lab_id)
    ordered = sorted(counts, key=lambda kind: (FATES.index(kind[0]), -counts[kind], kind[1]))
    return pd.DataFrame(
        {
            **{name: pd.Series([kind[at] for kind in ordered], dtype=object) for at, name in enumerate(names)},
            "count": pd.Series([counts[kind] for kind in ordered], dtype="int64"),
            "ids": pd.Series([ids[kind] for kind in ordered], dtype=object),
        }
    )


def not_simply_succeeded(account: pd.DataFrame) -> pd.DataFrame:
    """The rows of those that failed, were lost or stayed somewhere, and of those whose error a workflow caught."""
    return account[(account["fate"] != "succeeded") | account["what"].ne("succeeded")]


def lines(account: pd.DataFrame) -> list[str]:
    """The account in lines, one for each kind of end but the simple success, each with a few ids."""
    told = []
    for kind in kinds(not_simply_succeeded(account)).to_dict("records"):
        more = f" and {kind['count'] - len(kind['ids'])} more" if kind["count"] > len(kind["ids"]) else ""
        told.append(f"{kind['count']} {kind['what']}: {', '.join(kind['ids'])}{more}")
    return told


def together(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The account of two runs: what the one saw of the other's messages is no stranger's."""
    both = pd.concat([first, second], ignore_index=True)
    own = set(both.loc[both["fate"] != "foreign", "lab_id"])
    strange = both["fate"] == "foreign"
    kept = ~strange | (~both["lab_id"].isin(own) & ~both.duplicated(["lab_id", "fate"]))
    return both[kept].sort_values("fate", key=lambda fate: fate == "foreign", kind="stable", ignore_index=True)


# What was seen


def _all_seen(
    sends: pd.DataFrame, executions: pd.DataFrame, received: pd.DataFrame, dead_letters: pd.DataFrame | None
) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    executions = executions if "error" in executions else executions.assign(error=None)
    if "finished" in executions:
        executions = executions.sort_values("finished", kind="stable", na_position="last")
    received = received if "error" in received else received.assign(error=None)
    for owner, (arn, status, error, name) in owned(
        sends, executions, "name", "execution_arn", "status", "error", "name"
    ):
        own = seen.setdefault(owner, Seen())
        own.message_id = own.message_id or name
        own.runs.append(Run(arn, status, error))
        own.arns.add(arn)
    for owner, (arn, error, message_id) in owned(sends, received, "message_id", "execution_arn", "error", "message_id"):
        own = seen.setdefault(owner, Seen())
        own.message_id = own.message_id or message_id
        own.deliveries += 1
        if arn is not None:
            own.arns.add(arn)
        if error is not None:
            own.refusals.append(error)
    for owner, (message_id,) in owned(sends, dead_letters, "message_id", "message_id"):
        own = seen.setdefault(owner, Seen())
        own.message_id = own.message_id or message_id
        own.dead = True
    return seen


def _arns_of_interest(seen: Mapping[str, Seen]) -> set[str | None]:
    return {arn for own in seen.values() for arn in own.arns}


def _visits(states: pd.DataFrame, arns: set[str | None]) -> dict[str, list[Visit]]:
    """The visits of each execution, in the order of the table; those without an error of an execution are few words."""
    found: dict[str, list[Visit]] = {}
    if states.empty:
        return found
    kinds_of = states["type"].tolist() if "type" in states else [None] * len(states)
    left = states["exited"].notna().tolist()
    for arn, state, error, out, kind in zip(
        states["execution_arn"].tolist(),
        states["state"].tolist(),
        states["error"].tolist(),
        left,
        kinds_of,
        strict=True,
    ):
        if arn in arns:
            name = state if isinstance(state, str) else "unknown"
            found.setdefault(arn, []).append(Visit(name, error if isinstance(error, str) else None, out, kind))
    return found


def _ids_of(reconciliation: Reconciliation, fate: str) -> Iterable[str]:
    undrained, lost = reconciliation.undrained, reconciliation.lost
    match fate:
        case "still_queued":
            # The queue holds as many as are missing: these.
            return (*reconciliation.still_queued, *(lost if undrained == len(lost) else ()))
        case "lost_or_queued":
            return lost if 0 < undrained < len(lost) else ()
        case "lost":
            return lost if undrained == 0 else ()
    ids: tuple[str, ...] = getattr(reconciliation, fate)
    return ids
