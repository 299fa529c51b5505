"""The open-loop sender: messages leave at their planned times, whatever the system does."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lab.clock import now_ns
from lab.load.ledger import Ledger
from lab.load.messages import Message
from lab.load.pauses import few_pauses
from lab.load.plan import Plan, PlanError
from lab.load.run import Means, Progress, Run, SendResult

DEFAULT_THREADS = 16


class Sender:
    """Sends messages to one queue as planned.

    One idle thread at a time keeps the watch: it sleeps until the next message is due, takes all that are due then
    (up to a batch, never waiting to fill it), hands the watch to another thread and makes the call itself. When every
    thread is in a call, due messages wait, and the next free thread takes up to ten of them.

    Args:
        client: boto3's SQS client. Its ``max_pool_connections`` must be ``threads`` or more, else calls wait for each
            other. Best without retries of its own (``retries={"total_max_attempts": 1}``): those that it makes are
            counted, but where the last of them cannot connect, an earlier one may have left unseen.
        queue_url: where to.
        threads: most calls at the same time.
        drop_after_s: a message that could not leave within so many seconds of its planned time is dropped.
        grace_s: how long a stopped run waits for calls under way, in seconds.
        clock: monotonic seconds; mapped once to the time of day.
        wall_ns: nanoseconds since 1970 UTC.
        sleep: waits some seconds.
        cpu_clock: CPU seconds used by this process.

    Raises:
        PlanError: fewer than one thread.
    """

    def __init__(
        self,
        client: Any,
        queue_url: str,
        *,
        threads: int = DEFAULT_THREADS,
        drop_after_s: float = 5.0,
        grace_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = now_ns,
        sleep: Callable[[float], None] = time.sleep,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        if threads < 1:
            raise PlanError(f"The sender needs at least one thread, not {threads}.")
        self.means = Means(
            client=client,
            queue_url=queue_url,
            threads=threads,
            drop_after_s=drop_after_s,
            grace_s=grace_s,
            clock=clock,
            wall_ns=wall_ns,
            sleep=sleep,
            cpu_clock=cpu_clock,
        )

    def send(
        self,
        plan: Plan,
        messages: Iterable[Message],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        ledger_path: Path | None = None,
        stop: threading.Event | None = None,
    ) -> SendResult:
        """Carry out ``plan`` with the first ``len(plan)`` of ``messages``.

        Ctrl-C, or setting ``stop``, ends the run: nothing more leaves, calls under way get ``grace_s`` to be answered,
        what never left is dropped, and the result tells what was measured until then.

        Args:
            plan: when each message is due.
            messages: what to send; all are made before the first leaves.
            on_progress: called about five times a second from this thread, and once at the end.
            ledger_path: a new file for the account of the run, see :mod:`lab.load.ledger`.
            stop: ends the run when set.

        Raises:
            PlanError: too few messages, or two with one ``lab_id``.
            LedgerError: the ledger exists already or cannot be written.
        """
        chosen = list(itertools.islice(messages, len(plan)))
        if len(chosen) < len(plan):
            raise PlanError(
                f"The plan sends {len(plan)} messages, but only {len(chosen)} were given.",
                next_step="give more messages, lower the rates, or shorten the stages.",
            )
        if len({message.lab_id for message in chosen}) < len(chosen):
            raise PlanError(
                "Two messages have the same lab_id.",
                cause="a message was given twice; the lab could not tell what became of which.",
                next_step="make the messages with one run id and different numbers.",
            )
        ledger = None if ledger_path is None else Ledger(ledger_path)
        try:
            with few_pauses():
                return Run(self.means, plan, chosen, ledger, stop or threading.Event()).carry_out(on_progress)
        finally:
            if ledger is not None:
                ledger.close()
