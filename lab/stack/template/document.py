"""The whole template: parameters, resources, alarms, outputs; as a document, and as the page that people read."""

from __future__ import annotations

import json
from typing import Any

from lab.stack.template import resources
from lab.stack.template.alarms import alarms
from lab.stack.template.built import Built, NotExportableError
from lab.stack.template.references import ref
from lab.stack.template.writing import page

# What CreateStack takes with the call; a longer one has to be put into a bucket first.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_INLINE_BYTES = 51_200
NEVER_EXPIRES = 3653

COMMENTS = {
    "Parameters": "What you may turn without touching the rest. The defaults are what was deployed.",
    "Conditions": "Zero, and an empty text, mean: leave it to AWS.",
    "Queue": "Messages come in here. One that was handed out too often moves to the dead-letter queue.",
    "FailureQueue": "Where the workflow keeps the messages of executions that failed.",
    "WorkflowRole": "Who may do what. Each role has exactly the policies that yours had.",
    "WorkflowLogs": "The only record of a single Express execution.",
    "Base64DecoderLogs": "What the functions print. Each log group is made before its function, and goes after it.",
    "Base64DecoderFunction": "The functions. CloudFormation packs the text under ZipFile as a file index.py.",
    "StartExecutionFunction": "Between the queue and the workflow: it starts one execution for each message.",
    "StateMachine": "Words in ${} are replaced by what DefinitionSubstitutions says.",
    "Mapping": "Polls the queue, and calls StartExecutionFunction with batches of messages.",
    "OldMessagesAlarm": "The alarms. Without AlarmTopicArn they change their state and tell nobody.",
    "Outputs": "What you need to use it.",
}


def document(built: Built) -> dict[str, Any]:
    """The template as data, with intrinsic functions in their long form (``{"Ref": …}``).

    Raises:
        NotExportableError: something still has a name of the lab, which no other stack has.
    """
    functions = resources.functions(built)
    made = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "SQS queue, Lambda function and Step Functions Express Workflow: text processing, one execution "
        "for each message. Written by lab export.",
        "Parameters": _parameters(built),
        "Conditions": {
            "LimitConcurrency": {"Fn::Not": [{"Fn::Equals": [ref("MaximumConcurrency"), 0]}]},
            "TellSomebody": {"Fn::Not": [{"Fn::Equals": [ref("AlarmTopicArn"), ""]}]},
        },
        "Resources": {
            **resources.queues(built),
            **resources.roles(built),
            **resources.log_groups(built),
            **functions,
            **resources.state_machine(built),
            **resources.mapping(built),
            **alarms(functions),
        },
        "Outputs": {
            "QueueUrl": {"Description": "Send messages here.", "Value": ref("Queue")},
            "DeadLetterQueueUrl": {"Description": "Messages that were given up.", "Value": ref("DeadLetterQueue")},
            "StateMachineArn": {"Description": "The workflow.", "Value": ref("StateMachine")},
            "LogGroupName": {"Description": "Its execution events.", "Value": ref("WorkflowLogs")},
        },
    }
    _check_free_of_names(built, made)
    return made


def template(made: dict[str, Any]) -> str:
    """The document as a page of YAML: code and definition stand in it as in their files, with comments between."""
    return page(made, COMMENTS)


def _parameters(built: Built) -> dict[str, Any]:
    scaling = built.mapping.get("ScalingConfig") or {}
    configuration = next(iter(built.functions.values())).configuration
    return {
        "Runtime": {"Type": "String", "Default": configuration["Runtime"], "AllowedPattern": r"python3\.\d+"},
        "BatchSize": _number(built.mapping["BatchSize"], 1, 10_000, "Messages in one call of StartExecutionFunction."),
        "MaximumConcurrency": _number(
            scaling.get("MaximumConcurrency") or 0,
            0,
            1000,
            "Batches at work at once, 2 or more; 0 leaves it to Lambda.",
        ),
        **_redrive_parameter(built),
        "LogLevel": {
            "Type": "String",
            "Default": (built.machine.get("loggingConfiguration") or {}).get("level", "OFF"),
            "AllowedValues": ["ALL", "ERROR", "FATAL", "OFF"],
            "Description": "Execution events that are logged; ALL costs the most.",
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Default": built.retention_days or NEVER_EXPIRES,
            "Description": "One of the numbers that CloudWatch Logs knows, such as 1, 7, 30, 90, 365.",
        },
        "OldMessageSeconds": _number(60, 1, 1_209_600, "Alarm when the oldest message has waited longer."),
        "AlarmTopicArn": {
            "Type": "String",
            "Default": "",
            "Description": "SNS topic that alarms tell; empty for none.",
        },
    }


def _number(default: int, least: int, most: int, what: str) -> dict[str, Any]:
    return {"Type": "Number", "Default": default, "MinValue": least, "MaxValue": most, "Description": what}


def _redrive_parameter(built: Built) -> dict[str, Any]:
    policy = built.queues[built.names.queue].get("RedrivePolicy")
    if not policy:  # somebody took it away: then nothing would ask for the parameter
        return {}
    most = int(json.loads(policy)["maxReceiveCount"])
    return {"MaxReceiveCount": _number(most, 1, 1000, "Deliveries before a message is given up.")}


def _check_free_of_names(built: Built, made: dict[str, Any]) -> None:
    for logical_id, resource in made["Resources"].items():
        if built.names.prefix in str(resource):
            raise NotExportableError(
                f"{logical_id} of the template would name a resource of this lab that the template does not have.",
                cause="the definition, a policy or the code has a name or an ARN of this lab written out.",
                next_step=f"lab up{built.names.target.options}, which puts the lab's own back; then lab export",
            )
