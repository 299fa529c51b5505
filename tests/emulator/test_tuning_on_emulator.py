"""What an experiment turns, on embedded LocalStack: each setting is in force, is measured, and is put back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import stack, workshop
from lab.load import Plan, Stage, messages
from lab.session import Watch, measuring, try_settings
from lab.stack import Names, Settings, functions, mapping, state_machine
from lab.stack.names import FUNCTIONS
from lab.target import Target
from lab.workshop import self_checks
from tests.emulator.running import own_lab

TURNED = Settings(
    batch_size=5, batching_window_s=2, mapping_concurrency=3, log_level="ERROR", start="synchronous", stamped=True
)


@pytest.fixture(scope="module")
def target(state_folder: object) -> Iterator[Target]:
    with own_lab("tuning-test") as target:
        stack.provision(target)
        yield target


def policies_of(names: Names) -> list[str]:
    answer = names.target.client("iam").list_role_policies(RoleName=names.start_role)
    return list(answer["PolicyNames"])


def handlers(names: Names) -> dict[str, str]:
    found = {folder: functions.find(names, folder) or {} for folder in FUNCTIONS}
    return {folder: function["Handler"] for folder, function in found.items()}


def test_every_setting_is_in_force_and_a_plain_provision_puts_each_back(target: Target) -> None:
    names = stack.provision(target, TURNED)
    polls = mapping.find(names) or {}
    assert (polls["BatchSize"], polls["MaximumBatchingWindowInSeconds"]) == (5, 2)
    assert polls["ScalingConfig"] == {"MaximumConcurrency": 3}
    machine = state_machine.find(names) or {}
    assert machine["loggingConfiguration"]["level"] == "ERROR"
    assert "wait_for_executions" in policies_of(names)
    turned = {"start_execution": "synchronous", "base64_decoder": "stamping", "tokenizer_counter": "stamping"}
    assert handlers(names) == {folder: f"{turned.get(folder, 'handler')}.lambda_handler" for folder in FUNCTIONS}
    stack.provision(target)
    polls = mapping.find(names) or {}
    assert (polls["BatchSize"], polls["MaximumBatchingWindowInSeconds"], polls["ScalingConfig"]) == (10, 0, {})
    assert (state_machine.find(names) or {})["loggingConfiguration"]["level"] == "ALL"
    assert "wait_for_executions" not in policies_of(names)
    assert set(handlers(names).values()) == {functions.HANDLER}
    assert self_checks.changed_by_lab_up(target) == []


@pytest.mark.parametrize("start", ["asynchronous", "synchronous"])
def test_messages_are_measured_though_the_workflow_writes_no_log(target: Target, start: str) -> None:
    watch = Watch(Names(target))
    with measuring.as_it_was(target):
        measuring.apply(target, Settings(log_level="ERROR", start=start, stamped=True))
        result = measuring.measure(target, Plan([Stage(10, 1)]), list(messages.generate(10, seed=7)))
    assert result.drained
    assert (result.messages["status"] == "SUCCEEDED").all()
    assert (result.messages["end_to_end_s"] > 0).all()
    assert (result.executions["duration_s"] >= 0).all()
    assert set(result.received["lab_id"]) == set(result.sends["lab_id"])
    watch.look()
    assert len(watch.tables()[0]) == 0, "an execution that succeeded is in the log"
    assert self_checks.changed_by_lab_up(target) == []


def test_a_message_that_fails_is_not_waited_for_for_ever(target: Target) -> None:
    to_send = [*messages.generate(2, seed=8), messages.broken("bad_base64", lab_id="broken-000001")]
    with measuring.as_it_was(target):
        measuring.apply(target, Settings(log_level="ERROR", stamped=True))
        result = measuring.measure(target, Plan([Stage(3, 1)]), to_send, patience_s=2)
    assert not result.drained
    assert int((result.messages["status"] == "SUCCEEDED").sum()) == 2


def test_less_log_costs_less_and_fuller_batches_are_fewer(target: Target) -> None:
    dear = try_settings(target, Settings(batch_size=1), rate=10, seconds=1)
    cheap = try_settings(target, Settings(log_level="ERROR", batching_window_s=3), rate=10, seconds=1)
    assert dear["batches"] == dear["messages"] == 10
    assert cheap["batches"] <= 3
    assert cheap["usd_per_million"] < dear["usd_per_million"] / 2


@pytest.mark.parametrize("place", ["string_cleaner", "start_execution"])
def test_a_slow_function_shows_in_the_parts_and_is_quick_again(target: Target, place: str) -> None:
    names = Names(target)
    run = workshop.run_with_a_slow_function(
        target, Plan([Stage(10, 1)]), list(messages.generate(10, seed=9)), place=place
    )
    medians = run.parts.groupby("state")["duration_s"].median()
    longest = {"string_cleaner": "Remove special characters", "start_execution": "start_execution"}[place]
    assert medians[longest] >= 0.3
    assert run.is_slow(place)
    assert run.result.faults.empty
    assert set(handlers(names).values()) == {functions.HANDLER}
