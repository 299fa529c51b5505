"""Bodies of a learner's own: which lines can be sent, which queue they may go to, which execution carried which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from lab.analysis.linking import BY_BODY, BY_ID, BY_NAME, link
from lab.commands import app
from lab.load import messages as bodies
from lab.load.messages.lines import MOST_BYTES
from lab.observe import ExecutionLog, ReceivedLog
from lab.session import own_bodies
from lab.session.options import RampOptions
from lab.session.outcome import RampResult, analyse
from lab.session.own_bodies import _without_claims
from lab.session.own_queue import OwnQueueMissingError, QueueUrlError, find_queue
from lab.target import Target
from tests.unit.aws_stand_in import Account

IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(6)]


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "bodies.jsonl"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return file


def test_each_line_is_sent_as_it_stands(tmp_path: Path) -> None:
    text = '\ufeff{"a":  1}\r\n\n  [1, "é"]  \n"text"\n7\nnull'
    assert bodies.read_bodies(written(tmp_path, text)) == ['{"a":  1}', '[1, "é"]', '"text"', "7", "null"]


def test_bad_lines_are_named_all_at_once(tmp_path: Path) -> None:
    long = json.dumps("é" * 600, ensure_ascii=False)
    file = written(tmp_path, f'{{"good": 1}}\n{{"a": \n\nNaN\n{long}\n"\uffff"\n{"[" * 200_000}')
    with pytest.raises(bodies.BodiesFileError) as caught:
        bodies.read_bodies(file, most_bytes=1_000)
    said = caught.value.what
    assert said.startswith("5 of 6 bodies in")
    for part in (
        "line 2 is no JSON (Expecting value at character ",
        "line 4 is no JSON (NaN is none)",
        "line 5 has 1,202 bytes",
        "line 6 holds",
        "line 7",
    ):
        assert part in said
    assert "line 1 " not in said


def test_a_body_of_the_last_byte_is_taken(tmp_path: Path) -> None:
    longest = json.dumps("x" * (MOST_BYTES - 2))
    assert bodies.read_bodies(written(tmp_path, longest)) == [longest]
    with pytest.raises(bodies.BodiesFileError, match="line 1 has 1,048,577 bytes"):
        bodies.read_bodies(written(tmp_path, longest[:-1] + 'x"'))


def test_a_file_without_a_body_or_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bodies.BodiesFileError, match="no body"):
        bodies.read_bodies(written(tmp_path, "\n \n"))
    with pytest.raises(bodies.TextFileError, match="UTF-16"):
        bodies.read_bodies(written(tmp_path, '{"a": 1}\n{"b": 2}\n'.encode("utf-16")))


def test_a_short_file_begins_again() -> None:
    made = bodies.as_messages(["1", "2"], 5, "run")
    assert [message.body for message in made] == ["1", "2", "1", "2", "1"]
    assert len({message.lab_id for message in made}) == 5
    assert {message.text for message in made} == {None}


def test_a_body_of_the_samples_shape_has_words_that_can_be_counted() -> None:
    (made,) = bodies.as_messages([bodies.SAMPLE_BODY], 1, "run")
    assert (made.text, made.word_counts["the"]) == (bodies.SAMPLE_TEXT, 5)
    for other in ('{"input": "?"}', '{"input": 5}', '["input"]', '{"input": "/w=="}'):
        assert bodies.as_messages([other], 1, "run")[0].text is None


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.eu-west-1.amazonaws.com/123456789012/mine",
        "https://sqs.us-east-1.amazonaws.com/999999999999/mine",
        "http://127.0.0.1:4566/123456789012/mine",
        "https://sqs.us-east-1.amazonaws.com.evil.example/123456789012/mine",
        "https://sqs.us-east-1.amazonaws.com/123456789012/mine.fifo",
        "arn:aws:sqs:us-east-1:123456789012:mine",
        "mine",
        "",
        "http://[::1",
    ],
)
def test_a_queue_of_another_target_is_refused_before_it_is_asked(account: Account, target: Target, url: str) -> None:
    with pytest.raises(QueueUrlError):
        find_queue(target, url)
    assert not [call for call in account.calls if call.startswith("sqs.")]


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com/000000000000/mine",
        "http://127.0.0.1:4567/000000000000/mine",
        "http://127.0.0.1:4566/123456789012/mine",
        "http://example.com:4566/000000000000/mine",
    ],
)
def test_an_emulator_never_sends_to_aws(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    here = Target("localstack", "a", endpoint_url="http://127.0.0.1:4566")
    here._identity = lambda: {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}  # type: ignore[method-assign]
    monkeypatch.setattr(here, "client", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(QueueUrlError):
        find_queue(here, url)


def test_a_queue_that_is_there_tells_how_it_is_set(account: Account, target: Target) -> None:
    sqs = target.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="mine", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "7"})["QueueUrl"]
    found = find_queue(target, url)
    assert (found.hidden_s, found.dead_letter_url) == (7, dead)
    assert found.most_bytes >= 262_144
    with pytest.raises(OwnQueueMissingError):
        find_queue(target, url.replace("mine", "yours"))


def sends(count: int) -> pd.DataFrame:
    return pd.DataFrame({"lab_id": [f"run-{n}" for n in range(count)], "message_id": IDS[:count]})


def executions(*rows: tuple[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "execution_arn": [f"arn{n}" for n in range(len(rows))],
            "name": [name for name, _ in rows],
            "input": [text for _, text in rows],
            "lab_id": [None] * len(rows),
            "started": pd.to_datetime(list(range(len(rows))), unit="s", utc=True),
        }
    )


def linked(texts: list[Any], *rows: tuple[str, str | None]) -> tuple[dict[str, str], Any]:
    found = link(sends(len(texts)), [json.dumps(text) for text in texts], executions(*rows))
    return dict(zip(found.executions["lab_id"], found.executions["execution_arn"], strict=True)), found


def test_executions_are_linked_by_their_name() -> None:
    pairs, found = linked([1, 2], (IDS[1], "{}"), (IDS[0], None), ("other", "{}"))
    assert pairs == {"run-1": "arn0", "run-0": "arn1"}
    assert (found.ways, found.strangers) == ({BY_NAME: 2}, 1)


def test_executions_are_linked_by_the_id_in_their_input_also_in_batches() -> None:
    batch = json.dumps([{"messageId": IDS[0], "body": "1"}, {"messageId": IDS[2], "body": "3"}])
    pairs, found = linked([1, 2, 3], ("x", batch), ("y", json.dumps({"messageId": IDS[1]})))
    assert pairs == {"run-0": "arn0", "run-2": "arn0", "run-1": "arn1"}
    assert found.ways == {BY_ID: 3}


def test_executions_are_linked_by_an_input_that_is_the_body() -> None:
    pairs, found = linked([{"a": 1, "b": 2}, {"c": 3}], ("x", '{"c":3}'), ("y", '{"b":2,"a":1}'), ("z", '{"a":1}'))
    assert pairs == {"run-1": "arn0", "run-0": "arn1"}
    assert (found.ways, found.strangers, found.alike) == ({BY_BODY: 2}, 1, 0)


def test_bodies_that_are_alike_are_counted_but_not_told_apart() -> None:
    pairs, found = linked([{"a": 1}, {"a": 1}], ("x", '{"a":1}'), ("y", '{"a":1}'), ("z", '{"a":1}'))
    assert sorted(pairs) == ["run-0", "run-1"]
    assert (found.alike, found.strangers) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--queue-url", "http://x/1/q"), "go together"),
        (("--bodies", "x.jsonl"), "go together"),
        (("--state-machine", "arn"), "go together"),
        (("--queue-url", "http://x/1/q", "--bodies", "x.jsonl", "--find"), "have no place there"),
        (("--queue-url", "http://x/1/q", "--bodies", "x.jsonl", "--faults", "bad-day"), "have no place there"),
        (("--queue-url", "http://x/1/q", "--bodies", "x.jsonl", "--text", "t.txt"), "have no place there"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(arguments: tuple[str, ...], said: str) -> None:
    ended = CliRunner().invoke(app, ["ramp", *arguments, "--name", "no-such-lab"])
    assert ended.exit_code == 2
    assert said in " ".join(ended.output.split())


def settled(undrained: int) -> RampResult:
    """A run of three messages that were acknowledged and seen nowhere after, and a queue that holds so many."""
    instant = pd.Timestamp("2026-11-24", tz="UTC")
    sent = sends(3).assign(stage=0, offered_rate=3.0, attempts=1, outcome="acked", error=None)
    sent = sent.assign(t_planned=instant, t_sent=instant, t_acked=instant)
    executions, states = ExecutionLog().tables()
    result = analyse(
        "run", [], sent, None, executions, states, ReceivedLog().table(),
        dead_letters=None, undrained=undrained, drained=not undrained, interrupted=False,
    )  # fmt: skip
    return _without_claims(result, None)


@pytest.mark.parametrize(
    ("undrained", "fate", "what"),
    [
        (0, "unobserved", "cannot be known without --state-machine"),
        (1, "unobserved", "or one of the 1 that it still holds"),
        (3, "still_queued", "still"),
    ],
)
def test_nothing_is_called_lost_that_a_consumer_may_have_taken(undrained: int, fate: str, what: str) -> None:
    result = settled(undrained)
    assert set(result.account["fate"]) == {fate}
    assert all(what in each for each in result.account["what"])
    counts = result.reconciliation.as_dict()
    assert (counts["sent"], counts["lost"], counts[fate]) == (3, 0, 3)
    assert result.reconciliation.holds


@pytest.mark.slow
def test_a_run_sends_each_line_and_says_what_it_does_not_know(
    account: Account, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_bodies, "_PATIENCE_S", {"aws": 0.3})
    url = target.client("sqs").create_queue(QueueName="mine")["QueueUrl"]
    said: list[str] = []
    result = own_bodies.ramp_own_bodies(
        target,
        own_bodies.OwnBodies(url, written(tmp_path, '{"a": 1}\n{"b": 2}')),
        RampOptions(rates="5", seconds=1.0),
        folder=tmp_path / "run",
        interactive=False,
        say=said.append,
    )
    assert list(result.account["fate"]) == ["still_queued"] * 5
    assert (tmp_path / "run" / "ledger.jsonl").exists()
    assert not (tmp_path / "run" / "run.json").exists()
    told = " ".join(said)
    for part in ("has 2 bodies: it begins again", "account 123456789012", "cannot be known"):
        assert part in told
    received = target.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == ['{"a": 1}'] * 3 + ['{"b": 2}'] * 2
