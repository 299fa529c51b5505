"""Polls a stream as often as Lambda does: a Kinesis shard once a second, a shard of DynamoDB four times.

Replaces ``StreamPoller.poll_events_from_shard``, which does all it did before, in its turn, and what ``EsmWorker`` does
when it is stopped or deleted.

Slow: LocalStack waits for ``LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC`` between polls, and the lab sets it to ten
milliseconds for the sake of its queue. A stream that holds nothing would be asked a hundred times a second, each time
with one HTTP request of LocalStack to itself: more than half of a core, for every stream.

The same to see: Lambda's guide gives these as its base rates, and goes on at once while there is more to read. So does
this: the shard is asked again without a pause when it gave as many records as were asked for.
Wrong: a mapping that tries a batch again looks for its end between two batches only. With a record that always fails it
could not be disabled or deleted. Now its poller is told at once.
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import functools
import time
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import afterwards, replace

PAUSE_S = {"aws:kinesis": 1.0, "aws:dynamodb": 0.25}


def _patch(module: ModuleType) -> None:
    def make_get_records(original: Any) -> Any:
        @functools.wraps(original)
        def get_records(self: Any, shard_iterator: str) -> Any:
            answer = original(self, shard_iterator)
            self.lab_caught_up = len(answer.get("Records", ())) < self.stream_parameters["BatchSize"]
            return answer

        return get_records

    def make_poll(original: Any) -> Any:
        @functools.wraps(original)
        def poll_events_from_shard(self: Any, shard_id: str, shard_iterator: str) -> None:
            due = self.__dict__.setdefault("lab_due", {})
            if (wait_s := due.get(shard_id, 0.0) - time.monotonic()) > 0 and self._is_shutdown.wait(wait_s):
                return
            asked = time.monotonic()
            self.lab_caught_up = True
            original(self, shard_id, shard_iterator)
            due[shard_id] = asked + PAUSE_S[self.event_source()] if self.lab_caught_up else 0.0

        return poll_events_from_shard

    replace(module.StreamPoller, "get_records", make_get_records)
    replace(module.StreamPoller, "poll_events_from_shard", make_poll)


def _patch_worker(module: ModuleType) -> None:
    def end(worker: Any) -> None:
        if hasattr(worker.poller, "shard_batcher"):  # of a stream
            worker.poller.close()

    afterwards(module.EsmWorker, "stop", end)
    afterwards(module.EsmWorker, "delete", end)


_MAPPINGS = "localstack.services.lambda_.event_source_mapping"
PATCHES = {f"{_MAPPINGS}.pollers.stream_poller": _patch, f"{_MAPPINGS}.esm_worker": _patch_worker}
