"""What hooks mend of Standard Workflows: who asks for a forgotten Express execution, and stops that come early."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.emulator.runtime.hooks import execution_memory, execution_stops


class _NotThereError(Exception):
    pass


def test_a_forgotten_express_execution_is_refused_as_express_and_an_unknown_one_as_unknown() -> None:
    class StepFunctionsProvider:
        def _get_execution(self, context: object, execution_arn: str) -> str:
            if execution_arn.endswith("known"):
                return execution_arn
            raise _NotThereError

        def _raise_resource_type_not_in_context(self, resource_type: str) -> None:
            raise ValueError(resource_type)

    module = SimpleNamespace(StepFunctionsProvider=StepFunctionsProvider, ExecutionDoesNotExist=_NotThereError)
    execution_memory._patch_provider(module)  # type: ignore[arg-type]
    get = StepFunctionsProvider()._get_execution
    arn = "arn:aws:states:us-east-1:1:{}:machine:name"
    assert get(context=None, execution_arn="known") == "known"
    with pytest.raises(ValueError, match="express"):
        get(context=None, execution_arn=arn.format("express"))
    with pytest.raises(ValueError, match="express"):
        get(None, arn.format("express"))
    with pytest.raises(_NotThereError):
        get(None, arn.format("execution").replace("machine", "express"))


def test_a_stop_before_the_first_state_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Environment:
        _program_state: str | None = None
        stopped = ""

        def is_frame(self) -> bool:
            return False

        def set_stop(self, cause: str) -> None:
            if self._program_state is not None:
                self.stopped = cause

    execution_stops._patch_environment(SimpleNamespace(Environment=Environment))  # type: ignore[arg-type]
    execution = Environment()
    clock = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: setattr(execution, "_program_state", "runs"))
    monkeypatch.setattr(execution_stops, "time", clock)
    execution.set_stop(cause="enough")
    assert execution.stopped == "enough"


def test_a_stop_that_came_just_before_the_wait_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    class WaitFunction:
        def _wait_interval(self, env: object, wait_seconds: float) -> None:
            raise AssertionError

    execution_stops._patch_wait(SimpleNamespace(WaitFunction=WaitFunction))  # type: ignore[arg-type]
    now, stopped_at, waits = 0.0, 100.0, list[float]()

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    monkeypatch.setattr(execution_stops, "time", SimpleNamespace(monotonic=lambda: now))
    env = SimpleNamespace(is_running=lambda: now < stopped_at, program_state_event=SimpleNamespace(wait=wait))
    WaitFunction()._wait_interval(env, 1.2)
    assert waits == pytest.approx([0.5, 0.5, 0.2])
    stopped_at = 0.0
    WaitFunction()._wait_interval(env, 300)
    assert len(waits) == 3
