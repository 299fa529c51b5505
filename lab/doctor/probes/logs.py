"""Log groups, and what functions write into theirs."""

from __future__ import annotations

from lab.doctor.probes.place import DEADLINE_S, DiffersError, Place
from lab.observe import LogReader
from lab.stack import logs, waiting


def log_groups(place: Place) -> str:
    for group in logs.wanted(place.names):
        logs.ensure(place.names, group)
    client, group, now_ms = place.client("logs"), place.names.log_group, place.now_ms()
    client.create_log_stream(logGroupName=group, logStreamName="probe")
    events = [{"timestamp": now_ms + number, "message": f"probe {number}"} for number in range(3)]
    client.put_log_events(logGroupName=group, logStreamName="probe", logEvents=events)
    found = [entry["message"] for entry in client.filter_log_events(logGroupName=group)["events"]]
    client.delete_log_stream(logGroupName=group, logStreamName="probe")
    if found != [entry["message"] for entry in events]:
        raise DiffersError("events do not come back as they were put")
    return "six log groups, events read back"


def logs_of_functions(place: Place) -> str:
    reader = LogReader(
        place.client("logs"), place.names.function_log_group("base64_decoder"), since_ms=place.recently()
    )
    waiting.until(reader.read, what="the function's log", deadline_s=DEADLINE_S)
    return "a line from an invocation"
