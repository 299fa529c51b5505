"""Which message ended where, and why, in words that name the station and the error."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis import account
from lab.analysis.reconcile import reconcile
from lab.observe import parse_execution_events
from tests.unit.histories import ENDS, History, message, phantom, table
from tests.unit.logs_stand_in import event

RUN = "261126-120000-abcd"
DECODE, KEEP, GIVE_UP = "Decode base64 string", "Keep the failed message", "Fail with the error's own name"


def sent(*outcomes: str, error: str | None = None) -> pd.DataFrame:
    """Messages `r-0`, `r-1`, …"""
    return pd.DataFrame(
        {
            "lab_id": [f"r-{number}" for number in range(len(outcomes))],
            "message_id": [f"sqs-{number}" if outcome == "acked" else None for number, outcome in enumerate(outcomes)],
            "outcome": list(outcomes),
            "error": [error if outcome != "acked" else None for outcome in outcomes],
        },
        dtype=object,
    )


def received(*rows: tuple[int, str | None]) -> pd.DataFrame:
    """What start_execution logged: number and error; without an error an execution was started."""
    return pd.DataFrame(
        {
            "message_id": [f"sqs-{number}" for number, _ in rows],
            "lab_id": [f"r-{number}" for number, _ in rows],
            "execution_arn": [None if error else f"arn-{number}" for number, error in rows],
            "error": [error for _, error in rows],
        },
        dtype=object,
    )


def letters(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"message_id": [f"sqs-{number}" for number in numbers], "lab_id": [f"r-{number}" for number in numbers]},
        dtype=object,
    )


def account_for(
    sends: pd.DataFrame,
    events: list[str] | None = None,
    got: pd.DataFrame | None = None,
    dead: pd.DataFrame | None = None,
    queued: pd.DataFrame | None = None,
    undrained: int = 0,
) -> pd.DataFrame:
    executions, states = parse_execution_events(events or [])
    got = received() if got is None else got
    found = reconcile(sends, executions, got, dead, queued, undrained=undrained)
    return account.account_of(found, sends, executions, states, got, dead, most_receives=5)


def execution(*steps: tuple[str, dict[str, Any]], run: int = 0) -> list[str]:
    """The events of an execution of message 0."""
    arn = f"arn:aws:states:eu-central-1:000000000000:express:machine:sqs-0:{run}"
    first = ("ExecutionStarted", {"input": '{"lab_id": "r-0"}'})
    return [
        event(number, kind, arn=arn, previous=number - 1, **details)
        for number, (kind, details) in enumerate((first, *steps), start=1)
    ]


def entered(name: str, kind: str = "Task") -> tuple[str, dict[str, Any]]:
    return f"{kind}StateEntered", {"name": name}


def left(name: str) -> tuple[str, dict[str, Any]]:
    return "TaskStateExited", {"name": name}


def went_wrong(error: str) -> tuple[str, dict[str, Any]]:
    return "TaskFailed", {"error": error}


def failed(error: str | None) -> tuple[str, dict[str, Any]]:
    return "ExecutionFailed", {"error": error}


KEPT = (entered(KEEP), ("TaskSucceeded", {}), left(KEEP))
WAYS = {
    "no catch": (
        (entered(DECODE), went_wrong("InvalidBase64Error"), failed("InvalidBase64Error")),
        ("failed", DECODE, "InvalidBase64Error", f'failed in "{DECODE}": InvalidBase64Error'),
    ),
    "caught, kept, failed with the error's own name": (
        (
            *(entered(DECODE), went_wrong("InvalidBase64Error"), left(DECODE), *KEPT),
            *(entered(GIVE_UP, "Fail"), failed("InvalidBase64Error")),
        ),
        ("failed", DECODE, "InvalidBase64Error", f'failed in "{DECODE}": InvalidBase64Error'),
    ),
    "caught, kept, failed with a name of its own": (
        (
            *(entered(DECODE), went_wrong("InvalidBase64Error"), left(DECODE), *KEPT),
            *(entered(GIVE_UP, "Fail"), failed("GivenUp")),
        ),
        ("failed", GIVE_UP, "GivenUp", f'failed in "{GIVE_UP}": GivenUp, after InvalidBase64Error in "{DECODE}"'),
    ),
    "caught, not kept, failed with the first error": (
        (
            *(entered(DECODE), went_wrong("InvalidBase64Error"), left(DECODE)),
            *(
                entered(KEEP),
                went_wrong("SQS.Gone"),
                left(KEEP),
                entered(GIVE_UP, "Fail"),
                failed("InvalidBase64Error"),
            ),
        ),
        (
            *("failed", DECODE, "InvalidBase64Error"),
            f'failed in "{DECODE}": InvalidBase64Error, after SQS.Gone in "{KEEP}"',
        ),
    ),
    "caught, and keeping it failed in the same way": (
        (
            *(entered(DECODE), went_wrong("States.Timeout"), left(DECODE)),
            *(entered(KEEP), went_wrong("States.Timeout"), left(KEEP)),
            *(entered(GIVE_UP, "Fail"), failed("States.Timeout")),
        ),
        ("failed", DECODE, "States.Timeout", f'failed in "{DECODE}": States.Timeout'),
    ),
    "caught, and keeping it was not caught": (
        (
            *(entered(DECODE), went_wrong("Lambda.Unknown"), left(DECODE)),
            *(entered(KEEP), went_wrong("Lambda.Unknown"), failed("Lambda.Unknown")),
        ),
        ("failed", KEEP, "Lambda.Unknown", f'failed in "{KEEP}": Lambda.Unknown'),
    ),
    "caught and repaired": (
        (
            *(entered(DECODE), went_wrong("InvalidBase64Error"), left(DECODE), *KEPT),
            ("ExecutionSucceeded", {"output": "{}"}),
        ),
        (
            *("succeeded", DECODE, "InvalidBase64Error"),
            f'succeeded after the workflow caught InvalidBase64Error in "{DECODE}"',
        ),
    ),
    "mended by a retry": (
        (
            *(entered(DECODE), went_wrong("Lambda.TooManyRequestsException"), ("TaskScheduled", {})),
            *(("TaskSucceeded", {}), left(DECODE), ("ExecutionSucceeded", {"output": "{}"})),
        ),
        ("succeeded", "workflow", None, "succeeded"),
    ),
    "timed out": (
        (entered(DECODE), ("ExecutionTimedOut", {"error": "States.Timeout"})),
        ("failed", DECODE, "States.Timeout", f'timed out in "{DECODE}": States.Timeout'),
    ),
    "aborted": (
        (entered(DECODE), ("ExecutionAborted", {})),
        ("failed", DECODE, None, f'aborted in "{DECODE}" without the name of an error'),
    ),
    "no state in the log": (
        (failed("States.Runtime"),),
        ("failed", "workflow", "States.Runtime", "failed in the workflow: States.Runtime"),
    ),
    "no end in the log": (
        (entered(DECODE),),
        ("unobserved", DECODE, None, f'started, no log says how it ended; last seen in "{DECODE}"'),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_execution_is_told_by_the_state_in_which_its_error_arose(way: str) -> None:
    steps, expected = WAYS[way]
    row = account_for(sent("acked"), execution(*steps)).iloc[0]
    assert (row["fate"], row["station"], row["error"], row["what"]) == expected
    assert row["executions"] == 1


@settings(deadline=None)
@given(messages=st.lists(message, max_size=8), phantoms=st.lists(phantom, max_size=3), undrained=st.integers(0, 4))
def test_the_rows_of_every_history_add_up_to_its_counts(
    messages: list[dict[str, Any]], phantoms: list[str], undrained: int
) -> None:
    history = History()
    for number, drawn in enumerate(messages):
        lab_id, fate = f"r-{number}", drawn["fate"]
        history.send(lab_id, drawn["outcome"])
        for run in range(drawn["extra"] if fate in ENDS else 0):
            history.run(lab_id, ENDS[fate], run=run, logged=drawn["logged"])
        if fate == "unobserved":
            history.run(lab_id, None if drawn["logged"] else "RUNNING")
        if fate in ("dead", "queued", "refused"):
            history.refuse(lab_id, drawn["extra"])
        if fate in ("dead", "queued"):
            history.put(history.dead_letters if fate == "dead" else history.queued, lab_id)
    for number, kind in enumerate(phantoms):
        history.run(f"ghost-{number}", "SUCCEEDED", plain="plain" in kind)
    sends, executions, received, dead_letters, queued = history.tables()
    found = reconcile(sends, executions, received, dead_letters, queued, undrained=undrained)

    rows = account.account_of(found, sends, executions, table([], "execution_arn"), received, dead_letters)

    counts, of = found.as_dict(), rows["fate"].value_counts().to_dict()
    assert sum(of.get(fate, 0) for fate in account.SENT) == counts["sent"]
    for fate in set(account.FATES) - {"lost", "still_queued", "lost_or_queued"}:
        assert of.get(fate, 0) == counts[fate], fate
    in_doubt = of.pop("lost_or_queued", 0)
    assert of.get("lost", 0) + of.get("still_queued", 0) + in_doubt == counts["lost"] + counts["still_queued"]
    if not in_doubt:
        assert of.get("lost", 0) == counts["lost"]
    assert list(rows["lab_id"][: len(sends)]) == list(sends["lab_id"])
    assert not rows["lab_id"].duplicated().any()
    assert rows["what"].map(bool).all()
    assert account.kinds(rows)["count"].sum() == len(rows)


def test_before_the_workflow_the_last_station_is_told_too() -> None:
    """One message a place, in the words of the issue that a learner looks for."""
    no = "InvalidMessageError"
    got = received((0, no), *[(1, no)] * 5, (3, no), (3, no), (5, None))
    rows = account_for(sent(*["acked"] * 7), [], got, letters(1, 2), letters(3, 4), undrained=0)
    assert list(zip(rows["fate"], rows["station"], rows["error"], rows["what"], strict=True)) == [
        ("lost", "start_execution", no, f"refused by start_execution: {no}"),
        (
            *("dead_lettered", "dead-letter queue", no),
            f"dead-lettered after 5 receives, refused by start_execution: {no}",
        ),
        ("dead_lettered", "dead-letter queue", None, "dead-lettered after 5 receives"),
        ("still_queued", "queue", no, f"still queued, refused 2 times so far: {no}"),
        ("still_queued", "queue", None, "still queued"),
        ("unobserved", "workflow", None, "started, no log says how it ended"),
        ("lost", "queue", None, "taken by the queue and seen nowhere after"),
    ]
    assert list(rows["deliveries"]) == [1, 5, 0, 2, 0, 1, 0]


def test_what_the_sender_knows_is_told_of_what_never_came() -> None:
    rows = account_for(sent("unknown", "refused", "dropped", error="TooLate"))
    assert list(zip(rows["fate"], rows["station"], rows["what"], strict=True)) == [
        ("never_arrived", "sender", "sent without an answer (TooLate), and not seen"),
        ("not_sent", "sender", "not sent, refused by SQS: TooLate"),
        ("not_sent", "sender", "not sent, too late to leave"),
    ]


def test_messages_of_others_are_named_so() -> None:
    events = [
        event(1, "ExecutionStarted", arn=f"arn:aws:states:x:0:express:machine:{name}:1", input=body)
        for name, body in (("sqs-a", f'{{"lab_id": "{RUN}-000007"}}'), ("cafe-123456789012", "{}"))
    ]
    rows = account_for(sent("acked"), events).set_index("lab_id")
    assert rows.loc[f"{RUN}-000007", "what"] == f"of another run, {RUN}"
    assert rows.loc["cafe-123456789012", "what"] == "sent by hand"
    assert list(rows["fate"]) == ["lost", "foreign", "foreign"]


def test_of_several_executions_the_best_counts() -> None:
    good = execution(("ExecutionSucceeded", {"output": "{}"}), run=1)
    bad = execution(entered(DECODE), went_wrong("Flaky"), failed("Flaky"), run=0)
    row = account_for(sent("acked"), good + bad, dead=letters(0)).iloc[0]
    assert (row["fate"], row["executions"]) == ("succeeded", 2)
    assert row["what"] == "succeeded, and dead-lettered after 5 receives"


def test_a_queue_that_nobody_read_leaves_some_in_doubt() -> None:
    rows = account_for(sent("acked", "acked", "acked"), undrained=2)
    assert list(rows["fate"]) == ["lost_or_queued"] * 3
    assert "perhaps one of those that the queue still holds" in rows["what"].iloc[0]
    assert list(account_for(sent("acked", "acked"), undrained=2)["fate"]) == ["still_queued"] * 2


def test_the_lines_name_each_kind_once_with_a_few_ids() -> None:
    rows = account_for(sent(*["acked"] * 5), execution(("ExecutionSucceeded", {"output": "{}"})), dead=letters(4))
    assert account.lines(rows) == [
        "1 dead-lettered after 5 receives: r-4",
        "3 taken by the queue and seen nowhere after: r-1, r-2, r-3",
    ]
    assert account.lines(account_for(sent(*["acked"] * 5)))[0].endswith("r-0, r-1, r-2 and 2 more")


def test_an_account_of_two_runs_has_no_strangers_of_its_own() -> None:
    first = account_for(sent("acked"))
    second = first.assign(lab_id=["s-0"])
    strangers = first.assign(lab_id="s-0", fate="foreign", what="of another run, s")
    other = first.assign(lab_id="t-0", fate="foreign", what="of another run, t")
    both = account.together(pd.concat([first, strangers, other]), pd.concat([second, other]))
    assert list(both["lab_id"]) == ["r-0", "s-0", "t-0"]


def test_ten_thousand_messages_are_accounted_for_at_once() -> None:
    count = 10_000
    names = pd.Series([f"r-{number}" for number in range(count)], dtype=object)
    sends = pd.DataFrame({"lab_id": names, "message_id": "sqs-" + names, "outcome": "acked", "error": None})
    executions = pd.DataFrame(
        {"execution_arn": "arn-" + names, "name": "sqs-" + names, "lab_id": names, "status": "SUCCEEDED", "error": None}
    )
    states = pd.DataFrame(
        {"execution_arn": "arn-" + names, "state": DECODE, "error": None, "exited": pd.Timestamp(0), "type": "Task"}
    )
    states = pd.concat([states] * 4, ignore_index=True)
    got = pd.DataFrame({"message_id": "sqs-" + names, "lab_id": names, "execution_arn": "arn-" + names, "error": None})
    began = time.monotonic()
    found = reconcile(sends, executions, got)
    rows = account.account_of(found, sends, executions, states, got)
    took_s = time.monotonic() - began
    assert set(rows["fate"]) == {"succeeded"}
    assert len(rows) == count
    assert took_s < 10  # half a second on a slow machine; ten say that something grows with the square
