"""Providers of Kinesis, DynamoDB and DynamoDB Streams that hand every call to moto; see the hook `stream_providers`.

LocalStack finds them by entry point and calls one when its service is first used, so the imports are inside.

One call at a time: moto numbers a record by the last one that is there and says itself that this is not safe for
concurrency. Of two records that were put in the same moment one would take the other's place, and be lost. The three
share one lock, for a table and its stream are one thing in moto; a call takes less than a millisecond.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from localstack.services.plugins import Service, aws_provider

NAME = "lab_moto"
_LOCK = threading.RLock()


@aws_provider(api="kinesis", name=NAME)
def kinesis() -> Service:
    """Kinesis Data Streams."""
    from localstack.aws.api.kinesis import KinesisApi

    return _from_moto(KinesisApi)


@aws_provider(api="dynamodb", name=NAME)
def dynamodb() -> Service:
    """DynamoDB."""
    from localstack.aws.api.dynamodb import DynamodbApi

    return _from_moto(DynamodbApi)


@aws_provider(api="dynamodbstreams", name=NAME)
def dynamodbstreams() -> Service:
    """DynamoDB Streams."""
    from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi

    return _from_moto(DynamodbstreamsApi)


def _from_moto(api: type) -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    # LocalStack's own class has every operation raise NotImplementedError, and moto is asked then.
    provider = type(f"Moto{api.__name__}", (api,), {})
    return Service.for_provider(
        provider(), dispatch_table_factory=lambda of: one_at_a_time(MotoFallbackDispatcher(of), _LOCK)
    )


def one_at_a_time(handlers: dict[str, Callable[..., Any]], lock: threading.RLock) -> dict[str, Callable[..., Any]]:
    """Give the same handlers, of which no two run at once.

    Args:
        handlers: from the name of an operation to what answers it.
        lock: shared by all that touch the same things.
    """

    def alone(handle: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handle)
        def handled(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return handle(*args, **kwargs)

        return handled

    return {operation: alone(handle) for operation, handle in handlers.items()}
