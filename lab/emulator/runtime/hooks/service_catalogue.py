"""Builds LocalStack's index of all AWS services without holding all of them in memory.

Replaces ``build_service_index_cache`` and ``load_service_index_cache``.

Costly: the first request to a LocalStack that has no index yet loads the models of some 400 services and keeps them
all, 3.6 s of CPU and 350 MB; loading one after the other takes 1.3 s and 25 MB. And an index that was kept and cannot
be read is never replaced: each start pays for it.

The same to see: the index is equal, LocalStack's own code makes it. The file appears whole or not at all, so that the
launcher never keeps half of one.
"""

from __future__ import annotations

import functools
import logging
import os
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from lab.emulator.runtime.hooks.replacing import replace

LOG = logging.getLogger(__name__)


class _Service(NamedTuple):
    """What the index wants to know of a service model; it has the names of botocore's ``ServiceModel``."""

    service_name: str
    protocol: str
    metadata: dict[str, Any]
    signing_name: str
    endpoint_prefix: str
    operation_names: list[str]


def _services(module: ModuleType) -> dict[str, list[_Service]]:
    services = defaultdict(list)
    names = module.loader.list_available_services("service-2")
    loaded = module.loader._cache
    kept = set(loaded)
    for name in names:
        model = module.load_service(name)
        service = _Service(**{field: getattr(model, field) for field in _Service._fields})
        services[service.service_name].append(service)
        for key in [key for key in loaded if key not in kept]:
            loaded.pop(key, None)
    return dict(services)


def _patch(module: ModuleType) -> None:
    def make_build(_: Any) -> Any:
        def build(file_path: str) -> Any:
            index = module.LazyServiceCatalogIndex()
            index._services = _services(module)
            part = Path(f"{file_path}.{os.getpid()}")
            built = module.save_service_index_cache(index, str(part))
            part.replace(file_path)
            return built

        return build

    def make_load(load: Any) -> Any:
        @functools.wraps(load)
        def load_or_build(file: str) -> Any:
            try:
                index = load(file)
                if isinstance(index, module.ServiceCatalogIndex):
                    return index
                LOG.debug("%s holds no index", file)
            except Exception as error:  # noqa: BLE001 - whatever a damaged pickle raises
                LOG.debug("%s cannot be read: %r", file, error)
            return module.build_service_index_cache(file)

        return load_or_build

    replace(module, "build_service_index_cache", make_build)
    replace(module, "load_service_index_cache", make_load)


PATCHES = {"localstack.aws.spec": _patch}
