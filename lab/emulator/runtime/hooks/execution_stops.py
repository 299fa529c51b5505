"""Lets a stop reach an execution that has not begun yet, or is about to wait.

Replaces ``Environment.set_stop`` and ``WaitFunction._wait_interval``.

Wrong: StopExecution is answered, and nothing happens, when it comes before the execution has reached its first state.
And a Wait state that begins at the very moment of the stop misses it, and waits to its end: for minutes, or a year.

The same to see: an execution that waits already is stopped as before. One that waits for a task's token is not: on
AWS it would be, here it ends with its answer or its timeout.
"""

from __future__ import annotations

import functools
import time
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

BEGIN_WITHIN_S = 10.0
LOOK_S = 0.5


def _patch_environment(module: ModuleType) -> None:
    def make(set_stop: Any) -> Any:
        @functools.wraps(set_stop)
        def stop_once_begun(self: Any, *arguments: Any, **named: Any) -> None:
            until = time.monotonic() + BEGIN_WITHIN_S
            # A frame, which is a part of an execution, is stopped by the whole, and holds its lock meanwhile.
            while self._program_state is None and not self.is_frame() and time.monotonic() < until:
                time.sleep(0.005)
            set_stop(self, *arguments, **named)

        return stop_once_begun

    replace(module.Environment, "set_stop", make)


def _patch_wait(module: ModuleType) -> None:
    def make(wait_interval: Any) -> Any:
        @functools.wraps(wait_interval)
        def wait_while_it_runs(self: Any, env: Any, wait_seconds: float) -> None:
            end = time.monotonic() + wait_seconds
            while env.is_running() and (left := end - time.monotonic()) > 0:
                env.program_state_event.wait(min(left, LOOK_S))

        return wait_while_it_runs

    replace(module.WaitFunction, "_wait_interval", make)


_ASL = "localstack.services.stepfunctions.asl"
PATCHES = {
    f"{_ASL}.eval.environment": _patch_environment,
    f"{_ASL}.component.state.state_wait.wait_function.wait_function": _patch_wait,
}
