"""Runs a state and a program on the thread that they already have, unless a timeout needs another.

Replaces the way ``ExecutionState._evaluate_with_timeout``, ``Program.eval`` and ``ExecutionWorker.start`` use threads,
and stops ``localstack.services.stepfunctions`` from keeping every thread it ever started.

Slow: a new thread for each state and two for each execution, six for the four-state machine. Each start and each end is
a hand-over between threads that compete for one interpreter lock, several milliseconds under load. All of them stay in
a list until LocalStack ends, 50,000 after 10,000 messages.

The same to see: without ``TimeoutSeconds`` the original waits for the other thread for as long as it takes, which is
just what doing the work oneself does. With a timeout the original code runs.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

_mode = threading.local()


class _ThreadOrNot:
    """Stands for ``threading.Thread``: does the work at once when the caller has no timeout."""

    def __new__(cls, target: Callable[..., Any], daemon: bool | None = None) -> Any:
        if not getattr(_mode, "at_once", False):
            return threading.Thread(target=target, daemon=daemon)
        _mode.at_once = False  # what the target starts decides for itself
        instance = super().__new__(cls)
        instance._target = target
        return instance

    _target: Callable[..., Any]

    def start(self) -> None:
        self._target()


class _KeepsNothing:
    def append(self, thread: threading.Thread) -> None:
        """The thread is a daemon and ends with the process; nobody needs to find it again."""


def _patch_state(module: ModuleType) -> None:
    def make(evaluate: Any) -> Any:
        @functools.wraps(evaluate)
        def evaluate_with_timeout(self: Any, env: Any) -> None:
            _mode.at_once = self.timeout.is_default_value()
            try:
                evaluate(self, env)
            finally:
                _mode.at_once = False

        return evaluate_with_timeout

    replace(module.ExecutionState, "_evaluate_with_timeout", make)
    replace(module, "Thread", lambda original: _ThreadOrNot)
    replace(module, "TMP_THREADS", lambda original: _KeepsNothing())


def _patch_program(module: ModuleType) -> None:
    program = module.Program

    def make(evaluate: Any) -> Any:
        @functools.wraps(evaluate)
        def eval_program(self: Any, env: Any) -> None:
            if self.timeout_seconds:
                evaluate(self, env)
                return
            env.next_state_name = self.start_at.start_at_name
            super(program, self).eval(env)

        return eval_program

    replace(program, "eval", make)
    replace(module, "TMP_THREADS", lambda original: _KeepsNothing())


class _Threads:
    """Threads that run one execution after the other; there are as many as ever ran at once."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[..., Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def run(self, target: Callable[..., Any]) -> None:
        """Does the work on an idle thread, or on a new one."""
        with self._lock:
            is_one_idle = self._idle > 0
            self._idle -= is_one_idle
        if is_one_idle:
            self._work.put(target)
        else:
            threading.Thread(target=self._serve, args=(target,), name="lab-execution", daemon=True).start()

    def _serve(self, target: Callable[..., Any]) -> None:
        while True:
            try:
                target()
            except BaseException as error:  # noqa: BLE001 - as a thread of its own ends: told, and nobody else suffers
                threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))
            with self._lock:
                self._idle += 1
            target = self._work.get()


_THREADS = _Threads()


class _ThreadOfThePool:
    """Stands for the thread of an execution."""

    def __init__(self, target: Callable[..., Any], daemon: bool = True) -> None:
        assert daemon
        self._target = target

    def start(self) -> None:
        _THREADS.run(self._target)


def _patch_worker(module: ModuleType) -> None:
    replace(module, "TMP_THREADS", lambda original: _KeepsNothing())
    replace(module, "Thread", lambda original: _ThreadOfThePool)


_COMPONENT = "localstack.services.stepfunctions.asl.component"
PATCHES = {
    f"{_COMPONENT}.state.state_execution.execute_state": _patch_state,
    f"{_COMPONENT}.program.program": _patch_program,
    "localstack.services.stepfunctions.backend.execution_worker": _patch_worker,
}
