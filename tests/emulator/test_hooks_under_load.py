"""What the hooks are for: bursts without loss, memory that does not grow; and how they are switched off."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from lab.emulator.runtime.settings import workers_per_function
from tests.emulator.running import LocalStack, deploy, wait_until
from tests.emulator.scenarios import ECHO, Workflow, machine, task

EXECUTIONS = 500


@pytest.mark.needs_hook("execution_logs")  # without it LocalStack loses events under load
def test_burst_loses_nothing_and_starts_no_more_workers_than_the_limit(localstack: LocalStack) -> None:
    """Only with hooks: stock LocalStack loses events as soon as executions run side by side."""
    echo = deploy(localstack, ECHO).name
    workflow = Workflow(localstack, machine("One", One=task(echo, "Two"), Two=task(echo)))
    workers_before = set(localstack.workers())
    with ThreadPoolExecutor(20) as threads:
        started = set(threads.map(lambda number: workflow.start({"n": number}), range(EXECUTIONS)))
    # By the folder that they work in: a function of another test may get its second worker at this moment.
    folders = Counter(psutil.Process(pid).cwd() for pid in set(localstack.workers()) - workers_before)
    assert max(folders.values()) <= workers_per_function()

    def all_events() -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        pages = localstack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=workflow.group)
        for page in pages:
            for event in page["events"]:
                message = json.loads(event["message"])
                found.setdefault(message["execution_arn"], []).append(int(message["id"]))
        return found if sum(map(len, found.values())) >= EXECUTIONS * 12 else {}

    found: dict[str, list[int]] = wait_until(all_events, deadline_s=120, what="all log events")
    assert found.keys() == started
    assert all(ids == list(range(1, 13)) for ids in found.values())


def test_finished_express_executions_are_forgotten_and_standard_ones_kept(localstack: LocalStack) -> None:
    client = localstack.client("stepfunctions")
    workflow = Workflow(localstack, machine("P", P={"Type": "Pass", "End": True}), kind="STANDARD")
    arns = {workflow.start({}) for _ in range(3)}
    listed = wait_until(lambda: client.list_executions(stateMachineArn=workflow.arn)["executions"])
    assert {execution["executionArn"] for execution in listed} == arns


def test_switches(other_localstack: Callable[..., LocalStack]) -> None:
    states = other_localstack(LAB_HOOKS_OFF="jsonpath, metrics").report()["hooks"]
    assert {name for name, state in states.items() if state == "off"} == {"jsonpath", "metrics"}
    assert {state for name, state in states.items() if name not in {"jsonpath", "metrics"}} == {"on"}


def test_all_off(stock: LocalStack) -> None:
    assert set(stock.report()["hooks"].values()) == {"off"}


def test_logs_are_complete_when_localstack_is_asked_to_stop(other_localstack: Callable[..., LocalStack]) -> None:
    """What waits in the background is delivered before the end; the delivery writes a line only when it fails."""
    running = other_localstack()
    workflow = Workflow(running, machine("P", P={"Type": "Pass", "End": True}))
    for _ in range(20):
        workflow.start({})
    time.sleep(0.01)
    running.emulator.process().terminate()  # type: ignore[union-attr]
    wait_until(lambda: running.emulator.process() is None, what="the end of LocalStack")
    assert "were not delivered" not in running.log()
