"""What the lab can see from outside: log groups and queues, read into tables.

Three tables come out of here, with the columns that ARCHITECTURE.md lists: `executions` and `states` from the log
group of the state machine (`ExecutionLog`), `received` from the log group of the function `start_execution`
(`ReceivedLog`). `LogReader` fetches the log events; `queue_depth`, `peek_messages` and `drain_messages` look at queues.

Logs are delivered at their own pace: late, twice, out of order, or never. So the two logs are accumulators that take
events in any order and any number of times, and a table can be asked for at any moment.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd
from botocore.exceptions import ClientError

from lab.errors import LabError

_NO_TIME = int(np.iinfo(np.int64).min)  # what NumPy keeps in memory for NaT
_LAST_TIME = int(np.iinfo(np.int64).max)
_MOST_EVENTS = 10_000_000  # of one execution; a greater event id is not one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LogGroupMissingError(LabError):
    """The log group is not there: the lab was not provisioned, or was taken down meanwhile."""


# --------------------------------------------------------------------------------------------- columns and instants


def _instants(nanoseconds: list[int]) -> pd.Series:
    """Epoch nanoseconds (`_NO_TIME` for unknown) as a column of instants in UTC."""
    return pd.Series(np.array(nanoseconds, dtype=np.int64).view("M8[ns]")).dt.tz_localize("UTC")


def _text(values: list[str | None]) -> pd.Series:
    # Told to be `object`, or pandas would turn None into NaN in a column of strings.
    return pd.Series(values, dtype=object)


def _elapsed_s(start: list[int], end: list[int]) -> pd.Series:
    """Seconds from start to end, NaN where one of them is unknown."""
    first, last = np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)
    known = (first != _NO_TIME) & (last != _NO_TIME)
    return pd.Series(np.where(known, np.where(known, last - first, 0) / 1e9, np.nan))


def _nanoseconds(timestamp: Any) -> int:
    """An `event_timestamp` as epoch nanoseconds.

    LocalStack writes ISO-8601 text, AWS epoch milliseconds as text. Unreadable ones give `_NO_TIME`.
    """
    try:
        if isinstance(timestamp, str) and not timestamp.isdigit():
            instant = datetime.fromisoformat(timestamp)
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=UTC)
            return _within_range((instant - _EPOCH) // _MICROSECOND * 1_000)
    except ValueError:
        return _NO_TIME
    return _milliseconds(timestamp)


def _milliseconds(value: Any) -> int:
    """Epoch milliseconds, as a number or as text, in nanoseconds; `_NO_TIME` for anything else."""
    try:
        return _within_range(int(value) * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return _NO_TIME


def _within_range(nanoseconds: int) -> int:
    """Instants beyond the year 2262 do not fit into the tables; they are as good as unknown."""
    return nanoseconds if _NO_TIME < nanoseconds <= _LAST_TIME else _NO_TIME


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def lab_id_in(text: Any) -> str | None:
    """The `lab_id` in a JSON object given as text; None for any other text."""
    # Most texts have none, and looking is far cheaper than parsing.
    if not isinstance(text, str) or '"lab_id"' not in text:
        return None
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return _text_or_none(body.get("lab_id")) if isinstance(body, dict) else None


# ------------------------------------------------------------------------------------------------ execution events

_STARTED, _CLOSED, _ENTERED, _EXITED, _FAILED, _OTHER = range(6)
_STATUS_OF = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


def _kind_of(event_type: str) -> int:
    if event_type == "ExecutionStarted":
        return _STARTED
    if event_type in _STATUS_OF:
        return _CLOSED
    if event_type.endswith("StateEntered"):
        return _ENTERED
    if event_type.endswith("StateExited"):
        return _EXITED
    if event_type.endswith(("Failed", "TimedOut", "Aborted")):
        return _FAILED
    return _OTHER


# state, entered and exited (epoch nanoseconds), error
_Visit = tuple[str | None, int, int, str | None]


@dataclass(slots=True)
class _Run:
    """What is known of one execution so far; instants in epoch nanoseconds."""

    lab_id: str | None = None
    started: int = _NO_TIME
    finished: int = _NO_TIME
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    input: str | None = None
    output: str | None = None
    # One bit an event id: says in a few bytes which events were seen, and how many.
    seen: int = 0
    # id and previous id of every event, one after the other.
    links: array[int] = field(default_factory=lambda: array("q"))
    # (event id, name of the state, instant)
    entered: list[tuple[int, str | None, int]] = field(default_factory=list)
    exited: list[tuple[int, str | None, int]] = field(default_factory=list)
    # (event id, name of the error)
    failures: list[tuple[int, str | None]] = field(default_factory=list)

    def visits(self) -> list[_Visit]:
        """Every visit of a state, in the order of the event ids."""
        entered = sorted(self.entered, key=lambda entry: entry[0])
        if not self.failures:
            entries, exits = {name for _, name, _ in entered}, {name: instant for _, name, instant in self.exited}
            unique = len(entries) == len(entered) and len(exits) == len(self.exited) and None not in entries
            if unique and exits.keys() <= entries:
                # The common case: every state visited once, so that its name says which exit belongs to which entry.
                return [(name, instant, exits.get(name, _NO_TIME), None) for _, name, instant in entered]
        return self._visits_by_chain(entered)

    def _visits_by_chain(self, entered: list[tuple[int, str | None, int]]) -> list[_Visit]:
        """Visits where a name alone does not tell: loops, maps, parallel branches, failures, missing entries.

        `previous_event_id` leads from an exit, or a failure, back to the entry that it belongs to. Where a link is
        missing, the earliest entry of that name that is still open takes the exit.
        """
        previous = dict(zip(self.links[::2], self.links[1::2], strict=True))
        entry_name = {event_id: name for event_id, name, _ in entered}
        error_of = dict(self.failures)
        exit_of: dict[int, tuple[int, str | None, int]] = {}
        rows: list[tuple[int, _Visit]] = []

        def before(event_id: int) -> Iterator[int]:
            """The entries up the chain from an event, nearest first."""
            at = previous.get(event_id, 0)
            for _ in previous:  # no more steps than links, for a faulty log could hold a circle
                if at in entry_name:
                    yield at
                at = previous.get(at, 0)

        for exit_id, name, instant in sorted(self.exited, key=lambda exit: exit[0]):
            entries = (at for at in before(exit_id) if at not in exit_of and _same_state(name, entry_name[at]))
            entry = next(entries, None)
            if entry is None:
                left_open = (at for at, n, _ in entered if n == name and at < exit_id and at not in exit_of)
                entry = next(left_open, None)
            if entry is None:
                rows.append((exit_id, (name, _NO_TIME, instant, error_of.get(previous.get(exit_id, 0)))))
            else:
                exit_of[entry] = (exit_id, name, instant)

        # A failure counts for its visit if the visit ended by it; one that a retry mended does not.
        error_in = {entry: error_of.get(previous.get(exit_id, 0)) for entry, (exit_id, _, _) in exit_of.items()}
        for failure_id, error in sorted(self.failures, key=lambda failure: failure[0]):
            entry = next(before(failure_id), None)
            if entry is not None and entry not in exit_of and error is not None:
                error_in[entry] = error

        for event_id, name, instant in entered:
            _, exit_name, left = exit_of.get(event_id, (0, None, _NO_TIME))
            rows.append((event_id, (name or exit_name, instant, left, error_in.get(event_id))))
        return [visit for _, visit in sorted(rows, key=lambda row: row[0])]


def _same_state(one: str | None, other: str | None) -> bool:
    """Whether two names can be of one state; a name is missing where AWS left out details that were too long."""
    return one is None or other is None or one == other


class ExecutionLog:
    """Execution events, added as they come, and the tables that they make.

    An event is known by its execution and its id, so adding one twice changes nothing, and the order does not matter.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._kinds: dict[str, int] = {}
        self.finished = 0
        """Executions whose closing event was seen."""
        self.skipped = 0
        """Messages that are no execution events: other lines of the log group, or cut off."""

    def __len__(self) -> int:
        """Executions seen, finished or not."""
        return len(self._runs)

    def add(self, messages: Iterable[str | bytes]) -> None:
        """Take the messages of log events, each the JSON text of one execution event, in any order."""
        loads, runs, kinds = orjson.loads, self._runs, self._kinds
        for message in messages:
            try:
                event = loads(message)
                arn, event_type, event_id = event["execution_arn"], event["type"], int(event["id"])
                previous_id = int(event.get("previous_event_id") or 0)
                kind = kinds.get(event_type)
                if kind is None:
                    kind = kinds[event_type] = _kind_of(event_type)
                run = runs.get(arn)
            except (KeyError, TypeError, ValueError, AttributeError):  # not JSON is a ValueError, too
                self.skipped += 1
                continue
            if not 0 < event_id <= _MOST_EVENTS:
                self.skipped += 1
                continue
            if run is None:
                run = runs[arn] = _Run()
            bit = 1 << event_id
            if run.seen & bit:
                continue
            run.seen |= bit
            run.links.append(event_id)
            run.links.append(previous_id)
            if kind != _OTHER:
                self._take(run, kind, event_id, event)

    def _take(self, run: _Run, kind: int, event_id: int, event: dict[str, Any]) -> None:
        details = event.get("details")
        if not isinstance(details, dict):  # AWS leaves them out when they are too long
            details = {}
        given = _text_or_none(details.get("input" if kind in (_STARTED, _ENTERED) else "output"))
        if run.lab_id is None:
            # Usually in the first event; if that one is missing, the others still carry it along.
            run.lab_id = lab_id_in(given)
        if kind == _FAILED:
            run.failures.append((event_id, _text_or_none(details.get("error"))))
            return
        instant = _nanoseconds(event.get("event_timestamp"))
        if kind == _ENTERED:
            run.entered.append((event_id, _text_or_none(details.get("name")), instant))
        elif kind == _EXITED:
            run.exited.append((event_id, _text_or_none(details.get("name")), instant))
        elif kind == _STARTED:
            run.started, run.input = instant, given
        elif run.status == "RUNNING":
            self.finished += 1
            run.status, run.finished = _STATUS_OF[event["type"]], instant
            run.output, run.error, run.cause = (
                given,
                _text_or_none(details.get("error")),
                _text_or_none(details.get("cause")),
            )
            if run.status != "SUCCEEDED":
                run.failures.append((event_id, run.error))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables `executions` and `states` of all events so far.

        Executions come in the order of their start (unknown ones last), states in that order and, within an
        execution, in the order of their event ids.
        """
        # The number of an instant that is not known is the smallest one; it must sort last.
        ordered = sorted(self._runs.items(), key=lambda item: (item[1].started == _NO_TIME, item[1].started, item[0]))
        arns = [arn for arn, _ in ordered]
        runs = [run for _, run in ordered]
        started, finished = [run.started for run in runs], [run.finished for run in runs]
        executions = pd.DataFrame(
            {
                "execution_arn": _text(list(arns)),
                "name": _text([execution_name(arn) for arn in arns]),
                "lab_id": _text([run.lab_id for run in runs]),
                "started": _instants(started),
                "finished": _instants(finished),
                "duration_s": _elapsed_s(started, finished),
                "status": _text([run.status for run in runs]),
                "error": _text([run.error for run in runs]),
                "cause": _text([run.cause for run in runs]),
                "input": _text([run.input for run in runs]),
                "output": _text([run.output for run in runs]),
                "events": pd.Series([run.seen.bit_count() for run in runs], dtype=np.int64),
            }
        )
        return executions, self._states(arns, runs)

    def recently_finished(self, count: int) -> list[tuple[str | None, int]]:
        """`lab_id` and end (epoch nanoseconds) of those that have ended among the last `count` executions seen."""
        latest = islice(reversed(self._runs.values()), count)
        return [(run.lab_id, run.finished) for run in latest if run.finished != _NO_TIME]

    @staticmethod
    def _states(arns: list[str], runs: list[_Run]) -> pd.DataFrame:
        owner: list[str | None] = []
        state: list[str | None] = []
        entered: list[int] = []
        exited: list[int] = []
        error: list[str | None] = []
        for arn, run in zip(arns, runs, strict=True):
            for name, first, last, failure in run.visits():
                owner.append(arn)
                state.append(name)
                entered.append(first)
                exited.append(last)
                error.append(failure)
        return pd.DataFrame(
            {
                "execution_arn": _text(owner),
                "state": _text(state),
                "entered": _instants(entered),
                "exited": _instants(exited),
                "duration_s": _elapsed_s(entered, exited),
                "error": _text(error),
            }
        )

    def incomplete(self) -> list[str]:
        """ARNs of executions of which events are missing so far.

        Event ids count up from 1, so a gap shows; without a closing event the execution may also still be running.
        """
        # Bits 1 to n set and bit 0 filled in make a number of ones only, which shares no bit with its successor.
        return [arn for arn, run in self._runs.items() if run.status == "RUNNING" or (run.seen | 1) & (run.seen + 2)]


def execution_name(execution_arn: str) -> str | None:
    """The name of an execution out of its ARN (`…:express:<machine>:<name>:<uuid>`): the SQS message id."""
    parts = execution_arn.split(":")
    return parts[7] if len(parts) > 7 else None


def parse_execution_events(messages: Iterable[str | bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `executions` and `states` of these messages of log events, in one go."""
    log = ExecutionLog()
    log.add(messages)
    return log.tables()


# ------------------------------------------------------------------------------------------------------- log groups


class LogEvent(NamedTuple):
    """One log event as CloudWatch Logs returns it; times in epoch milliseconds."""

    event_id: str
    stream: str
    timestamp_ms: int
    ingestion_ms: int
    message: str


class LogReader:
    """Reads a log group and goes on, at the next read, where the last one stopped.

    FilterLogEvents filters by the time of the event, not of its arrival, so an event that is delivered late lies
    behind what was read already. Every event says how late it came (ingestion time − timestamp): a read starts twice
    the lateness lately seen, and `overlap_s` more, before the newest arrival, and drops what it has returned before.
    Later ones than that are found after `rewind`. (A longer overlap would be safer, and cost more in the process that
    also runs the workflow.)

    Args:
        client: a boto3 client of the service `logs`.
        log_group: name of the group.
        since_ms: where the first read starts, epoch milliseconds; 0 for everything.
        overlap_s: seconds that each read goes back at least.
        page_size: most events a call (AWS returns at most 10,000, or 1 MB).
        missing_ok: a group that does not exist yet reads as empty (that of a function which never ran).
    """

    _most_lateness_ms = 120_000  # a clock that is wrong must not make every read start from the beginning

    def __init__(
        self,
        client: Any,
        log_group: str,
        *,
        since_ms: int = 0,
        overlap_s: float = 1.0,
        page_size: int = 10_000,
        missing_ok: bool = False,
    ) -> None:
        self._client = client
        self.log_group = log_group
        self._overlap_ms = round(overlap_s * 1000)
        self._page_size = page_size
        self._missing_ok = missing_ok
        self._since_ms = since_ms
        self._newest_ms = 0
        self._lateness_ms = 0
        self._returned: dict[str, int] = {}
        self.position_ms = since_ms
        """Where the next read starts; as `since_ms` of another reader it resumes this one."""

    def read(self) -> list[LogEvent]:
        """Every event that came since the last read."""
        return list(chain.from_iterable(self.pages()))

    def messages(self) -> Iterator[str]:
        """The messages of every event that came since the last read, fetched page by page."""
        return (event.message for page in self.pages() for event in page)

    def pages(self) -> Iterator[list[LogEvent]]:
        """The same, a page at a time. The position moves on once the last page was taken.

        Raises:
            LogGroupMissingError: there is no such group, unless `missing_ok`.
        """
        request: dict[str, Any] = {"logGroupName": self.log_group, "limit": self._page_size}
        lateness_ms = 0
        if self.position_ms > 0:
            request["startTime"] = self.position_ms
        while True:
            try:
                page = self._client.filter_log_events(**request)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                if self._missing_ok:
                    return
                raise LogGroupMissingError(
                    f"There is no log group {self.log_group}.",
                    cause="The lab is not provisioned, or it was taken down meanwhile.",
                    next_step="lab up",
                ) from error
            fresh = [event for event in map(_log_event, page.get("events", ())) if event.event_id not in self._returned]
            for event in fresh:
                self._returned[event.event_id] = event.timestamp_ms
                self._newest_ms = max(self._newest_ms, event.ingestion_ms)
                lateness_ms = max(lateness_ms, event.ingestion_ms - event.timestamp_ms)
            yield fresh
            token = page.get("nextToken")
            # A token that does not change would be a page that repeats for ever.
            if not token or token == request.get("nextToken"):
                break
            request["nextToken"] = token
        self._move_on(lateness_ms)

    def _move_on(self, lateness_ms: int) -> None:
        # What was late once (a cold start) is forgotten by and by.
        self._lateness_ms = min(max(lateness_ms, self._lateness_ms // 2), self._most_lateness_ms)
        start = self._newest_ms - 2 * self._lateness_ms - self._overlap_ms
        self.position_ms = max(self.position_ms, start)
        self._returned = {key: when for key, when in self._returned.items() if when >= self.position_ms}

    def rewind(self, to_ms: int | None = None) -> None:
        """Start the next read over, from the beginning or from `to_ms`. Events that it has returned may come again."""
        self.position_ms = self._since_ms if to_ms is None else to_ms


def _log_event(event: dict[str, Any]) -> LogEvent:
    timestamp = event["timestamp"]
    return LogEvent(
        event["eventId"],
        event.get("logStreamName", ""),
        timestamp,
        event.get("ingestionTime", timestamp),
        event["message"],
    )


# --------------------------------------------------------------------------------------------------- received records


class ReceivedLog:
    """What `start_execution` printed: one JSON line a record, between the START and END lines of its invocations."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        # An execution environment runs one invocation at a time and has a log stream of its own.
        self._request_of: dict[str, str] = {}

    def __len__(self) -> int:
        """Records seen."""
        return len(self._rows)

    def add(self, events: Iterable[LogEvent]) -> None:
        """Take log events of the function, in the order of their streams. A line that comes again counts once."""
        for event in events:
            line = event.message.strip()
            if line.startswith("START RequestId: "):
                self._request_of[event.stream] = line.split()[2]
            elif line.startswith("END RequestId: "):
                self._request_of.pop(event.stream, None)
            elif line.startswith("{"):
                record = _record(line)
                if record is not None:
                    request_id = self._request_of.get(event.stream)
                    key = request_id or f"{event.stream} {event.timestamp_ms}"
                    self._rows.setdefault((key, line), {**record, "request_id": request_id})

    def table(self) -> pd.DataFrame:
        """The table `received`, in the order in which the records were logged; `error` is the name of the error."""
        rows = list(self._rows.values())
        return pd.DataFrame(
            {
                "message_id": _text([row["message_id"] for row in rows]),
                "lab_id": _text([_text_or_none(row.get("lab_id")) for row in rows]),
                "sent": _instants([_milliseconds(row.get("sent_ms")) for row in rows]),
                "first_received": _instants([_milliseconds(row.get("first_received_ms")) for row in rows]),
                "started_at": _instants([_milliseconds(row.get("started_at_ms")) for row in rows]),
                "execution_arn": _text([_text_or_none(row.get("execution_arn")) for row in rows]),
                "error": _text([_error_name(row.get("error")) for row in rows]),
                "request_id": _text([row["request_id"] for row in rows]),
            }
        )


def _record(line: str) -> dict[str, Any] | None:
    """A line of `start_execution` that speaks of a message; None for anything else that a function may print."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("message_id"), str) else None


def _error_name(error: Any) -> str | None:
    # `start_execution` writes {"name": …, "message": …}; a learner's own version may write a plain text.
    return _text_or_none(error.get("name") if isinstance(error, dict) else error)


def parse_received(events: Iterable[LogEvent]) -> pd.DataFrame:
    """The table `received` of these log events, in one go."""
    log = ReceivedLog()
    log.add(events)
    return log.table()


# ------------------------------------------------------------------------------------------------------------- queues


class QueueDepth(NamedTuple):
    """Messages in a queue, as SQS counts them: approximately."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


def queue_depth(client: Any, queue_url: str) -> QueueDepth:
    """How many messages wait, are being worked on, and are delayed. `client`: a boto3 client of the service `sqs`."""
    names = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    attributes = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(names))["Attributes"]
    return QueueDepth(*(int(attributes.get(name, 0)) for name in names))


def peek_messages(client: Any, queue_url: str, *, limit: int = 1_000) -> pd.DataFrame:
    """The messages of a queue, which are put back at once. Meant for the dead-letter queue.

    One row a message: message_id, lab_id, body, receive_count, sent, first_received. Looking counts as receiving
    (`receive_count` goes up), and on a queue that has a consumer it takes messages out of its hands for a moment.
    """
    taken = _receive(client, queue_url, limit)
    for batch in _tens(taken):
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for index, message in enumerate(batch)
        ]
        client.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
    return _queued(taken)


def drain_messages(client: Any, queue_url: str, *, limit: int = 100_000) -> pd.DataFrame:
    """The same rows as `peek_messages`, and the messages are deleted from the queue."""
    taken: list[dict[str, Any]] = []
    while len(taken) < limit:
        # Deleted in small lots, so that one that fails half-way leaves the rest in the queue.
        lot = _receive(client, queue_url, min(100, limit - len(taken)))
        if not lot:
            break
        for batch in _tens(lot):
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(batch)
            ]
            client.delete_message_batch(QueueUrl=queue_url, Entries=entries)
        taken += lot
    return _queued(taken)


def _receive(client: Any, queue_url: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` different messages, hidden from others for a minute."""
    taken: dict[str, dict[str, Any]] = {}
    empty_answers = 0
    # SQS asks only some of its servers; a second empty answer, which waits for all of them, means empty.
    while len(taken) < limit and empty_answers < 2:
        messages = client.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=min(10, limit - len(taken)),
            VisibilityTimeout=60,
            WaitTimeSeconds=empty_answers,
            AttributeNames=["All"],
        ).get("Messages", [])
        new = {message["MessageId"]: message for message in messages if message["MessageId"] not in taken}
        empty_answers = 0 if new else empty_answers + 1
        taken.update(new)
    return list(taken.values())


def _tens(messages: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Batches as large as SQS takes them."""
    return (messages[start : start + 10] for start in range(0, len(messages), 10))


def _queued(messages: list[dict[str, Any]]) -> pd.DataFrame:
    attributes = [message.get("Attributes", {}) for message in messages]
    counts = [int(each.get("ApproximateReceiveCount", 0)) for each in attributes]
    first = [_milliseconds(each.get("ApproximateFirstReceiveTimestamp")) for each in attributes]
    return pd.DataFrame(
        {
            "message_id": _text([message["MessageId"] for message in messages]),
            "lab_id": _text([lab_id_in(message["Body"]) for message in messages]),
            "body": _text([message["Body"] for message in messages]),
            "receive_count": pd.Series(counts, dtype=np.int64),
            "sent": _instants([_milliseconds(each.get("SentTimestamp")) for each in attributes]),
            "first_received": _instants(first),
        }
    )
