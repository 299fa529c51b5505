"""Providers of Kinesis, DynamoDB and DynamoDB Streams that hand every call to moto; see the hook `stream_providers`.

LocalStack finds them by entry point and calls one when its service is first used, so the imports are inside.
"""

from __future__ import annotations

from localstack.services.plugins import Service, aws_provider

NAME = "lab_moto"


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
    return Service.for_provider(provider(), dispatch_table_factory=MotoFallbackDispatcher)
