"""The three hooks for CloudFormation, on stand-ins for LocalStack's classes and on its own packing."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
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


PACKS = """
import sys
from localstack.utils import testutil
testutil.is_debian = lambda: True
if sys.argv[2] == "hook":
    from lab.emulator.runtime.hooks.code_archives import PATCHES
    PATCHES["localstack.utils.testutil"](testutil)
sys.stdout.buffer.write(testutil.create_zip_file(sys.argv[1], get_content=True))
"""


@pytest.mark.parametrize("hook", ["hook", "none"])
def test_code_is_packed_where_there_is_no_program_for_it(tmp_path: Path, hook: str) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text("def lambda_handler(event, context): ...", "utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", PACKS, str(tmp_path / "code"), hook],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
    )
    if hook == "none":
        assert b"No such file or directory: 'zip'" in ended.stderr
        return
    assert ended.returncode == 0, ended.stderr
    with zipfile.ZipFile(io.BytesIO(ended.stdout)) as archive:
        assert archive.namelist() == ["handler.py"]
