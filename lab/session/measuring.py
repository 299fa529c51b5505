"""A short stage of load with one setting of the system, measured without the workflow's own log."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import observe, signals, stack
from lab.clock import Steadiness
from lab.load import Plan, Sender
from lab.load import messages as bodies
from lab.session.outcome import RampResult, analyse
from lab.session.watch import PATIENCE_S
from lab.stack import Names, Settings
from lab.stack.functions import STAMPED
from lab.stack.names import START_FUNCTION
from lab.target import Target

# Seconds until a change is in force everywhere: mappings and state machines of AWS are eventually consistent.
_SETTLE_S = {"embedded": 0.0, "localstack": 0.0, "aws": 30.0}
_PAUSE_S = {"embedded": 0.1, "localstack": 0.25, "aws": 1.0}
# The clocks of SQS, Lambda and CloudWatch Logs need not agree to the millisecond.
_SERVICES_APART_MS = 100
_WAKE = 2


@contextlib.contextmanager
def as_it_was(target: Target) -> Iterator[None]:
    """Whatever is set while the block lasts, ``lab up``'s own settings come back at its end, however it ends."""
    try:
        yield
    finally:
        with signals.held_off():  # an impatient Ctrl-C must not leave half of it
            stack.provision(target)


def apply(target: Target, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Give the running lab these settings, and wake ``start_execution``: a cold start is no effect of a setting."""
    names = stack.provision(target, settings)
    sleep(_SETTLE_S[target.kind])
    client = target.client("lambda")

    def wake(_: int) -> None:
        client.invoke(FunctionName=names.function(START_FUNCTION), Payload=json.dumps({"Records": []}))

    with ThreadPoolExecutor(_WAKE) as pool:
        list(pool.map(wake, range(_WAKE)))


def measure(
    target: Target,
    plan: Plan,
    to_send: Sequence[bodies.Message],
    *,
    patience_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RampResult:
    """Send a plan through a lab that is ``stamped``, wait until each message is through, and work out what happened.

    Args:
        target: a lab with ``Settings(stamped=True)``.
        plan: when each message is due.
        to_send: the messages, as many as the plan sends.
        patience_s: when no message more came through for so long, it goes on without the others.

    Returns:
        As of a ramp. Its executions have no events, data or errors: see :class:`lab.observe.StampLog`.
    """
    names = Names(target)
    queue_url = stack.describe(target)["queue_url"]
    logs, since_ms = target.client("logs"), target.earliest_now_ms() - _SERVICES_APART_MS
    first, last, starter = (
        observe.LogReader(logs, names.function_log_group(folder), since_ms=since_ms, missing_ok=True)
        for folder in (*STAMPED, START_FUNCTION)
    )
    stamps, received = observe.StampLog(), observe.ReceivedLog()
    received.ignore(starter.read())
    with Steadiness() as steadiness:
        sent = Sender(target.client("sqs", attempts=1), queue_url).send(plan, to_send)
        dates = target.clock.difference
        mine = sent.sends.loc[sent.sends["outcome"] == "acked", "lab_id"].tolist()
        patience_s = PATIENCE_S[target.kind] if patience_s is None else patience_s
        lull = observe.Lull(first, last, starter, clock=clock)
        while True:
            stamps.add(first.read(), last.read())
            received.add(starter.read())
            measured = stamps.measured(mine)
            # A record is logged when its batch is over, which is after the last execution where that is waited for.
            taken = set(mine) <= set(received.table()["lab_id"])
            if measured == len(mine) and taken:
                drained = True
                break
            if lull.with_known(measured) > patience_s:
                drained = taken and stamps.finished(mine) == len(mine)
                break
            sleep(_PAUSE_S[target.kind])
    records = received.table()
    states = observe.ExecutionLog().tables()[1]
    return analyse(
        _run_id(to_send),
        to_send,
        sent.sends,
        sent.stages,
        stamps.executions(sent.sends, records),
        states,
        records,
        dead_letters=None,
        undrained=observe.queue_depth(target.client("sqs"), queue_url).total,
        drained=drained,
        interrupted=sent.interrupted,
        dates=dates,
        breaks=steadiness.breaks,
        same_machine=target.kind == "embedded",
    )


def _run_id(messages: Sequence[bodies.Message]) -> str:
    """The run id that the messages' ids begin with."""
    return messages[0].lab_id.rpartition("-")[0] if messages else ""
