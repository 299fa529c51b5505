"""Send single messages, and say what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from lab import stack
from lab.analysis.clocks import told
from lab.errors import LabError
from lab.load import messages
from lab.session.watch import PATIENCE_S, Watch
from lab.signals import StoppedError
from lab.stack import Names, mapping, state_machine
from lab.target import Target


class UnfinishedMessageError(LabError):
    """A message that was sent has not come to an end."""


def body_of(file: Path | None, options: str = "") -> str:
    """The body that carries a file's text; the sample's body without a file.

    Args:
        options: the target's, for the advice.

    Raises:
        TextFileError: the file cannot be read as text.
        MessageTooLargeError: the text does not fit into one message, or not through every state.
    """
    if file is None:
        return messages.SAMPLE_BODY
    text = messages.read_text(file)
    try:
        return messages.text_message(messages.new_run_id(), text).body
    except messages.MessageTooLargeError as error:
        raise messages.MessageTooLargeError(
            f"{file} is too long for one message. {error.what}",
            cause=error.cause,
            next_step=f"lab ramp{options} --text {messages.quoted(file)}, which cuts it into messages",
        ) from None


def send(
    target: Target, bodies: Sequence[str], *, say: Callable[[str], None] = lambda text: None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Send each body as one message, wait until their executions have ended, and return these.

    Returns:
        ``executions`` and ``states`` of these messages (columns: ARCHITECTURE.md, "The tables").

    Raises:
        LabError: the lab is not up.
        UnfinishedMessageError: a message's execution was not seen to end.
        StoppedError: Ctrl-C; says how many messages were sent.
    """
    message_ids: list[str] = []
    try:
        return _send(target, bodies, message_ids, say)
    except KeyboardInterrupt:
        raise _stopped(len(message_ids), len(bodies), target) from None


def _send(
    target: Target, bodies: Sequence[str], message_ids: list[str], say: Callable[[str], None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = Names(target)
    queue_url = stack.describe(target)["queue_url"]
    watch = Watch(names)
    sqs = target.client("sqs")
    for body in bodies:
        message_ids.append(sqs.send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"])
    say(f"sent {len(message_ids)} message{'s' if len(message_ids) != 1 else ''}")
    watch.until_drained(
        len(message_ids),
        patience_s=PATIENCE_S[target.kind],
        mine=lambda name, lab_id: name in message_ids,
        pause_s=0.05,
    )
    executions, states, received = watch.tables()
    executions = executions[executions["name"].isin(message_ids)].reset_index(drop=True)
    states = states[states["execution_arn"].isin(executions["execution_arn"])].reset_index(drop=True)
    unfinished = set(message_ids) - set(executions.loc[executions["finished"].notna(), "name"])
    if unfinished:
        machine, poller = state_machine.find(names), mapping.find(names)
        level = machine["loggingConfiguration"]["level"] if machine else "OFF"
        raise _unfinished(
            unfinished, received, watch.queued(), target, level=level, mapping_is=poller["State"] if poller else "gone"
        )
    return executions, states


def clock_note(target: Target) -> str:
    """How this machine's clock stands against the service's, in a sentence; empty where they agree."""
    return told(target.clock.difference)


def _stopped(sent: int, planned: int, target: Target) -> StoppedError:
    if not sent:
        return StoppedError("Stopped. Nothing was sent.", next_step=f"lab send{target.options}")
    return StoppedError(
        f"Stopped. {sent} of {planned} message{'s' if planned != 1 else ''} had been sent; the lab goes on with what "
        "it has got, and nothing was removed.",
        next_step=f"lab status{target.options}, which shows the queues",
    )


def _unfinished(
    message_ids: set[str], received: pd.DataFrame, queued: int, target: Target, *, level: str, mapping_is: str
) -> UnfinishedMessageError:
    """Say where the messages are: never lost without a word."""
    own = received[received["message_id"].isin(message_ids)]
    refused, started = own[own["error"].notna()], own[own["execution_arn"].notna()]
    if len(refused):
        return UnfinishedMessageError(
            f"start_execution refused the message: {refused['error'].iloc[-1]}. It stays in the queue and moves to the "
            "dead-letter queue after its last delivery.",
            next_step=f"lab status{target.options}, which shows both queues",
        )
    if len(started):
        return UnfinishedMessageError(
            f"start_execution started the workflow for {started['message_id'].nunique()} of {len(message_ids)} "
            "messages, and no end of it has come to the log.",
            cause="the workflow is very slow, or its log is late."
            if level == "ALL"
            else f"the state machine logs at level {level}, where an execution that succeeds leaves nothing.",
            next_step=f"lab up{target.options}, which sets the level to ALL; then send again",
        )
    return UnfinishedMessageError(
        f"{len(message_ids)} of the messages did not come to an end; {queued} are still in the queue.",
        cause="the emulator is very busy." if mapping_is == "Enabled" else f"the event source mapping is {mapping_is}.",
        next_step=f"lab up{target.options}, which mends what is missing; then send again",
    )
