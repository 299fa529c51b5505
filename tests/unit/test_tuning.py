"""Settings that an experiment turns, what is seen without a log, and that all is put back however a run ends."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab import session, stack, workshop
from lab.analysis import cost
from lab.observe import LogEvent, StampLog
from lab.observe.columns import instants, texts
from lab.session import experiment as experiments
from lab.session import measuring
from lab.stack import Settings, functions
from lab.target import Target
from lab.workshop import example_experiment, predictions
from lab.workshop.slowness import SlowRun

# Settings, and the handlers that they put before a function's own


@pytest.mark.parametrize("wrong", [{"log_level": "all"}, {"start": "sync"}])
def test_a_setting_that_there_is_not_is_refused_and_the_others_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there are: (ALL|asynchronous), "):
        Settings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "folder", "file"),
    [
        (Settings(), "start_execution", None),
        (Settings(stamped=True), "start_execution", None),
        (Settings(start="synchronous"), "start_execution", "synchronous.py"),
        (Settings(start="synchronous"), "base64_decoder", None),
        (Settings(stamped=True), "base64_decoder", "stamping.py"),
        (Settings(stamped=True), "tokenizer_counter", "stamping.py"),
        (Settings(stamped=True), "string_cleaner", None),
    ],
)
def test_a_file_stands_before_the_handler_where_a_setting_asks_for_it(
    settings: Settings, folder: str, file: str | None, names: stack.Names
) -> None:
    found = functions.variant(settings, folder)
    assert (found.name if found else None) == file
    handler = functions.configuration(names, settings, folder)["Handler"]
    assert handler == (f"{Path(file).stem}.lambda_handler" if file else functions.HANDLER)
    if found is not None:
        archive = zipfile.ZipFile(io.BytesIO(functions.package(Path("lambdas") / folder, found)))
        assert file in archive.namelist()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> stack.Names:
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(target, "_identity", lambda: {"Account": "123456789012", "Arn": "arn:aws:iam::1:root"})
    return stack.Names(target)


@contextmanager
def variant(name: str, handler: ModuleType) -> Iterator[ModuleType]:
    """A file of ``lab/stack/variants``, imported as on Lambda: beside a module that is called handler."""
    spec = importlib.util.spec_from_file_location(name, functions.VARIANTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "handler", handler)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        spec.loader.exec_module(module)
        yield module


def test_the_stamp_is_the_id_of_the_message_and_the_answer_is_the_handlers(capsys: pytest.CaptureFixture[str]) -> None:
    own = ModuleType("handler")
    own.lambda_handler = lambda event, context: {**event, "output": "x"}  # type: ignore[attr-defined]
    with variant("stamping", own) as module:
        assert module.lambda_handler({"lab_id": "a-1"}, None) == {"lab_id": "a-1", "output": "x"}
    assert json.loads(capsys.readouterr().out) == {"stamp": "a-1"}


@pytest.mark.parametrize(("status", "raises"), [("SUCCEEDED", False), ("FAILED", True), ("TIMED_OUT", True)])
def test_the_synchronous_start_fails_when_the_execution_did(status: str, raises: bool) -> None:
    own = ModuleType("handler")
    own.PARALLEL_STARTS = 10  # type: ignore[attr-defined]
    own.lambda_handler = lambda event, context: own.step_functions.start_execution(input="x")  # type: ignore[attr-defined]
    with variant("synchronous", own) as module:
        answer = {"status": status, "executionArn": "arn"}
        module.step_functions = SimpleNamespace(start_sync_execution=lambda **request: answer | request)
        if raises:
            with pytest.raises(RuntimeError, match=status):
                module.lambda_handler({}, None)
        else:
            assert module.lambda_handler({}, None)["executionArn"] == "arn"


# What is seen without the workflow's own log


def line(text: str, at_ms: int) -> LogEvent:
    return LogEvent(f"{at_ms}{text}", "s", at_ms, at_ms, text)


def sends_of(*lab_ids: str) -> pd.DataFrame:
    return pd.DataFrame({"lab_id": texts(list(lab_ids)), "message_id": texts([f"m-{each}" for each in lab_ids])})


NOTHING_RECEIVED = pd.DataFrame({"lab_id": texts([]), "execution_arn": texts([])})


def test_stamps_make_executions() -> None:
    log = StampLog()
    log.add(first=[line('{"stamp": "a"}\n', 1000), line("START RequestId: x", 1), line('{"stamp": "b"}', 1010)])
    log.add(last=[line('{"stamp": "a"}', 1030), line('{"stamp": "a"}', 1500), line('{"stamp": "stranger"}', 1)])
    assert log.finished(["a", "b"]) == 1
    table = log.executions(sends_of("a", "b", "c"), NOTHING_RECEIVED).set_index("lab_id")
    assert table["status"].to_dict() == {"a": "SUCCEEDED", "b": "RUNNING"}
    assert table["duration_s"]["a"] == pytest.approx(0.03)
    assert np.isnan(table["duration_s"]["b"])
    assert table["name"].to_dict() == {"a": "m-a", "b": "m-b"}


def test_a_message_is_measured_when_both_logs_tell_of_it_whichever_comes_first() -> None:
    log = StampLog()
    log.add(last=[line('{"stamp": "a"}', 1030)])
    assert (log.finished(["a", "b"]), log.measured(["a", "b"])) == (1, 0)
    log.add(first=[line('{"stamp": "a"}', 1000), line('{"stamp": "b"}', 1000)])
    assert (log.finished(["a", "b"]), log.measured(["a", "b"])) == (1, 1)


@pytest.mark.parametrize("text", ["", "{", '{"stamp"', '{"stamp": 1}', '{"stamp": null}', '["stamp"]', '{"stamp":}'])
def test_what_is_no_stamp_is_passed_over(text: str) -> None:
    log = StampLog()
    log.add(first=[line(text, 1)], last=[line(text, 1)])
    assert log.executions(sends_of("a", "1"), NOTHING_RECEIVED).empty


def test_a_workflow_that_logs_nothing_costs_what_it_costs_without_the_log() -> None:
    sends = pd.DataFrame({"attempts": [1] * 10, "t_sent": instants(list(range(10)))})
    received = pd.DataFrame({"request_id": ["r1"] * 5 + ["r2"] * 5})
    executions = pd.DataFrame({"duration_s": [0.05] * 10})
    invocations = pd.DataFrame(
        {"function": ["start_execution", "string_cleaner"], "billed_s": [0.1, 0.002], "memory_mb": [128.0, 128.0]}
    )
    loud, silent = (
        cost.usage_without_events(sends, received, executions, invocations, logged=logged) for logged in (True, False)
    )
    assert loud.log_bytes - silent.log_bytes == 10 * cost.Shape().log_bytes
    assert silent.lambda_requests == 42
    assert silent.sqs_requests == 10 + 2 * 2
    assert silent.lambda_gib_s == pytest.approx((40 * 0.002 + 2 * 0.1) / 8)
    assert silent.express_gib_s == pytest.approx(10 * 0.1 / 16)


# The experiment


class Lab:
    """Takes the place of the running lab: keeps what was set, and answers each run as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, spoilt: int = 0, stop_at: int | None = None) -> None:
        self.now: Settings = Settings()
        self.applied: list[Settings] = []
        self.spoilt, self.stop_at, self.measured = spoilt, stop_at, 0
        self.target: Any = SimpleNamespace(kind="embedded", is_emulator=True, name="a")
        monkeypatch.setattr(stack, "provision", self.provision)
        monkeypatch.setattr(experiments, "apply", self.apply)
        monkeypatch.setattr(experiments, "measure", self.measure)
        monkeypatch.setattr(experiments, "_row", self.row)

    def provision(self, target: Any, settings: Settings | None = None) -> None:
        self.now = settings or Settings()

    def apply(self, target: Any, settings: Settings) -> None:
        self.now = settings
        self.applied.append(settings)

    def measure(self, target: Any, plan: Any, to_send: Any) -> Any:
        self.measured += 1
        if self.measured == self.stop_at:
            raise KeyboardInterrupt
        table = pd.DataFrame(columns=list(experiments._MESSAGE_COLUMNS))
        return SimpleNamespace(messages=table, interrupted=False)

    def row(self, target: Any, result: Any, settings: Settings) -> dict[str, Any]:
        self.spoilt -= 1
        good = self.spoilt < 0
        p50_s = 0.3 if settings.batching_window_s else 0.1
        numbers = {"p50_s": p50_s, "p99_s": p50_s, "messages": 40, "batches": 4, "usd_per_million": 5.0}
        return {**numbers, "valid": good, "why": "" if good else "the sender lagged"}


DESIGN = session.Design(session.FACTORS)


def test_each_run_gets_its_own_settings_and_the_usual_ones_are_measured_before_and_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab(monkeypatch)
    said: list[str] = []
    result = session.run_experiment(lab.target, DESIGN, say=said.append)
    wanted = [experiments.settings_of(DESIGN, run) for run in range(1, 9)]
    assert lab.applied[0] == lab.applied[-1] == Settings(stamped=True)
    assert lab.applied[1:-1] != wanted  # the dice chose another order
    assert sorted(map(str, lab.applied[1:-1])) == sorted(map(str, wanted))
    assert all(settings.stamped for settings in lab.applied)
    assert result.counts
    assert result.drift == 1.0
    for row in result.runs.to_dict("records"):
        assert row["p50_s"] == (0.3 if row["batching window"] else 0.1)
        assert lab.applied[row["order"]] == experiments.settings_of(DESIGN, row["run"])
    assert len([text for text in said if text.startswith("Run ")]) == 8
    assert lab.now == Settings()


@pytest.mark.parametrize("stop_at", [1, 2, 5, 10])
def test_an_interrupted_experiment_leaves_the_lab_as_lab_up_makes_it(
    monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    lab = Lab(monkeypatch, stop_at=stop_at)
    with pytest.raises(KeyboardInterrupt):
        session.run_experiment(lab.target, DESIGN, say=lambda text: None)
    assert lab.measured == stop_at
    assert lab.now == Settings()


def test_a_setting_of_ones_own_is_tried_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch)
    assert session.try_settings(lab.target, Settings(batching_window_s=1))["p50_s"] == 0.3
    assert lab.applied == [Settings(batching_window_s=1, stamped=True)]
    assert lab.now == Settings()


def test_a_run_that_does_not_count_is_sent_again_but_not_for_ever_and_never_on_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab(monkeypatch, spoilt=2)
    assert session.run_experiment(lab.target, DESIGN, say=lambda text: None).counts
    assert lab.measured == 12
    hopeless = Lab(monkeypatch, spoilt=1000)
    result = session.run_experiment(hopeless.target, DESIGN, say=lambda text: None)
    assert not result.counts
    assert hopeless.measured == 10 + experiments.MOST_REPEATS
    paid = Lab(monkeypatch, spoilt=2)
    paid.target.is_emulator = False
    monkeypatch.setattr(experiments.guard, "check_budget", lambda *arguments: None)
    assert not session.run_experiment(paid.target, DESIGN, say=lambda text: None).counts
    assert paid.measured == 10


def test_memory_is_a_factor_on_aws_alone() -> None:
    on = {kind: session.factors_of(SimpleNamespace(is_emulator=kind != "aws")) for kind in ("embedded", "aws")}  # type: ignore[arg-type]
    assert [factor.setting for factor in on["aws"][len(on["embedded"]) :]] == ["memory_mb"]
    assert experiments.settings_of(session.Design(on["aws"]), 8).memory_mb in (128, 1769)


def test_what_was_set_is_put_back_though_the_block_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch)
    with contextlib.suppress(ZeroDivisionError), measuring.as_it_was(lab.target):
        lab.now = Settings(batch_size=1)
        1 / 0  # noqa: B018
    assert lab.now == Settings()


# What the notebook says of it


def test_an_experiment_that_does_not_count_is_replaced_by_the_example_and_its_chart_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    lab = Lab(monkeypatch, spoilt=1000)
    result = session.run_experiment(lab.target, DESIGN, say=lambda text: None)
    shown = workshop.experiment_that_counts(result, say=said.append)
    assert shown.counts
    assert shown.mark == example_experiment.MARK
    words = " ".join(" ".join(said).split())
    assert "the sender lagged" in words
    assert "Next: close other programs" in words
    assert example_experiment.MARK in words
    own = session.run_experiment(Lab(monkeypatch).target, DESIGN, say=lambda text: None)
    assert workshop.experiment_that_counts(own, say=said.append) is own


def test_the_example_experiment_is_whole_and_shows_the_lesson() -> None:
    example = example_experiment.read()
    assert example.counts
    assert 0.8 < example.drift < 1.25
    table = session.effects(example).set_index("effect")
    assert table["verdict"]["batching window"] == "higher"
    assert table["verdict"]["poller concurrency"] == "same"
    assert table["verdict"]["batch size"] == "higher"
    assert table["verdict"]["batch size × batching window"] == "higher"
    price = session.count_effects(example, "usd_per_million")
    assert price.idxmin() == "log level"


def test_an_experiment_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    example = example_experiment.read()
    example_experiment.write(example, tmp_path)
    again = example_experiment.read(tmp_path)
    for name in ("runs", "messages", "usual"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(example, name))


def test_the_score_counts_predictions_that_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    predictions.predict("a", "Higher ")
    predictions.predict("b", "same")
    predictions.predict("c", 3)
    capsys.readouterr()
    predictions.score({"a": "higher", "b": "lower", "c": "same", "d": "same"})
    assert capsys.readouterr().out == "1 of 4 predictions are right.\n"


def test_a_slow_function_is_known_to_the_check_alone() -> None:
    run = SlowRun(SimpleNamespace(), pd.DataFrame(), "string_cleaner")  # type: ignore[arg-type]
    assert run.is_slow("string_cleaner")
    assert not run.is_slow("base64_decoder")
    assert not run.is_slow(...)  # type: ignore[arg-type]
    assert "string_cleaner" not in repr(run)
