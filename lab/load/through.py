"""Sends through any call: what the open-loop sender takes in place of SQS's client."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

# Takes up to ten bodies and gives an error's name for each that was refused, None for each that was taken; None alone
# when all were.
Put = Callable[[list[str]], Sequence[str | None] | None]


class Through:
    """Hands the bodies of a batch to a call of the learner's.

    Args:
        put: the call. What it raises is one answer for all of the batch, as with ``send_message_batch``.
    """

    def __init__(self, put: Put) -> None:
        self._put = put

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """The shape of SQS's own call; the queue's URL is nobody's."""
        refused = self._put([entry["MessageBody"] for entry in Entries]) or [None] * len(Entries)
        pairs = list(zip(Entries, refused, strict=True))
        return {
            "Successful": [{"Id": entry["Id"], "MessageId": str(uuid.uuid4())} for entry, error in pairs if not error],
            "Failed": [{"Id": entry["Id"], "Code": error, "SenderFault": False} for entry, error in pairs if error],
        }
