"""The exported template: what is deployed comes out of it, with references in the place of names."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lab import paths
from lab.stack import documents, roles, template
from lab.stack.names import FUNCTIONS, PIPELINE_FUNCTIONS, Names
from lab.stack.template.built import Built, Function, NotExportableError
from lab.stack.template.references import References
from lab.workshop import lint

PLACE = {"partition": "aws", "region": "us-east-1", "account": "123456789012", "name": "x", "run": ""}
NAMES = Names(SimpleNamespace(**PLACE, options=""))  # type: ignore[arg-type]


def built(workflow: str = "text_processing", **changes: Any) -> Built:
    """What a lab looks like that was made as its files say."""
    definition = documents.definition(workflow, NAMES.substitutions)
    used = [folder for folder in PIPELINE_FUNCTIONS if NAMES.function(folder) in json.dumps(definition)]
    configuration = {"Timeout": 10, "MemorySize": 128, "Runtime": "python3.13"}
    of_start = configuration | {"Environment": {"Variables": {"STATE_MACHINE_ARN": NAMES.state_machine_arn}}}
    redrive = {"deadLetterTargetArn": NAMES.queue_arn(NAMES.dead_letter_queue), "maxReceiveCount": 5}
    attributes = {"VisibilityTimeout": "60", "MessageRetentionPeriod": "345600"}
    queues = {
        NAMES.queue: attributes | {"RedrivePolicy": json.dumps(redrive)},
        NAMES.dead_letter_queue: attributes,
    }
    found = Built(
        names=NAMES,
        machine={
            "definition": json.dumps(definition),
            "type": "EXPRESS",
            "loggingConfiguration": {"level": "ALL", "includeExecutionData": True},
        },
        functions={
            folder: Function(
                (paths.LAMBDAS / folder / "handler.py").read_text("utf-8"),
                of_start if folder == "start_execution" else configuration,
                None,
            )
            for folder in FUNCTIONS
            if folder in (*used, "start_execution")
        },
        policies={
            role.name: {file: json.loads(documents.policy(file, NAMES.substitutions)) for file in role.policies}
            for role in roles.wanted(NAMES)
        },
        mapping={"State": "Enabled", "BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]},
        queues=queues,
        retention_days=7,
    )
    return replace(found, **changes)


class _Loader(yaml.SafeLoader):
    """Reads short intrinsic functions as their long form."""


def _long(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    key = "Ref" if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {key: text.split(".", 1) if suffix == "GetAtt" else text}
    return {key: loader.construct_sequence(node, deep=True)}  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _long)


def read_back(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


@pytest.mark.parametrize("workflow", ["text_processing", "text_processing_jsonata"])
def test_the_page_says_what_the_document_says(workflow: str) -> None:
    document = template.document(built(workflow))
    assert read_back(template.template(document)) == document


def test_code_and_definition_stand_in_it_as_in_their_files() -> None:
    page = template.template(template.document(built()))
    handler = (paths.LAMBDAS / "start_execution" / "handler.py").read_text("utf-8")
    stripped = "\n".join(line.strip() for line in page.splitlines())
    assert "\n".join(line.strip() for line in handler.splitlines()) in stripped
    assert '"FunctionName": "${Base64DecoderFunction}"' in page
    assert "हिन्दी" in page  # letters of all scripts stay letters
    assert len(page.encode()) < template.MOST_INLINE_BYTES


@pytest.mark.parametrize(
    "code", ["x = 'a\tb \n'\n\n", "  # indented\nx = 1\n", "x = '\x07'\n", "x = 'ü'", "a = 1  \nb = 2\n"]
)
def test_code_that_is_no_block_of_yaml_comes_out_as_it_went_in(code: str) -> None:
    functions = built().functions
    changed = functions | {"base64_decoder": replace(functions["base64_decoder"], code=code)}
    document = read_back(template.template(template.document(built(functions=changed))))
    assert document["Resources"]["Base64DecoderFunction"]["Properties"]["Code"]["ZipFile"] == code


def test_nothing_of_the_lab_is_named() -> None:
    page = template.template(template.document(built()))
    assert NAMES.prefix not in page
    assert PLACE["account"] not in page


def test_a_definition_that_names_what_the_template_lacks_is_refused() -> None:
    machine = built().machine
    other = {
        "definition": machine["definition"].replace(NAMES.function("base64_decoder"), f"{NAMES.prefix}-exercise-x")
    }
    with pytest.raises(NotExportableError, match="StateMachine of the template would name a resource"):
        template.document(built(machine=machine | other))


def test_texts_become_the_reference_that_fits() -> None:
    turned = References(NAMES)
    assert turned.in_text(NAMES.state_machine_arn) == {"Ref": "StateMachine"}
    assert turned.in_text(NAMES.queue_arn(NAMES.queue)) == {"Fn::GetAtt": ["Queue", "Arn"]}
    assert turned.in_text("arn:aws:s3:::mine") == {"Fn::Sub": "arn:${AWS::Partition}:s3:::mine"}
    assert turned.in_text("no ${Name} of ours") == "no ${Name} of ours"
    both = f"{NAMES.queue_arn(NAMES.queue)} ${{kept}}"
    assert turned.in_text(both) == {"Fn::Sub": "${Queue.Arn} ${!kept}"}


def test_settings_that_were_turned_come_out() -> None:
    mapping = {
        "State": "Disabled",
        "BatchSize": 3,
        "ScalingConfig": {"MaximumConcurrency": 7},
        "MaximumBatchingWindowInSeconds": 2,
        "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
    }
    functions = built().functions
    slow = replace(
        functions["stats_generator"], reserved=4, configuration={"Timeout": 30, "MemorySize": 512, "Runtime": "x"}
    )
    document = template.document(
        built(mapping=mapping, retention_days=None, functions=functions | {"stats_generator": slow})
    )
    defaults = {name: body["Default"] for name, body in document["Parameters"].items()}
    assert (defaults["BatchSize"], defaults["MaximumConcurrency"], defaults["LogRetentionDays"]) == (3, 7, 3653)
    written = document["Resources"]["Mapping"]["Properties"]
    assert written["Enabled"] is False
    assert written["MaximumBatchingWindowInSeconds"] == 2
    assert written["FilterCriteria"] == mapping["FilterCriteria"]
    assert "FunctionResponseTypes" not in written
    function = document["Resources"]["StatsGeneratorFunction"]["Properties"]
    assert (function["Timeout"], function["MemorySize"], function["ReservedConcurrentExecutions"]) == (30, 512, 4)


def test_a_queue_without_redrive_has_no_parameter_for_it() -> None:
    kept = {"VisibilityTimeout": "60", "MessageRetentionPeriod": "345600"}
    document = template.document(built(queues={NAMES.queue: kept, NAMES.dead_letter_queue: kept}))
    assert "RedrivePolicy" not in document["Resources"]["Queue"]["Properties"]
    assert "MaxReceiveCount" not in document["Parameters"]


def test_a_workflow_without_functions_has_none_and_no_right_to_invoke_any() -> None:
    resources = template.document(built("text_processing_jsonata"))["Resources"]
    functions = [name for name, body in resources.items() if body["Type"] == "AWS::Lambda::Function"]
    assert functions == ["StartExecutionFunction"]
    allowed = [policy["PolicyName"] for policy in resources["WorkflowRole"]["Properties"]["Policies"]]
    assert allowed == ["deliver_logs"]
    assert "FunctionsRole" not in resources


def test_each_resource_is_made_after_all_that_it_needs_and_logs_go_after_functions() -> None:
    document = template.document(built())
    waves = template.waves(document)
    wave_of = {name: number for number, wave in enumerate(waves) for name in wave}
    assert set(wave_of) == set(document["Resources"])
    for name, needed in template.needs(document).items():
        assert all(wave_of[one] < wave_of[name] for one in needed), name
    assert (
        wave_of["Base64DecoderLogs"] < wave_of["Base64DecoderFunction"] < wave_of["StateMachine"] < wave_of["Mapping"]
    )
    assert {"StateMachine", "Queue", "DeadLetterQueue"} <= template.waits_for(document, "Mapping")


def test_resources_in_a_circle_are_named() -> None:
    circle = {"Resources": {"A": {"X": {"Ref": "B"}}, "B": {"DependsOn": ["A"]}, "C": {}}}
    with pytest.raises(ValueError, match="A, B"):
        template.waves(circle)


@pytest.mark.slow
@pytest.mark.parametrize("workflow", ["text_processing", "text_processing_jsonata"])
def test_the_linter_of_aws_finds_nothing(workflow: str) -> None:
    assert lint(template.template(template.document(built(workflow)))) == []


@pytest.mark.slow
def test_the_linter_would_find_a_mistake() -> None:
    page = template.template(template.document(built()))
    assert any("Inbox" in finding for finding in lint(page.replace("!GetAtt Queue.Arn", "!GetAtt Inbox.Arn")))
