"""What a definition says must be visited, held against the visits that a log tells of.

After each state that was left comes the one that its `Next` names, one of a Choice's, or the end of its branch; a Map
visits its first state once for each item, a Parallel that of each branch. What must be there and is not, is missing:
delivery of logs is best effort, so that is no proof that it did not happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab.analysis.latency import quantile

ENDINGS = ("left", "caught", "failed", "stopped", "running", "unseen")
# An execution that was stopped from outside, or still runs, may be between two states.
_WENT_THROUGH = ("SUCCEEDED", "FAILED")
_COUNTS = ("visits", "attempts", *ENDINGS, "missing")
Definition = Mapping[str, Any]


@dataclass(frozen=True)
class KnownState:
    """A state of a definition.

    Attributes:
        name, type: of it.
        inside: the Map or Parallel that holds it; None at the top.
        following: what may come after it; empty for the last of its branch.
        caught_by: what may come after an error in it.
        first: of a Map or Parallel the states that it begins with.
        ends: whether its branch may end with it.
    """

    name: str
    type: str
    inside: str | None
    following: frozenset[str]
    caught_by: frozenset[str]
    first: tuple[str, ...]
    ends: bool


def states_of(definition: Definition, inside: str | None = None) -> dict[str, KnownState]:
    """Every state of a definition in Amazon States Language, those in Maps and Parallels included, by name."""
    known: dict[str, KnownState] = {}
    for name, state in (definition.get("States") or {}).items():
        held = _held(state)
        choices = {rule.get("Next") for rule in state.get("Choices") or ()} | {state.get("Default")}
        following = {state.get("Next")} | (choices if state.get("Type") == "Choice" else set())
        known[name] = KnownState(
            name,
            str(state.get("Type")),
            inside,
            frozenset(filter(None, following)),
            frozenset(catcher["Next"] for catcher in state.get("Catch") or () if "Next" in catcher),
            tuple(str(branch.get("StartAt")) for branch in held),
            bool(state.get("End")) or state.get("Type") in ("Succeed", "Fail"),
        )
        for branch in held:
            known |= states_of(branch, name)
    return known


def _held(state: Mapping[str, Any]) -> list[Definition]:
    if state.get("Type") == "Parallel":
        return list(state.get("Branches") or ())
    return [state[key] for key in ("ItemProcessor", "Iterator") if key in state][:1]


@dataclass(frozen=True)
class Missing:
    """A visit that the definition says there must have been, and of which the log says nothing."""

    execution_arn: str
    state: str
    why: str


def missing_visits(definition: Definition, executions: pd.DataFrame, visits: pd.DataFrame) -> list[Missing]:
    """What must have been visited and was not seen; of executions that still run, only what lies behind them.

    Args:
        definition: of the state machine, as it was when they ran.
        executions: the table of that name: ``execution_arn``, ``status``.
        visits: the table `visits` (`lab/observe/journeys.py`).
    """
    known = states_of(definition)
    status_of = dict(zip(executions["execution_arn"], executions["status"], strict=True))
    by_execution = {arn: rows.to_dict("records") for arn, rows in visits.groupby("execution_arn", sort=False)}
    found = []
    for arn, status in status_of.items():
        own = by_execution.get(arn, [])
        found += [Missing(arn, state, why) for state, why in _missing_of(definition, known, own, str(status))]
    return found


def _missing_of(
    definition: Definition, known: Mapping[str, KnownState], own: list[dict[Any, Any]], status: str
) -> Iterator[tuple[str, str]]:
    after: dict[int, list[dict[Any, Any]]] = {}
    inside: dict[int, list[dict[Any, Any]]] = {}
    for visit in own:
        after.setdefault(visit["after"], []).append(visit)
        inside.setdefault(visit["inside"], []).append(visit)
    start = str(definition.get("StartAt"))
    if not any(visit["state"] == start for visit in own) and (own or status in _WENT_THROUGH):
        yield start, "the execution began with it"
    for visit in own:
        state = known.get(visit["state"])
        if state is None or visit["ending"] not in ("left", "caught"):
            continue
        if status not in _WENT_THROUGH or not _goes_on(visit, own):
            continue
        next_ones = state.caught_by if visit["ending"] == "caught" else state.following
        followed = after.get(visit["visit"], [])
        if next_ones and not any(one["state"] in next_ones for one in followed):
            yield " or ".join(sorted(next_ones)), f'it comes after "{visit["state"]}"'
        if visit["ending"] == "left" and state.first:
            yield from _missing_in(visit, state, inside.get(visit["visit"], []))


def _goes_on(visit: dict[Any, Any], own: list[dict[Any, Any]]) -> bool:
    """Whether its branch was not stopped: one that failed beside it stops it between two states, too."""
    around = {one["visit"]: one for one in own}
    at = visit
    while at["inside"] in around:
        at = around[at["inside"]]
        if at["ending"] != "left" or at["attempts"] > 1:
            return False
    return True


def _missing_in(visit: dict[Any, Any], state: KnownState, held: list[dict[Any, Any]]) -> Iterator[tuple[str, str]]:
    firsts = [one for one in held if one["after"] == 0]
    if state.type == "Parallel":
        seen = {one["state"] for one in firsts}
        yield from ((first, f'a branch of "{state.name}" begins with it') for first in state.first if first not in seen)
        return
    seen_items = {one["iteration"] for one in firsts}
    for item in range(visit["items"]):
        if item not in seen_items:
            yield state.first[0], f'item {item + 1} of {visit["items"]} of "{state.name}" begins with it'


def visits_by_state(
    definition: Definition, executions: pd.DataFrame, visits: pd.DataFrame
) -> tuple[pd.DataFrame, list[Missing]]:
    """The account of all visits: one row a state, in the order of the definition; and what is missing.

    Returns:
        Columns ``state``, ``type``, ``inside``, ``visits``, ``attempts``, each of ``ENDINGS``, ``missing``, ``known``
        (whether the definition has it: it may have been changed since), ``mean_s``, ``p50_s``, ``p99_s``, ``max_s`` of
        the visits that were left. ``visits`` is the sum of the endings.
    """
    known = states_of(definition)
    lacking = missing_visits(definition, executions, visits)
    names = [*known, *dict.fromkeys(name for name in visits["state"] if name not in known and name is not None)]
    rows = []
    for name in names:
        own = visits[visits["state"] == name]
        took = own.loc[own["ending"].isin(["left", "caught"]), "duration_s"]
        state = known.get(name)
        counts = {ending: int((own["ending"] == ending).sum()) for ending in ENDINGS}
        rows.append(
            {
                "state": name,
                "type": state.type if state else own["type"].iloc[0],
                "inside": state.inside if state else None,
                "visits": len(own),
                "attempts": int(own["attempts"].sum()),
                **counts,
                "missing": sum(name in one.state.split(" or ") for one in lacking),
                "known": state is not None,
                "mean_s": float(took.mean()) if len(took) else float("nan"),
                "p50_s": quantile(took, 0.50),
                "p99_s": quantile(took, 0.99),
                "max_s": quantile(took, 1.0),
            }
        )
    columns = ["state", "type", "inside", *_COUNTS, "known", "mean_s", "p50_s", "p99_s", "max_s"]
    table = pd.DataFrame(rows, columns=columns)
    # Told to be `object`, or pandas would turn None into NaN.
    return table.assign(inside=pd.Series([row["inside"] for row in rows], dtype=object)), lacking
