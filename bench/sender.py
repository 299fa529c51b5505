"""The sender alone against embedded LocalStack: a queue that nothing reads, no event source mapping.

Two questions. Does each message leave when it is due? Stages from 1 to 800 messages/s, 10 s each: achieved rate against
offered, send lag, and what gives way first, the endpoint or the sender itself. And what does keeping to a plan cost?
The highest rate of the sender, with more messages due than it can carry, against a bare loop of `send_message_batch`
over as many threads, in the same run.

    python -m bench.sender                  # two Markdown tables
    python -m bench.sender --seconds 3
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from typing import Any

from lab import target
from lab.emulator import launcher
from lab.load import SEND_LAG_LIMIT_S, Plan, Sender, SendResult, messages, staircase
from lab.load.run import BATCH_MESSAGES
from lab.load.sender import DEFAULT_THREADS

RATES = (1.0, 5.0, 20.0, 50.0, 100.0, 200.0, 400.0, 800.0)
NAME = "bench-sender"


def bare_loop(client: Any, queue_url: str, seconds: float) -> tuple[int, float]:
    """Threads that do nothing but send full batches one after the other: messages, and messages per second."""
    bodies = [message.body for message in messages.generate(BATCH_MESSAGES)]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    sent = [0] * DEFAULT_THREADS
    until = time.monotonic() + seconds

    def loop(number: int) -> None:
        while time.monotonic() < until:
            sent[number] += len(client.send_message_batch(QueueUrl=queue_url, Entries=entries)["Successful"])

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(DEFAULT_THREADS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(sent), sum(sent) / (time.monotonic() - begun)


def stages(client: Any, queue_url: str, seconds: float) -> SendResult:
    """One run over all rates."""
    plan = Plan(staircase(RATES, seconds))
    return Sender(client, queue_url).send(plan, messages.generate(len(plan)))


def highest_rate(client: Any, queue_url: str, offered_rate: float, seconds: float) -> tuple[int, float]:
    """The sender when more is due than it can carry: acknowledged messages, and as many per second."""
    plan = Plan(staircase([offered_rate], seconds))
    sends = Sender(client, queue_url, drop_after_s=0.5).send(plan, messages.generate(len(plan))).sends
    acked = sends[sends["outcome"] == "acked"]
    return len(acked), len(acked) / (acked["t_acked"].max() - sends["t_planned"].min()).total_seconds()


def measure(seconds: float) -> None:
    lab = target.Target("embedded", NAME)
    client = lab.client("sqs")
    queue_url = client.create_queue(QueueName=NAME)["QueueUrl"]
    client.send_message(QueueUrl=queue_url, MessageBody="loads the service")

    limit = f"p99 <= {SEND_LAG_LIMIT_S * 1000:.0f} ms"
    print(f"| offered /s | achieved /s | send lag p50 ms | p99 ms | max ms | {limit} | own CPU | verdict |")
    print("|--:|--:|--:|--:|--:|---|--:|---|")
    table = stages(client, queue_url, seconds).stages
    for row in table.itertuples():
        verdict = ("valid" if row.valid else "void") + (f": {row.reason}" if row.reason else "")
        print(
            f"| {row.offered_rate:g} | {row.achieved_rate:.2f} | {row.send_lag_p50_s * 1000:.2f} "
            f"| {row.send_lag_p99_s * 1000:.2f} | {row.send_lag_max_s * 1000:.2f} "
            f"| {'yes' if row.send_lag_p99_s <= SEND_LAG_LIMIT_S else 'no'} | {row.own_cpu:.0%} | {verdict} |"
        )
    print()
    # In turns, because the queue grows and the machine has other things to do: neither always comes first.
    bare, ours = [], []
    count = 1 + int(table["acked"].sum())
    for _ in range(3):
        sent, rate = bare_loop(client, queue_url, seconds / 2)
        acked, own_rate = highest_rate(client, queue_url, 1.5 * rate, seconds / 2)
        bare.append(rate)
        ours.append(own_rate)
        count += sent + acked
    depth = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    if int(depth["Attributes"]["ApproximateNumberOfMessages"]) != count:
        raise AssertionError(f"{count} messages were acknowledged, but the queue says {depth['Attributes']}")
    print("| | messages/s, best of 3 | each |")
    print("|---|--:|---|")
    for name, rates in (("bare loop", bare), ("sender", ours)):
        print(
            f"| {name}, {DEFAULT_THREADS} threads | {max(rates):.0f} | {', '.join(f'{rate:.0f}' for rate in rates)} |"
        )
    print(f"\nThe sender reaches {max(ours) / max(bare):.0%} of the bare loop.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each stage")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAB_STATE_DIR"] = folder
        launcher.start(NAME, owned=True)
        try:
            measure(arguments.seconds)
        finally:
            launcher.stop(NAME)


if __name__ == "__main__":
    main()
