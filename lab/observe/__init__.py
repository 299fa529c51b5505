"""What the lab can see from outside: log groups and queues, read into tables.

Four tables come out of here, with the columns that ARCHITECTURE.md lists: `executions` and `states` from the log
group of the state machine (`ExecutionLog`), `received` from the log group of the function `start_execution`
(`ReceivedLog`), `invocations` from those of all functions (`parse_reports`).
`LogReader` fetches the log events, `Lull` looks for those that came late; `queue_depth`, `peek_messages` and
`drain_messages` look at queues.
"""

from lab.observe.columns import lab_id_in
from lab.observe.executions import ExecutionLog, Mine, everybodys, execution_name, parse_execution_events
from lab.observe.invocations import parse_reports
from lab.observe.journeys import JourneyLog
from lab.observe.log_groups import LogEvent, LogGroupMissingError, LogReader
from lab.observe.lull import SOON_S, Lull
from lab.observe.queues import (
    QueueDepth,
    delete_messages,
    drain_messages,
    most_receives,
    peek_messages,
    put_back,
    queue_depth,
)
from lab.observe.received import ReceivedLog, Refusal, parse_received
from lab.observe.stamps import StampLog

__all__ = [
    "SOON_S",
    "ExecutionLog",
    "JourneyLog",
    "LogEvent",
    "LogGroupMissingError",
    "LogReader",
    "Lull",
    "Mine",
    "QueueDepth",
    "ReceivedLog",
    "Refusal",
    "StampLog",
    "delete_messages",
    "drain_messages",
    "everybodys",
    "execution_name",
    "lab_id_in",
    "most_receives",
    "parse_execution_events",
    "parse_received",
    "parse_reports",
    "peek_messages",
    "put_back",
    "queue_depth",
]
