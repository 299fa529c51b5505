"""Lets the deletion of a stack delete what an update of it had added.

Replaces ``ChangeSetModelExecutor.execute``.

Not slow, but untrue: LocalStack deletes what the template said when the stack was made. Resources that ``UpdateStack``
added were left behind, and nobody was told. Now an update that succeeded counts as the stack's template.

The same to see: a stack that was never updated is deleted as before, and an update that fails changes nothing here.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace


def _patch(module: ModuleType) -> None:
    def make(execute: Any) -> Any:
        @functools.wraps(execute)
        def execute_and_remember(self: Any) -> Any:
            result = execute(self)
            change_set = self._change_set
            if result.failure_message is None and change_set.processed_template:  # a deletion has none
                change_set.stack.processed_template = change_set.processed_template
            return result

        return execute_and_remember

    replace(module.ChangeSetModelExecutor, "execute", make)


PATCHES = {"localstack.services.cloudformation.engine.v2.change_set_model_executor": _patch}
