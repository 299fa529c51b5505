"""An update of a function's code leaves invocations that are under way to the code that they began with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import paths
from tests.emulator.running import Function, LocalStack, wait_until, zipped

# Its second module is imported only when the test says so: after the update.
BEGINS_AND_WAITS = """
import pathlib, time
def lambda_handler(event, context):
    pathlib.Path(event, "begun").touch()
    while not pathlib.Path(event, "go on").exists():
        time.sleep(0.02)
    import later
    return later.WORD
"""
NEW = "def lambda_handler(event, context):\n    return 'new'\n"
SLOW = "import time\ndef lambda_handler(event, context):\n    time.sleep(0.05)\n    return {number}\n"


@pytest.mark.needs_hook("function_code")
def test_an_invocation_that_is_under_way_finishes_with_the_code_that_it_began_with(
    localstack: LocalStack, function: Callable[..., Function], tmp_path: Path
) -> None:
    made = function(NEW)
    both = zipped({"handler.py": BEGINS_AND_WAITS, "later.py": "WORD = 'old'\n"})
    client = localstack.client("lambda")
    client.update_function_code(FunctionName=made.name, ZipFile=both)
    client.get_waiter("function_updated_v2").wait(FunctionName=made.name, WaiterConfig={"Delay": 0.1})
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(made.invoke, str(tmp_path))
        wait_until((tmp_path / "begun").exists, what="the begin of the invocation")
        made.update(NEW)
        assert made.invoke()["payload"] == "new"
        (tmp_path / "go on").touch()
        assert under_way.result(20)["payload"] == "old"
    (unpacked,) = wait_until(lambda: len(found := code_folders(localstack, made)) == 1 and found)
    assert not (unpacked / "code" / "later.py").exists()


def test_no_invocation_fails_while_a_function_is_updated_again_and_again(function: Callable[..., Function]) -> None:
    made = function(SLOW.format(number=0))
    answers: list[object] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            answers.append(made.invoke()["payload"])

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(call) for _ in range(8)]
        try:
            for number in range(1, 6):
                made.update(SLOW.format(number=number))
                assert made.invoke()["payload"] == number
        finally:
            done.set()
        for one in calls:
            one.result(20)
    assert {0, 5} <= set(answers) <= set(range(6)), set(map(str, answers)) - set("012345")


def code_folders(localstack: LocalStack, made: Function) -> list[Path]:
    """Where LocalStack has unpacked the function."""
    return list((paths.state_folder(localstack.name) / "emulator" / "tmp" / "lambda").glob(f"*/{made.name}-*"))
