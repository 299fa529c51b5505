"""What Lambda billed for the functions of a run, read from their REPORT lines."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd

from lab import observe
from lab.session.outcome import RampResult
from lab.stack.names import FUNCTIONS, START_FUNCTION, Names
from lab.target import Target

# Logs are late: a second on an emulator, some on AWS. What has not come then is reckoned from what has.
_PATIENCE_S = {"embedded": 5.0, "localstack": 10.0, "aws": 30.0}
# The clocks of the services need not agree to the millisecond, and a function may report after what it did is seen.
_BEFORE, _AFTER = pd.Timedelta(milliseconds=100), pd.Timedelta(seconds=5)
_ENDS = ("started", "finished")


def invocations_of(
    target: Target,
    result: RampResult,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> pd.DataFrame:
    """The table ``invocations`` of a run (columns: ARCHITECTURE.md, "The tables").

    Which invocation served which message no log says, so these are all that the lab's functions ended meanwhile; what
    others sent at the same time is among them.

    Args:
        target: where the run was; its log groups must still be there.
        result: of the run.
    """
    instants = pd.concat(
        [result.received["sent"], result.received["started_at"], *(result.executions[at] for at in _ENDS)]
    ).dropna()
    logs, names = target.client("logs"), Names(target)
    if instants.empty:
        return observe.parse_reports(START_FUNCTION, [])
    begin, end = instants.min() - _BEFORE, instants.max() + _AFTER
    since_ms = int(begin.timestamp() * 1000)
    readers = {
        folder: observe.LogReader(logs, names.function_log_group(folder), since_ms=since_ms, missing_ok=True)
        for folder in FUNCTIONS
    }
    events: dict[str, list[observe.LogEvent]] = {folder: [] for folder in FUNCTIONS}
    expected = result.received["request_id"].nunique() + len(result.states)
    deadline = clock() + _PATIENCE_S[target.kind]
    while True:
        for folder, reader in readers.items():
            events[folder] += reader.read()
        table = pd.concat([observe.parse_reports(*each) for each in events.items()], ignore_index=True)
        table = table[table["reported"].between(begin, end)].reset_index(drop=True)
        if len(table) >= expected or clock() > deadline:
            return table
        # A line may come behind those that were read.
        for reader in readers.values():
            reader.rewind()
        sleep(0.5)
