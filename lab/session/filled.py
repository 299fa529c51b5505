"""A queue that is filled first and then emptied: how much the pipeline carries when nobody sends meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lab import stack
from lab.load import messages as bodies
from lab.load.run import BATCH_MESSAGES
from lab.session import guard
from lab.session.lifecycle import Say
from lab.session.watch import PATIENCE_S, Watch
from lab.stack import Names, mapping
from lab.target import Target


@dataclass(frozen=True)
class Emptied:
    """What became of the messages.

    Attributes:
        sent: messages that the queue took.
        executions: their rows of the table ``executions``.
        drained: whether all came to an end.
    """

    sent: int
    executions: pd.DataFrame = field(repr=False)
    drained: bool


def empty_filled_queue(target: Target, to_send: Sequence[bodies.Message], *, say: Say = lambda text: None) -> Emptied:
    """Disable the mapping, fill the queue, enable the mapping again, and follow every message to its end.

    Args:
        target: a lab that is up.
        to_send: what goes into the queue.
        say: gets sentences for the user.

    Raises:
        BudgetError: on AWS it would cost more than the budget.
        LabError: the lab is not up. The mapping is enabled again, whatever happens.
    """
    guard.check_budget(target, to_send, None, say)
    names = Names(target)
    queue_url = stack.describe(target)["queue_url"]
    sqs = target.client("sqs")
    mapping.set_enabled(names, False)
    try:
        watch = Watch(names)
        taken: set[str] = set()
        for begin in range(0, len(to_send), BATCH_MESSAGES):
            part = to_send[begin : begin + BATCH_MESSAGES]
            entries = [{"Id": str(number), "MessageBody": message.body} for number, message in enumerate(part)]
            answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
            taken |= {entry["MessageId"] for entry in answer.get("Successful", ())}
    finally:
        mapping.set_enabled(names, True)
    drained = watch.until_drained(
        len(taken),
        patience_s=PATIENCE_S[target.kind],
        mine=lambda name, lab_id: name in taken,
        pause_s=0.5,
    )
    executions, _, _ = watch.tables()
    own = executions[executions["name"].isin(taken)].reset_index(drop=True)
    return Emptied(len(taken), own, drained)
