"""Plans of faults: what they say, which messages they choose, and where they are refused."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lab import paths
from lab.commands import app
from lab.emulator.runtime.hooks import injected_throttles
from lab.errors import LabError
from lab.faults import PRESETS, Fault, FaultError, Faults, check, in_words, read_faults, wrapper
from lab.faults.in_sends import LosingClient
from lab.faults.plan import PLACES
from lab.faults.reading import parse
from lab.load import messages
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, START_FUNCTION
from lab.target import Target

RUN = "261124-150721-3f9a"
DECODER = "base64_decoder"


def lab_id(number: int, run: str = RUN) -> str:
    return messages.lab_id_of(run, number)


# Which messages are chosen


def test_a_share_is_what_it_says_and_independent_at_each_place() -> None:
    faults = Faults((Fault("raises", 10), Fault("slow", 10)))
    chosen = {
        (number, where): {each for each in range(4_000) if faults.chooses(number, where, lab_id(each), RUN)}
        for number in (0, 1)
        for where in PIPELINE_FUNCTIONS
    }
    assert all(0.08 < len(each) / 4_000 < 0.12 for each in chosen.values())
    assert len({frozenset(each) for each in chosen.values()}) == 8
    assert len(chosen[0, DECODER] & chosen[1, DECODER]) < 80


def test_the_same_seed_chooses_the_same_numbers_in_each_run_and_another_seed_others() -> None:
    def numbers(seed: int, run: str) -> set[int]:
        faults = Faults((Fault("raises", 20),), seed)
        return {each for each in range(500) if faults.chooses(0, DECODER, lab_id(each, run), run)}

    assert numbers(1, RUN) == numbers(1, "270101-000000-0000")
    assert numbers(1, RUN) != numbers(2, RUN)


def test_other_runs_and_broken_messages_meet_no_fault_in_functions() -> None:
    faults = Faults((Fault("raises", 100), Fault("broken", 30)))
    broken = {each for each in range(200) if faults.broken_as(lab_id(each))}
    assert 30 < len(broken) < 90
    assert {each for each in range(200) if faults.chooses(0, DECODER, lab_id(each), RUN)} == set(range(200)) - broken
    assert not faults.chooses(0, DECODER, "other-run-000001", RUN)


@given(
    seed=st.integers(0, 2**40), rule=st.integers(0, 20), number=st.integers(0, 10**6), where=st.sampled_from(FUNCTIONS)
)
def test_the_emulators_hook_and_the_wrapper_draw_alike(seed: int, rule: int, number: int, where: str) -> None:
    here = wrapper.share_of(seed, rule, where, lab_id(number))
    assert 0 <= here < 1
    assert injected_throttles.share_of(seed, rule, where, lab_id(number)) == here
    assert injected_throttles.VARIABLE == wrapper.VARIABLE


def test_the_table_names_message_fault_and_place() -> None:
    faults = Faults((Fault("raises", 30, (DECODER,)), Fault("broken", 30, bodies=("not_json", "empty"))), seed=3)
    to_send = list(messages.generate(100, run_id=RUN))
    table = faults.table(to_send, RUN)
    sent = faults.broken_among(to_send)
    broken = {message.lab_id for message in sent if message.text is None}
    assert set(table.loc[table["fault"] == "broken", "lab_id"]) == broken
    assert set(table.loc[table["fault"] == "broken", "detail"]) == {"not_json", "empty"}
    raised = table[table["fault"] == "raises"]
    assert set(raised["where"]) == {DECODER}
    assert not set(raised["lab_id"]) & broken
    assert in_words(table).startswith(f"{len(set(table['lab_id']))} messages were chosen for faults: ")


# Lost answers


class Queue:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def send_message_batch(self, **parameters: Any) -> Any:
        self.calls.append([entry["MessageBody"] for entry in parameters["Entries"]])
        return {"Successful": []}


def test_a_lost_answer_is_lost_after_the_call_and_for_all_whom_it_carried() -> None:
    to_send = list(messages.generate(6, run_id=RUN))
    faults = Faults((Fault("answer_lost", 30),), seed=4)
    chosen = {each.lab_id for each in to_send if faults.chooses(0, "sender", each.lab_id, RUN)}
    assert 0 < len(chosen) < 6
    queue = Queue()
    client = LosingClient(queue, faults, to_send, RUN)
    entries = [{"Id": str(number), "MessageBody": each.body} for number, each in enumerate(to_send)]
    with pytest.raises(ReadTimeoutError):
        client.send_message_batch(QueueUrl="url", Entries=entries)
    assert client.send_message_batch(QueueUrl="url", Entries=entries) == {"Successful": []}
    assert len(queue.calls) == 2
    assert Counter(row[0] for row in client.rows) == Counter(each.lab_id for each in to_send)


# Reading plans


def write(tmp_path: Path, text: str, name: str = "plan.toml") -> str:
    (tmp_path / name).write_text(text, "utf-8")
    return str(tmp_path / name)


def test_a_file_of_toml_and_one_of_json_say_the_same(tmp_path: Path) -> None:
    toml = write(
        tmp_path,
        'seed = 7\n[[fault]]\nkind = "raises"\npercent = 2.5\nwhere = "string_cleaner"\nattempts = "all"\n'
        '[[fault]]\nkind = "broken"\npercent = 1\nbodies = ["empty"]\n',
    )
    document = {
        "seed": 7,
        "fault": [
            {"kind": "raises", "percent": 2.5, "where": ["string_cleaner"], "attempts": "all"},
            {"kind": "broken", "percent": 1, "bodies": ["empty"]},
        ],
    }
    plans = [read_faults(toml), read_faults(write(tmp_path, json.dumps(document), "plan.json"))]
    expected = Faults(
        (Fault("raises", 2.5, ("string_cleaner",), attempts=None), Fault("broken", 1, bodies=("empty",))), 7
    )
    assert plans == [expected, expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no list 'fault'"),
        ("fault = []", "needs at least one"),
        ("seed = ", "is not TOML"),
        ("[[fault]]\npercent = 5", "Fault 1 has no 'kind'"),
        ('[[fault]]\nkind = "raises"', "Fault 1 has no 'percent'"),
        ('[[fault]]\nkind = "rises"\npercent = 5', "no fault 'rises'"),
        ('[[fault]]\nkind = "raises"\npercent = 0', "percent is 0"),
        ('[[fault]]\nkind = "raises"\npercent = 101', "percent is 101"),
        ('[[fault]]\nkind = "raises"\npercent = nan', "percent is nan"),
        ('[[fault]]\nkind = "raises"\npercent = true', "percent is True"),
        ('[[fault]]\nkind = "raises"\npercent = 5\nwhere = "decoder"', "cannot happen in 'decoder'"),
        ('[[fault]]\nkind = "answer_lost"\npercent = 5\nwhere = "base64_decoder"', "cannot happen in 'base64_decoder'"),
        ('[[fault]]\nkind = "raises"\npercent = 5\nattempts = 0', "attempts is 0"),
        ('[[fault]]\nkind = "raises"\npercent = 5\nattempts = "many"', "attempts is 'many'"),
        ('[[fault]]\nkind = "slow"\npercent = 5\nseconds = -1', "seconds is -1"),
        ('[[fault]]\nkind = "broken"\npercent = 5\nbodies = ["odd"]', "no broken body 'odd'"),
        ('[[fault]]\nkind = "broken"\npercent = 5\nbodies = []', "neither a text nor a list"),
        ('[[fault]]\nkind = "raises"\npercent = 5\npercentage = 5', "the key 'percentage'"),
        ('speed = 1\n[[fault]]\nkind = "raises"\npercent = 5', "the key 'speed'"),
        ('seed = "x"\n[[fault]]\nkind = "raises"\npercent = 5', "seed 'x'"),
        ('seed = true\n[[fault]]\nkind = "raises"\npercent = 5', "seed True"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_its_file_and_a_way_on(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FaultError) as refused:
        read_faults(path)
    assert said in refused.value.what
    assert path in refused.value.what
    assert refused.value.next_step


@given(
    document=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["raises", "all", DECODER]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["fault", "kind", "percent", "where", "attempts", "seconds", "bodies", "seed"]), inner
            )
        ),
        max_leaves=15,
    )
)
def test_any_document_is_a_plan_or_a_named_error(document: Any) -> None:
    for text in (json.dumps(document), json.dumps({"fault": [document]})):
        try:
            plan = parse(text, Path("plan.json"))
        except LabError as error:
            said = error.what
        else:
            said = "plan.json"
            assert all(math.isfinite(fault.percent) for fault in plan.faults)
        assert "plan.json" in said


def test_the_page_lists_every_fault_and_its_example_is_a_plan() -> None:
    page = (paths.PROJECT / "docs" / "faults.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == ["kind", *PLACES]
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    plan = parse(example, Path("plan.toml"))
    assert [(fault.kind, fault.attempts) for fault in plan.faults] == [("raises", 2), ("broken", 1)]


def test_no_such_preset_names_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="neither a preset nor a file") as refused:
        read_faults("bad-dya")
    assert all(name in refused.value.next_step for name in PRESETS)


def test_every_preset_is_in_the_help_and_can_be_read() -> None:
    said = " ".join((paths.PROJECT / "docs" / "commands.md").read_text("utf-8").split())
    for name in PRESETS:
        assert name in said
        assert read_faults(name).name == name
        assert read_faults(name).sentence().startswith("Faults on purpose (seed 1): ")


def test_a_plan_that_makes_no_sense_stops_the_command_before_anything(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["ramp", "--faults", str(tmp_path / "none.toml"), "--name", "no-such-lab"])
    assert ended.exit_code == 1
    assert "neither a preset nor a file" in str(ended.exception or "") + ended.output


# What AWS cannot do


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("throttled", 5), "works on the lab's emulator only"),
        (Fault("raises", 5), "can count attempts on the lab's emulator only"),
        (Fault("dies", 5, (DECODER, START_FUNCTION)), "can count attempts on the lab's emulator only"),
    ],
)
def test_on_aws_it_says_so_before_anything_is_asked(fault: Fault, said: str) -> None:
    with pytest.raises(FaultError, match=said) as refused:
        check(Target("aws", "workshop"), Faults((fault,)))
    assert "nothing was sent" in refused.value.what


@pytest.mark.parametrize(
    "fault",
    [
        Fault("raises", 5, attempts=None),
        Fault("times_out", 5, (START_FUNCTION,)),
        Fault("start_refused", 5),
        Fault("delivered_twice", 5),
        Fault("answer_lost", 5),
        Fault("broken", 5),
    ],
)
def test_on_aws_the_others_work(fault: Fault) -> None:
    check(Target("aws", "workshop"), Faults((fault,)))
