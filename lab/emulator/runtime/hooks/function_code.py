"""Keeps the code of a replaced function until the invocations that began with it have ended.

Replaces ``S3Code.destroy_cached``.

Not slow, but untrue: when a function's code is updated, LocalStack removes the old code at once. An invocation that is
under way may just be starting a process with it, and fails: "Unable to import module 'handler'". On Lambda, invocations
under way finish with the code that they began with.

The same to see: the code is removed a little later. `function_invocations` sends what comes after that to the new code.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.code_in_use import CODE_IN_USE
from lab.emulator.runtime.hooks.replacing import replace


def _patch(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def destroy_cached(self: Any) -> None:
            CODE_IN_USE.remove_when_free(self.id, functools.partial(original, self))

        return destroy_cached

    replace(module.S3Code, "destroy_cached", make)


PATCHES = {"localstack.services.lambda_.invocation.lambda_models": _patch}
