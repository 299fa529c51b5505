"""The dead letters of a lab: which they are, why they are there, and how they go back to their queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError

from lab import observe
from lab.errors import LabError
from lab.signals import StoppedError
from lab.stack import Names, queues
from lab.stack.names import START_FUNCTION
from lab.target import Target

COLUMNS = ("message_id", "lab_id", "sent", "receives", "refused", "error", "reason", "body")
# Without a message more for so long, a move of the service has got stuck.
_PATIENCE_S = 60.0
_PAUSE_S = 0.25
_BATCH_MESSAGES = 10
_BATCH_BYTES = 262_144
# What services answer that do not know how to move messages.
_UNKNOWN_CALL = ("InvalidAction", "UnknownOperation", "UnsupportedOperation", "NotImplemented", "InternalFailure")

OnProgress = Callable[[int, int], None]
"""Gets how many have been moved, and how many there are to move."""


class NotMovedError(LabError):
    """Dead letters could not be moved back."""


@dataclass(frozen=True)
class Moved:
    """What came of moving dead letters back.

    Attributes:
        moved: messages that are in their queue again.
        left: messages that are in the dead-letter queue now.
        by_service: whether SQS moved them; else the lab did, one after the other.
    """

    moved: int
    left: int
    by_service: bool = True

    def sentence(self) -> str:
        """For the user."""
        if not self.moved and not self.left:
            return "There are no dead letters."
        by = "" if self.by_service else ", by receiving and sending them, since this service has no move of its own"
        text = f"{_messages(self.moved)} moved back to the queue{by}."
        return text if not self.left else f"{text} {_messages(self.left)} in the dead-letter queue now."


def dead_letters(target: Target) -> pd.DataFrame:
    """The messages in the dead-letter queue, which stay there, with the reason that ``start_execution`` logged.

    One row a message, oldest first: ``message_id``, ``lab_id``, ``sent``, ``receives`` (as SQS counts; each look is
    one), ``refused`` (how often ``start_execution`` logged that it could not start it), ``error`` (the name of what
    it logged last), ``reason`` (in its words) and ``body``. Without a log line, the last two are missing.

    Raises:
        QueueMissingError: the lab is not up.
    """
    names = Names(target)
    rows = observe.peek_messages(target.client("sqs"), queues.url(names, names.dead_letter_queue))
    rows = rows.sort_values("sent", kind="stable", ignore_index=True)
    refusals = _refusals(names, rows["sent"].min()) if len(rows) else {}
    found = [
        refusals.get(message_id) or refusals.get(lab_id) or observe.Refusal(0, None, None)
        for message_id, lab_id in zip(rows["message_id"], rows["lab_id"], strict=True)
    ]
    rows = rows.rename(columns={"receive_count": "receives"}).assign(
        refused=[refusal.times for refusal in found],
        error=pd.Series([refusal.error for refusal in found], dtype=object),
        reason=pd.Series([refusal.reason for refusal in found], dtype=object),
    )
    return rows[list(COLUMNS)]


def _refusals(names: Names, since: pd.Timestamp) -> dict[str | None, observe.Refusal]:
    """What ``start_execution`` logged since the oldest of them was sent, by message id and by ``lab_id``."""
    log = observe.ReceivedLog()
    reader = observe.LogReader(
        names.target.client("logs"),
        names.function_log_group(START_FUNCTION),
        since_ms=0 if since is pd.NaT else since.value // 1_000_000,
        missing_ok=True,
    )
    for page in reader.pages():
        log.add(page)
    return log.refusals()


def redrive(target: Target, *, on_progress: OnProgress = lambda moved, planned: None) -> Moved:
    """Move all dead letters back to the queue; follows a move that is under way already.

    SQS does it (StartMessageMoveTask). Where a service has no such call, each message is received, sent, and deleted
    only when the queue has taken it: then a message may be there twice, and none is lost. On AWS a message that was
    moved has a new id; its ``lab_id`` stays.

    Args:
        target: a lab that is up; mend what refused the messages first, or they come back.
        on_progress: called a few times a second.

    Raises:
        QueueMissingError: the lab is not up.
        NotMovedError: the service gave up, or got stuck; says how many were moved.
        StoppedError: Ctrl-C; says how many were moved.
    """
    names = Names(target)
    sqs = target.client("sqs")
    source_url = queues.url(names, names.dead_letter_queue)
    destination_url = queues.url(names, names.queue)
    planned = observe.queue_depth(sqs, source_url).visible
    on_progress(0, planned)
    mover = _Mover(target, names, sqs, on_progress)
    try:
        by_service = mover.by_the_service(planned)
        if not by_service:
            mover.by_hand(source_url, destination_url, planned)
    except KeyboardInterrupt:
        goes_on = "SQS goes on with it." if mover.service_moves else "The others are still dead letters."
        raise StoppedError(
            f"Stopped. {_messages(mover.moved)} moved back so far. {goes_on}",
            next_step=f"lab redrive{target.options}, which goes on from there",
        ) from None
    return Moved(mover.moved, observe.queue_depth(sqs, source_url).total, by_service)


class _Mover:
    """Moves messages from one queue to the other, and counts."""

    def __init__(self, target: Target, names: Names, sqs: Any, on_progress: OnProgress) -> None:
        self._target = target
        self._sqs = sqs
        self._source_arn = names.queue_arn(names.dead_letter_queue)
        self._destination_arn = names.queue_arn(names.queue)
        self._on_progress = on_progress
        self.moved = 0
        self.service_moves = False

    def by_the_service(self, planned: int) -> bool:
        """Let SQS move them, and wait for its end; False where it cannot."""
        before = 0
        try:
            running = self._latest()
            while planned or running:
                earlier = None
                if running is None:
                    earlier = self._latest(running=False)
                    self._sqs.start_message_move_task(SourceArn=self._source_arn, DestinationArn=self._destination_arn)
                self.service_moves = True
                self._follow(before, planned, earlier)
                self.service_moves = False
                running = None
                # LocalStack's move ends at the first message that somebody else is looking at.
                if self.moved >= planned or self.moved == before:
                    break
                before = self.moved
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if self.moved == 0 and code.rpartition(".")[2] in _UNKNOWN_CALL:
                return False
            raise
        return True

    def _latest(self, *, running: bool = True) -> dict[str, Any] | None:
        """The move that began last, if it is under way."""
        found: list[dict[str, Any]] = self._sqs.list_message_move_tasks(SourceArn=self._source_arn, MaxResults=1).get(
            "Results", []
        )
        return found[0] if found and (found[0].get("Status") == "RUNNING" or not running) else None

    def _follow(self, before: int, planned: int, earlier: dict[str, Any] | None) -> None:
        """Wait for the end of a move; ``earlier`` is the one before it, which is not what is asked about."""
        changed = time.monotonic()
        while True:
            task = self._latest(running=False) or {}
            if earlier is not None and task.get("StartedTimestamp") == earlier.get("StartedTimestamp"):
                task = {}
            moved = before + int(task.get("ApproximateNumberOfMessagesMoved") or 0)
            if moved != self.moved:
                self.moved, changed = moved, time.monotonic()
            self._on_progress(moved, max(planned, moved))
            status = task.get("Status")
            if status in ("COMPLETED", "CANCELLED"):
                return
            if status == "FAILED":
                raise self._error(f"SQS gave up: {task.get('FailureReason') or 'it says no reason'}.")
            if time.monotonic() - changed > _PATIENCE_S:
                raise self._error(f"SQS has moved nothing more for {_PATIENCE_S:.0f} s.")
            time.sleep(_PAUSE_S)

    def _error(self, what: str) -> NotMovedError:
        return NotMovedError(
            f"{what} {_messages(self.moved)} moved back before; no message is gone.",
            next_step=f"lab status{self._target.options}, then lab redrive{self._target.options}",
        )

    def by_hand(self, source_url: str, destination_url: str, planned: int) -> None:
        """Receive, send, delete. What the queue does not take is put back."""
        refused: set[str] = set()
        empty_answers = 0
        while self.moved < planned and empty_answers < 2:
            received = self._sqs.receive_message(
                QueueUrl=source_url,
                MaxNumberOfMessages=_BATCH_MESSAGES,
                VisibilityTimeout=60,
                WaitTimeSeconds=empty_answers,
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            lot = [message for message in received if message["MessageId"] not in refused]
            empty_answers = 0 if lot else empty_answers + 1
            for batch in _batches(lot):
                taken = self._sent(destination_url, batch)
                # A message that stays although it was sent comes a second time: at least once, as everywhere in SQS.
                observe.delete_messages(self._sqs, source_url, taken)
                self.moved += len(taken)
                refused |= {message["MessageId"] for message in batch if message not in taken}
                self._on_progress(self.moved, planned)
            back = [message for message in received if message["MessageId"] in refused]
            observe.put_back(self._sqs, source_url, back)
        if refused:
            raise self._error(f"The queue refused {len(refused)} of them.")

    def _sent(self, destination_url: str, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries = [
            {
                "Id": str(at),
                "MessageBody": message["Body"],
                **({"MessageAttributes": message["MessageAttributes"]} if message.get("MessageAttributes") else {}),
            }
            for at, message in enumerate(batch)
        ]
        answer = self._sqs.send_message_batch(QueueUrl=destination_url, Entries=entries)
        return [batch[int(entry["Id"])] for entry in answer.get("Successful", ())]


def _batches(lot: Iterable[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    """What SendMessageBatch takes in one call."""
    batch: list[dict[str, Any]] = []
    size = 0
    for message in lot:
        length = len(message["Body"].encode("utf-8", "replace")) + 1_024  # its attributes
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


def _messages(count: int) -> str:
    return f"{count} message{' is' if count == 1 else 's are'}"


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def lines_of(rows: pd.DataFrame, *, width: int = 60) -> list[str]:
    """Dead letters in lines: when, ids, receives, the reason, the start of the body."""
    told = []
    for row in rows.to_dict("records"):
        when = "unknown time" if pd.isna(row["sent"]) else f"{row['sent']:%Y-%m-%d %H:%M:%S} UTC"
        names = f"{row['message_id']} ({row['lab_id']})" if isinstance(row["lab_id"], str) else row["message_id"]
        told.append(f"{when}  {names}  received {_times(row['receives'])}")
        if not isinstance(row["error"], str):
            why = "start_execution logged no reason: it crashed, timed out, or its log is gone."
        else:
            words = row["reason"] if isinstance(row["reason"], str) else "no more words"
            why = f"refused {_times(row['refused'])} by start_execution: {row['error']}: {words}"
        body = row["body"].replace("\n", " ")
        told += [f"  {why}", f"  {body[:width]}{' …' if len(body) > width else ''}"]
    return told
