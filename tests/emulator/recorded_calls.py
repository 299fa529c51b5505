"""Which AWS calls the lab makes: followed while it runs, and read from the sources of the notebooks."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import botocore.session
import pandas as pd
import pytest
from botocore import xform_name
from moto import mock_aws

from lab import stack
from lab.session import quotas as quota_room
from lab.stack import Names, Settings, functions, sweep
from lab.target import Target

WITH_WAITERS = ("cloudformation", "dynamodb", "iam", "kinesis", "lambda")


def recorded(target: Target) -> set[str]:
    """A set that fills with every call of ``target``, as ``service.Operation``; ask before it makes a client."""
    calls: set[str] = set()

    def note(model: object, **_: object) -> None:
        calls.add(f"{model.service_model.service_name}.{model.name}")  # type: ignore[attr-defined]

    target.session.events.register("before-parameter-build", note)
    return calls


def whole_run_on_an_account_in_this_process(state: Path) -> set[str]:
    """The calls of the target ``aws``: made, mended, changed, swept after a crash."""
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "LAB_STATE_DIR": str(state),
    }
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"core": {"service_whitelist": None}}):
        for name, value in environment.items():
            patch.setenv(name, value)
        target = Target("aws", "a")
        calls = recorded(target)
        limits = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
        # moto does not know these calls.
        for call, answer in (("lambda.GetAccountSettings", limits), ("service-quotas", {"Quotas": []})):
            target.session.events.register_last(
                f"before-call.{call}", lambda answer=answer, **_: (SimpleNamespace(status_code=200), answer)
            )
        quota_room.read(target)
        names = stack.provision(target)
        # A handler and the workflow's logging were changed by a learner: what lab up mends.
        client = target.client("lambda")
        client.update_function_code(FunctionName=names.function("string_cleaner"), ZipFile=functions.package(state))
        target.client("stepfunctions").update_state_machine(
            stateMachineArn=names.state_machine_arn, loggingConfiguration={"level": "OFF"}
        )
        calls -= {"lambda.UpdateFunctionCode", "stepfunctions.UpdateStateMachine"}
        stack.provision(target, Settings(batch_size=5))
        stack.describe(target)
        made = client.create_event_source_mapping(
            EventSourceArn=names.queue_arn(names.dead_letter_queue), FunctionName=names.function("start_execution")
        )
        assert made["UUID"]
        target.client("logs").create_log_group(logGroupName=f"/aws/lambda/{names.prefix}-exercise-x")
        _leave_sources(target, names)
        assert sweep.by_tag(target)
        assert stack.destroy(target) == []
        assert sweep.by_name(target) == []
        assert Names(target).prefix == names.prefix
    return calls


def _leave_sources(target: Target, names: Names) -> None:
    """A rule with a target, and a bucket with an object, as somebody who stopped in the middle of notebook 09."""
    events, s3 = target.client("events"), target.client("s3")
    name = f"{names.prefix}-exercise-x"
    events.put_rule(Name=name, EventPattern='{"source": ["x"]}')
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": names.queue_arn(names.queue)}])
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="x", Body=b"x")


def named_in(files: Iterable[Path], known: Iterable[str]) -> set[str]:
    """Calls whose boto3 names occur in Python files: called, handed on, or asked for as paginator or waiter.

    A name that several services have counts for those that ``known`` has, else for the first: it is then a call that
    nobody reviewed.
    """
    services = sorted({call.split(".")[0] for call in known})
    session = botocore.session.get_session()
    operations: dict[str, list[str]] = {}
    waiters: dict[str, list[str]] = {}
    for service in services:
        for operation in session.get_service_model(service).operation_names:
            operations.setdefault(xform_name(operation), []).append(f"{service}.{operation}")
        if service in WITH_WAITERS:
            model = session.get_waiter_model(service)
            for waiter in model.waiter_names:
                waiters.setdefault(xform_name(waiter), []).append(f"{service}.{model.get_waiter(waiter).operation}")
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                candidates = operations.get(node.attr, [])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "_" in node.value:
                candidates = operations.get(node.value, []) + waiters.get(node.value, [])
            else:
                continue
            of_tables = isinstance(node, ast.Attribute) and hasattr(pd.DataFrame, node.attr)  # query is DynamoDB's, too
            found |= {call for call in candidates if call in known} or set(() if of_tables else candidates[:1])
    return found
