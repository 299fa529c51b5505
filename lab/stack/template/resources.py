"""Each resource of a lab in CloudFormation's words: queues, roles, log groups, functions, state machine and mapping."""

from __future__ import annotations

import json
from typing import Any

from lab.stack.names import START_FUNCTION
from lab.stack.template.built import Built, Function
from lab.stack.template.references import References, arn, logical, ref, replace_in_definition, sub

# CloudFormation puts inline code into index.py.
HANDLER = "index.lambda_handler"
ROLES = {"workflow": "WorkflowRole", "functions": "FunctionsRole", "start-execution": "StartExecutionRole"}


def function_id(folder: str) -> str:
    """The logical id of a function."""
    return f"{logical(folder)}Function"


def queues(built: Built) -> dict[str, Any]:
    """The queues, with how long they hide and keep messages."""
    names = built.names
    ids = {names.dead_letter_queue: "DeadLetterQueue", names.queue: "Queue", names.failure_queue: "FailureQueue"}
    return {
        logical_id: _queue(built, queue, f"${{AWS::StackName}}{queue.removeprefix(names.prefix)}")
        for queue, logical_id in ids.items()
        if queue in built.queues
    }


def _queue(built: Built, queue: str, name: str) -> dict[str, Any]:
    attributes = built.queues[queue]
    properties: dict[str, Any] = {
        "QueueName": sub(name),
        "VisibilityTimeout": int(attributes["VisibilityTimeout"]),
        "MessageRetentionPeriod": int(attributes["MessageRetentionPeriod"]),
    }
    if "RedrivePolicy" in attributes:
        target = References(built.names).in_text(json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"])
        properties["RedrivePolicy"] = {"deadLetterTargetArn": target, "maxReceiveCount": ref("MaxReceiveCount")}
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def roles(built: Built) -> dict[str, Any]:
    """The roles, each with the policies that it has. They get their names from CloudFormation."""
    found = {}
    for role, policies in built.policies.items():
        if role == built.names.functions_role and set(built.functions) == {START_FUNCTION}:
            continue  # nobody would have it
        service = "states" if role == built.names.workflow_role else "lambda"
        found[ROLES[role.removeprefix(f"{built.names.prefix}-")]] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": f"{service}.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [
                    {"PolicyName": name, "PolicyDocument": document}
                    for name, policy in policies.items()
                    if (document := _policy(built, policy)) is not None
                ],
            },
        }
    return found


def _policy(built: Built, policy: dict[str, Any]) -> dict[str, Any] | None:
    """A policy without the functions that are not in the template; None when nothing is left of it."""
    given = {function_id(folder) for folder in built.functions}
    statements = []
    for statement in References(built.names).within(policy)["Statement"]:
        resources = statement.get("Resource")
        if isinstance(resources, list):
            resources = [one for one in resources if not _is_function(one) or one["Fn::GetAtt"][0] in given]
            if not resources:
                continue
            statement = statement | {"Resource": resources}
        statements.append(statement)
    return policy | {"Statement": statements} if statements else None


def _is_function(resource: Any) -> bool:
    return isinstance(resource, dict) and str(resource.get("Fn::GetAtt", [""])[0]).endswith("Function")


def log_groups(built: Built) -> dict[str, Any]:
    """The log groups: one for the workflow, whose prefix AWS asks for, and one for each function."""
    places = {"WorkflowLogs": "/aws/vendedlogs/states/${AWS::StackName}-text-processing"}
    for folder in built.functions:
        places[f"{logical(folder)}Logs"] = f"/aws/lambda/${{AWS::StackName}}-{folder.replace('_', '-')}"
    return {
        logical_id: {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": sub(place), "RetentionInDays": ref("LogRetentionDays")},
        }
        for logical_id, place in places.items()
    }


def functions(built: Built) -> dict[str, Any]:
    """The functions, with their code."""
    return {function_id(folder): _function(built, folder, found) for folder, found in built.functions.items()}


def _function(built: Built, folder: str, function: Function) -> dict[str, Any]:
    configuration = function.configuration
    properties: dict[str, Any] = {
        "FunctionName": sub(f"${{AWS::StackName}}-{folder.replace('_', '-')}"),
        "Runtime": ref("Runtime"),
        "Handler": HANDLER,
        "Role": arn("StartExecutionRole" if folder == START_FUNCTION else "FunctionsRole"),
        "Timeout": configuration["Timeout"],
        "MemorySize": configuration["MemorySize"],
    }
    if function.reserved is not None:
        properties["ReservedConcurrentExecutions"] = function.reserved
    if variables := (configuration.get("Environment") or {}).get("Variables"):
        properties["Environment"] = {"Variables": References(built.names).within(variables)}
    properties["Code"] = {"ZipFile": function.code}
    # Made after its log group and deleted before it, so that its last line makes no new one.
    return {"Type": "AWS::Lambda::Function", "DependsOn": f"{logical(folder)}Logs", "Properties": properties}


def state_machine(built: Built) -> dict[str, Any]:
    """The workflow, with its definition as it is deployed."""
    text = json.dumps(built.definition, indent=2, ensure_ascii=False)
    definition, words = replace_in_definition(built.names, text)
    logging = built.machine.get("loggingConfiguration") or {}
    properties: dict[str, Any] = {
        "StateMachineName": sub("${AWS::StackName}-text-processing"),
        "StateMachineType": built.machine["type"],
        "RoleArn": arn("WorkflowRole"),
        "LoggingConfiguration": {
            "Level": ref("LogLevel"),
            "IncludeExecutionData": bool(logging.get("includeExecutionData")),
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": arn("WorkflowLogs")}}],
        },
        "DefinitionString": definition + "\n",
    }
    if words:
        properties["DefinitionSubstitutions"] = words
    return {"StateMachine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}


def mapping(built: Built) -> dict[str, Any]:
    """The event source mapping, with every setting that it has."""
    found = built.mapping
    properties: dict[str, Any] = {
        "EventSourceArn": arn("Queue"),
        "FunctionName": ref(function_id(START_FUNCTION)),
        "Enabled": found["State"] in ("Enabled", "Enabling", "Creating", "Updating"),
        "BatchSize": ref("BatchSize"),
        "ScalingConfig": {
            "Fn::If": [
                "LimitConcurrency",
                {"MaximumConcurrency": ref("MaximumConcurrency")},
                ref("AWS::NoValue"),
            ]
        },
    }
    for key in ("MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria"):
        if found.get(key):
            properties[key] = found[key]
    return {"Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}
