"""What Lambda billed, read from REPORT lines."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab import session
from lab.emulator.runtime.results import Outcome, log_text
from lab.observe import LogEvent, LogReader, parse_reports
from lab.session import invocations
from lab.stack import Names
from lab.stack.names import FUNCTIONS
from lab.target import Target
from tests.unit.logs_stand_in import FakeLogs

WARM = (
    "REPORT RequestId: w-1\tDuration: 2.75 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 56 MB\t\n"
)
# 15.74 ms of work and 130.49 ms of INIT are 146.23 ms, billed as 147: AWS bills INIT since August 2025.
COLD = (
    "REPORT RequestId: c-1\tDuration: 15.74 ms\tBilled Duration: 147 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 60 MB\tInit Duration: 130.49 ms\t\n"
)
FAILED = (
    "REPORT RequestId: f-1\tDuration: 10000.00 ms\tBilled Duration: 10000 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 128 MB\tStatus: timeout\n"
)


def read(*lines: str) -> list[LogEvent]:
    return [LogEvent(str(at), "stream", at, at, line) for at, line in enumerate(lines, start=1_764_000_000_000)]


def test_billed_duration_and_memory_are_read_from_report_lines() -> None:
    table = parse_reports(
        "f", read("START RequestId: w-1 Version: $LATEST\n", WARM, "{}", "END RequestId: w-1\n", COLD)
    )
    assert list(table["request_id"]) == ["w-1", "c-1"]
    assert list(table["billed_s"]) == [0.003, 0.147]
    assert list(table["duration_s"]) == [0.00275, 0.01574]
    assert list(table["memory_mb"]) == [128, 256]
    assert list(table["memory_used_mb"]) == [56, 60]
    assert list(table["function"].unique()) == ["f"]
    assert math.isnan(table["init_s"][0])
    assert table["init_s"][1] == pytest.approx(0.13049)
    assert table["reported"][0] == pd.Timestamp(1_764_000_000_001, unit="ms", tz="UTC")


def test_since_august_2025_a_cold_start_is_billed_with_its_init() -> None:
    (cold,) = parse_reports("f", read(COLD)).to_dict("records")
    assert round(cold["billed_s"] * 1000) == math.ceil((cold["duration_s"] + cold["init_s"]) * 1000)


def test_the_emulator_writes_what_is_read_here_and_bills_init_as_aws_does() -> None:
    outcome = Outcome(payload=b"{}", duration_s=0.01574, init_s=0.13049, memory_used_mb=60)
    lines = log_text(outcome, request_id="c-1", version="$LATEST", memory_size_mb=256).splitlines(keepends=True)
    assert (
        parse_reports("f", read(*lines))
        .drop(columns="reported")
        .equals(parse_reports("f", read(COLD)).drop(columns="reported"))
    )


def test_an_invocation_counts_once_however_often_its_line_comes_and_also_when_it_failed() -> None:
    table = parse_reports("f", read(WARM, FAILED, WARM))
    assert list(table["billed_s"]) == [0.003, 10.0]


def test_no_lines_make_an_empty_table_that_can_be_joined() -> None:
    empty = parse_reports("f", read("REPORT of something else", "{}"))
    assert len(empty) == 0
    assert len(pd.concat([empty, parse_reports("f", read(WARM))])) == 1
    assert str(empty["reported"].dtype) == "datetime64[ns, UTC]"


# ------------------------------------------------------------------------------------------------ of a run

RUN_MS = 1_764_000_100_000


class Stack(FakeLogs):
    """The log groups of a lab's functions, of which each call reads one."""

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.groups = {names.function_log_group(folder): FakeLogs() for folder in FUNCTIONS}
        self.reads = 0
        self.late: list[tuple[str, int, str]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.reads += 1
        if self.reads > len(self.groups):  # the second look
            for group, at_ms, line in self.late:
                self.groups[group].deliver(at_ms, message=line)
            self.late = []
        return self.groups[request["logGroupName"]].filter_log_events(**request)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    found = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(found, "_identity", lambda: {"Account": "0" * 12, "Arn": "arn:aws:iam::000000000000:root"})
    return found


def a_run() -> Any:
    instant = pd.Timestamp(RUN_MS, unit="ms", tz="UTC")
    return SimpleNamespace(
        received=pd.DataFrame({"sent": [instant], "started_at": [instant], "request_id": ["s"]}),
        executions=pd.DataFrame({"started": [instant], "finished": [instant + pd.Timedelta(seconds=2)]}),
        states=pd.DataFrame({"state": ["Decode base64 string"]}),
    )


def line(request_id: str) -> str:
    return WARM.replace("w-1", request_id)


def test_the_invocations_of_a_run_are_those_of_its_time_and_late_lines_are_waited_for(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(target)
    logs = Stack(names)
    monkeypatch.setattr(target, "client", lambda service: logs)
    start, decoder = (names.function_log_group(folder) for folder in ("start_execution", "base64_decoder"))
    logs.groups[start].deliver(RUN_MS - 60_000, message=line("of an earlier run"))
    logs.groups[start].deliver(RUN_MS + 5, message=line("s"))
    logs.groups[start].deliver(RUN_MS + 60_000, message=line("of a later run"))
    logs.late = [(decoder, RUN_MS + 900, line("d"))]
    ticks = iter(range(0, 1_000, 4))
    table = session.invocations_of(target, a_run(), clock=lambda: next(ticks), sleep=lambda seconds: None)
    assert logs.reads == 2 * len(FUNCTIONS)
    assert sorted(zip(table["function"], table["request_id"], strict=True)) == [
        ("base64_decoder", "d"),
        ("start_execution", "s"),
    ]


def test_lines_that_never_come_are_not_waited_for_longer_than_patience_lasts(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Stack(Names(target))
    monkeypatch.setattr(target, "client", lambda service: logs)
    ticks = iter(range(0, 1_000, 4))
    table = invocations.invocations_of(target, a_run(), clock=lambda: next(ticks), sleep=lambda seconds: None)
    assert table.empty
    assert logs.reads <= 5 * len(FUNCTIONS)


def test_an_empty_page_with_a_token_is_not_the_last_one() -> None:
    """FilterLogEvents may answer with no event and a token: more is to come."""

    class Sparse:
        def filter_log_events(self, **request: Any) -> dict[str, Any]:
            page = int(request.get("nextToken", 0))
            if page < 3:
                return {"events": [], "nextToken": str(page + 1)}
            return {"events": [{"eventId": "1", "timestamp": 1, "message": WARM}]}

    assert [event.message for event in LogReader(Sparse(), "group").read()] == [WARM]
