"""Serves Kinesis, DynamoDB and DynamoDB Streams from moto, which is part of LocalStack's own tree.

Replaces LocalStack's own providers of the three, each a program that it would download at the first call: Kinesis Mock
(for Node or Java) and DynamoDB Local (Java). A lab without internet can have neither. The seam is LocalStack's plug-in
point for providers: `lab.emulator.runtime.stream_providers` adds one called ``lab_moto`` for each of the services, and
this hook chooses it.

Lazy: nothing of moto's three packages is imported, and no model is read, before somebody calls one of them.

The same to see: streams with shards and iterators, tables with their streams, so that LocalStack's event source
mappings poll them. Other than on AWS nothing expires, a table of any size has one shard, and what moto lacks is
answered with an error that says so.
"""

from __future__ import annotations

from types import ModuleType

from lab.emulator.runtime.settings import enabled_services

PROVIDER = "lab_moto"
SERVICES = ("dynamodb", "dynamodbstreams", "kinesis")


def _choose(module: ModuleType) -> None:
    enabled = enabled_services()
    for service in SERVICES:
        if not enabled or service in enabled:
            module.SERVICE_PROVIDER_CONFIG.set_provider(service, PROVIDER)


PATCHES = {"localstack.config": _choose}
