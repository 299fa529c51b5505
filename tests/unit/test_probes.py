"""The capability probes: verdicts, dependencies, and what is told about an endpoint that is not there."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from lab import paths
from lab.commands.doctor import as_table
from lab.doctor import probes
from lab.doctor.probes import capabilities, logs
from lab.doctor.probes.place import Place
from lab.stack import Names, waiting
from lab.target import Target, TargetError


@pytest.fixture
def place() -> Place:
    return Place(Names(Target("localstack", "probe", endpoint_url="http://127.0.0.1:1")))


def test_every_capability_builds_on_earlier_ones_and_names_notebooks_that_are_there() -> None:
    names = [capability for capability, *_ in capabilities.PROBES]
    assert len(names) == len(set(names))
    for number, (capability, notebooks, _, needs) in enumerate(capabilities.PROBES):
        assert set(needs) <= set(names[:number]), capability
        assert re.fullmatch(r"all|99 on aws|\d\d(–\d\d)?(, \d\d(–\d\d)?)*", notebooks), capability
        for named in re.findall(r"\d\d", notebooks):
            assert list((paths.NOTEBOOKS / "source").glob(f"{named}_*.py")), capability


@pytest.mark.parametrize(
    ("raised", "verdict", "seen"),
    [
        (probes.DiffersError("two instead of one"), "differs", "two instead of one"),
        (
            ClientError({"Error": {"Code": "NotImplemented"}}, "StartExecution"),
            "missing",
            "StartExecution: NotImplemented",
        ),
        (waiting.WaitingTooLongError("Waited 20 s in vain: an event."), "missing", "Waited 20 s in vain: an event."),
        (KeyError("eventId"), "missing", "the answer cannot be used (KeyError: 'eventId')"),
    ],
)
def test_what_a_probe_meets_becomes_its_verdict(place: Place, raised: Exception, verdict: str, seen: str) -> None:
    def run(_: Place) -> str:
        raise raised

    assert capabilities.attempt(run, place) == (verdict, seen)


def test_an_empty_log_of_a_function_is_missing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(filter_log_events=lambda **request: {"events": []})
    monkeypatch.setattr(Place, "client", lambda self, service: client)
    monkeypatch.setattr(Place, "now_ms", lambda self: 0)
    monkeypatch.setattr(logs, "DEADLINE_S", 0.0)
    assert capabilities.attempt(logs.logs_of_functions, place) == ("missing", "Waited 0 s in vain: the function's log.")


def test_what_builds_on_something_missing_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Place) -> str:
        raise ClientError({"Error": {"Code": "NotImplemented"}}, "CreateQueue")

    def never(_: Place) -> str:
        pytest.fail("tried")

    monkeypatch.setattr(capabilities, "PROBES", (("queue", "01", missing, ()), ("messages", "02", never, ("queue",))))
    monkeypatch.setattr(capabilities, "_answers", lambda target, url: None)
    monkeypatch.setattr(capabilities, "_clean_up", lambda place: ["queue q"])
    results = probes.probe("http://127.0.0.1:1")
    assert [(result.verdict, result.seen) for result in results] == [
        ("missing", "CreateQueue: NotImplemented"),
        ("missing", "needs queue"),
        ("differs", "left behind: queue q"),
    ]
    assert as_table(results).row_count == 3


@pytest.mark.usefixtures("no_back_off")
def test_an_endpoint_elsewhere_is_refused_and_one_that_is_not_there_is_told() -> None:
    with pytest.raises(TargetError):
        probes.probe("https://sqs.us-east-1.amazonaws.com")
    with pytest.raises(probes.EndpointError, match=r"Nothing answers at http://127\.0\.0\.1:1"):
        probes.probe("http://127.0.0.1:1")
