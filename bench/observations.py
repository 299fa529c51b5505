"""How long it takes to turn log events into the tables `executions` and `states`, and how much memory.

The events are made in memory, as CloudWatch Logs returns them: one JSON text an event, 22 events an execution of the
four-state machine, with the sample-sized texts in every input and output. Every size runs in a process of its own, so
that each peak of memory is its own; the memory of the events themselves is not counted.

    python -m bench.observations            # 10k to 1M events, a Markdown table
    python -m bench.observations --sizes 10000,100000
"""

from __future__ import annotations

import argparse
import base64
import json
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from lab.observe import ExecutionLog

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
EVENTS_OF_AN_EXECUTION = 22
STATES = ("Decode base64 string", "Generate statistics", "Remove special characters", "Tokenize and count")
TEXT = "And now the cloud lifts its hat: a queue — long, longer — waits for one clerk. " * 7
START = datetime(2026, 1, 1, tzinfo=UTC)


def _payloads() -> list[str]:
    """Input of the execution, then the output of each state, as JSON texts that still need their `lab_id`."""
    encoded = base64.b64encode(TEXT.encode()).decode()
    words = "".join(letter if letter.isalnum() else " " for letter in TEXT).lower().split()
    counts = {word: words.count(word) for word in words}
    stats = {"text_length": len(TEXT), "avg_word_length": 4.5, "num_digits": 0, "num_special_chars": 22}
    bodies: list[dict[str, object]] = [
        {"input": encoded},
        {"input": encoded, "output": TEXT},
        {"input": TEXT, "stats": stats},
        {"input": TEXT, "output": " ".join(words), "stats": stats},
        {"input": TEXT, "word_counts": counts, "stats": stats},
    ]
    return [json.dumps({"lab_id": "LAB_ID", **body}) for body in bodies]


def _template(timestamps: str) -> list[str]:
    """The 22 messages of one execution with placeholders for what differs between executions."""
    payloads = _payloads()
    not_truncated = {"truncated": False}
    events: list[tuple[str, dict[str, object]]] = [
        ("ExecutionStarted", {"input": payloads[0], "inputDetails": not_truncated, "roleArn": "arn:aws:iam::0:role/r"})
    ]
    for number, state in enumerate(STATES):
        taken, given = payloads[number], payloads[number + 1]
        task: dict[str, object] = {"resource": "invoke", "resourceType": "lambda"}
        call = {"FunctionName": "function", "Payload": json.loads(taken)}
        answer = {"ExecutedVersion": "$LATEST", "Payload": json.loads(given), "StatusCode": 200}
        visit: list[tuple[str, dict[str, object]]] = [
            ("TaskStateEntered", {"name": state, "input": taken, "inputDetails": not_truncated}),
            ("TaskScheduled", {**task, "region": "us-east-1", "parameters": json.dumps(call)}),
            ("TaskStarted", {**task}),
            ("TaskSucceeded", {**task, "output": json.dumps(answer), "outputDetails": not_truncated}),
            ("TaskStateExited", {"name": state, "output": given, "outputDetails": not_truncated}),
        ]
        events += visit
    events.append(("ExecutionSucceeded", {"output": payloads[-1], "outputDetails": not_truncated}))
    return [
        json.dumps(
            {
                "id": str(number),
                "type": event_type,
                "details": details,
                "previous_event_id": str(number - 1),
                "event_timestamp": f"{timestamps}{number:02d}",
                "execution_arn": "EXECUTION_ARN",
            }
        )
        for number, (event_type, details) in enumerate(events, start=1)
    ]


def make_messages(count: int) -> list[str]:
    """`count` messages (the last execution may be cut short), timestamps in the two forms in turn."""
    iso, milliseconds = _template("ISO_INSTANT"), _template("EPOCH_MILLISECONDS")
    messages: list[str] = []
    number = 0
    while len(messages) < count:
        started = START + timedelta(milliseconds=20 * number)
        arn = f"arn:aws:states:us-east-1:000000000000:express:bench:message-{number:08d}:run-{number:08d}"
        lab_id = f"bench-{number:08d}"
        for index, text in enumerate(milliseconds if number % 2 else iso):
            text = text.replace("LAB_ID", lab_id).replace("EXECUTION_ARN", arn)
            if number % 2:
                text = text.replace("EPOCH_MILLISECONDS", str(round(started.timestamp() * 10))[:11])
            else:
                instant = (started + timedelta(milliseconds=index)).isoformat(timespec="microseconds")
                text = text.replace(f"ISO_INSTANT{index + 1:02d}", instant)
            messages.append(text)
        number += 1
    return messages[:count]


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)  # macOS counts bytes, Linux KiB


def measure(count: int) -> dict[str, float]:
    """Seconds and MiB that one size takes, on top of the events themselves."""
    messages = make_messages(count)
    before = _peak_mib()
    start = time.perf_counter()
    log = ExecutionLog()
    log.add(messages)
    read = time.perf_counter()
    executions, states = log.tables()
    end = time.perf_counter()
    expected = -(-count // EVENTS_OF_AN_EXECUTION)
    if len(executions) != expected or int(executions["events"].sum()) != count or log.skipped:
        raise AssertionError(f"{count} events made {len(executions)} executions, not {expected}")
    return {
        "events": count,
        "executions": len(executions),
        "states": len(states),
        "text_mib": sum(map(len, messages)) / 2**20,
        "read_s": read - start,
        "tables_s": end - read,
        "total_s": end - start,
        "peak_mib": _peak_mib() - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of events, with commas")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("| events | executions | states | text, MiB | reading, s | tables, s | total, s | µs an event | peak, MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for size in map(int, arguments.sizes.split(",")):
        command = [sys.executable, "-m", "bench.observations", "--one", str(size)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"| {row['events']:,} | {row['executions']:,} | {row['states']:,} | {row['text_mib']:.0f} "
            f"| {row['read_s']:.2f} | {row['tables_s']:.2f} | {row['total_s']:.2f} "
            f"| {row['total_s'] / size * 1e6:.1f} | {row['peak_mib']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
