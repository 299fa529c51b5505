"""The hooks' own machinery: switches, versions, patching after import, log delivery, metrics."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lab.emulator.runtime.hooks import (
    direct_lambda,
    execution_memory,
    garbage_collection,
    log_delivery,
    start_up,
    status_events,
    task_threads,
)
from lab.emulator.runtime.hooks.after_import import after_import, around_import
from lab.emulator.runtime.hooks.log_delivery import Destination, LogDelivery, LogEvent, batches
from lab.emulator.runtime.hooks.metrics import MetricCounter, Point
from lab.emulator.runtime.hooks.registry import NAMES, WRITTEN_FOR, Hooks
from lab.emulator.runtime.hooks.replacing import replace

HERE = Destination("000000000000", "us-east-1", "group", "stream")


# Switches and versions


def hooks(version: str = WRITTEN_FOR[0], **environment: str) -> Hooks:
    return Hooks(version, environment)


def test_all_off() -> None:
    made = hooks(LAB_HOOKS="off")
    made.install()
    assert made.states == dict.fromkeys(NAMES, "off")


def test_single_ones_off(monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[str] = []
    monkeypatch.setattr(Hooks, "_arm", lambda self, name: armed.append(name))
    made = hooks(LAB_HOOKS_OFF="jsonpath, metrics")
    made.install()
    assert {name for name, state in made.states.items() if state == "off"} == {"jsonpath", "metrics"}
    assert armed == [name for name in NAMES if name not in {"jsonpath", "metrics"}]


def test_other_version_makes_them_stand_aside_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Hooks, "_arm", lambda self, name: pytest.fail("armed on a version it does not know"))
    made = hooks(version="9.9.9")
    with caplog.at_level(logging.WARNING):
        made.install()
    assert all(state.startswith("stood aside: ") and "9.9.9" in state for state in made.states.values())
    assert "stand aside" in caplog.text


def test_hook_that_does_not_fit_stands_aside_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[Any] = []
    made = Hooks(WRITTEN_FOR[0], {}, reports.append)
    made.states = {"jsonpath": "on"}
    made._apply("jsonpath", lambda module: replace(module, "no_such_name", lambda original: original), ModuleType("m"))
    assert made.states["jsonpath"].startswith("stood aside: does not fit m")
    assert reports == [made.states]


def test_hook_that_lacks_a_package_stands_aside_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "lab.emulator.runtime.hooks.jsonpath", None)
    made = Hooks(WRITTEN_FOR[0], {})
    made.states = {"jsonpath": "on"}
    made._arm("jsonpath")
    assert made.states["jsonpath"].startswith("stood aside: ")
    assert "hook jsonpath stands aside" in caplog.text


def test_every_hook_says_what_why_and_what_stays() -> None:
    import importlib

    for name in NAMES:
        module = importlib.import_module(f"lab.emulator.runtime.hooks.{name}")
        text = module.__doc__ or ""
        assert "Replaces" in text, name
        assert "The same to see:" in text, name
        assert module.PATCHES or hasattr(module, "install"), name


# After import


@pytest.fixture
def late_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "late_module_of_a_test.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "late_module_of_a_test"
    sys.modules.pop("late_module_of_a_test", None)


def test_action_runs_once_right_after_the_import(late_module: str) -> None:
    seen: list[int] = []

    def action(module: ModuleType) -> None:
        seen.append(module.value)
        module.value = 2

    after_import(late_module, action)
    assert seen == []
    module = __import__(late_module)
    assert (seen, module.value) == ([1], 2)
    assert module.__spec__.loader is module.__loader__
    assert __import__(late_module).value == 2


def test_action_runs_at_once_when_the_module_is_there() -> None:
    seen: list[ModuleType] = []
    after_import("json", seen.append)
    assert seen == [sys.modules["json"]]


def test_code_of_a_module_can_be_run_in_a_way_of_its_own(late_module: str) -> None:
    order: list[str] = []

    def around(execute: Callable[[], None]) -> None:
        order.append("before")
        execute()
        order.append("after")

    around_import(late_module, around)
    after_import(late_module, lambda module: order.append(f"imported {module.value}"))
    __import__(late_module)
    assert order == ["before", "after", "imported 1"]


def test_package_can_be_left_out_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "outer_of_a_test" / "heavy"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("raise RuntimeError('the whole package was imported')\n")
    (package / "words.py").write_text("WORD = 'ready'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with start_up._package_without_its_code("outer_of_a_test.heavy"):
        from outer_of_a_test.heavy.words import WORD  # type: ignore[import-not-found]
    assert WORD == "ready"
    with pytest.raises(RuntimeError, match="whole package"):
        import outer_of_a_test.heavy.words  # noqa: F401


# Log delivery


def event(timestamp_ms: int, text: str, destination: Destination = HERE) -> LogEvent:
    return LogEvent(destination, timestamp_ms, lambda: text)


def test_batches_are_in_time_order_and_keep_the_order_of_equal_times() -> None:
    events = [event(2, "a"), event(1, "b"), event(2, "c"), event(1, "d")]
    assert [[each["message"] for each in batch] for batch in batches(events)] == [["b", "d", "a", "c"]]


def test_batches_keep_to_the_limits_of_put_log_events(monkeypatch: pytest.MonkeyPatch) -> None:
    large = "ä" * 250_000  # 500,000 bytes
    assert [len(batch) for batch in batches([event(1, large)] * 5)] == [2, 2, 1]
    monkeypatch.setattr(log_delivery, "MAXIMUM_BATCH_EVENTS", 3)
    assert [len(batch) for batch in batches([event(1, "x")] * 7)] == [3, 3, 1]
    assert list(batches([])) == []


def test_delivery_groups_by_stream_and_survives_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    other = HERE._replace(stream="other")
    delivered: dict[Destination, list[str]] = {}

    def put(destination: Destination, batch: list[dict[str, Any]]) -> None:
        if destination == other:
            raise RuntimeError("no such stream")
        delivered.setdefault(destination, []).extend(each["message"] for each in batch)

    delivery = LogDelivery(put, linger_s=3600)  # the thread sleeps: only flush delivers
    for number in range(3):
        delivery.add(event(number, str(number)))
        delivery.add(event(number, str(number), other))
    delivery.flush()
    assert delivered == {HERE: ["0", "1", "2"]}
    assert "3 log events" in caplog.text
    delivery.add(event(3, "3"))
    delivery.flush()
    assert delivered == {HERE: ["0", "1", "2", "3"]}


def test_background_thread_delivers() -> None:
    import threading

    arrived = threading.Event()
    delivery = LogDelivery(lambda destination, batch: arrived.set(), linger_s=0)
    delivery.add(event(1, "x"))
    assert arrived.wait(10)


# Metrics


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ([(5, 100)] * 4, 0),  # nothing happened since it was ready
        ([(5, 100), (9, 100), (12, 300), (20, 500), (31, 500)], 0),  # it works all the time
        ([(5, 100), (9, 100), (9, 40_000), (9, 49_000)], 0),  # few young collections, but many new objects
        ([(5, 100), (9, 100), (9, 500), (10, 0), (10, 10), (10, 20)], 1),  # it worked, then it rested: once
    ],
)
def test_full_collections_wait_for_a_rest(
    monkeypatch: pytest.MonkeyPatch, activity: list[tuple[int, int]], expected: int
) -> None:
    seen = iter(activity)
    done: list[str] = []
    collector = SimpleNamespace(collect=lambda: done.append("collect"), freeze=lambda: done.append("freeze"))
    monkeypatch.setattr(garbage_collection, "gc", collector)
    monkeypatch.setattr(garbage_collection, "_activity", lambda: next(seen))
    with pytest.raises(StopIteration):
        garbage_collection._collect_when_idle(lambda seconds: None)
    assert done == ["collect", "freeze"] * expected


def test_equal_data_points_are_counted_together() -> None:
    counter = MetricCounter()
    counter._thread = SimpleNamespace()  # type: ignore[assignment]  # none is started
    point = Point("1", "us-east-1", "AWS/Lambda", "Invocations", ("FunctionName", "f"), "", 1_700_000_000, 1)
    for _ in range(3):
        counter.add(point)
    counter.add(point._replace(value=2, unit="Count"))
    data = counter.take()["1", "us-east-1", "AWS/Lambda"]
    assert [(datum["Values"], datum["Counts"], datum.get("Unit")) for datum in data] == [
        ([1], [3.0], None),
        ([2], [1.0], "Count"),
    ]
    assert data[0]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]
    assert counter.take() == {}


# Status events


def test_nobody_listens_where_the_service_was_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, status_events.EVENTS_MODELS, raising=False)
    assert not status_events.somebody_listens("1", "us-east-1")


@pytest.mark.parametrize(
    ("archives", "rules", "expected"), [({}, {}, False), ({"a": 1}, {}, True), ({}, {"r": 1}, True)]
)
def test_rules_and_archives_listen(
    monkeypatch: pytest.MonkeyPatch, archives: dict[str, int], rules: dict[str, int], expected: bool
) -> None:
    store = SimpleNamespace(archives=archives, event_buses={"default": SimpleNamespace(rules=rules)})
    module = SimpleNamespace(events_stores={"1": {"us-east-1": store}})
    monkeypatch.setitem(sys.modules, status_events.EVENTS_MODELS, module)  # type: ignore[arg-type]
    assert status_events.somebody_listens("1", "us-east-1") is expected


@pytest.mark.parametrize(
    ("kind", "listened_to", "expected"),
    [("EXPRESS", True, False), ("STANDARD", True, True), ("STANDARD", False, False), (None, True, True)],
)
def test_only_standard_workflows_send_events(
    monkeypatch: pytest.MonkeyPatch, kind: str | None, listened_to: bool, expected: bool
) -> None:
    monkeypatch.setattr(status_events, "somebody_listens", lambda account, region: listened_to)
    machine = None if kind is None else SimpleNamespace(sm_type=kind)
    monkeypatch.setattr(status_events.state_machines, "find", lambda account, region, arn: machine)
    assert status_events.publishes("1", "us-east-1", "arn") is expected


# Memory of executions


def test_finished_express_executions_are_forgotten_and_standard_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    executions = {"express-arn": 1, "standard-arn": 2}
    stores = SimpleNamespace(sfn_stores={"1": {"us-east-1": SimpleNamespace(executions=executions)}})
    monkeypatch.setitem(sys.modules, "localstack.services.stepfunctions.backend.store", stores)  # type: ignore[arg-type]
    ended: list[str] = []

    class Communication:
        def __init__(self, arn: str, kind: str) -> None:
            self.execution = SimpleNamespace(exec_arn=arn, sm_type=kind, account_id="1", region_name="us-east-1")

        def terminated(self) -> None:
            ended.append(self.execution.exec_arn)

    module = SimpleNamespace(
        BaseExecutionWorkerCommunication=Communication, StateMachineType=SimpleNamespace(EXPRESS="EXPRESS")
    )
    execution_memory._patch(module)  # type: ignore[arg-type]
    Communication("express-arn", "EXPRESS").terminated()
    Communication("standard-arn", "STANDARD").terminated()
    assert ended == ["express-arn", "standard-arn"]
    assert executions == {"standard-arn": 2}


# Calls inside the process


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f", ("1", "us-east-1", "f")),
        ("arn:aws:lambda:us-east-1:2:function:f", ("2", "us-east-1", "f")),
        ("arn:aws:lambda:us-east-1:2:function:f:7", None),  # a version
        ("arn:aws:lambda:eu-west-1:2:function:f", None),  # another region
        ("2:function:f", None),
        (None, None),
    ],
)
def test_target_of_a_function_name(name: object, expected: tuple[str, str, str] | None) -> None:
    target = direct_lambda.target_of(name, "1", "us-east-1")
    found = None if target is None else (target.account_id, target.region_name, target.name)
    assert found == expected


def test_thread_works_at_once_only_where_asked() -> None:
    import threading

    seen: list[threading.Thread] = []

    def note() -> None:
        seen.append(threading.current_thread())

    task_threads._mode.at_once = True
    task_threads._ThreadOrNot(target=note, daemon=True).start()
    assert seen == [threading.current_thread()]
    thread = task_threads._ThreadOrNot(target=note, daemon=True)
    thread.start()
    thread.join(10)
    assert seen[1] is thread
