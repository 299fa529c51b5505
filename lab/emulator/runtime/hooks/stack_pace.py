"""Lets CloudFormation look every tenth of a second whether what it makes is ready.

Replaces the pause in ``ResourceProviderExecutor.deploy_loop``.

Slow: a function is ready some milliseconds after it was asked for. CloudFormation looks once too early, then sleeps
five seconds, one function after the other: 26 s for a stack with five of them.

The same to see: resources are made and deleted in the same order, and the limit of time for each stays as it was.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

PAUSE_S = 0.1


def _patch(module: ModuleType) -> None:
    def make(deploy_loop: Any) -> Any:
        @functools.wraps(deploy_loop)
        def deploy_with_short_pauses(*arguments: Any, **options: Any) -> Any:
            return deploy_loop(*arguments, **{"sleep_time": PAUSE_S, **options})

        return deploy_with_short_pauses

    replace(module.ResourceProviderExecutor, "deploy_loop", make)


PATCHES = {"localstack.services.cloudformation.resource_provider": _patch}
