"""The short form of `make soak`: a few hundred messages, with and without faults, and an account that is exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import session
from lab.target import Target
from tests import soak
from tests.emulator.running import own_lab

SETTINGS = replace(soak.SETTINGS, function_timeout_s=1, max_receive_count=2)


@pytest.fixture(scope="module")
def target(state_folder: Path) -> Iterator[Target]:
    with own_lab("soak") as target:
        session.up(target, SETTINGS)
        yield target
        session.down(target)


def test_without_faults_nothing_is_lost_and_everything_succeeds(target: Target) -> None:
    soaked = soak.soak(target, 200, 40)
    assert soak.complaints_without_faults(soaked) == [], soak.sentence(soaked)


def test_the_plain_workflow_names_the_messages_that_the_faults_took_and_only_those(target: Target) -> None:
    soaked = soak.soak(target, 200, 25, soak.bad_day(15, factor=2), kill="tokenizer_counter")
    assert soaked.killed
    assert soak.complaints_under_faults(soaked, retries_crashes=False) == [], soak.sentence(soaked)
    truth = soak.truth_of(soaked)
    assert truth.failed
    assert truth.dead
    assert not soaked.result.faults.query("fault == 'answer_lost'").empty


def test_the_resilient_workflow_survives_throttles_and_crashes_and_keeps_the_rest(target: Target) -> None:
    session.up(target, replace(SETTINGS, workflow="resilient"))
    soaked = soak.soak(target, 200, 25, soak.bad_day(15, factor=2), kill="tokenizer_counter")
    assert soaked.killed
    found = soak.complaints_under_faults(soaked, survived=["throttled"], retries_crashes=True)
    assert found + soak.complaints_about_what_was_kept(soaked, soak.kept(target)) == [], soak.sentence(soaked)
    assert not soaked.result.faults.query("fault == 'throttled'").empty
