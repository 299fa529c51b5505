"""Copies the data of an execution as the JSON that it is.

Replaces ``copy.deepcopy`` in the modules of Step Functions that copy inputs and outputs of states.

Slow: ``deepcopy`` asks of every value how it wants to be copied, and remembers each one in case it meets it again. The
counted words of a text are copied ten times on their way out of a state.

The same to see: a dictionary, a list and what they hold are copied all the way down, as before. Anything that JSON does
not have goes to ``deepcopy``.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

_IMMUTABLE = frozenset({str, int, float, bool, type(None)})


def copy_of(value: Any) -> Any:
    """A copy that shares nothing with ``value`` that could be changed."""
    kind = type(value)
    if kind in _IMMUTABLE:
        return value
    if kind is dict:
        return {name: each if type(each) in _IMMUTABLE else copy_of(each) for name, each in value.items()}
    if kind is list:
        return [each if type(each) in _IMMUTABLE else copy_of(each) for each in value]
    return copy.deepcopy(value)


def _copy_of_program_state(value: Any) -> Any:
    """Where a program is: an object that holds two names, until something fails."""
    attributes = getattr(value, "__dict__", None)
    if attributes is None or not all(type(each) in _IMMUTABLE for each in attributes.values()):
        return copy_of(value)
    copied = object.__new__(type(value))
    copied.__dict__.update(attributes)
    return copied


def _patch(module: ModuleType, deepcopy: Callable[[Any], Any] = copy_of) -> None:
    assert module.copy.deepcopy is copy.deepcopy
    replace(module, "copy", lambda original: SimpleNamespace(deepcopy=deepcopy, copy=original.copy))


_ASL = "localstack.services.stepfunctions.asl"
PATCHES = {
    f"{_ASL}.eval.states": _patch,
    f"{_ASL}.eval.environment": functools.partial(_patch, deepcopy=_copy_of_program_state),
    f"{_ASL}.component.common.path.result_path": _patch,
    f"{_ASL}.component.common.string.string_expression": _patch,
    f"{_ASL}.component.state.state_execution.execute_state": _patch,
    f"{_ASL}.component.state.state_execution.state_task.service.state_task_service": _patch,
}
