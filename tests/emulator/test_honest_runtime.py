"""A function's runtime is the Python that runs it, and its memory is all that it gets."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable

import pytest

from lab.emulator.health import runtime_at
from lab.target import Target
from tests.emulator.running import Function, LocalStack, deploy
from tests.emulator.scenarios import ECHO, Workflow, machine, task

# Takes `event` megabytes in one go, and says who it is.
GREEDY = """
import os, time

def lambda_handler(event, context):
    print("taking", event["mb"])
    taken = bytearray(event["mb"] * 1024 * 1024)
    {then}
    return os.getpid()
"""
OWN_PYTHON = ".".join(platform.python_version_tuple()[:2])


# Runtime


@pytest.mark.needs_hook("function_runtimes")
def test_the_emulator_tells_which_python_runs_the_functions(localstack: LocalStack) -> None:
    assert runtime_at(localstack.endpoint_url) == f"python{OWN_PYTHON}"
    target = Target("localstack", "a", endpoint_url=localstack.endpoint_url)
    assert target.function_runtime == f"python{OWN_PYTHON}"


@pytest.mark.needs_hook("function_runtimes")
def test_the_runtime_of_a_function_is_the_python_that_runs_it(localstack: LocalStack) -> None:
    target = Target("localstack", "a", endpoint_url=localstack.endpoint_url)
    source = "import os, sys\n\ndef lambda_handler(event, context):\n    return [sys.version, dict(os.environ)]\n"
    function = deploy(localstack, source, Runtime=target.function_runtime)
    configuration = localstack.client("lambda").get_function(FunctionName=function.name)["Configuration"]
    version, environment = function.invoke()["payload"]
    assert configuration["Runtime"] == "python" + ".".join(version.split(".")[:2])
    assert environment["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{configuration['Runtime']}"


def test_who_does_not_tell_has_the_runtime_of_aws() -> None:
    assert Target("localstack", "a", endpoint_url="http://127.0.0.1:1").function_runtime == "python3.13"
    assert Target("aws", "a").function_runtime == "python3.13"


# Memory


@pytest.mark.parametrize(
    "then", ["pass", "time.sleep(30)", "del taken; time.sleep(0.001)"], ids=["keeps it", "stays", "frees it"]
)
def test_more_memory_than_the_function_has_ends_the_invocation(function: Callable[..., Function], then: str) -> None:
    made = function(GREEDY.format(then=then), MemorySize=128)
    result = made.invoke({"mb": 125})  # filled sooner than the next look, unless the machine is slow
    assert result["error"] == "Unhandled"
    assert result["payload"]["errorType"] == "Runtime.OutOfMemory"
    assert re.fullmatch(
        "RequestId: [0-9a-f-]{36} Error: Runtime exited with error: signal: killed", result["payload"]["errorMessage"]
    )
    assert "taking 125" in result["log"]
    report = result["log"].strip().splitlines()[-1]
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in report
    assert report.endswith("Status: error\tError Type: Runtime.OutOfMemory")


def test_another_worker_takes_over_and_enough_memory_is_enough(function: Callable[..., Function]) -> None:
    made = function(GREEDY.format(then="pass"), MemorySize=512)
    first = made.invoke({"mb": 200})
    assert first["error"] is None
    used = int(re.search(r"Max Memory Used: (\d+) MB", first["log"])[1])  # type: ignore[index]
    assert 200 < used < 512
    assert made.invoke({"mb": 600})["payload"]["errorType"] == "Runtime.OutOfMemory"
    second = made.invoke({"mb": 1})
    assert second["error"] is None
    assert second["payload"] != first["payload"]


def test_a_start_that_takes_too_much_fails(function: Callable[..., Function]) -> None:
    made = function("import time\ntaken = bytearray(300 * 1024 * 1024)\ntime.sleep(5)\n" + ECHO, MemorySize=128)
    assert made.invoke({})["payload"]["errorType"] == "Runtime.OutOfMemory"


def test_a_task_fails_by_the_name_of_it(localstack: LocalStack) -> None:
    greedy = deploy(localstack, GREEDY.format(then="pass"), MemorySize=128)
    events = Workflow(localstack, machine("One", One=task(greedy.name))).run({"mb": 200})
    assert events[-1]["details"]["error"] == "Runtime.OutOfMemory"
