"""Which executor is loaded, and that no worker outlives its LocalStack."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from lab.emulator import launcher
from lab.emulator.environment import EXECUTOR_CLASS
from lab.emulator.health import executor_at
from lab.emulator.launcher import EmulatorError
from lab.emulator.ports import listening_addresses
from tests.emulator.running import Function, LocalStack, deploy, is_alive, wait_until, zipped
from tests.ports import free_port

STUCK = """
import os, re, time
def lambda_handler(event, context):
    print(os.getpid())
    if event == "sleep":
        time.sleep(600)
    if event == "loop":
        while True:
            pass
    if event == "regular expression":  # inside C code, which lets no other thread run
        re.match(r"(a+)+$", "a" * 64 + "b")
    return os.getpid()
"""


def test_this_executor_is_the_one_loaded(localstack: LocalStack) -> None:
    report = localstack.report()
    assert report["executor"] == "WorkerPoolExecutor"
    assert report["pid"] == localstack.pid
    assert report["version"]


def test_an_executor_that_localstack_does_not_know_stops_the_start(other_localstack: Callable[..., LocalStack]) -> None:
    with pytest.raises(EmulatorError, match="DockerRuntimeExecutor"):
        other_localstack(LAMBDA_RUNTIME_EXECUTOR="no_such_executor")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_localstack(other_localstack: Callable[..., LocalStack], how: signal.Signals) -> None:
    running = other_localstack(LAB_WORKERS_PER_FUNCTION="4")
    made = deploy(running, STUCK, Timeout=600)
    made.invoke("idle")
    with ThreadPoolExecutor(3) as threads:
        for event in ("sleep", "loop", "regular expression"):
            threads.submit(made.invoke, event).add_done_callback(lambda future: future.exception())
        workers = wait_until(lambda: len(found := running.workers()) == 3 and found)
        os.kill(running.pid, how)  # LocalStack alone, not its process group
        for worker in workers:
            wait_until(lambda pid=worker: not is_alive(pid), what=f"the end of worker {worker}")


def test_the_emulator_and_its_workers_listen_on_loopback_only(
    localstack: LocalStack, function: Callable[..., Function]
) -> None:
    function("def lambda_handler(event, context): return 1").invoke({})
    processes = [psutil.Process(localstack.pid), *psutil.Process(localstack.pid).children(recursive=True)]
    addresses = {
        entry.laddr.ip
        for process in processes
        for entry in process.net_connections(kind="tcp")
        if entry.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


@pytest.mark.parametrize("lacking", ["", "LAB_LISTEN", "LAB_IMAGE", "GATEWAY_LISTEN"])
def test_it_takes_every_mark_of_the_image_to_listen_elsewhere_and_then_the_launcher_ends_it(lacking: str) -> None:
    port = free_port()
    marks = {"LAB_LISTEN": "container", "LAB_IMAGE": "1", "GATEWAY_LISTEN": f"0.0.0.0:{port}"}
    if lacking:
        marks[lacking] = f"127.0.0.1:{port}"
    name = f"listen-{port}"
    try:
        if not lacking:
            with pytest.raises(EmulatorError, match="for this machine only"):
                launcher.start(name, port=port, extra_environment=marks)
            return
        running = launcher.start(name, port=port, extra_environment=marks)
        assert listening_addresses(psutil.Process(running.pid), port) == {"127.0.0.1"}
    finally:
        launcher.stop(name)


def test_the_executor_is_told_at_an_address_of_the_labs_own(localstack: LocalStack) -> None:
    assert executor_at(localstack.endpoint_url) == EXECUTOR_CLASS
    assert executor_at(localstack.endpoint_url + "/elsewhere") is None


def test_burst_starts_no_more_workers_than_the_limit(other_localstack: Callable[..., LocalStack]) -> None:
    running = other_localstack(LAB_WORKERS_PER_FUNCTION="2")
    made = deploy(
        running,
        "import os, time\ndef lambda_handler(event, context):\n    time.sleep(0.05)\n    return [event, os.getpid()]\n",
        Timeout=1,  # all forty take longer together: waiting for a worker must not count
    )
    with ThreadPoolExecutor(40) as threads:
        results = list(threads.map(made.invoke, range(40)))
    assert [result["error"] for result in results] == [None] * 40
    assert [result["payload"][0] for result in results] == list(range(40))
    assert len({result["payload"][1] for result in results}) <= 2
    assert len(running.workers()) <= 2


def test_foreign_runtime_is_refused_with_a_reason(localstack: LocalStack) -> None:
    client = localstack.client("lambda")
    name = f"test-node-{time.time_ns()}"
    client.create_function(
        FunctionName=name,
        Code={"ZipFile": zipped({"index.js": ""})},
        Runtime="nodejs20.x",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/lambda",
    )
    configuration = wait_until(
        lambda: (found := client.get_function_configuration(FunctionName=name))["State"] == "Failed" and found
    )
    assert "Python functions only" in configuration["StateReason"]
