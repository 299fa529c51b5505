"""What the wrapper does to the messages that a plan chose, and what the emulator's hook throttles."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import paths
from lab.emulator.runtime.hooks import injected_throttles
from lab.faults import PRESETS, Fault, Faults, wrapper
from lab.faults.in_functions import with_wrapper
from lab.load import messages
from lab.stack.functions import package
from lab.stack.names import FUNCTIONS, START_FUNCTION

RUN = "261124-150721-3f9a"
DECODER = "base64_decoder"


def lab_id(number: int) -> str:
    return messages.lab_id_of(RUN, number)


def wrapped(where: str, *faults: Fault, tmp_path: Path) -> wrapper.Faults:
    plan = Faults(faults).for_function(where, RUN, "handler.lambda_handler")
    assert plan is not None
    return wrapper.Faults(json.loads(json.dumps(plan)), str(tmp_path / "counts"))


def event_of(number: int) -> dict[str, Any]:
    return {"lab_id": lab_id(number), "input": "SGk="}


def batch_of(*numbers: int, receives: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"id-{number}",
                "body": json.dumps(event_of(number)),
                "attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for number in numbers
        ]
    }


def answer(event: Any, context: Any) -> Any:
    return {"seen": event}


def test_a_handler_raises_for_as_many_attempts_as_planned_whichever_worker_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = [wrapped(DECODER, Fault("raises", 100, attempts=2), tmp_path=tmp_path) for _ in range(3)]
    for worker in workers[:2]:
        with pytest.raises(wrapper.InjectedFaultError):
            worker.handle(answer, event_of(1), None)
    assert workers[2].handle(answer, event_of(1), None) == {"seen": event_of(1)}
    with pytest.raises(wrapper.InjectedFaultError):
        workers[2].handle(answer, event_of(2), None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["lab_id"] for line in lines] == [lab_id(1), lab_id(1), lab_id(2)]
    assert {line["fault"] for line in lines} == {"raises"}


def test_every_attempt_fails_when_all_do(tmp_path: Path) -> None:
    worker = wrapped(DECODER, Fault("raises", 100, attempts=None), tmp_path=tmp_path)
    for _ in range(3):
        with pytest.raises(wrapper.InjectedFaultError):
            worker.handle(answer, event_of(1), None)
    assert not (tmp_path / "counts").exists(), "nothing to count"


def test_a_record_tells_itself_which_attempt_it_is(tmp_path: Path) -> None:
    worker = wrapped(START_FUNCTION, Fault("raises", 100, (START_FUNCTION,)), tmp_path=tmp_path)
    with pytest.raises(wrapper.InjectedFaultError):
        worker.handle(answer, batch_of(1, 2), None)
    again = batch_of(1, 2, receives=2)
    assert worker.handle(answer, again, None) == {"seen": again}
    assert not (tmp_path / "counts").exists()


@pytest.mark.parametrize("event", [{"input": "SGk="}, {"lab_id": "other-000001"}, {"lab_id": 5}, [], "text", None])
def test_what_is_not_of_the_run_goes_by_untouched(event: Any, tmp_path: Path) -> None:
    worker = wrapped(DECODER, Fault("raises", 100), tmp_path=tmp_path)
    assert worker.handle(answer, event, None) == {"seen": event}


def test_slow_sleeps_and_goes_on_and_timing_out_sleeps_longer_than_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(wrapper.time, "sleep", slept.append)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 3_000)
    worker = wrapped(DECODER, Fault("slow", 100, seconds=2.5), Fault("times_out", 100), tmp_path=tmp_path)
    assert worker.handle(answer, event_of(1), context) == {"seen": event_of(1)}
    assert slept[0] == 2.5
    assert slept[1] > 3


def test_dying_kills_the_process_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(wrapper.os, "kill", lambda pid, number: killed.append((pid, number)))
    wrapped(DECODER, Fault("dies", 100), tmp_path=tmp_path).handle(answer, event_of(1), None)
    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_delivered_twice_hands_the_chosen_records_over_again(tmp_path: Path) -> None:
    worker = wrapped(START_FUNCTION, Fault("delivered_twice", 40), tmp_path=tmp_path)
    seen: list[list[str]] = []

    def handler(event: Any, context: Any) -> Any:
        seen.append([record["messageId"] for record in event["Records"]])
        return {"batchItemFailures": [{"itemIdentifier": f"{len(seen)}"}]}

    answered = worker.handle(handler, batch_of(*range(20)), None)
    chosen = [
        f"id-{each}"
        for each in range(20)
        if Faults((Fault("delivered_twice", 40),)).chooses(0, START_FUNCTION, lab_id(each), RUN)
    ]
    assert chosen
    assert seen == [[f"id-{each}" for each in range(20)], chosen]
    assert answered == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}


def test_a_refused_start_is_answered_as_step_functions_would(tmp_path: Path) -> None:
    worker = wrapped(START_FUNCTION, Fault("start_refused", 100), tmp_path=tmp_path)

    def handler(event: Any, context: Any) -> Any:
        for record in event["Records"]:
            request = {"name": record["messageId"], "input": record["body"]}
            answers.append(worker.refuse_start({"body": json.dumps(request).encode()}, model=None))

    answers: list[Any] = []
    worker.handle(handler, batch_of(1), None)
    worker.handle(handler, batch_of(1, receives=2), None)
    (http, parsed), second = answers
    assert (http.status_code, parsed["Error"]["Code"], second) == (400, "ExecutionLimitExceeded", None)


def test_a_package_keeps_all_its_files_and_gets_the_wrapper() -> None:
    code = package(paths.LAMBDAS / DECODER)
    with zipfile.ZipFile(BytesIO(with_wrapper(code))) as archive:
        assert set(archive.namelist()) == {"handler.py", wrapper.FILE}
        assert archive.read("handler.py") == (paths.LAMBDAS / DECODER / "handler.py").read_bytes()
        compile(archive.read(wrapper.FILE), wrapper.FILE, "exec")


def test_the_wrapper_imports_nothing_that_lambda_lacks() -> None:
    source = Path(wrapper.__file__).read_text("utf-8")
    assert "import lab" not in source
    assert "from lab" not in source


def test_the_variables_of_a_function_fit_whatever_the_plan() -> None:
    longest = Faults(tuple(Fault("raises", 99.99, attempts=100, seconds=899.9) for _ in range(20)), 2**63)
    for preset in (*PRESETS.values(), longest):
        for folder in FUNCTIONS:
            assert len(json.dumps(preset.for_function(folder, RUN, "handler.lambda_handler"))) < 3_500


# Throttles


def test_a_throttle_hits_its_attempts_and_no_broken_message() -> None:
    faults = Faults((Fault("throttled", 100, (DECODER,), attempts=2), Fault("broken", 20)))
    throttles = injected_throttles.Throttles(json.dumps(faults.for_function(DECODER, RUN, "x.y")))
    for each in range(50):
        hits = [throttles.hits(json.dumps(event_of(each)).encode()) for _ in range(3)]
        assert hits == ([False] * 3 if faults.broken_as(lab_id(each)) else [True, True, False])
    for payload in (b"{}", b"not JSON", None, b'{"Records": [{"body": "{"}, 5]}', b'{"Records": [{}]}'):
        assert not throttles.hits(payload)
