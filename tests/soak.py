"""The long run: ten thousand messages, then as many while things fail, on both workflows. `make soak` runs it.

What the account of the messages says is compared with the truth, which the plan of faults knows: which message it hit,
and what must have become of it. The short form is tests/emulator/test_soak.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from lab import observe, session
from lab.emulator import processes
from lab.faults import Fault, Faults
from lab.load import Plan, messages, staircase
from lab.load.messages import BrokenKind
from lab.session import RampResult
from lab.stack import PIPELINE_FUNCTIONS, Names, Settings, queues
from lab.target import Target
from tests.broken_bodies import ENDS

# A message that was refused is back after six times the timeout, and is dead after the third time: a minute in all.
SETTINGS = Settings(function_timeout_s=2, max_receive_count=3)
# As the account of an execution whose worker was killed names it.
CRASHED = "Runtime.ExitError"
TRANSIENT = {"raises": "InjectedFaultError", "throttled": "Lambda.TooManyRequestsException"}


def bad_day(seed: int, factor: float = 1.0) -> Faults:
    """5 % handler errors, 2 % broken bodies, 1 % lost answers, 2 % throttles, spread over the functions."""
    share = 1 / len(PIPELINE_FUNCTIONS)
    return Faults(
        (
            Fault("raises", 5 * share * factor, PIPELINE_FUNCTIONS),
            Fault("throttled", 2 * share * factor, PIPELINE_FUNCTIONS),
            Fault("broken", 2 * factor),
            Fault("answer_lost", 1 * factor),
        ),
        seed,
    )


@dataclass(frozen=True)
class Soaked:
    """A run and what was sent."""

    result: RampResult
    sent: list[messages.Message]
    killed: int = 0


def soak(
    target: Target, count: int, rate: float, faults: Faults | None = None, *, kill: str = "", seed: int = 1
) -> Soaked:
    """Send ``count`` messages and follow all to their end; with ``kill``, end a function's workers in the middle."""
    plan = Plan(staircase([rate], count / rate))
    run_id = messages.new_run_id()
    to_send = list(messages.generate(len(plan), seed=seed, words=(5, 30), run_id=run_id))
    with _killing(target, kill, plan.duration_s / 2) as killed:
        result = session.run_plan(target, plan, to_send, faults=faults, interactive=False)
    broken = faults.broken_among(to_send) if faults else to_send
    return Soaked(result, broken, len(killed))


@contextlib.contextmanager
def _killing(target: Target, folder: str, after_s: float) -> Iterator[list[int]]:
    killed: list[int] = []

    def kill() -> None:
        # A pool may have no worker at this very moment: its last one was ended by another fault.
        deadline = time.monotonic() + 30
        while not killed and time.monotonic() < deadline:
            for pid in workers(target, folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            time.sleep(0.05)

    timer = threading.Timer(after_s, kill)
    if folder:
        timer.start()
    try:
        yield killed
    finally:
        timer.cancel()
        if folder:
            timer.join()


def workers(target: Target, folder: str) -> list[int]:
    """The worker processes of one function."""
    function = Names(target).function(folder)
    found = []
    for child in psutil.Process(processes.require(target.name).pid).children():
        with contextlib.suppress(psutil.Error):
            if f"/{function}-" in child.cwd():
                found.append(child.pid)
    return found


# What must be true


def complaints(soaked: Soaked) -> list[str]:
    """What is wrong with the account of any run: empty when every message is accounted for, once, with a reason."""
    result, account = soaked.result, soaked.result.reconciliation
    found = []
    if account.lost or account.unexpected or account.undrained:
        found.append(f"lost {account.lost}, unexpected {account.unexpected}, not read {account.undrained}")
    if len(account.foreign) != strays(result):
        found.append(f"{len(account.foreign)} are of no message, and {strays(result)} are copies that tell none")
    places = (account.succeeded, account.failed, account.dead_lettered, account.still_queued)
    if Counter(lab_id for place in places for lab_id in place) != Counter(account.sent):
        found.append("sent is not succeeded + failed + dead-lettered + still queued")
    if {*account.sent, *account.not_sent, *account.never_arrived} != {message.lab_id for message in soaked.sent}:
        found.append("some messages are neither sent nor not sent")
    nameless = result.account[
        ~result.account["fate"].isin(["succeeded", "never_arrived", "foreign"]) & result.account["error"].isna()
    ]
    if len(nameless):
        found.append(f"not succeeded, and no error is named: {nameless.to_dict('records')}")
    if not result.words.matches:
        found.append("the words of what succeeded are not those that went in")
    if not result.drained:
        found.append("the queue was not empty at the end")
    return found


def strays(result: RampResult) -> int:
    """Copies that no account can give to a message: sent again since an answer was lost, with a body that tells no id.

    The sender knows the message id of the second copy only. start_execution reads no ``lab_id`` in a body that it
    cannot read, and so the first copy is known by its message id alone.
    """
    unreadable = {kind for kind, end in ENDS.items() if end.place == "dead_lettered"} - {BrokenKind.TOO_LARGE}
    broken = result.faults[result.faults["detail"].isin(list(unreadable))]
    lost = result.faults[result.faults["fault"] == "answer_lost"]
    return int(lost["lab_id"].isin(broken["lab_id"]).sum())


def complaints_without_faults(soaked: Soaked) -> list[str]:
    """Also: everything succeeded."""
    everything = {message.lab_id for message in soaked.sent}
    missing = everything - set(soaked.result.reconciliation.succeeded)
    return complaints(soaked) + ([f"not succeeded: {missing}"] if missing else [])


@dataclass(frozen=True)
class Truth:
    """What must have become of the messages, by the plan of faults."""

    failed: dict[str, set[str]]  # and by which errors: one of them
    dead: set[str]
    not_sent: set[str]


def truth_of(soaked: Soaked, *, survived: Collection[str] = ()) -> Truth:
    """What a workflow makes of the faults that retries nothing but the kinds that it ``survived``.

    Each fault hits one attempt. A message that was sent again, since an answer was lost, or delivered again, since a
    busy machine let start_execution time out, has several executions, and each takes one fault away: it fails when it
    has as many faults as executions, or more.
    """
    hits: dict[str, list[str]] = {}
    table = soaked.result.executions
    executions = Counter(table.loc[table["error"] != CRASHED, "lab_id"])  # what crashed met no fault of the plan
    truth = Truth({}, set(), set())
    for row in soaked.result.faults.to_dict("records"):
        lab_id, kind = row["lab_id"], row["fault"]
        if kind == "answer_lost" or kind in survived:
            continue
        if kind != "broken":
            hits.setdefault(lab_id, []).append(TRANSIENT[kind])
        elif (end := ENDS[BrokenKind(row["detail"])]).place == "failed":
            truth.failed[lab_id] = {end.error}
        else:
            (truth.dead if end.place == "dead_lettered" else truth.not_sent).add(lab_id)
    for lab_id, errors in hits.items():
        if len(errors) >= executions[lab_id]:
            truth.failed[lab_id] = set(errors)
    return truth


def complaints_under_faults(soaked: Soaked, *, survived: Collection[str] = (), retries_crashes: bool) -> list[str]:
    """Also: the account names exactly the messages that the faults took, each with its error."""
    found, account, truth = complaints(soaked), soaked.result.reconciliation, truth_of(soaked, survived=survived)
    error_of = dict(zip(soaked.result.account["lab_id"], soaked.result.account["error"], strict=True))
    # What a killed worker was at, nobody plans; it is one message a worker, and its error says so.
    crashed = {lab_id for lab_id in account.failed if error_of[lab_id] == CRASHED}
    if len(crashed) > (0 if retries_crashes else soaked.killed):
        found.append(f"{len(crashed)} crashed, and {soaked.killed} workers were killed")
    for what, named, true in (
        ("failed", set(account.failed) - crashed, truth.failed.keys() - crashed),
        ("dead-lettered", set(account.dead_lettered), truth.dead),
        ("not sent", {*account.not_sent, *account.never_arrived}, truth.not_sent),
    ):
        if named != true:
            found.append(f"{what}: named and not so {named - true}, so and not named {true - named}")
    wrong = {lab_id for lab_id in truth.failed.keys() - crashed if error_of[lab_id] not in truth.failed[lab_id]}
    if wrong:
        found.append(f"failed under another name: { {lab_id: error_of[lab_id] for lab_id in wrong} }")
    return found


def complaints_about_what_was_kept(soaked: Soaked, kept: Collection[str]) -> list[str]:
    """The failure queue of the resilient workflow holds exactly the messages of the executions that failed."""
    executions = soaked.result.executions
    failed = set(executions.loc[executions["status"] != "SUCCEEDED", "lab_id"])
    return [f"kept, against what failed: {set(kept) ^ failed}"] if set(kept) != failed else []


def kept(target: Target) -> set[str]:
    """The lab's ids of the messages in the failure queue, which is then empty."""
    names = Names(target)
    table = observe.drain_messages(target.client("sqs"), queues.url(names, names.failure_queue))
    return {json.loads(body)["input"]["lab_id"] for body in table["body"]}


def sentence(soaked: Soaked) -> str:
    """The run in one line."""
    counts = {name: count for name, count in soaked.result.reconciliation.as_dict().items() if count}
    named = Counter(soaked.result.account["error"].dropna())
    return f"{counts}; errors: {dict(named)}; workers killed: {soaked.killed}"


def main() -> int:
    """Run it, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--only", choices=("clean", "plain", "resilient"), default=None)
    options = parser.parse_args()
    wrong = 0
    for name in ("clean", "plain", "resilient"):
        if options.only not in (None, name):
            continue
        began = time.monotonic()
        soaked, found = _one(name, options.messages, options.rate, options.seed)
        print(f"{name}: {time.monotonic() - began:.0f} s, {sentence(soaked)}", flush=True)
        if found:
            folder = Path(tempfile.mkdtemp(prefix="express-lab-soak-"))
            session.save_tables(soaked.result, folder)
            print(f"  its tables: {folder}")
        for complaint in found:
            print(f"  WRONG: {complaint}", flush=True)
        wrong += len(found)
    return 1 if wrong else 0


def _one(name: str, count: int, rate: float, seed: int) -> tuple[Soaked, list[str]]:
    target = Target("embedded", session.throw_away_name())
    session.up(target, replace(SETTINGS, workflow="resilient" if name == "resilient" else "plain"), owned=True)
    try:
        if name == "clean":
            soaked = soak(target, count, rate, seed=seed)
            return soaked, complaints_without_faults(soaked)
        soaked = soak(target, count, rate, bad_day(seed), kill="tokenizer_counter", seed=seed)
        if name == "plain":
            return soaked, complaints_under_faults(soaked, retries_crashes=False)
        found = complaints_under_faults(soaked, survived=["throttled"], retries_crashes=True)
        return soaked, found + complaints_about_what_was_kept(soaked, kept(target))
    finally:
        session.down(target)


if __name__ == "__main__":
    sys.exit(main())
