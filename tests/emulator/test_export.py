"""``lab export`` on embedded LocalStack: linted, deployed, a message sent through, changed, deleted, nothing left."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import paths, session, stack, workshop
from lab.commands import app
from lab.emulator import health
from lab.load import messages
from lab.stack import Names, Settings, exported, functions, template
from lab.stack.template import NotExportableError
from lab.target import Target
from tests.emulator.running import own_lab


@pytest.fixture(scope="module")
def target(state_folder: object) -> Iterator[Target]:
    with own_lab("export-test") as target:
        yield target


@pytest.fixture
def names(target: Target) -> Iterator[Names]:
    names = stack.provision(target)
    yield names
    exported.delete(names)


def deploy(names: Names, text: str) -> dict[str, str]:
    names.target.client("cloudformation").create_stack(
        StackName=names.stack, TemplateBody=text, Capabilities=["CAPABILITY_IAM"]
    )
    workshop.wait_for_stack(names, "create")
    return workshop.outputs(names)


def sent_through(names: Names, outputs: dict[str, str]) -> dict[str, Any]:
    sent = names.target.client("sqs").send_message(QueueUrl=outputs["QueueUrl"], MessageBody=messages.SAMPLE_BODY)
    quiet = {"say": lambda text: None}
    executions, _ = workshop.follow(names.target, outputs["LogGroupName"], sent["MessageId"], **quiet)
    assert executions["status"][0] == "SUCCEEDED", executions["cause"][0]
    return dict(json.loads(executions["output"][0]))


def everything(names: Names) -> list[str]:
    """The names of all that exists, of every kind that a stack has."""
    client = names.target.client
    return [
        *client("sqs").list_queues().get("QueueUrls", []),
        *(one["FunctionName"] for one in client("lambda").list_functions()["Functions"]),
        *(one["RoleName"] for one in client("iam").list_roles()["Roles"]),
        *(one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]),
        *(one["name"] for one in client("stepfunctions").list_state_machines()["stateMachines"]),
        *(one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(
            one["EventSourceArn"]
            for one in client("lambda").list_event_source_mappings()["EventSourceMappings"]
            if one["State"] != "Deleting"
        ),
    ]


@pytest.mark.needs_hook("stack_updates")
def test_a_stack_of_it_works_is_changed_and_leaves_nothing(names: Names) -> None:
    before = everything(names)
    mine = session.export(names.target)
    assert workshop.lint(mine.text) == []
    outputs = deploy(names, mine.text)
    output = sent_through(names, outputs)
    assert (sum(output["word_counts"].values()), len(output["word_counts"])) == (100, 78)

    mine.document["Resources"]["SlowAlarm"] = mine.document["Resources"]["ExecutionsFailedAlarm"]
    workshop.update_stack(names, template.template(mine.document), {"BatchSize": 4, "MaximumConcurrency": 2})
    [mapping] = names.target.client("lambda").list_event_source_mappings(FunctionName=f"{names.stack}-start-execution")[
        "EventSourceMappings"
    ]
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (4, {"MaximumConcurrency": 2})
    assert any("SlowAlarm" in name for name in everything(names))

    names.target.client("cloudformation").delete_stack(StackName=names.stack)
    workshop.wait_for_stack(names, "delete")
    assert sorted(everything(names)) == sorted(before)


@pytest.mark.parametrize("workflow", ["resilient", pytest.param("jsonata", marks=pytest.mark.needs_hook("jsonata"))])
def test_the_other_workflows_work_as_stacks_too(target: Target, names: Names, workflow: str) -> None:
    stack.provision(target, Settings(workflow=workflow))
    mine = session.export(target)
    assert workshop.lint(mine.text) == []
    assert ("FailureQueue" in mine.document["Resources"]) is (workflow == "resilient")
    output = sent_through(names, deploy(names, mine.text))
    assert len(output["word_counts"]) == 78


def test_it_holds_what_is_deployed_not_what_the_lab_would_deploy(names: Names, tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("def lambda_handler(event, context):\n    return event\n")
    client = names.target.client("lambda")
    client.update_function_code(FunctionName=names.function("string_cleaner"), ZipFile=functions.package(tmp_path))
    functions.wait_until_ready(names, "string_cleaner")
    client.update_function_configuration(FunctionName=names.function("string_cleaner"), MemorySize=256, Timeout=3)
    functions.wait_until_ready(names, "string_cleaner")
    iam = names.target.client("iam")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]}
    iam.put_role_policy(RoleName=names.functions_role, PolicyName="mine", PolicyDocument=json.dumps(policy))
    try:
        resources = session.export(names.target).document["Resources"]
    finally:
        iam.delete_role_policy(RoleName=names.functions_role, PolicyName="mine")
    function = resources["StringCleanerFunction"]["Properties"]
    assert function["Code"]["ZipFile"] == (tmp_path / "handler.py").read_text()
    assert (function["MemorySize"], function["Timeout"]) == (256, 3)
    assert {"PolicyName": "mine", "PolicyDocument": policy} in resources["FunctionsRole"]["Properties"]["Policies"]


def test_a_function_of_several_files_is_refused_by_name(names: Names) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in ("handler.py", "more.py"):
            archive.writestr(file, "def lambda_handler(event, context):\n    return event\n")
    client = names.target.client("lambda")
    client.update_function_code(FunctionName=names.function("string_cleaner"), ZipFile=packed.getvalue())
    functions.wait_until_ready(names, "string_cleaner")
    with pytest.raises(NotExportableError, match=r"has 2 files \(handler.py, more.py\)"):
        session.export(names.target)


def test_down_finds_and_deletes_a_stack_that_was_left(target: Target, names: Names) -> None:
    deploy(names, session.export(target).text)
    assert f"stack {names.stack} (CREATE_COMPLETE)" in stack.survivors(target)
    assert stack.destroy(target) == []
    assert [name for name in everything(names) if names.prefix in name] == []


def test_a_lab_that_never_made_a_stack_loads_no_cloudformation(other_localstack: Any) -> None:
    running = other_localstack()
    lonely = Target("embedded", running.name)
    assert exported.survivors(Names(lonely)) == []
    assert health.service_at(running.endpoint_url, "cloudformation") == "available"


def test_the_command_writes_the_file_and_keeps_one_that_was_changed(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["export", "--name", names.target.name]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "template.yaml: 25 resources" in told.output
    assert "--capabilities CAPABILITY_IAM" in " ".join(told.output.split())
    written = Path("template.yaml").read_text("utf-8")
    handler = (paths.LAMBDAS / "tokenizer_counter" / "handler.py").read_text("utf-8")
    assert handler.splitlines()[-1].strip() in written
    Path("template.yaml").write_text(written + "# mine\n")
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, session.TemplateFileError)
    assert Path("template.yaml").read_text("utf-8").endswith("# mine\n")
    assert CliRunner().invoke(app, [*arguments, "--replace"]).exit_code == 0
    assert Path("template.yaml").read_text("utf-8") == written
