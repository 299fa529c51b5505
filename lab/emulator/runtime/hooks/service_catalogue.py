"""Indexes the operations of the lab's services, and of all others only what tells which service a request is for.

Replaces ``LazyServiceCatalogIndex._services`` and ``build_service_index_cache``.

Slow: the first request to a LocalStack that finds no index loads the models of some 400 services and keeps them all,
3.6 s of CPU and 350 MB. The models of the lab's own services are needed anyway, and what a request says of its service
stands in the first lines of each model: 0.15 s, nothing to keep between starts, nothing that can be damaged.

The same to see: a request to a service that the lab does not have, or that few use, is still known by its signature or
its target; the former is refused by name. Only an unsigned one, which names an operation and nothing else, is not known
if it is for another service than those of every notebook. Where ``SERVICES`` does not limit LocalStack, every model is
loaded as before.
"""

from __future__ import annotations

import functools
import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace
from lab.emulator.runtime.settings import enabled_services

# Of the lab's services those that few call: each request of theirs names its target and is signed, so the head will do
# here, and the model is read when the first one comes.
LATER = frozenset({"dynamodb", "dynamodbstreams", "kinesis"})
_HEAD = 4096  # characters; metadata comes first in a model, the longest are some 1,000


def _services(module: ModuleType, enabled: frozenset[str]) -> dict[str, list[Any]]:
    services = defaultdict(list)
    early = enabled - LATER
    patched = {key.partition("/")[0] for key in module.loader.patches}
    for name in module.loader.list_available_services("service-2"):
        # A protocol of its own makes a service of its own: sqs-query.
        whole = name in early or name in patched or any(name.startswith(f"{service}-") for service in early)
        metadata = None if whole else _metadata(module, name)
        service = module.load_service(name) if metadata is None else module.ServiceModel({"metadata": metadata}, name)
        services[service.service_name].append(service)
    return dict(services)


def _metadata(module: ModuleType, name: str) -> Mapping[str, Any] | None:
    """The part ``metadata`` of a service's model; None where it is not in the file's first lines."""
    version = module.loader.determine_latest_version(name, "service-2")
    for folder in module.loader.search_paths:
        file = Path(folder, name, version, "service-2.json")
        for path, opened in ((file, open), (file.with_name("service-2.json.gz"), gzip.open)):
            if path.exists():
                with opened(path, "rt", encoding="utf-8") as text:
                    return _first_metadata(text.read(_HEAD))
    return None


def _first_metadata(head: str) -> Mapping[str, Any] | None:
    _, found, rest = head.partition('"metadata"')
    try:
        metadata, _ = json.JSONDecoder().raw_decode(rest[rest.index("{") :])
    except ValueError:
        return None
    return metadata if found and isinstance(metadata, dict) else None


def _patch(module: ModuleType) -> None:
    limit = enabled_services()
    if not limit:
        return

    def make_services(_: Any) -> Any:
        made = functools.cached_property(lambda index: _services(module, limit))
        made.__set_name__(module.LazyServiceCatalogIndex, "_services")
        return made

    def make_build(_: Any) -> Any:
        return lambda file_path: module.LazyServiceCatalogIndex()  # an index that is not in a file

    replace(module.LazyServiceCatalogIndex, "_services", make_services)
    replace(module, "build_service_index_cache", make_build)


PATCHES = {"localstack.aws.spec": _patch}
