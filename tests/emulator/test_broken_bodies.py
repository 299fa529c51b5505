"""Each kind of broken body ends where docs/broken-bodies.md says, with the error that it names, and alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session
from lab.load import Plan, messages, staircase
from lab.load.messages import BrokenKind
from lab.stack import Settings
from lab.target import Target
from tests.broken_bodies import ENDS, QUEUE
from tests.emulator.running import own_lab


@pytest.fixture(scope="module")
def target(state_folder: Path) -> Iterator[Target]:
    with own_lab("broken-bodies") as target:
        session.up(target, Settings(function_timeout_s=1, max_receive_count=2))
        yield target
        session.down(target)


@pytest.mark.needs_hook("message_bodies", "payload_limits")
def test_each_ends_where_the_page_says(target: Target) -> None:
    assert set(ENDS) == set(BrokenKind)
    run_id = messages.new_run_id()
    broken = {kind: messages.broken(kind, messages.lab_id_of(run_id, number)) for number, kind in enumerate(BrokenKind)}
    good = list(messages.generate(len(broken) * 2, words=(3, 6), run_id=run_id))[len(broken) :]
    # A good one after each broken one: they share calls and batches.
    to_send = [message for pair in zip(broken.values(), good, strict=True) for message in pair]
    plan = Plan(staircase([20], len(to_send) / 20))
    result = session.run_plan(target, plan, to_send, interactive=False)
    account = result.reconciliation
    assert set(account.succeeded) == {message.lab_id for message in good}

    sends = result.sends.set_index("lab_id")
    received = result.received.set_index("message_id")["error"].to_dict()
    failed = result.executions.set_index("lab_id")["error"].to_dict()
    found = {}
    for kind, message in broken.items():
        (place,) = [
            name for name in ("dead_lettered", "failed", "not_sent") if message.lab_id in getattr(account, name)
        ]
        assert place == message.fate, "the message itself says so"
        errors = {
            "dead_lettered": lambda lab_id: received.get(sends.loc[lab_id, "message_id"]),
            "failed": failed.get,
            "not_sent": lambda lab_id: sends.loc[lab_id, "error"],
        }
        found[kind] = (place, errors[place](message.lab_id))
    assert found == {kind: (end.place, end.error) for kind, end in ENDS.items()}
    assert {kind for kind, end in ENDS.items() if end.by == QUEUE} == {
        kind for kind, (place, _) in found.items() if place == "not_sent"
    }
