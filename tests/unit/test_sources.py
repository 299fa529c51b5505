"""Sources beside each other: sending through any call, what came out, and the checks of notebook 09."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab import paths
from lab.analysis import sources
from lab.load import Plan, Sender, Stage, messages
from lab.load.through import Through
from lab.session import Sources
from lab.workshop import self_checks
from tests.unit.logs_stand_in import FakeLogs, event

BEGAN = pd.Timestamp("2026-01-01", tz="UTC")


# Sending


def test_the_sender_sends_through_any_call_and_tries_again_what_was_refused() -> None:
    taken: list[str] = []

    def put(bodies: list[str]) -> Sequence[str | None]:
        new = [body for body in bodies if body not in taken]
        errors = ["Throttled" if json.loads(body)["lab_id"].endswith("3") and not taken else None for body in new]
        taken.extend(body for body, error in zip(new, errors, strict=True) if not error)
        return errors

    sent = list(messages.generate(8, seed=1))
    # All are due at once, so that the first call has several.
    result = Sender(Through(put), "", sleep=lambda seconds: None).send(Plan([Stage(8000, 0.001)]), sent)
    assert set(result.sends["outcome"]) == {"acked"}
    assert sorted(taken) == sorted(message.body for message in sent)
    assert result.sends["message_id"].is_unique


def test_a_call_that_says_nothing_took_all_and_a_refusal_has_its_name() -> None:
    entries = [{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "2"}]
    answer = Through(lambda bodies: None).send_message_batch(QueueUrl="", Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "b"]
    answer = Through(lambda bodies: [None, "Full"]).send_message_batch(QueueUrl="", Entries=entries)
    assert answer["Failed"] == [{"Id": "b", "Code": "Full", "SenderFault": False}]
    with pytest.raises(ValueError, match="shorter"):
        Through(lambda bodies: [None]).send_message_batch(QueueUrl="", Entries=entries)


# Tables


def rows(*starts_s: float | None) -> pd.DataFrame:
    """The table ``messages`` of texts that began so many seconds after they were planned; None never did."""
    started = [pd.NaT if start is None else BEGAN + pd.Timedelta(seconds=start) for start in starts_s]
    return pd.DataFrame(
        {
            "lab_id": [f"r-{number}" for number in range(len(started))],
            "t_planned": BEGAN,
            "started": pd.to_datetime(pd.Series(started), utc=True),
            "finished": pd.to_datetime(pd.Series(started), utc=True) + pd.Timedelta(seconds=0.5),
            "status": [None if start is None else "SUCCEEDED" for start in starts_s],
            "duration_s": 0.5,
            "end_to_end_s": [None if start is None else start + 0.5 for start in starts_s],
        }
    )


def test_sources_stand_side_by_side_in_their_order() -> None:
    table = sources.side_by_side({"b": rows(0.1, 0.3), "a": rows(1.0, None), "empty": rows()}, {"a": "it lagged"})
    assert list(table["source"]) == ["b", "b", "a", "a"]
    assert table["start_s"].tolist()[:3] == pytest.approx([0.1, 0.3, 1.0])
    found = sources.percentiles_by_source(table).set_index("source")
    assert list(found.index) == ["b", "a"]
    assert found.loc["b", ["sent", "ended", "p50", "max", "void"]].tolist() == [2, 2, 0.1, 0.3, ""]
    assert found.loc["a", ["sent", "ended", "p50", "void"]].tolist() == [2, 1, 1.0, "it lagged"]
    whole = sources.percentiles_by_source(table, "end_to_end_s").set_index("source")
    assert whole.loc["b", "max"] == pytest.approx(0.8)


def test_without_a_source_there_is_an_empty_table() -> None:
    assert sources.percentiles_by_source(sources.side_by_side({})).empty


def executed(*counts: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "execution_arn": [f"arn-{number}" for number in range(len(counts))],
            "name": None,
            "lab_id": [f"r-{number}" for number in range(len(counts))],
            "status": "SUCCEEDED",
            "started": BEGAN,
            "output": [json.dumps({"word_counts": count}) for count in counts],
        }
    )


def test_words_have_a_column_for_each_source() -> None:
    words = sources.words_by_source({"a": executed({"so": 1}, {"so": 2, "it": 1}), "b": executed({"go": 1})})
    assert words.to_dict() == {"a": {"go": 0, "it": 1, "so": 3}, "b": {"go": 1, "it": 0, "so": 0}}


# A round


def test_a_round_is_followed_until_each_text_has_ended_and_tells_which_did_not() -> None:
    logs = FakeLogs()
    place = SimpleNamespace(kind="embedded", client=lambda service: logs, earliest_now_ms=lambda: 1_764_000_000_000)
    names: Any = SimpleNamespace(target=place, log_group="the lab's own")
    lost: set[str] = set()

    def put(bodies: list[str]) -> None:
        for body in bodies:
            lab_id = json.loads(body)["lab_id"]
            if lab_id in lost:
                continue
            arn = f"arn:aws:states:us-east-1:000000000000:express:machine:{lab_id}:run"
            output = json.dumps({"word_counts": {"so": 2}})
            events = [
                event(1, "ExecutionStarted", arn=arn, input=f"[{body}]"),
                event(2, "ExecutionSucceeded", arn=arn, at_ms=40, output=output),
            ]
            for message in events:
                logs.deliver(1_764_000_000_000, message=message)

    texts = [list(messages.generate(6, seed=1)) for _ in range(2)]
    compared = Sources(names, lambda: texts.pop(0), rate=600)
    whole = compared.through("whole", put, log_group="another")
    assert logs.calls[0]["logGroupName"] == "another"
    assert set(whole.executions["status"]) == {"SUCCEEDED"}
    lost.add(texts[0][4].lab_id)
    compared.through("with a loss", put, patience_s=0.3)
    found = sources.percentiles_by_source(compared.table()).set_index("source")
    assert whole.ends() == {"SUCCEEDED": 6}
    assert compared.rounds["with a loss"].ends() == {"SUCCEEDED": 5, "no end seen": 1}
    assert found[["sent", "ended"]].to_numpy().tolist() == [[6, 6], [6, 5]]
    assert compared.words().to_dict() == {"whole": {"so": 12}, "with a loss": {"so": 10}}


def test_a_text_whose_events_come_behind_what_was_read_is_not_called_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    logs, ms = FakeLogs(), 1_764_000_000_000
    place = SimpleNamespace(kind="embedded", client=lambda service: logs, earliest_now_ms=lambda: ms)
    names: Any = SimpleNamespace(target=place, log_group="g")
    texts = list(messages.generate(2, seed=1))

    def deliver(body: str, at_ms: int) -> None:
        arn = f"arn:aws:states:us-east-1:000000000000:express:machine:{json.loads(body)['lab_id']}:run"
        logs.deliver(at_ms, message=event(1, "ExecutionStarted", arn=arn, input=f"[{body}]"))
        logs.deliver(at_ms, message=event(2, "ExecutionSucceeded", arn=arn, at_ms=40, output="{}"))

    def late_after_the_second_read(seconds: float) -> None:
        if len(logs.calls) == 2:
            deliver(texts[0].body, ms)

    monkeypatch.setattr("lab.session.sources.time.sleep", late_after_the_second_read)
    monkeypatch.setattr("lab.observe.lull.time.monotonic", itertools.count().__next__)
    put = lambda bodies: [deliver(body, ms + 60_000) for body in bodies if body != texts[0].body] and None  # noqa: E731
    found = Sources(names, lambda: texts, rate=600).through("stream", put, patience_s=30)
    assert found.executions["status"].tolist() == ["SUCCEEDED"] * 2


# Exercises


@pytest.fixture(autouse=True)
def somebody_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))


TWENTY = list(messages.generate(20, seed=92))
LONG = {message.lab_id for message in TWENTY if message.word_counts.total() >= 100}


@pytest.mark.parametrize(
    ("started", "said"),
    [
        (LONG, "is solved"),
        ({message.lab_id for message in TWENTY}, "Not yet: no workflow began for a short text"),
        (set(), "Not yet: a workflow began for each"),
    ],
)
def test_a_pattern_is_judged_by_what_it_started(
    started: set[str | None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 < len(LONG) < len(TWENTY)
    self_checks.exercise_pattern(TWENTY, started)
    assert said in capsys.readouterr().out


def letters(count: int, error: str = "NO_PERMISSIONS") -> list[dict[str, Any]]:
    return [{"body": {"detail": {"lab_id": one.lab_id}}, "ERROR_CODE": error} for one in TWENTY[:count]]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (letters(5), "is solved"),
        (letters(4), "Not yet: the queue has all 5 events"),
        ([], "Not yet: the queue has all 5 events"),
        (letters(5, "UNKNOWN"), "Not yet: each of them says what went wrong"),
    ],
)
def test_undelivered_events_are_counted_and_asked_for_their_reason(
    kept: list[dict[str, Any]], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_undelivered(TWENTY[:5], kept)
    assert said in capsys.readouterr().out


NINE = TWENTY[:9]
GOOD = {message.lab_id for message in NINE} - {NINE[4].lab_id}


@pytest.mark.parametrize(
    ("through", "told", "said"),
    [
        (GOOD, [{"body": {"KinesisBatchInfo": {"batchSize": 1}}}], "is solved"),
        (GOOD, [], "Not yet: the queue was told"),
        (GOOD, [{"body": {"lab_id": "x"}}], "Not yet: the queue was told"),
        ({one.lab_id for one in NINE[:4]}, [], "Not yet: all 8 good records came through"),
    ],
)
def test_a_poisoned_stream_is_judged_by_what_came_through(
    through: set[str], told: list[dict[str, Any]], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    self_checks.exercise_poisoned(NINE, through, told)
    assert said in capsys.readouterr().out


# The notebook


def test_the_readers_role_of_notebook_09_may_do_what_lambda_asks_for() -> None:
    text = (paths.NOTEBOOKS / "source" / "09_other_event_sources.py").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(
        "\n".join(line for line in text.splitlines() if line.startswith(("reading = ", "of_kinesis", "of_dynamodb"))),
        found,
    )
    # Of AWS's managed policies AWSLambdaKinesisExecutionRole and AWSLambdaDynamoDBExecutionRole. Left out of the first:
    # ListStreams, which no single stream can allow, and SubscribeToShard, which is for enhanced fan-out.
    shared = {"DescribeStream", "GetRecords", "GetShardIterator"}
    assert set(found["of_kinesis"]) == shared | {"DescribeStreamSummary", "ListShards"}
    assert set(found["of_dynamodb"]) == shared | {"ListStreams"}
