"""The workshop on a real account: the sample's answer, a small ramp within the budget, the notebooks, nothing left."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import boto3

from lab import paths, session, stack
from lab.load import messages
from lab.target import Target, permissions


def test_the_sample_message_gives_its_answer(target: Target) -> None:
    session.up(target)
    executions, states = session.send(target, [messages.SAMPLE_BODY])
    (execution,) = executions.to_dict("records")
    output = json.loads(execution["output"])
    assert output["stats"]["text_length"] == 540
    assert (sum(output["word_counts"].values()), len(output["word_counts"])) == (100, 78)
    assert len(states) == 4


def test_a_ramp_loses_nothing_and_costs_what_was_estimated(target: Target, budget: float) -> None:
    session.up(target)
    result = session.ramp(target, session.RampOptions(rates="1,2,4", seconds=10, budget_usd=budget), interactive=False)
    assert result.reconciliation.holds
    assert result.words.matches
    measured = session.measured_bill(result, session.invocations_of(target, result)).total_usd
    assert measured <= 2 * session.estimate_of(list(messages.generate(70, seed=1, run_id="estimate"))).total_usd


def test_the_policy_that_lab_policy_prints_is_valid(target: Target) -> None:
    """Needs access-analyzer:ValidatePolicy, which the lab itself does not use."""
    analyzer = boto3.client("accessanalyzer", region_name=target.region)
    document = permissions.policy(
        partition=target.partition, region=target.region, account=target.account, name=target.name
    )
    found = analyzer.validate_policy(policyDocument=json.dumps(document), policyType="IDENTITY_POLICY")["findings"]
    assert [entry for entry in found if entry["findingType"] in ("ERROR", "SECURITY_WARNING")] == []


def test_the_whole_course(target: Target, budget: float) -> None:
    assert stack.destroy(target) == []
    environment = {"LAB_TARGET": "aws", "LAB_NAME": target.name, "LAB_BUDGET_USD": str(budget)}
    run = subprocess.run(
        [sys.executable, "-m", "tests.notebooks.course"],
        cwd=paths.PROJECT,
        env=os.environ | environment,
        timeout=3600,
        check=False,
    )
    assert run.returncode == 0
