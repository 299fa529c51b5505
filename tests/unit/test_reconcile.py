"""The account of every message: each history is made with known losses, and every count must be exact."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.reconcile import reconcile
from lab.load.judge import STOPPED, TOO_LATE
from lab.observe.columns import lab_id_in
from tests.unit.histories import ENDS, History, message, phantom, table


@settings(max_examples=10 * settings.default.max_examples, deadline=None)
@given(messages=st.lists(message, max_size=8), phantoms=st.lists(phantom, max_size=3), twisted=st.randoms())
def test_every_count_of_every_history_is_exact(
    messages: list[dict[str, Any]], phantoms: list[str], twisted: Any
) -> None:
    history = History()
    expected: dict[str, set[str]] = {name: set() for name in PLACES}
    extra_executions = 0
    for number, drawn in enumerate(messages):
        lab_id, outcome, fate = f"r-{number}", drawn["outcome"], drawn["fate"]
        # Only an answered send tells the message id, by which a plain body is known.
        plain = drawn["plain"] and outcome == "acked"
        history.send(lab_id, outcome)
        runs = 0
        if fate in ENDS:
            runs = 1 + drawn["extra"]
            for run in range(runs):
                early = drawn["early_failure"] and run > 0
                history.run(lab_id, "FAILED" if early else ENDS[fate], run=run, logged=drawn["logged"], plain=plain)
        elif fate == "running":
            runs = 1
            history.run(lab_id, "RUNNING", logged=drawn["logged"], plain=plain)
        elif fate == "unobserved":
            runs = 1
            history.run(lab_id, None, plain=plain)
        elif fate == "dead":
            history.refuse(lab_id, 1 + drawn["extra"], plain=plain)
            history.put(history.dead_letters, lab_id, plain=plain)
        elif fate == "queued":
            history.put(history.queued, lab_id, plain=plain)
        elif fate == "refused":  # received, never started, gone
            history.refuse(lab_id, plain=plain)

        seen = fate != "lost"
        if outcome == "dropped" and seen:
            expected["unexpected"].add(lab_id)
        elif outcome == "acked" or seen:
            expected["sent"].add(lab_id)
            place = {"dead": "dead_lettered", "queued": "still_queued", "running": "unobserved", "refused": "lost"}
            place |= {"timed_out": "failed", "aborted": "failed"}
            expected[place.get(fate, fate)].add(lab_id)
            if runs > 1:
                expected["duplicated"].add(lab_id)
                extra_executions += runs - 1
            if outcome != "acked":
                expected["recovered"].add(lab_id)
        else:
            expected["never_arrived" if outcome == "unknown" else "not_sent"].add(lab_id)
    for number, kind in enumerate(phantoms):
        ghost = f"ghost-{number}"
        if kind == "execution":
            history.run(ghost, "SUCCEEDED")
        elif kind == "plain execution":
            history.run(ghost, "SUCCEEDED", logged=False, plain=True)
        elif kind == "received":
            history.refuse(ghost)
        else:
            history.put(history.dead_letters if kind == "dead" else history.queued, ghost)
        expected["foreign"].add(f"sqs-{ghost}" if kind == "plain execution" else ghost)
    for rows in (history.sends, history.executions, history.received, history.dead_letters, history.queued):
        twisted.shuffle(rows)

    account = history.account()

    for name in PLACES:
        assert getattr(account, name) == tuple(sorted(expected[name])), name
    assert account.extra_executions == extra_executions
    counts = account.as_dict()
    assert counts["sent"] == sum(counts[name] for name in PARTS)
    assert account.holds == (not expected["lost"] and not expected["unexpected"])
    assert account.drained == (not expected["still_queued"])
    assert account.explain().startswith(f"{len(expected['sent'])} sent = ")


PARTS = ("succeeded", "failed", "dead_lettered", "still_queued", "unobserved", "lost")
PLACES = (*PARTS, "sent", "duplicated", "unexpected", "foreign", "recovered", "never_arrived", "not_sent")


def test_a_message_that_failed_and_then_succeeded_has_succeeded() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", "FAILED", run=0)
    history.run("r-1", "SUCCEEDED", run=1)
    history.put(history.dead_letters, "r-1")
    account = history.account()
    assert (account.succeeded, account.failed, account.dead_lettered) == (("r-1",), (), ())
    assert account.duplicated == ("r-1",)
    assert account.holds


def test_one_execution_in_both_logs_is_one() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", "SUCCEEDED")
    history.refuse("r-1", 2)
    assert history.account().extra_executions == 0


def test_a_second_start_that_only_the_function_logged_is_a_duplicate() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", "SUCCEEDED", run=0)
    history.run("r-1", None, run=1)
    account = history.account()
    assert account.duplicated == ("r-1",)
    assert account.unobserved == ()


def test_a_missing_log_is_never_a_lost_message() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", None)
    account = history.account()
    assert (account.unobserved, account.lost) == (("r-1",), ())
    assert account.holds
    assert "logs are best effort; not lost" in account.explain()


def test_a_loss_breaks_the_account_and_is_named() -> None:
    history = History()
    for number in range(6):
        history.send(f"r-{number}")
    history.run("r-0", "SUCCEEDED")
    account = history.account()
    assert not account.holds
    assert account.explain() == (
        "6 sent = 1 succeeded + 0 failed + 5 lost.\n"
        "5 lost: acknowledged by SQS and seen nowhere after: r-1, r-2, r-3 and 2 more."
    )


def test_an_account_that_holds_says_so() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", "SUCCEEDED")
    assert history.account().explain() == (
        "1 sent = 1 succeeded + 0 failed + 0 lost.\nNothing is lost, and nothing came out that was not sent."
    )


def test_before_the_queue_is_empty_the_account_is_not_final() -> None:
    history = History()
    history.send("r-1")
    account = history.account(undrained=1)
    assert not account.drained
    assert account.as_dict()["still_queued"] == 1
    assert "not final" in account.explain()


def test_the_keys_of_summary_json_come_first() -> None:
    expected = "sent succeeded failed dead_lettered still_queued lost unobserved duplicated"
    assert list(History().account().as_dict())[:8] == expected.split()


def test_without_queues_and_with_empty_tables() -> None:
    history = History()
    history.send("r-1")
    empty = history.account()
    account = reconcile(table(history.sends, "lab_id outcome message_id"), *_empty())
    assert account == empty
    with pytest.raises(AttributeError):
        account.undrained = 3  # type: ignore[misc]


def _empty() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table([], "execution_arn name lab_id status"), table([], "message_id lab_id execution_arn")


def test_sums_of_a_large_history() -> None:
    history = History()
    fates = ["SUCCEEDED", "FAILED", None, "lost"]
    for number in range(4_000):
        history.send(f"r-{number}")
        fate = fates[number % 4]
        if fate != "lost":
            history.run(f"r-{number}", fate)
    account = history.account()
    places = Counter({name: len(getattr(account, name)) for name in PARTS})
    assert places == Counter(succeeded=1_000, failed=1_000, unobserved=1_000, lost=1_000)


def test_what_belongs_to_another_run_fails_nothing() -> None:
    history = History()
    history.send("r-1")
    history.run("r-1", "SUCCEEDED")
    history.run("other-1", "FAILED")
    history.refuse("another-2")
    account = history.account(undrained=7)
    assert (account.foreign, account.unexpected) == (("another-2", "other-1"), ())
    assert account.holds
    assert account.drained, "what is left in the queue is somebody else's: nothing of ours is missing"
    assert account.as_dict()["still_queued"] == 0
    assert "2 not of this run" in account.explain()


def test_a_refused_message_is_still_queued_while_the_queue_holds_it_and_lost_when_it_is_empty() -> None:
    history = History()
    history.send("r-1")
    history.refuse("r-1")
    waiting = history.account(undrained=1)
    assert (waiting.still_queued, waiting.lost) == (("r-1",), ())
    assert "still queued: in the queue, or refused by start_execution so far" in waiting.explain()
    assert history.account(undrained=0).lost == ("r-1",)


def test_what_is_left_in_the_queue_is_counted_once() -> None:
    history = History()
    for number in range(3):
        history.send(f"r-{number}")
    account = history.account(undrained=2)
    counts = account.as_dict()
    assert (counts["still_queued"], counts["lost"]) == (2, 1)
    assert not account.holds


def test_bodies_that_nobody_can_read_are_found_by_their_message_id() -> None:
    """Ten whose batch was never read (one nested 60,000 deep) are dead letters, none of them is lost."""
    bodies = [f'{{"lab_id": "r-{number}"}}' for number in range(8)]
    bodies += [
        '{"lab_id": "r-8", "x": ' + "[" * 60_000 + "]" * 60_000 + "}",
        '{"lab_id": "r-9", "x": ' + "1" * 5_000 + "}",
    ]
    sends = table(
        [{"lab_id": f"r-{n}", "message_id": f"id-{n}", "outcome": "acked"} for n in range(10)],
        "lab_id message_id outcome",
    )
    dead = table(
        [{"message_id": f"id-{n}", "lab_id": lab_id_in(body), "body": body} for n, body in enumerate(bodies)],
        "message_id lab_id body",
    )
    executions, received = _empty()
    account = reconcile(sends, executions, received, dead)
    assert len(account.dead_lettered) == 10
    assert account.lost == account.foreign == account.unexpected == ()


def test_what_was_not_sent_says_why() -> None:
    sends = pd.DataFrame(
        {
            "lab_id": ["a", "b", "c", "d"],
            "outcome": ["acked", "refused", "dropped", "dropped"],
            "error": [None, "InvalidMessageContents", TOO_LATE, STOPPED],
            "message_id": ["m", None, None, None],
        }
    )
    nothing = pd.DataFrame(columns=["lab_id", "name", "execution_arn", "status", "message_id", "error"])
    account = reconcile(sends, nothing, nothing, undrained=1)
    assert account.not_sent == ("b", "c", "d")
    assert account.not_sent_by == {
        "refused by SQS": ("b",),
        "the run was stopped before their turn": ("d",),
        "too late to leave": ("c",),
    }
    assert "1 not sent: too late to leave: c." in account.explain()
    assert "refused by SQS, or" not in account.explain()
