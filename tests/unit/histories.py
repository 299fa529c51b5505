"""Histories of messages, made with known losses, as the tables of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from lab.analysis.reconcile import Reconciliation, reconcile

ENDS = {"succeeded": "SUCCEEDED", "failed": "FAILED", "timed_out": "TIMED_OUT", "aborted": "ABORTED"}


@dataclass
class History:
    """Tables of a run, filled message by message."""

    sends: list[dict[str, Any]] = field(default_factory=list)
    executions: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    queued: list[dict[str, Any]] = field(default_factory=list)

    def send(self, lab_id: str, outcome: str = "acked") -> None:
        message_id = f"sqs-{lab_id}" if outcome == "acked" else None
        self.sends.append({"lab_id": lab_id, "outcome": outcome, "message_id": message_id})

    def run(self, lab_id: str, status: str | None, *, run: int = 0, logged: bool = True, plain: bool = False) -> None:
        """One execution; `status` None leaves no execution log, `logged` False no line of the function."""
        known_as = None if plain else lab_id
        arn = f"arn:…:express:machine:sqs-{lab_id}:{run}"
        if status is not None:
            self.executions.append(
                {"execution_arn": arn, "name": f"sqs-{lab_id}", "lab_id": known_as, "status": status}
            )
        if logged:
            self.received.append({"message_id": f"sqs-{lab_id}", "lab_id": known_as, "execution_arn": arn})

    def refuse(self, lab_id: str, times: int = 1, *, plain: bool = False) -> None:
        """Tries of `start_execution` that failed."""
        row = {"message_id": f"sqs-{lab_id}", "lab_id": None if plain else lab_id, "execution_arn": None}
        self.received += [row] * times

    def put(self, queue: list[dict[str, Any]], lab_id: str, *, plain: bool = False) -> None:
        queue.append({"message_id": f"sqs-{lab_id}", "lab_id": None if plain else lab_id})

    def tables(self) -> tuple[pd.DataFrame, ...]:
        """`sends`, `executions`, `received`, dead letters, what is queued."""
        return (
            table(self.sends, "lab_id outcome message_id"),
            table(self.executions, "execution_arn name lab_id status"),
            table(self.received, "message_id lab_id execution_arn"),
            table(self.dead_letters, "message_id lab_id"),
            table(self.queued, "message_id lab_id"),
        )

    def account(self, **options: Any) -> Reconciliation:
        return reconcile(*self.tables(), **options)


def table(rows: list[dict[str, Any]], columns: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in columns.split()})


FATES = ["succeeded", "failed", "timed_out", "aborted", "dead", "queued", "running", "unobserved", "refused", "lost"]
message = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(["acked", "acked", "acked", "unknown", "refused", "dropped"]),
        "fate": st.sampled_from(FATES),
        "plain": st.booleans(),
        "extra": st.integers(0, 2),
        "logged": st.booleans(),
        "early_failure": st.booleans(),
    }
)
phantom = st.sampled_from(["execution", "received", "dead", "queued", "plain execution"])
