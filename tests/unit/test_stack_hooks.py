"""The two hooks for CloudFormation, on stand-ins for LocalStack's classes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.emulator.runtime.hooks import stack_pace, stack_updates


class Executor:
    """Tells with which pause it was called."""

    def deploy_loop(self, resource: str, sleep_time: float = 5) -> tuple[str, float]:
        return resource, sleep_time


def test_a_resource_is_looked_at_every_tenth_of_a_second_unless_somebody_says_otherwise() -> None:
    module: Any = SimpleNamespace(ResourceProviderExecutor=type("Own", (Executor,), {}))
    stack_pace._patch(module)
    assert module.ResourceProviderExecutor().deploy_loop("queue") == ("queue", 0.1)
    assert module.ResourceProviderExecutor().deploy_loop("queue", sleep_time=2) == ("queue", 2)


@pytest.mark.parametrize(
    ("failure", "template", "kept"),
    [(None, {"after": 1}, {"after": 1}), ("no", {"after": 1}, {"before": 1}), (None, None, {"before": 1})],
    ids=["an update", "an update that failed", "a deletion"],
)
def test_an_update_that_succeeded_is_what_a_deletion_goes_by(failure: str | None, template: Any, kept: Any) -> None:
    stack = SimpleNamespace(processed_template={"before": 1})

    class ChangeSetModelExecutor:
        _change_set = SimpleNamespace(stack=stack, processed_template=template)

        def execute(self) -> Any:
            return SimpleNamespace(failure_message=failure)

    module: Any = SimpleNamespace(ChangeSetModelExecutor=ChangeSetModelExecutor)
    stack_updates._patch(module)
    assert ChangeSetModelExecutor().execute().failure_message == failure
    assert stack.processed_template == kept
