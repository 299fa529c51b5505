"""Bodies that people send by mistake, ten in one batch: each ends under its own name and takes nobody along."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import session, stack
from lab.stack import Names
from lab.target import Target
from tests.emulator.running import LocalStack, deploy, own_lab, wait_until
from tests.emulator.scenarios import ACCOUNT


def encoded(text: str, encoding: str = "utf-8") -> str:
    return json.dumps({"input": base64.b64encode(text.encode(encoding)).decode()})


# What start_execution says of each; None where an execution starts.
REFUSED = {
    encoded("good"): None,
    encoded("हिन्दी भाषा, cafe\u0301"): None,
    encoded("Hello", "utf-16-le"): None,
    '{"input": "SGk=", "x": ' + "[" * 99 + "]" * 99 + "}": None,
    '{"input": "SGk=", "x": ' + "9" * 300 + "}": None,
    '{"input": "SGk=", "x": NaN}': "InvalidNumberError",
    '{"input": "SGk=", "x": 1e400}': "InvalidNumberError",
    '{"input": "SGk=", "x": "\\ud800"}': "InvalidMessageError",
    '{"input": "SGk=", "x": ' + "[" * 500 + "]" * 500 + "}": "NestedTooDeepError",
    '{"lab_id": ' + "[" * 500 + "]" * 500 + "}": "NestedTooDeepError",
}


# The same, of which LocalStack would fail the whole batch, or change the body on its way.
REFUSED_HERE = {
    encoded("good"): None,
    '{"input": "SGk=", "x": ' + "[" * 60_000 + "]" * 60_000 + "}": "NestedTooDeepError",
    '{"input": "SGk=", "x": ' + "9" * 5_000 + "}": "InvalidNumberError",
    json.dumps(encoded("good")): "EncodedTwiceError",
    '"SGk="': "InvalidMessageError",
    # 262,144 bytes, more than a quarter of which would be new if somebody wrote it anew.
    '{"input":"SGk=","x":"' + "é" * 100_000 + "A" * (262_144 - 200_023) + '"}': None,
}
# What a function is to receive as it is.
ODD = (
    '"a string"',
    '"\\u00e9 \\/ \\"{}\\""',
    '{ "a" :1.0,"a":1e2 ,"b":"\\u00e9é" }\n',
    "\t[1,2]  ",
    "null",
    "007",
    "not JSON: é 東 😀",
    '{"n": ' + "9" * 5_000 + "}",
    "[" * 60_000,
    "NaN",
)


@pytest.fixture(scope="module")
def target(state_folder: Path) -> Iterator[Target]:
    with own_lab("bodies") as target:
        session.up(target)
        yield target
        session.down(target)


def test_each_ends_under_its_own_name_and_alone(target: Target) -> None:
    names = Names(target)
    watch = session.Watch(names)
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(REFUSED)]
    answer = target.client("sqs").send_message_batch(QueueUrl=stack.describe(target)["queue_url"], Entries=entries)
    sent = {entry["MessageId"]: list(REFUSED)[int(entry["Id"])] for entry in answer["Successful"]}

    def all_ended() -> bool:
        watch.look()
        executions, _, received = watch.tables()
        ended = set(executions.loc[executions["finished"].notna(), "name"])
        return len(ended | set(received.loc[received["error"].notna(), "message_id"])) == len(REFUSED) == 10

    wait_until(all_ended, what="the end of all ten")
    executions, _, received = watch.tables()
    assert {sent[row["message_id"]]: row["error"] for row in received.to_dict("records")} == REFUSED
    ends = {sent[row["name"]]: row["error"] or row["status"] for row in executions.to_dict("records")}
    started = [body for body, error in REFUSED.items() if error is None]
    assert ends == dict.fromkeys(started, "SUCCEEDED") | {encoded("Hello", "utf-16-le"): "InvalidTextError"}
    outputs = {sent[row["name"]]: row["output"] for row in executions.to_dict("records")}
    assert json.loads(outputs[list(REFUSED)[1]])["word_counts"] == {"हिन्दी": 1, "भाषा": 1, "café": 1}


@pytest.mark.needs_hook("message_bodies", "payload_limits")
def test_bodies_that_no_program_likes_take_nobody_along(target: Target) -> None:
    watch = session.Watch(Names(target))
    url = stack.describe(target)["queue_url"]
    client = target.client("sqs")
    sent = {client.send_message(QueueUrl=url, MessageBody=body)["MessageId"]: body for body in REFUSED_HERE}

    def all_ended() -> bool:
        watch.look()
        executions, _, received = watch.tables()
        ended = set(executions.loc[executions["finished"].notna(), "name"])
        return len((ended | set(received.loc[received["error"].notna(), "message_id"])) & sent.keys()) == len(sent)

    wait_until(all_ended, what="the end of all")
    executions, _, received = watch.tables()
    rows = [row for row in received.to_dict("records") if row["message_id"] in sent]
    assert {sent[row["message_id"]]: row["error"] for row in rows} == REFUSED_HERE
    ends = {sent[row["name"]]: row["error"] or row["status"] for row in executions.to_dict("records")}
    # The longest body that starts an execution is too long for a state that adds anything to it, as on AWS.
    assert ends == {encoded("good"): "SUCCEEDED", list(REFUSED_HERE)[-1]: "States.DataLimitExceeded"}


@dataclass
class Echo:
    """A queue, and a function behind it that prints what it gets."""

    localstack: LocalStack
    filters: list[dict[str, str]]

    def __post_init__(self) -> None:
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.url = self.localstack.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        self.function = deploy(
            self.localstack,
            "import json\n"
            "def lambda_handler(event, context):\n"
            "    for record in event['Records']:\n"
            "        print(json.dumps([record['body'], record['attributes']['ApproximateReceiveCount']]))\n",
        ).name
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    @contextlib.contextmanager
    def sent(self, bodies: Sequence[str]) -> Iterator[None]:
        """Sends all bodies at once, then maps the queue to the function."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.localstack.client("sqs").send_message_batch(QueueUrl=self.url, Entries=entries)
        assert len(answer["Successful"]) == len(bodies)
        client = self.localstack.client("lambda")
        mapping = client.create_event_source_mapping(
            EventSourceArn=self.arn, FunctionName=self.function, FilterCriteria={"Filters": self.filters}
        )["UUID"]
        yield
        client.delete_event_source_mapping(UUID=mapping)

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.localstack.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return [answer["Attributes"][each] for each in names] == ["0", "0"]

    def received(self) -> list[tuple[str, str]]:
        """Body and receive count of all that the function got so far."""
        logs, group = self.localstack.client("logs"), f"/aws/lambda/{self.function}"
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            lines = [event["message"] for page in pages for event in page["events"]]
            return [tuple(json.loads(line)) for line in lines if line.startswith("[")]
        return []


@pytest.mark.needs_hook("message_bodies")
@pytest.mark.parametrize("filters", [[], [{"Pattern": '{"attributes": {"SenderId": [{"exists": true}]}}'}]])
def test_a_body_reaches_the_function_as_it_was_sent(localstack: LocalStack, filters: list[dict[str, str]]) -> None:
    echo = Echo(localstack, filters)
    with echo.sent(ODD):
        wait_until(lambda: len(echo.received()) >= len(ODD), what="all bodies in the function's log")
    assert Counter(echo.received()) == Counter((body, "1") for body in ODD)


@pytest.mark.needs_hook("message_bodies")
def test_filters_read_a_body_as_before_and_one_that_none_can_read_is_left_out(localstack: LocalStack) -> None:
    echo = Echo(localstack, [{"Pattern": '{"body": {"kind": ["a"]}}'}])
    deep = '{"kind": ' + "[" * 900 + '"a"' + "]" * 900 + "}"  # whether it matches is nobody's promise
    wanted = '{ "kind":"a", "n": 1}'
    with echo.sent([wanted, '{"kind": "b"}', "kind", '"kind"', "[" * 60_000, '{"kind": ["c"]}', deep]):
        wait_until(echo.is_empty, what="a queue without messages: what matches no filter is deleted")
        wait_until(lambda: (wanted, "1") in echo.received(), what="the body in the function's log")
    assert set(echo.received()) <= {(wanted, "1"), (deep, "1")}


def test_a_run_of_another_script_in_a_folder_with_brackets_on_a_terminal_without_either(
    target: Target, tmp_path: Path
) -> None:
    (tmp_path / "कथा [1].txt").write_bytes("हिन्दी भाषा, cafe\u0301! The sea.\r\n".encode() * 60)
    ended = subprocess.run(
        [
            *(Path(sys.executable).with_name("lab"), "ramp", "--name", target.name, "--rates", "5", "--seconds", "2"),
            *("--text=~/कथा [1].txt", "--out=~/a[/b] [old]"),
        ],
        env=os.environ | {"HOME": str(tmp_path), "PYTHONIOENCODING": "ascii", "MPLCONFIGDIR": str(tmp_path / "mpl")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    folder = tmp_path / "a[" / "b] [old]"
    assert f"{folder}/report.html" in ended.stdout
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["words"]["matches_expected"] is True
    assert summary["words"]["total"] == 10 * 100
    assert summary["reconciliation"]["lost"] == 0
