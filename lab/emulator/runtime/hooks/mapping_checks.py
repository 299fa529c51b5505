"""Refuses an event source mapping whose queue hides messages for less time than the function may take.

Replaces ``validate_event_source_mapping`` of the Lambda provider, which does all it did before, and this after it.

Wrong: LocalStack takes any queue. When the visibility timeout is the shorter of the two, the queue hands a message out
again while the function is still at work on it, and the learner meets on AWS what worked here.

The same to see: AWS checks it whenever a mapping is made or changed, and answers with InvalidParameterValueException in
these words. A queue or a function that is changed later is not checked, there as here.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace


def _stores() -> Any:
    from localstack.services.sqs.models import sqs_stores

    return sqs_stores


def _queue(arn: str) -> Any | None:
    """The queue of an ARN, or None: other sources are not asked, and a missing queue was refused before."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        return None
    return _stores()[parts[4]][parts[3]].queues.get(parts[5])


def _patch(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def validate(self: Any, context: Any, request: Any) -> Any:
            found = original(self, context, request)
            queue = _queue(request.get("EventSourceArn", ""))
            timeout_s = found[3].config.timeout
            if queue is not None and queue.visibility_timeout < timeout_s:
                raise module.InvalidParameterValueException(
                    f"Queue visibility timeout: {queue.visibility_timeout} seconds "
                    f"is less than Function timeout: {timeout_s} seconds",
                    Type="User",
                )
            return found

        return validate

    replace(module.LambdaProvider, "validate_event_source_mapping", make)


PATCHES = {"localstack.services.lambda_.provider": _patch}
