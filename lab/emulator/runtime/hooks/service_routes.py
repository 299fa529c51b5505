"""Lets no request pass a service that is being loaded.

Replaces ``ServiceLoader.require_service``.

Wrong: LocalStack loads a service when it is first called. It notes it as loaded first and adds its operations to the
router afterwards; a second request that comes in between finds none and is answered "no handler for operation
'GetFunctionConfiguration' on service 'lambda'" (501). The lab asks for five functions at the same time when it is set
up, so a learner could meet it once in a few hundred starts.

The same to see: the second request waits a moment for the first, as it does while the service is imported.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace


def _patch(module: ModuleType) -> None:
    def make(require_service: Any) -> Any:
        @functools.wraps(require_service)
        def require_one_at_a_time(self: Any, chain: Any, context: Any, response: Any) -> Any:
            routed: set[str] = self.__dict__.setdefault("_routed_services", set())
            if context.service is None or (name := context.service.service_name) in routed:
                return None
            with self.service_locks[name]:  # the original takes it again: it may be taken twice by one thread
                result = require_service(self, chain, context, response)
                if name in self.loaded_services:
                    routed.add(name)
                return result

        return require_one_at_a_time

    replace(module.ServiceLoader, "require_service", make)


PATCHES = {"localstack.aws.handlers.service_plugin": _patch}
