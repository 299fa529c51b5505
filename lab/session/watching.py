"""`lab watch`: what the log of any state machine tells, read for as long as somebody wants."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lab import charts, paths, report
from lab.analysis.latency import quantile
from lab.analysis.visits import ENDINGS, Missing, visits_by_state
from lab.errors import UnavailableError
from lab.observe import ExecutionLog, JourneyLog, LogGroupMissingError, LogReader
from lab.runs import plain, write_table
from lab.session import summary
from lab.session.lifecycle import Say
from lab.session.machines import Machine, find_machine, group_missing
from lab.session.results import drawn, make_folder
from lab.target import Target

# So long after the last change the log is taken to be all there; AWS delivers it late.
_SETTLED_S = {"embedded": 2.0, "localstack": 3.0, "aws": 20.0}
_PAUSE_S = 0.25
_SHOWN = 5


class NothingSeenError(UnavailableError):
    """No execution was seen in the time that was asked for."""


@dataclass(frozen=True)
class Watched:
    """What was seen of a state machine.

    Attributes:
        machine: which.
        minutes: how far back the log was read.
        executions, states: the tables of those names (ARCHITECTURE.md, "The tables"), of those that began since then.
        visits: every visit of a state, see :class:`lab.observe.journeys.Visit`.
        by_state: one row a state, see :func:`lab.analysis.visits.visits_by_state`.
        missing: visits that the definition knows of, and the log does not.
        incomplete: executions of which events are missing, or that still run.
        before: executions that had begun before, and are left out.
        interrupted: whether Ctrl-C ended the reading.
    """

    machine: Machine
    minutes: float
    executions: pd.DataFrame
    states: pd.DataFrame
    visits: pd.DataFrame
    by_state: pd.DataFrame
    missing: tuple[Missing, ...]
    incomplete: tuple[str, ...]
    before: int = 0
    interrupted: bool = False

    @property
    def holds(self) -> bool:
        """Whether every visit is accounted for: none missing, and of each it is known how it ended."""
        return not self.missing and not self.incomplete and not int(self.by_state[["unseen", "running"]].sum().sum())

    def sentences(self) -> list[str]:
        """What was seen, for the terminal and the report."""
        ran, took = self.executions, self.executions["duration_s"]
        ends = ", ".join(f"{count} {status}" for status, count in ran["status"].value_counts().items())
        counted = f"{len(ran)} execution{'' if len(ran) == 1 else 's'}"
        lines = [
            f"{counted} of {self.machine.name} ({self.machine.type.capitalize()}) began in the last "
            f"{self.minutes:g} minutes: {ends}."
        ]
        if took.notna().sum() == 1:
            lines.append(f"{'It' if len(ran) == 1 else 'One has ended, and'} took {_ms(float(took.max()))}.")
        elif took.notna().any():
            lines.append(
                f"They took {_ms(quantile(took, 0.5))} (p50), {_ms(quantile(took, 0.99))} (p99), "
                f"{_ms(float(took.max()))} at most."
            )
        lines.append(self._account())
        lines += [f'Missing: "{one.state}" of {one.execution_arn}: {one.why}.' for one in self.missing[:_SHOWN]]
        strangers = list(self.by_state.loc[~self.by_state["known"], "state"])
        if strangers:
            lines.append(f"The definition has no {', '.join(map(repr, strangers))}: it was changed since they ran.")
        if self.before:
            lines.append(f"{self.before} that had begun before are left out.")
        if not self.machine.has_data:
            lines.append(
                "Inputs and outputs are not in the log (includeExecutionData is false), so they cannot be known; "
                "states and times can."
            )
        return lines

    def _account(self) -> str:
        total, states = int(self.by_state["visits"].sum()), int((self.by_state["visits"] > 0).sum())
        ends = {name: int(self.by_state[name].sum()) for name in ENDINGS}
        parts = " + ".join(f"{count} {name}" for name, count in ends.items() if count) or "0"
        verdict = (
            "every one is accounted for"
            if self.holds
            else f"{len(self.missing)} more are missing, and {len(self.incomplete)} executions are not complete"
        )
        return f"{total} visits of {states} states = {parts}; {verdict}."


def watch_machine(
    target: Target,
    arn: str,
    *,
    minutes: float = 60.0,
    seconds: float = 0.0,
    log_all: bool = False,
    say: Say = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Watched:
    """Read what the log of a state machine holds, and what comes for so many seconds, and work out what happened.

    Args:
        target: where the state machine is.
        arn: its ARN.
        minutes: how far back to read.
        seconds: go on reading for so long; those that run then are waited for until nothing more comes.
        log_all: see :func:`lab.session.machines.find_machine`.
        say: gets sentences for the user.
        sleep: waits.

    Raises:
        LabError: there is no such state machine, or its log does not tell.
        NothingSeenError: no execution began in that time.
    """
    machine = find_machine(target, arn, log_all=log_all)
    since_ms = target.earliest_now_ms() - round(minutes * 60_000)
    reader = LogReader(target.client("logs"), machine.log_group, since_ms=max(since_ms, 1))
    log, journeys = ExecutionLog(), JourneyLog()
    marks = (f":express:{machine.name}:", f":execution:{machine.name}:")
    interrupted = False

    def look() -> int:
        try:
            new = [message for message in reader.messages() if any(mark in message for mark in marks)]
        except LogGroupMissingError:
            raise group_missing(target, machine) from None
        log.add(new)
        journeys.add(new)
        return len(new)

    try:
        deadline = time.monotonic() + seconds
        look()
        if seconds:
            say(f"Reading {machine.log_group} for {seconds:g} s; Ctrl-C ends it sooner.")
        while time.monotonic() < deadline:
            sleep(_PAUSE_S)
            look()
        if seconds:  # an execution of which all came late is behind what was read, and nothing else tells of it
            reader.rewind(max(since_ms, 1))
            look()
        changed = time.monotonic()
        while log.incomplete() and time.monotonic() - changed < _SETTLED_S[target.kind]:
            sleep(_PAUSE_S)
            reader.rewind(max(since_ms, 1)) if time.monotonic() - changed > _SETTLED_S[target.kind] / 2 else None
            before = sum(log.count(lambda name, lab_id: True))
            if look() and sum(log.count(lambda name, lab_id: True)) != before:
                changed = time.monotonic()
    except KeyboardInterrupt:
        interrupted = True
    result = _work_out(machine, log, journeys, minutes, interrupted)
    if not len(result.executions):
        raise NothingSeenError(
            f"No execution of {machine.name} began in the last {minutes:g} minutes, as far as its log says.",
            cause="none was started, or its log is late: on AWS up to minutes."
            + (f" {result.before} had begun before." if result.before else ""),
            next_step=f"start one, or look further back: lab watch --state-machine {arn} --minutes {minutes * 24:g}"
            + target.options,
        )
    return result


def _work_out(machine: Machine, log: ExecutionLog, journeys: JourneyLog, minutes: float, interrupted: bool) -> Watched:
    executions, states = log.tables()
    visits = journeys.table()
    # Others may log to the same group; and what began before the time that is looked at is not seen whole.
    own = executions["execution_arn"].map(lambda arn: arn.split(":")[6:7] == [machine.name]).astype(bool)
    began = executions["started"].notna()
    kept = set(executions.loc[own & began, "execution_arn"])
    executions, states, visits = (
        table[table["execution_arn"].isin(kept)].reset_index(drop=True) for table in (executions, states, visits)
    )
    by_state, missing = visits_by_state(machine.definition, executions, visits)
    return Watched(
        machine=machine,
        minutes=minutes,
        executions=executions,
        states=states,
        visits=visits,
        by_state=by_state,
        missing=tuple(missing),
        incomplete=tuple(arn for arn in log.incomplete() if arn in kept),
        before=int((own & ~began).sum()),
        interrupted=interrupted,
    )


def watch_folder(target: Target, machine: str) -> Path:
    """Where the results go unless somebody wants them elsewhere."""
    return paths.state_folder(target.name) / "watched" / machine


def write_watched(target: Target, result: Watched, folder: Path, *, say: Say = lambda text: None) -> dict[str, Any]:
    """Write tables, `watched.json`, charts and report into ``folder``; return what is in `watched.json`.

    Raises:
        OutputFolderError: the folder cannot be written.
    """
    make_folder(folder)
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    for name in ("executions", "states", "visits", "by_state"):
        write_table(getattr(result, name), tables / f"{name}.csv")
    contents = summary.head(target) | {
        "watched": {
            "state_machine": result.machine.arn,
            "type": result.machine.type,
            "minutes": result.minutes,
            "executions": result.executions["status"].value_counts().to_dict(),
            "states": result.by_state.to_dict("records"),
            "missing": [vars(one) for one in result.missing],
            "incomplete": list(result.incomplete),
            "accounted_for": result.holds,
            "sentences": result.sentences(),
        },
        "interrupted": result.interrupted,
    }
    text = json.dumps(plain(contents), indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "watched.json").write_text(text + "\n", "utf-8")
    report.write_report(folder, contents, drawn(figures(result), say))
    return contents


def figures(result: Watched) -> dict[str, summary.Draw]:
    """How to draw the charts, by the name of their file."""
    ended = result.executions[result.executions["duration_s"].notna()]
    drawings: dict[str, summary.Draw] = {
        "state_machine": lambda: charts.state_machine_graph(result.machine.definition),
        "times_of_states": lambda: charts.times_of_states(result.by_state),
    }
    if len(ended):
        slowest = ended.loc[ended["duration_s"].idxmax()]
        own = result.states[result.states["execution_arn"] == slowest["execution_arn"]]
        drawings["waterfall"] = lambda: charts.waterfall(own, f"the slowest, {slowest['name']}")
    return drawings


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
