"""Answers to sends that are lost: the call reached SQS, and the sender never hears so."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ReadTimeoutError

from lab.faults.plan import SENDER, Faults
from lab.load.messages import Message

Row = tuple[str, str, str, int, str | None]


class LosingClient:
    """An SQS client for the sender that lets some calls through and keeps their answers back.

    One call carries up to ten messages, and all of them lose their answer when the plan chose one; how they came
    together depends on the moment, so `rows` tells afterwards what was hit. It changes nothing but itself.

    Args:
        client: boto3's SQS client.
        faults: the plan.
        messages: of the run. Bodies that several of them share tell no message, and are not chosen.
        run_id: what their ids begin with.
    """

    def __init__(self, client: Any, faults: Faults, messages: Sequence[Message], run_id: str) -> None:
        self._client = client
        self._faults = faults
        self._run_id = run_id
        shared = Counter(message.body for message in messages)
        self._id_of = {message.body: message.lab_id for message in messages if shared[message.body] == 1}
        self._lock = threading.Lock()
        self._lost: Counter[tuple[int, str]] = Counter()
        self.rows: list[Row] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def send_message_batch(self, **parameters: Any) -> Any:
        """Sends, and loses the answer when the plan says so."""
        answer = self._client.send_message_batch(**parameters)
        bodies = [entry["MessageBody"] for entry in parameters["Entries"]]
        lab_ids = [self._id_of[body] for body in bodies if body in self._id_of]
        with self._lock:
            by = [lab_id for lab_id in lab_ids if self._is_lost(lab_id)]
            if not by:
                return answer
            self.rows += [(lab_id, "answer_lost", SENDER, 1, f"with {by[0]}") for lab_id in lab_ids]
        raise ReadTimeoutError(endpoint_url=parameters["QueueUrl"])

    def _is_lost(self, lab_id: str) -> bool:
        for number, fault in self._faults.numbered("answer_lost"):
            if self._faults.chooses(number, SENDER, lab_id, self._run_id):
                self._lost[number, lab_id] += 1
                if fault.attempts is None or self._lost[number, lab_id] <= fault.attempts:
                    return True
        return False
